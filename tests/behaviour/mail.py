"""Stacks whose programs talk to the emulator, and the requests that it received."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping
from typing import Any, Protocol

from mailgun_tracking.emulator import Emulator
from tests.engine.stack import ROOT, Stack

HEADER = "import pulumi\nfrom mailgun_tracking import *\n"
"""Precedes each program's body."""


class MailStack(Stack):
    """A stack whose program may use everything that `mailgun_tracking` exports."""

    def write(self, body: str) -> None:
        """Replace the program; `HEADER` is put before it."""
        self.write_program(HEADER + textwrap.dedent(body))

    def set_constants(self, constants: Mapping[str, float]) -> None:
        """Give module constants other values in all processes of later commands.

        :param constants: by module and name, as in `{"_api.client.FIRST_CONTACT_SECONDS": 0.5}`.
        """
        folder = self.directory / "constants"
        folder.mkdir(exist_ok=True)
        lines = []
        for path, value in constants.items():
            module, _, name = f"mailgun_tracking.{path}".rpartition(".")
            lines.append(f"import {module} as module")
            lines.append(f"assert isinstance(module.{name}, (int, float))")
            lines.append(f"module.{name} = {value!r}")
        (folder / "sitecustomize.py").write_text("\n".join(lines) + "\n")
        self.environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])


class MailFactory(Protocol):
    """Makes stacks that talk to the emulator."""

    def __call__(
        self,
        body: str = "",
        *,
        env: Mapping[str, str | None] | None = None,
        project: str = "mail",
        config: Mapping[str, Any] | None = None,
    ) -> MailStack:
        """A new stack, with nothing deployed.

        :param body: the program, without the imports in `HEADER`.
        :param env: added to the environment of all its commands; None takes a variable away.
        :param config: plain values for `config_set`.
        """


def mail_stack(made: Stack, emulator: Emulator) -> MailStack:
    """A new stack as one that talks to the emulator."""
    stack = MailStack(made.directory, "", made.project)
    stack.environment |= emulator.environment
    return stack


def calls(emulator: Emulator) -> list[str]:
    """The requests to Mailgun, in order, as "GET /v4/domains/mg.example.com"."""
    return [f"{request.method} {request.path}" for request in emulator.requests]


def puts(emulator: Emulator) -> list[str]:
    """The requests to Mailgun that may change something, in order."""
    return [call for call in calls(emulator) if not call.startswith("GET ")]
