"""A group of commands, each of which is imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that starts fast, and needs the dependencies of no command but the one called.

    Args:
        subcommands: the module and the name in it of each command.
    """

    def __init__(
        self, *args: Any, subcommands: Mapping[str, tuple[str, str]], **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._subcommands:
            return None
        module, name = self._subcommands[cmd_name]
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
