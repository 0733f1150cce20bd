"""The subcommands; each is imported when it is called."""

from __future__ import annotations

import click

from .._version import __version__
from .lazy_group import LazyGroup

_SUBCOMMANDS = {
    "doctor": ("mailgun_tracking.cli.doctor", "doctor"),
    "emulator": ("mailgun_tracking.emulator.command", "emulator"),
    "fleet": ("mailgun_tracking.cli.fleet", "fleet"),
    "import": ("mailgun_tracking.cli.import_command", "import_command"),
    "status": ("mailgun_tracking.cli.status", "status"),
}


@click.group(cls=LazyGroup, subcommands=_SUBCOMMANDS)
@click.version_option(__version__)
def commands() -> None:
    """Helpers for managing Mailgun's domain tracking with Pulumi."""
