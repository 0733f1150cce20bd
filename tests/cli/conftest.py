"""Fixtures: the emulator, and the environment that leads commands to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailgun_tracking._provider.process import process
from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS, emulator, one_emulator

__all__ = ["emulator", "one_emulator"]


class Environment:
    """The environment variables of a command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, **variables: str) -> None:
        """Set variables; an empty one counts as unset."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Iterator[Environment]:
    """The emulator's address and keys, and nothing left of other commands."""
    environment = Environment(monkeypatch)
    environment.set(
        MAILGUN_BASE_URL=f"{emulator.url}/{{region}}",
        MAILGUN_API_KEY=emulator.key,
        MAILGUN_API_KEY_BRAND_B=next(key for key, owner in KEYS.items() if owner == "brand-b"),
        MAILGUN_REGION="",
        MAILGUN_SUBACCOUNT="",
        MAILGUN_REQUESTS_PER_MINUTE="",
    )
    process.reset()
    yield environment
    process.reset()
