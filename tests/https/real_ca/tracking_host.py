"""The web server behind tracking domains: HTTP-01 challenges, and links that redirect."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

CHALLENGES = "/.well-known/acme-challenge/"
HSTS = "max-age=31536000"
LOCALHOST = "127.0.0.1"


class TrackingHost:
    """Serves all tracking domains of an emulator, over HTTP and HTTPS.

    `GET /c/ANYTHING?url=TARGET` is a tracking link and redirects to its target. Over HTTPS each
    host has its own certificate, selected by SNI. A new certificate is used from the next
    handshake on.
    """

    def __init__(self, serves: Callable[[str], bool], *, http_port: int = 0) -> None:
        """Create the servers; they listen after `start`.

        Args:
            serves: whether a host is a tracking domain; others get a 404.
            http_port: the port of HTTP; 0 picks a free one. HTTPS always uses a free one.
        """
        self._serves = serves
        self._wanted_port = http_port
        self._challenges: dict[str, str] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._http: _Server | None = None
        self._https: _Server | None = None

    def start(self) -> None:
        """Listen, and serve in threads until `close`.

        Raises:
            OSError: the port is in use.
        """
        self._http = _Server(self, self._wanted_port)
        self._https = _Server(self, 0, self._tls())

    def close(self) -> None:
        """Stop serving."""
        for server in (self._http, self._https):
            if server is not None:
                server.stop()
        self._http = self._https = None

    @property
    def http_port(self) -> int:
        """The port of HTTP."""
        assert self._http is not None
        return self._http.server_port

    @property
    def https_port(self) -> int:
        """The port of HTTPS."""
        assert self._https is not None
        return self._https.server_port

    # --- for the issuer ---

    def answer_challenge(self, path: str, text: str) -> None:
        """Start to answer a challenge over HTTP, on every host."""
        self._challenges[path] = text

    def forget_challenge(self, path: str) -> None:
        """Stop answering a challenge."""
        self._challenges.pop(path, None)

    def use_certificate(self, host: str, chain: bytes, key: bytes) -> None:
        """Use a certificate for HTTPS, from the next handshake on.

        Args:
            host: the name that clients request.
            chain: the certificate and its intermediates as PEM.
            key: the private key as PEM.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The ssl module only reads files; mkstemp makes one that only its owner can read.
        handle, path = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(key + chain)
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
        self._contexts[host.lower()] = context

    # --- serving ---

    def _tls(self) -> ssl.SSLContext:
        def select(
            connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
        ) -> int | None:
            context = self._contexts.get((name or "").lower())
            if context is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = context
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = select
        return context

    def respond(
        self, target: str, host_header: str, is_secure: bool
    ) -> tuple[int, str, dict[str, str]]:
        """Return status, body and headers of the response to a GET."""
        url = urlsplit(target)
        if not is_secure and url.path.startswith(CHALLENGES):
            text = self._challenges.get(url.path)
            return (404, "no such challenge", {}) if text is None else (200, text, {})
        if not self._serves(host_header.partition(":")[0].lower()):
            return 404, "no such tracking domain", {}
        headers = {"Strict-Transport-Security": HSTS} if is_secure else {}
        link = parse_qs(url.query).get("url", [""])[0]
        if not url.path.startswith("/c/") or urlsplit(link).scheme not in ("http", "https"):
            return 404, "no such link", headers
        return 302, "", {**headers, "Location": quote(link, safe=":/%#?=@[]!$&'()*+,;")}


class _Server(ThreadingHTTPServer):
    """A running server."""

    def __init__(
        self, tracking_host: TrackingHost, port: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self.tracking_host = tracking_host
        self.is_secure = tls is not None
        super().__init__((LOCALHOST, port), _Handler)
        if tls is not None:
            # The handshake takes place in the connection's own thread, when it first reads.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving, and return once the port is free."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that reject a certificate or disconnect."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Respond to a GET."""
        status, text, headers = self.server.tracking_host.respond(
            self.path, self.headers.get("Host", ""), self.server.is_secure
        )
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""
