"""Servers on loopback: one that misbehaves on purpose, and a proxy."""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar, Union

Response = Union[bytes, Callable[["FaultyServer", socket.socket], None]]
"""What is sent before the connection is closed, or what is done with the connection."""

_Server = TypeVar("_Server", bound=socketserver.TCPServer)
_TLS_HANDSHAKE = b"\x16"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@contextmanager
def serving(server: _Server) -> Iterator[_Server]:
    """Run a server in a thread."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class FaultyServer(socketserver.ThreadingTCPServer):
    """Reads one request, or the start of a TLS handshake, of each connection, and responds.

    Args:
        responses: one for each connection, in order; the last one is repeated.
    """

    def __init__(self, *responses: Response) -> None:
        super().__init__(("127.0.0.1", 0), _FaultyConnection)
        self.authority = f"127.0.0.1:{self.server_address[1]}"
        self.responses = list(responses)
        self.requests: list[str] = []
        self.closing = threading.Event()

    def server_close(self) -> None:
        self.closing.set()
        super().server_close()


class _FaultyConnection(socketserver.BaseRequestHandler):
    server: FaultyServer
    request: socket.socket

    def handle(self) -> None:
        request = _read_request(self.request)
        self.server.requests.append(request)
        responses = self.server.responses
        response = responses.pop(0) if len(responses) > 1 else responses[0]
        if callable(response):
            response(self.server, self.request)
            return
        if not request:
            self.request.recv(65536)
        self.request.sendall(response)


def http_response(status: str, body: str = "", *headers: str) -> bytes:
    """A whole response, after which the connection is closed."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


def reset(_server: FaultyServer, connection: socket.socket) -> None:
    """Reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def hang(server: FaultyServer, _connection: socket.socket) -> None:
    """Never respond."""
    server.closing.wait()


def _read_request(connection: socket.socket) -> str:
    """A request's method and path; empty for a TLS handshake, which is left unread."""
    if connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
        return ""
    received = b""
    while True:
        head, end_of_head, body = received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end_of_head and len(body) >= int(length[1] if length else 0):
            method, target, _ = head.decode().split(" ", 2)
            return f"{method} {target.partition('?')[0]}"
        chunk = connection.recv(65536)
        assert chunk, "the client closed the connection within its request"
        received += chunk


class Proxy(socketserver.ThreadingTCPServer):
    """Leads every CONNECT tunnel to one port on loopback, and keeps the requests it received."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.port = port
        self.requests: list[list[str]] = []
        self.authority = f"127.0.0.1:{self.server_address[1]}"


class _Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        self.server.requests.append(list(iter(lambda: self.rfile.readline().decode().strip(), "")))
        with socket.create_connection(("127.0.0.1", self.server.port)) as inner:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(inner, self.connection))
            back.start()
            _copy(self.connection, inner)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends or fails, and then end the sink: its server waits for that."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
