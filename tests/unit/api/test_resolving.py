"""Where a host leads in DNS, asked of a name server on this machine; tests/https asks BIND."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import dns.resolver
import pytest

from mailgun_tracking._api import resolving
from mailgun_tracking._api.resolving import NameServer, what_is_missing
from mailgun_tracking.emulator import Emulator

DOMAIN = "mg.example.com"
HOST = f"track.{DOMAIN}"
NO_ANSWER = f"the DNS lookup of {HOST} failed (mailgun-tracking:nameserver sets the name server"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Its name server has the CNAME records of the domain's hosts."""
    with Emulator([DOMAIN]) as emulator:
        yield emulator


def server_of(address: str) -> NameServer:
    host, _, port = address.rpartition(":")
    return NameServer(host, int(port))


def test_a_host_that_leads_there(emulator: Emulator) -> None:
    server = server_of(emulator.name_server)
    assert what_is_missing(HOST, "mailgun.org", server) is None
    assert what_is_missing(HOST.upper(), "mailgun.org", server) is None


def test_a_host_that_leads_elsewhere(emulator: Emulator) -> None:
    missing = what_is_missing(HOST, "eu.mailgun.org", server_of(emulator.name_server))
    assert missing == f"{HOST} points to mailgun.org in DNS, not to eu.mailgun.org"


@pytest.mark.parametrize("host", ["track.other.example", HOST])
def test_a_host_without_a_record(emulator: Emulator, host: str) -> None:
    emulator.set(cname_check="invalid")
    missing = what_is_missing(host, "mailgun.org", server_of(emulator.name_server))
    assert missing == f"{host} has no record in DNS"


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where packets to it are dropped: it takes no longer than one query may."""
    monkeypatch.setattr(resolving, "LOOK_SECONDS", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = NameServer("127.0.0.1", silent.getsockname()[1])
        assert (what_is_missing(HOST, "mailgun.org", server) or "").startswith(NO_ANSWER)


@pytest.mark.parametrize("server", [None, NameServer("dns.example")])
def test_a_machine_without_a_resolver(
    monkeypatch: pytest.MonkeyPatch, server: NameServer | None
) -> None:
    """A server given by its address needs none, one given by its name does."""

    def read(*_: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read)
    assert (what_is_missing(HOST, "mailgun.org", server) or "").startswith(NO_ANSWER)


def test_a_server_by_its_address_needs_no_resolver(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("nothing should read the machine's configuration")

    monkeypatch.setattr(dns.resolver.Resolver, "read_resolv_conf", read)
    assert what_is_missing(HOST, "mailgun.org", server_of(emulator.name_server)) is None
