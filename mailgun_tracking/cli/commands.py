"""The subcommands; each is imported when it is called."""

from __future__ import annotations

import importlib

import click

from .._version import __version__

_SUBCOMMANDS = {
    "doctor": ("mailgun_tracking.cli.doctor", "doctor"),
    "emulator": ("mailgun_tracking.emulator.command", "emulator"),
    "import": ("mailgun_tracking.cli.import_command", "import_command"),
    "status": ("mailgun_tracking.cli.status", "status"),
}


class _Subcommands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUBCOMMANDS:
            return None
        module, name = _SUBCOMMANDS[cmd_name]
        try:
            command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("mailgun_tracking"):
                raise
            raise click.ClickException(
                f"{cmd_name} needs {error.name}: install the package as "
                "mailgun-tracking[cli,emulator]"
            ) from None
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Subcommands)
@click.version_option(__version__)
def commands() -> None:
    """Helpers for managing Mailgun's domain tracking with Pulumi."""
