"""``mailgun-tracking fleet move``: bring the states along when domains change stacks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from .. import errors
from ..fleet.backend import Backend
from ..fleet.moving import Move, plan_moves, units
from ..fleet.project import read_project
from .fleet import in_folder
from .fleet_choice import in_parallel
from .import_plan import counted
from .reading import refused


@click.command(name="move")
@in_folder
@click.option("--yes", is_flag=True, help="Move without asking.")
@click.option(
    "--secrets-provider", metavar="NAME", help="For stacks that do not exist yet, as in Pulumi."
)
def move_command(folder: Path, yes: bool, secrets_provider: str | None) -> None:
    """Bring each domain into the state of the stack that stacks.csv gives it.

    It shows what moves, and asks. It uses `pulumi state move`, creates stacks that do not exist
    yet, and changes nothing at Mailgun. If it was interrupted, run it again.
    """
    try:
        project = read_project(folder)
        project.require_assigned()
        backend = Backend(folder)
        stacks = backend.stacks()
        read = in_parallel("reading the state of", backend.resources, stacks, os.cpu_count() or 1)
        states = dict(zip(stacks, read, strict=True))
        moves = plan_moves(states, project)
    except errors.TrackingError as error:
        raise refused(error) from None
    if not moves:
        click.echo("Each domain is in its stack.")
        return
    sources = {move.source: units(states[move.source], project) for move in moves}
    for source, held in sources.items():
        for unit in held:
            if not unit.domains:
                click.echo(f"stays in {source}, as no domain is in its name: {unit.urns[0]}")
    for move in moves:
        click.echo(_described(move))
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("without a terminal, --yes is needed to move them")
        click.confirm("Move them?", abort=True)
    try:
        for move in moves:
            if move.dest not in stacks:
                backend.create(move.dest, secrets_provider, config_of=move.source)
                stacks.append(move.dest)
            if move.is_copied:
                backend.forget([urn for unit in move.units for urn in unit.urns], move.source)
            else:
                backend.move([unit.urns[0] for unit in move.units], move.source, move.dest)
            click.echo(f"done: {_described(move)}")
    except errors.TrackingError as error:
        raise click.ClickException(str(error)) from None
    for source, held in sources.items():
        moved = sum(len(move.units) for move in moves if move.source == source)
        if source not in project.stacks and moved == len(held):
            # `pulumi stack rm` refuses a stack that still has its default providers.
            command = f"mailgun-tracking fleet destroy --stack {source} --remove"
            click.echo(f"{source} is empty now: `{command}` removes it")


def _described(move: Move) -> str:
    domains = move.domains
    names = ", ".join(domains[:3]) + (", …" if len(domains) > 3 else "")
    what = " (there already)" if move.is_copied else ""
    return f"{move.source} → {move.dest}: {counted(len(domains))}{what}: {names}"
