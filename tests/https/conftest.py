"""Fixtures for HTTPS from nothing: BIND, Pebble, an emulator that issues through it, and stacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.engine.stack import StackFactory
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import Bind, Pebble, ToolMissing, free_ports
from tests.https.world import ExampleStack, emulated_mailgun, example_stack

ExampleFactory = Callable[..., ExampleStack]

_T = TypeVar("_T")


def needing(tool: Callable[[], _T]) -> _T:
    """Skip where a tool is missing, saying how to get it; in CI that is a failure."""
    try:
        return tool()
    except ToolMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"in CI these tests run, always: {missing}", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def one_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    """The session's DNS server; use `bind`, whose zone is empty."""
    server = Bind(tmp_path_factory.mktemp("dns") / "bind")
    needing(server.start)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def http_port() -> int:
    """Where Pebble looks for challenges, and tracking hosts answer them."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def one_pebble(
    one_bind: Bind, http_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pebble]:
    """The session's certificate authority; use `pebble`, which runs."""
    server = Pebble(tmp_path_factory.mktemp("ca") / "pebble", one_bind.address, http_port)
    needing(server.start)
    yield server
    server.stop()


@pytest.fixture
def bind(one_bind: Bind) -> Bind:
    """A DNS server whose zone is empty."""
    one_bind.clear()
    return one_bind


@pytest.fixture
def pebble(one_pebble: Pebble) -> Pebble:
    """A certificate authority, even after a test that stopped it."""
    if not one_pebble.is_running:
        one_pebble.start()
    return one_pebble


@pytest.fixture
def mailgun(bind: Bind, pebble: Pebble, http_port: int) -> Iterator[AcmeEmulator]:
    """Mailgun, with real DNS and a real authority, and an account there of its own."""
    with emulated_mailgun(bind, pebble, http_port) as emulator:
        yield emulator


@pytest.fixture
def example(new_stack: StackFactory, mailgun: AcmeEmulator, bind: Bind) -> ExampleFactory:
    """Makes stacks of the example: `example()`, or `example(BODY)` for another program."""

    def make(body: str | None = None) -> ExampleStack:
        stack = example_stack(new_stack, mailgun, bind)
        # A secret takes a command of half a second: the first test of all has one.
        stack.config_set("key", bind.key)
        stack.set_constants(issuance__FIRST_INTERVAL=0.2)
        if body is not None:
            stack.write(body)
        return stack

    return make
