"""``mailgun-tracking fleet``: the domains of one file, over many stacks."""

from __future__ import annotations

from pathlib import Path

import click

from .lazy_group import LazyGroup

_SUBCOMMANDS = {
    "assign": ("mailgun_tracking.cli.fleet_assign", "assign_command"),
    "destroy": ("mailgun_tracking.cli.fleet_run", "destroy"),
    "move": ("mailgun_tracking.cli.fleet_move", "move_command"),
    "preview": ("mailgun_tracking.cli.fleet_run", "preview"),
    "refresh": ("mailgun_tracking.cli.fleet_run", "refresh"),
    "status": ("mailgun_tracking.cli.fleet_status", "status"),
    "up": ("mailgun_tracking.cli.fleet_run", "up"),
}

in_folder = click.option(
    "-C",
    "--cwd",
    "folder",
    default=".",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="The folder of the fleet's files; the current one by default.",
)
"""The option that every command of the group has."""


@click.group(cls=LazyGroup, subcommands=_SUBCOMMANDS)
def fleet() -> None:
    """Manage the domains of one file, which are spread over many stacks."""
