"""Serves an ASGI application with uvicorn in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STOP_SECONDS = 5.0
"""How long a server may take to stop. Requests that are being handled get two seconds."""


class ServerStuckError(RuntimeError):
    """The server does not stop; its thread hangs in something that never returns."""


class ClosableApp(Protocol):
    """An ASGI application that is told when its server stops."""

    closing: asyncio.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""


class _Protocol(HttpToolsProtocol):
    """Puts the connection's transport into the request's state, so that it can be dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, application: ClosableApp) -> None:
        super().__init__(config)
        self._application = application
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.closing.set()
        await super().shutdown(sockets)


class ServerThread:
    """A uvicorn server and its thread."""

    def __init__(self, application: ClosableApp, listener: socket.socket) -> None:
        """Prepare to serve.

        Args:
            application: the application.
            listener: a listening socket; the server closes it when it stops.
        """
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        config = uvicorn.Config(
            application,
            loop="asyncio",
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # Longer than any client keeps an idle connection, so that it is never the server
            # that closes it.
            timeout_keep_alive=300,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config, application)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="mailgun-emulator", daemon=True)

    def start(self) -> None:
        """Start serving, and return once requests are accepted.

        Raises:
            RuntimeError: the server did not start.
        """
        self._thread.start()
        while not self._server.is_up.wait(0.05):
            if not self._thread.is_alive():
                raise RuntimeError("the emulator's server did not start") from self._failure

    def stop(self) -> None:
        """Stop serving, and return once the port is free.

        Raises:
            RuntimeError: the server failed while it was serving, or does not stop.
        """
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            raise ServerStuckError("the emulator's server does not stop")
        if self._failure is not None:
            raise RuntimeError("the emulator's server failed") from self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        except BaseException as failure:
            self._failure = failure
        finally:
            self._listener.close()


def is_loopback(host: str) -> bool:
    """Return whether a host is `localhost` or an address of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: an address of this machine.
        port: 0 picks a free one.

    Raises:
        OSError: the port is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio only sets TCP_NODELAY on the connections of a listener whose protocol is explicitly
    # TCP. Without it, a response may wait 40 ms for an acknowledgement between header and body.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with contextlib.ExitStack() as on_error:
        on_error.callback(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(2048)
        listener.setblocking(False)
        on_error.pop_all()
    return listener
