"""Serves an application with uvicorn in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from typing import Any, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Served(Protocol):
    """An ASGI application that is told when its server ends."""

    closing: asyncio.Event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


class _Protocol(HttpToolsProtocol):
    """Puts the connection's transport into the request's state, so that it can be dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, application: Served) -> None:
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
    """One uvicorn server with its thread."""

    def __init__(
        self,
        application: Served,
        listener: socket.socket,
        *,
        name: str = "mailgun-emulator",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            application: what answers.
            listener: a listening socket, which is closed at the end.
            name: the thread's name.
            tls: makes it serve HTTPS; None is HTTP.
        """
        # Older uvicorns than the extra `acme` asks for do not know it.
        secure: dict[str, Any] = {"ssl_context_factory": lambda *_: tls} if tls else {}
        self.application = application
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
            # Longer than any client keeps an idle connection, so that none is closed under it.
            timeout_keep_alive=300,
            timeout_graceful_shutdown=2,
            **secure,
        )
        self._server = _Server(config, application)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Serve, and return once requests are answered.

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
            RuntimeError: the server broke while it served.
        """
        self._server.should_exit = True
        self._thread.join()
        if self._failure is not None:
            raise RuntimeError("the emulator's server broke") from self._failure

    def discard(self) -> None:
        """Free the port of a server that was never started."""
        self._listener.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._listener]))
        except BaseException as failure:
            self._failure = failure
        finally:
            self._listener.close()


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port.

    Args:
        host: an address of this machine.
        port: 0 is a free one.

    Raises:
        OSError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio sets TCP_NODELAY on connections of no other listener: header
    # and body go out apart, and without it each answer can wait 40 ms for an acknowledgement.
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
