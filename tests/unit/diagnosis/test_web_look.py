"""Servers that answer badly, or never."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mailgun_tracking._diagnosis import web_look
from mailgun_tracking._diagnosis.facts import HttpAnswer, NotSeen
from mailgun_tracking._diagnosis.web_look import (
    look_at_certificate,
    look_at_port_80,
    system_trust,
)

LOCALHOST = "127.0.0.1"
HOST = "email.mg.example.com"

pytestmark = pytest.mark.behaviour(103)


@contextlib.contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that does this with each connection, until both ends are done."""
    with socket.create_server((LOCALHOST, 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def drip(connection: socket.socket) -> None:
    """Keep every single read short, and never come to an end."""
    connection.recv(4096)
    while True:
        connection.sendall(b"H")
        threading.Event().wait(0.01)


def test_a_server_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for the whole look."""
    monkeypatch.setattr(web_look, "LOOK_SECONDS", 0.2)
    with server(drip) as port:
        seen = look_at_port_80(HOST, LOCALHOST, port)
    assert isinstance(seen, NotSeen)
    assert seen.reason.endswith("no answer in time")


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither port was checked."""
    monkeypatch.setattr(web_look, "LOOK_SECONDS", 0.1)

    def listen(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    with server(listen) as port:
        for seen in (
            look_at_port_80(HOST, LOCALHOST, port),
            look_at_certificate(HOST, LOCALHOST, port, system_trust),
        ):
            assert isinstance(seen, NotSeen)
            assert seen.reason.endswith("no answer in time")


@pytest.mark.parametrize(
    ("answer", "reason"), [(b"SSH-2.0-x\r\n", "that is not HTTP"), (b"", "closed connection")]
)
def test_a_server_that_is_no_web_server(answer: bytes, reason: str) -> None:
    """It says what answered instead."""

    def reply(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with server(reply) as port:
        seen = look_at_port_80(HOST, LOCALHOST, port)
    assert isinstance(seen, NotSeen)
    assert reason in seen.reason


def test_what_is_asked() -> None:
    """The host's own name, at the address that was given; redirects are not followed."""
    asked: list[bytes] = []

    def redirect(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://x/\r\nX-Y: z\r\n\r\n")

    with server(redirect) as port:
        seen = look_at_port_80(HOST, LOCALHOST, port)
    assert seen == HttpAnswer(302, "https://x/", {"location": "https://x/", "x-y": "z"})
    lines = asked[0].decode().splitlines()
    assert lines[0] == f"GET {web_look.CHALLENGE_PATH} HTTP/1.1"
    assert f"Host: {HOST}" in lines
