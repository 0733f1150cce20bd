"""Fixtures for the unit tests: a clock that nobody has to wait for, and clients on it."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import tenacity
from hypothesis import settings as hypothesis_settings
from pulumi.runtime import Mocks, set_mocks
from pulumi.runtime import test as pulumi_test
from pulumi.runtime.settings import reset_options

from mailgun_tracking import client, plugin_process, provider
from mailgun_tracking import settings as settings_module
from mailgun_tracking.client import MailgunClient, Transport
from tests.unit.fakes import Clock, Stop

KEY = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"

ClientFactory = Callable[..., MailgunClient]

# Without a deadline, since the machine may be busy, and without a folder of its own.
hypothesis_settings.register_profile("here", deadline=None, database=None, max_examples=60)
hypothesis_settings.load_profile("here")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "REGION", "SUBACCOUNT", "BASE_URL"):
        monkeypatch.delenv(f"MAILGUN_{name}", raising=False)


@pytest.fixture(autouse=True)
def _own_transports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    transports: dict[tuple[str, str, str], Transport] = {}
    monkeypatch.setattr(settings_module, "_transports", transports)
    yield
    for transport in transports.values():
        transport.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all that waits."""
    clock = Clock()
    for module in (client, provider, tenacity):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def stop(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Stop:
    """The stop signal of all clients; waiting for it moves the clock."""
    stop = Stop(clock)
    monkeypatch.setattr(plugin_process, "cancelled", stop)
    return stop


@pytest.fixture
def new_client(stop: Stop) -> Iterator[ClientFactory]:
    """Makes clients of a base URL on the fake clock."""
    transports: list[Transport] = []

    def make(
        base_url: str,
        *,
        key: str = KEY,
        subaccount: str = "",
        deadline: float = 120.0,
        say: Callable[[str], None] = lambda line: None,
    ) -> MailgunClient:
        transports.append(Transport(base_url, key, subaccount))
        return MailgunClient(transports[-1], deadline=deadline, say=say, cancelled=stop)

    yield make
    for transport in transports:
        transport.close()


@pytest.fixture
def use_mocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mocks], None]]:
    """Puts Pulumi's mocks in the engine's place, on an event loop of the test's."""
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
