"""``mailgun-tracking fleet status``: what the stacks have, and what the files say."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from .. import errors
from ..fleet.backend import Backend
from ..fleet.moving import MISPLACED_ADVICE
from ..fleet.project import read_project
from ..fleet.standing import Standing, standing
from .fleet_choice import WHICH, Choice, in_parallel, options
from .fleet_summary import names_of
from .import_plan import counted
from .reading import refused


@click.command(name="status")
@options(*WHICH)
@click.option("--json", "show_json", is_flag=True, help="Print JSON.")
def status(
    folder: Path,
    stacks: tuple[str, ...],
    domains: tuple[str, ...],
    part: tuple[int, int] | None,
    show_json: bool,
) -> None:
    """Compare the states of the stacks with the files, without asking Mailgun.

    The exit code is 0 if each stack has its domains, and 1 if not.
    """
    try:
        project = read_project(folder)
        project.require_assigned()
        backend = Backend(folder)
        existing = backend.stacks()
        chosen = Choice(stacks, domains, part).of(project, existing)
        present = [stack for stack in chosen if stack in existing]
        read = in_parallel("reading the state of", backend.state, present, os.cpu_count() or 1)
        states = dict(zip(present, read, strict=True))
        standings = [standing(stack, states.get(stack), project) for stack in chosen]
    except errors.TrackingError as error:
        raise refused(error) from None
    if show_json:
        click.echo(json.dumps({"stacks": [asdict(one) for one in standings]}, indent=2))
    else:
        for one in standings:
            click.echo(f"{one.stack}: {'; '.join(_described(one))}")
    sys.exit(0 if all(one.is_well for one in standings) else 1)


def _described(one: Standing) -> Iterator[str]:
    yield counted(one.domains)
    if not one.exists:
        yield "does not exist yet"
        return
    if one.missing:
        yield f"{len(one.missing)} not created yet ({names_of(one.missing)})"
    if one.left:
        yield f"{len(one.left)} no longer in the file ({names_of(one.left)})"
    for domain, place in one.misplaced.items():
        yield f"{domain} belongs to {place}: {MISPLACED_ADVICE}"
    if one.pending:
        command = f"`pulumi refresh --clear-pending-creates --stack {one.stack}`"
        yield f"a killed run left {one.pending} pending: after `fleet up`, clear it with {command}"
