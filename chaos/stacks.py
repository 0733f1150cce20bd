"""Stacks for chaos, with the emulator as Mailgun and waits that are short."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.fleet import Fleet
from mailgun_tracking.emulator import Emulator, RecordedRequest
from tests.behaviour.mail import MailStack, mail_stack
from tests.engine.stack import StackFactory

CONSTANTS = {
    "_api.transport.CONNECT_TIMEOUT_SECONDS": 2.0,
    "_api.transport.READ_TIMEOUT_SECONDS": 2.0,
    "_api.issuance.FIRST_INTERVAL_SECONDS": 0.3,
}
"""A request that hangs is given up after 2 s instead of 30."""
TIMEOUT_SECONDS = 300.0
"""No command may take longer."""


@contextmanager
def mailgun(
    fleet: Fleet, on_response: Callable[[RecordedRequest], None] | None = None
) -> Iterator[Emulator]:
    """An emulator that has the domains, with all tracking off."""
    with Emulator([domain.domain for domain in fleet], on_response=on_response) as emulator:
        yield emulator


@contextmanager
def new_stack(emulator: Emulator) -> Iterator[MailStack]:
    """An empty stack in a folder of its own, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mailgun-tracking-chaos-") as folder:
        stack = mail_stack(StackFactory(Path(folder))(""), emulator)
        stack.set_constants(CONSTANTS)
        yield stack
