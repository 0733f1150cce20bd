"""Fixtures for the API side: a fake clock, and clients that use it."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from mailgun_tracking._api import rate_limit
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.transport import Transport
from tests.unit.api.calls import KEY
from tests.unit.fakes import Clock, Stop

ClientFactory = Callable[..., MailgunClient]

_CONNECTION_VARIABLES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
)


@pytest.fixture(autouse=True)
def _no_connection_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _CONNECTION_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything that waits, and of rate limits."""
    monkeypatch.setattr(rate_limit, "time", types.SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def stop(clock: Clock) -> Stop:
    """The stop signal of all clients; waiting for it moves the clock."""
    return Stop(clock)


@pytest.fixture
def new_client(stop: Stop) -> Iterator[ClientFactory]:
    """Makes clients for a base URL, on the fake clock."""
    transports: list[Transport] = []

    def make(
        base_url: str, *, key: str = KEY, subaccount: str = "", **options: Any
    ) -> MailgunClient:
        transports.append(Transport(base_url, key, subaccount))
        return MailgunClient(transports[-1], cancelled=stop, **options)

    yield make
    for made in transports:
        made.close()


@pytest.fixture
def mailgun(httpserver: HTTPServer, new_client: ClientFactory) -> MailgunClient:
    """A client of the test's server."""
    return new_client(httpserver.url_for("/"))
