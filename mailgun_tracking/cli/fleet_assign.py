"""``mailgun-tracking fleet assign``: give each domain its stack."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from .. import errors
from ..fleet.assignment import (
    DEFAULT_SIZE,
    assign,
    in_order,
    is_assigned_name,
    read_assignment,
    recut,
    write_assignment,
)
from ..fleet.assignment import FILE as STACKS_FILE
from ..fleet.project import read_project
from .fleet import in_folder
from .import_plan import counted
from .reading import refused


@click.command(name="assign")
@in_folder
@click.option(
    "--size",
    default=DEFAULT_SIZE,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many domains a stack is filled up to.",
)
@click.option(
    "--recut",
    "again",
    is_flag=True,
    help="Also move domains, so that every stack but one has this size.",
)
def assign_command(folder: Path, size: int, again: bool) -> None:
    """Give each new domain of the file a stack, and write stacks.csv.

    A domain that has a stack keeps it; one that has left the file is dropped. The first stacks with
    room are filled up, then new ones are opened. With --recut, domains move to other stacks: run
    `mailgun-tracking fleet move` afterwards.
    """
    try:
        domains = read_project(folder).domains
        before = read_assignment(folder)
        after = (recut if again else assign)(before, domains, size)
        write_assignment(folder, after)
    except errors.TrackingError as error:
        raise refused(error) from None
    new = Counter(stack for domain, stack in after.items() if domain not in before)
    for stack in sorted(new, key=in_order):
        click.echo(f"{stack}: {counted(new[stack], 'new domain')}")
    if dropped := before.keys() - after.keys():
        click.echo(f"dropped: {counted(len(dropped))}")
    for stack in sorted({before[domain] for domain in dropped} - set(after.values()), key=in_order):
        # The commands for all stacks leave out one that has another name.
        if not is_assigned_name(stack):
            command = f"mailgun-tracking fleet up --stack {stack}"
            click.echo(f"{stack} has no domains left; `{command}` deletes what it still has")
    moved = sum(before[domain] != after[domain] for domain in before.keys() & after.keys())
    if moved:
        click.echo(f"{counted(moved)} to move: run `mailgun-tracking fleet move`")
    click.echo(
        f"{STACKS_FILE} has {counted(len(after))} in {counted(len(set(after.values())), 'stack')}"
    )
