"""Fixtures: BIND, Pebble, an emulator that issues through Pebble, and stacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tests.engine.stack import StackFactory
from tests.https.example import ExampleStack, emulated_mailgun, example_stack
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import Bind, Pebble, ToolMissing, free_ports

ExampleFactory = Callable[..., ExampleStack]

_T = TypeVar("_T")


def require(tool: Callable[[], _T]) -> _T:
    """Skip if a tool is missing, with advice on how to get it; in CI, fail."""
    try:
        return tool()
    except ToolMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run these tests: {missing}", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def one_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    """The session's DNS server; tests use `bind`."""
    server = Bind(tmp_path_factory.mktemp("dns") / "bind")
    require(server.start)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def http_port() -> int:
    """The port on which Pebble looks for challenges."""
    return free_ports(1)[0]


@pytest.fixture(scope="session")
def one_pebble(
    one_bind: Bind, http_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pebble]:
    """The session's certificate authority; tests use `pebble`."""
    server = Pebble(tmp_path_factory.mktemp("ca") / "pebble", one_bind.address, http_port)
    require(server.start)
    yield server
    server.stop()


@pytest.fixture
def bind(one_bind: Bind) -> Bind:
    """A DNS server with an empty zone."""
    one_bind.clear()
    return one_bind


@pytest.fixture
def pebble(one_pebble: Pebble) -> Pebble:
    """A running certificate authority, even after a test that stopped it."""
    if not one_pebble.is_running:
        one_pebble.start()
    return one_pebble


@pytest.fixture
def mailgun(bind: Bind, pebble: Pebble, http_port: int) -> Iterator[AcmeEmulator]:
    """Mailgun, with a real DNS server and a real CA."""
    with emulated_mailgun(bind, pebble, http_port) as emulator:
        yield emulator


@pytest.fixture
def example(new_stack: StackFactory, mailgun: AcmeEmulator, bind: Bind) -> ExampleFactory:
    """Creates stacks of the example: `example()`, or `example(BODY)` for another program."""

    def create(body: str | None = None) -> ExampleStack:
        stack = example_stack(new_stack, mailgun, bind)
        # Not as a secret, which takes a command of half a second; one test covers that.
        stack.config_set("key", bind.key)
        stack.set_constants({"_api.issuance.FIRST_INTERVAL_SECONDS": 0.2})
        if body is not None:
            stack.write(body)
        return stack

    return create
