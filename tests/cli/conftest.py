"""Fixtures: an emulator, and the environment that leads commands to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailgun_tracking._provider.process import process
from mailgun_tracking.emulator import Emulator
from tests.cli.accounts import SUBACCOUNTS

KEYS = {"key-of-default-3f2a91": "default", "key-of-brand-b-77c04e": "brand-b"}


class Environment:
    """The environment variables of a command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, **variables: str) -> None:
        """Set variables; an empty one counts as unset."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def one_emulator() -> Iterator[Emulator]:
    """The session's emulator; use `emulator`, which is clean."""
    with Emulator(
        domains=[
            "mg.example.com",
            "two.example.com",
            "eu/eu.example.com",
            "us/sub-1/sub.example.com",
        ],
        keys=KEYS,
        subaccounts=SUBACCOUNTS,
    ) as emulator:
        yield emulator


@pytest.fixture
def emulator(one_emulator: Emulator) -> Emulator:
    """Mailgun, as it was at the start."""
    one_emulator.reset()
    one_emulator.forget_requests()
    return one_emulator


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> Iterator[Environment]:
    """The emulator's address and keys, and nothing left of other commands."""
    environment = Environment(monkeypatch)
    environment.set(
        MAILGUN_BASE_URL=f"{emulator.url}/{{region}}",
        MAILGUN_API_KEY=emulator.key,
        MAILGUN_API_KEY_BRAND_B="key-of-brand-b-77c04e",
        MAILGUN_REGION="",
        MAILGUN_SUBACCOUNT="",
        MAILGUN_REQUESTS_PER_MINUTE="",
    )
    process.reset()
    yield environment
    process.reset()
