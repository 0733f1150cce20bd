"""Connections that fail: each fault happens on a real socket, in plain HTTP or in TLS."""

from __future__ import annotations

import functools
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailgun_tracking import errors
from mailgun_tracking._api import transport
from mailgun_tracking._api.client import FIRST_CONTACT_SECONDS, MailgunClient
from tests.unit.api.calls import CALLS, DOMAIN, KEY, REPEATED_CALLS, failure
from tests.unit.api.conftest import ClientFactory
from tests.unit.api.wire import FaultyServer, Response, hang, http_response, reset, serving
from tests.unit.fakes import Clock

REQUEST = "mailgun-tracking-request"
"""The name of the threads that send requests."""
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def hang_within_the_body(server: FaultyServer, connection: socket.socket) -> None:
    """Send the start of a response, and never the rest."""
    connection.sendall(OK + b"Content-Length: 100\r\n\r\n{")
    hang(server, connection)


FAULTS: dict[str, Response] = {
    "reset": reset,
    "closed without a response": b"",
    "status line cut off": b"HTTP/1.1 2",
    "body cut off": OK + b'Content-Length: 100\r\n\r\n{"domain": {"name": "mg.ex',
    "chunk cut off": CHUNKED + b"10\r\n{",
    "last chunk missing": CHUNKED + b"2\r\n{}\r\n",
    "broken chunk size": CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    "contradictory lengths": OK + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    "broken compression": http_response("200 OK", "{}", "Content-Encoding: gzip"),
    "header too long": OK + b"X: " + b"x" * 70_000 + b"\r\n\r\n{}",
    "too many headers": OK + b"X: x\r\n" * 200 + b"\r\n{}",
    "not HTTP": b"\x00\xffSSH-2.0-OpenSSH\r\n\r\n",
}


def drip(server: FaultyServer, connection: socket.socket) -> None:
    """Send a byte of an endless header now and then."""
    connection.sendall(OK + b"X: ")
    while not server.closing.wait(0.05):
        connection.sendall(b"x")


def drip_within_the_body(server: FaultyServer, connection: socket.socket) -> None:
    """Send a byte of a long body now and then."""
    connection.sendall(OK + b"Content-Length: 1000000\r\n\r\n")
    while not server.closing.wait(0.05):
        connection.sendall(b" ")


def never_end(server: FaultyServer, connection: socket.socket) -> None:
    """Send a body for as long as the client reads."""
    connection.sendall(CHUNKED)
    while not server.closing.is_set():
        connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


START = b"HTTP/1.1 "
END = b"Content-Length: 2\r\n\r\n{}"
ODD = [
    START + b"503 \xff\xfe\x00\x1b[31m\r\n" + END,
    START + b"999 \r\n" + END,
    START + b"103 Early\r\n\r\n",
    START + b"200 OK\r\nContent-Type: text/html; charset=\xff\r\n" + END,
    START + b"200 OK\r\nContent-Type: application/json; charset=utf-99\r\n" + END,
    START + b"200 OK\r\nContent-Encoding: br, zstd, x\r\n" + END,
    START + b"200 OK\r\nContent-Length: -7\r\n\r\n{}",
    START + b"200 OK\r\nContent-Length: 9e9\r\n\r\n{}",
    START + b"200 OK\r\nSet-Cookie: \xff=;;=\r\n" + END,
    START + b"302 Found\r\nLocation: http://[\xff\r\n" + END,
    *(
        START + b"503 No\r\nRetry-After: " + value + b"\r\n" + END
        for value in (b"9" * 400, b"-1", b"1e999", b"Mon, 01 Jan 99999 00:00:00 GMT", b"\xff")
    ),
    START + b"429 No\r\nX-RateLimit-Reset: 999999999999\r\nDate: Mon, 99 Jan 0\r\n" + END,
]
HANGS: dict[str, tuple[str, Response]] = {
    "no response": ("http", hang),
    "no end of the body": ("http", hang_within_the_body),
    "no TLS handshake": ("https", hang),
}
TLS_FAULTS: dict[str, tuple[Response, bool]] = {
    "reset": (reset, True),
    "closed": (b"", True),
    "cut off": (b"\x16\x03\x03\x00\x7a\x02", True),
    "alert handshake_failure": (b"\x15\x03\x03\x00\x02\x02\x28", True),
    "alert internal_error": (b"\x15\x03\x03\x00\x02\x02\x50", True),
    "alert protocol_version": (b"\x15\x03\x03\x00\x02\x02\x46", False),
    "plain HTTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
}


@pytest.fixture
def short_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time-outs of a client that are no burden on a test."""
    monkeypatch.setattr(transport, "CONNECT_TIMEOUT_SECONDS", 0.02)
    monkeypatch.setattr(transport, "READ_TIMEOUT_SECONDS", 0.02)


@pytest.fixture
def closed_url() -> Iterator[str]:
    """A base URL that refuses connections; its port is taken, so that nobody else listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


class TestNoResponse:
    """Whatever keeps a response from arriving is retried, but for requests for certificates."""

    @pytest.mark.behaviour(81)
    @pytest.mark.parametrize("name", CALLS)
    @pytest.mark.parametrize("fault", FAULTS)
    def test_is_retried(self, fault: str, name: str, new_client: ClientFactory) -> None:
        with serving(FaultyServer(FAULTS[fault])) as server:
            mailgun = new_client(f"http://{server.authority}", deadline=5)
            caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.Unreachable
        assert caught.status is None
        assert server.authority in caught.reason
        assert (len(server.requests) > 1) is (name in REPEATED_CALLS)
        assert set(server.requests) == {name}

    @pytest.mark.usefixtures("short_time_outs")
    @pytest.mark.parametrize("fault", HANGS)
    def test_is_retried_after_a_time_out(
        self, fault: str, new_client: ClientFactory, clock: Clock
    ) -> None:
        scheme, response = HANGS[fault]
        with serving(FaultyServer(response)) as server:
            mailgun = new_client(f"{scheme}://{server.authority}", deadline=5)
            caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert type(caught) is errors.Unreachable
        assert clock.waits

    @pytest.mark.parametrize("fault", FAULTS)
    def test_may_be_followed_by_one(
        self, fault: str, new_client: ClientFactory, clock: Clock
    ) -> None:
        domain = http_response("200 OK", '{"domain": {"name": "mg.example.com"}}')
        with serving(FaultyServer(FAULTS[fault], FAULTS[fault], domain)) as server:
            mailgun = new_client(f"http://{server.authority}")
            assert mailgun.get_domain(DOMAIN).name == DOMAIN
        assert len(server.requests) == 3
        assert len(clock.waits) == 2

    @pytest.mark.parametrize("name", CALLS)
    def test_includes_a_refused_connection(
        self, name: str, closed_url: str, new_client: ClientFactory, clock: Clock
    ) -> None:
        caught = failure(lambda: CALLS[name](new_client(closed_url)))
        assert type(caught) is errors.Unreachable
        assert closed_url in caught.reason
        assert bool(clock.waits) is (name in REPEATED_CALLS)

    def test_includes_an_unknown_host(
        self, new_client: ClientFactory, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look_up(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        caught = failure(lambda: new_client("https://api.mailgun.example").get_domain(DOMAIN))
        assert type(caught) is errors.Unreachable
        assert clock.waits

    @pytest.mark.behaviour(83)
    @pytest.mark.parametrize("response", [drip, drip_within_the_body, never_end])
    def test_includes_one_that_never_ends(
        self,
        response: Response,
        new_client: ClientFactory,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """No part of it comes too late, but the whole; and the connection is closed."""
        monkeypatch.setattr(transport, "MOST_BYTES", 1_000_000)
        server = FaultyServer(response)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        with serving(server):
            mailgun = new_client(f"http://{server.authority}", deadline=0.5)
            caught = failure(lambda: mailgun.get_domain(DOMAIN))
            assert type(caught) is errors.Unreachable
            assert ("more than" in caught.reason) is (response is never_end)
            for thread in threading.enumerate():
                if thread.name == REQUEST:
                    thread.join(60)
                    assert not thread.is_alive()

    @pytest.mark.behaviour(82)
    @pytest.mark.parametrize("name", CALLS)
    @pytest.mark.parametrize("response", [hang, drip])
    def test_is_not_awaited_after_ctrl_c(
        self, response: Response, name: str, new_client: ClientFactory
    ) -> None:
        """The outcome of a change is unclear then."""
        server = FaultyServer(response)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        with serving(server):
            mailgun = new_client(f"http://{server.authority}", deadline=120)
            threading.Timer(0.1, mailgun.cancelled.set).start()
            caught = failure(lambda: CALLS[name](mailgun))
        assert isinstance(caught, errors.Cancelled)
        assert caught.is_unclear is not name.startswith("GET")
        assert ("before Mailgun answered" in caught.reason) is caught.is_unclear

    @pytest.mark.behaviour(84)
    @given(st.lists(st.binary(max_size=200), min_size=5))
    @settings(max_examples=10, deadline=None)
    @example(ODD)
    def test_is_whatever_cannot_be_read(self, responses: list[bytes]) -> None:
        """No bytes that a server sends end in anything but an error of ours."""
        with serving(FaultyServer(*responses)) as server:
            for _ in responses:
                with closing(transport.Transport(f"http://{server.authority}", KEY)) as one:
                    failure(functools.partial(MailgunClient(one, deadline=0).get_domain, DOMAIN))

    def test_is_reported_in_the_progress_messages(
        self, closed_url: str, new_client: ClientFactory
    ) -> None:
        lines: list[str] = []
        mailgun = new_client(closed_url, say=lines.append)
        mailgun.transport.was_reached = True
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert re.fullmatch(rf"no response from {closed_url} .*: .* \d+ s", lines[0])


class TestHandshake:
    """A handshake that is cut off or fails as on a busy server is retried; a refusal is not."""

    @pytest.mark.parametrize("fault", TLS_FAULTS)
    def test_fails(self, fault: str, new_client: ClientFactory) -> None:
        response, is_retried = TLS_FAULTS[fault]
        with serving(FaultyServer(response)) as server:
            mailgun = new_client(f"https://{server.authority}", deadline=5)
            caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert type(caught) is (errors.Unreachable if is_retried else errors.TrackingError)
        assert server.authority in caught.reason
        assert (len(server.requests) > 1) is is_retried


class TestFirstContact:
    """The deadline is shorter while nobody ever responded: the base URL may be wrong."""

    def test_is_given_up_early(
        self, closed_url: str, new_client: ClientFactory, clock: Clock
    ) -> None:
        failure(lambda: new_client(closed_url).get_domain(DOMAIN))
        assert 0 < clock.passed <= FIRST_CONTACT_SECONDS

    def test_makes_the_deadline_the_callers(self, new_client: ClientFactory, clock: Clock) -> None:
        with serving(FaultyServer(http_response("401 Unauthorized"), b"")) as server:
            mailgun = new_client(f"http://{server.authority}", deadline=120)
            assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Unauthorized
            assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Unreachable
        assert 99 < clock.passed <= 120


@pytest.mark.parametrize(("deadline", "first"), [(4, [4.0]), (120, [10.0, 30.0])])
def test_time_outs_never_exceed_what_is_left_of_the_deadline(
    deadline: float,
    first: list[float],
    new_client: ClientFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are read where sockets take them: for the connection, then for the response."""
    set_timeout = socket.socket.settimeout
    given: list[float] = []

    def note(self: socket.socket, seconds: float | None) -> None:
        if threading.current_thread().name == REQUEST and seconds is not None:
            given.append(seconds)
        set_timeout(self, seconds)

    with serving(FaultyServer(b"")) as server:
        mailgun = new_client(f"http://{server.authority}", deadline=deadline)
        mailgun.transport.was_reached = True
        monkeypatch.setattr(socket.socket, "settimeout", note)
        failure(lambda: mailgun.get_domain(DOMAIN))
    assert list(dict.fromkeys(given))[: len(first)] == first
    assert all(1 <= seconds <= min(deadline, 30) for seconds in given)
    assert given[-1] < first[-1]
