"""Fixtures for the unit tests: a process that starts afresh, a clock, and Pulumi's mocks."""

from __future__ import annotations

import asyncio
import functools
import os
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import tenacity
from hypothesis import settings as hypothesis_settings
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test
from pulumi.runtime.settings import reset_options

from mailgun_tracking._api import client, rate_limit
from mailgun_tracking._provider import operation
from mailgun_tracking._provider.process import process
from tests.unit.fakes import Clock, Stop

# Without a deadline, because the machine may be busy, and without a folder of its own.
hypothesis_settings.register_profile("unit", deadline=None, database=None, max_examples=60)
hypothesis_settings.load_profile("unit")


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings from the machine, and nothing that another test left in the process."""
    for name in list(os.environ):
        if name.startswith("MAILGUN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    process.reset()
    yield
    process.reset()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything that waits."""
    clock = Clock()
    for module in (client, rate_limit, operation, tenacity):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock))
    process.cancelled = Stop(clock)
    return clock


@pytest.fixture
def use_mocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mocks], None]]:
    """Replaces the engine with Pulumi's mocks, on an event loop of the test's own."""
    loops: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def new_event_loop() -> asyncio.AbstractEventLoop:
        loops.append(make())
        return loops[-1]

    # The SDK makes loops for its threads, and leaves them open.
    monkeypatch.setattr(asyncio, "new_event_loop", new_event_loop)
    asyncio.set_event_loop(asyncio.new_event_loop())
    yield functools.partial(set_mocks, preview=False)
    reset_options()
    asyncio.set_event_loop(None)
    for loop in loops:
        loop.close()


def run_program(program: Callable[[], object]) -> None:
    """Run a Pulumi program under mocks, and wait for the output that it returns."""
    cast(Any, pulumi_test)(program)()
