"""Fixtures for the tests of the providers: the emulator, and a stand-in for the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailgun_tracking._provider import resource_log
from mailgun_tracking._provider.process import process
from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import emulator, one_emulator
from tests.providers.engine import Engine

__all__ = ["emulator", "one_emulator"]


@pytest.fixture(autouse=True)
def emulator_is_mailgun(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The emulator is Mailgun; nothing of the machine's own settings is used."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    for name in ("MAILGUN_REGION", "MAILGUN_SUBACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def new_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Engine]]:
    """Makes empty stacks; the messages of providers go to the last one made."""

    def make() -> Engine:
        engine = Engine()
        monkeypatch.setattr(resource_log, "engine_log", lambda: engine.log)
        return engine

    yield make
    process.reset()


@pytest.fixture
def engine(new_engine: Callable[[], Engine]) -> Engine:
    """An empty stack."""
    return new_engine()
