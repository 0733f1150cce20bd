"""What stands behind a tracking domain: challenges over HTTP, and redirecting links."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .serving import ServerThread, listen

CHALLENGES = "/.well-known/acme-challenge/"
HSTS = "max-age=31536000"


class TrackingHost:
    """Serves all tracking domains of an emulator, over HTTP and HTTPS.

    `GET /c/ANYTHING?url=TARGET` is a rewritten link: it redirects to its target. Over HTTPS each
    host has its own certificate, chosen by the name that the client asks for, and another one is
    in use from the next handshake on.
    """

    def __init__(
        self,
        serves: Callable[[str], bool],
        *,
        host: str = "127.0.0.1",
        http_port: int = 0,
        https_port: int = 0,
    ) -> None:
        """Prepare; nothing listens before `start`.

        Args:
            serves: whether a host is a tracking domain; others are answered with 404.
            host: the address to listen on.
            http_port: where challenges are looked for; 0 is a free one.
            https_port: 0 is a free one.
        """
        self._serves = serves
        self._host = host
        self._wanted_ports = http_port, https_port
        self._challenges: dict[str, str] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._running: tuple[ServerThread, ServerThread] | None = None

    def start(self) -> None:
        """Listen, and serve in threads until `close`.

        Raises:
            OSError: a port is taken.
        """
        http_port, https_port = self._wanted_ports
        plain = ServerThread(_Site(self), listen(self._host, http_port), name="tracking-http")
        try:
            listener = listen(self._host, https_port)
        except OSError:
            plain.discard()
            raise
        secure = ServerThread(_Site(self), listener, name="tracking-https", tls=self._tls())
        plain.start()
        secure.start()
        self._wanted_ports = plain.port, secure.port
        self._running = plain, secure

    def close(self) -> None:
        """Stop serving."""
        running, self._running = self._running or (), None
        for server in running:
            server.stop()

    @property
    def http_port(self) -> int:
        """The port for HTTP; kept when it is closed and started again."""
        return self._wanted_ports[0]

    @property
    def https_port(self) -> int:
        """The port for HTTPS; kept when it is closed and started again."""
        return self._wanted_ports[1]

    # --- for whoever gets certificates ---

    def answer_challenge(self, path: str, text: str) -> None:
        """Answer a challenge over HTTP, for every host that leads here."""
        self._challenges[path] = text

    def forget_challenge(self, path: str) -> None:
        """Answer a challenge no more."""
        self._challenges.pop(path, None)

    def use_certificate(self, host: str, chain: bytes, key: bytes) -> None:
        """Serve a host over HTTPS with a certificate, from the next handshake on.

        Args:
            host: the name that clients ask for.
            chain: its certificate as PEM, with those between it and the root.
            key: the private key as PEM.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The ssl module reads files alone; this one is the owner's, and gone at once.
        handle, path = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(key + chain)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
        self._contexts[host.lower()] = context

    # --- answering ---

    def _tls(self) -> ssl.SSLContext:
        def choose(
            connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
        ) -> int | None:
            context = self._contexts.get((name or "").lower())
            if context is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = context
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = choose
        return context

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        path, is_secure = request.url.path, request.url.scheme == "https"
        if not is_secure and path.startswith(CHALLENGES):
            text = self._challenges.get(path)
            return PlainTextResponse(text or "no such challenge", 200 if text else 404)
        host = request.headers.get("host", "").partition(":")[0].lower()
        if not self._serves(host):
            return PlainTextResponse("no such tracking domain", 404)
        headers = {"Strict-Transport-Security": HSTS} if is_secure else {}
        target = request.query_params.get("url", "")
        is_link = path.startswith("/c/") and urlsplit(target).scheme in ("http", "https")
        if not is_link:
            return PlainTextResponse("no such link", 404, headers=headers)
        return RedirectResponse(target, 302, headers=headers)


class _Site:
    """The application that one of the two servers serves."""

    def __init__(self, tracking_host: TrackingHost) -> None:
        self.closing = asyncio.Event()
        self._routes = Starlette(
            routes=[Route("/{path:path}", tracking_host.answer, methods=["GET"])]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._routes(scope, receive, send)
