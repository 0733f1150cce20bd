"""HTTP: connections, credentials, proxies and trusted certificates.

This is the one module that imports requests. Nothing is retried here; see `client`.
"""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import truststore
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from .. import errors
from .._version import __version__
from .base_url import LOOPBACK, check_base_url
from .rate_limit import RateLimit
from .redaction import Redaction
from .target import is_subaccount

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0
READ_HEADERS = (
    *("Location", "Retry-After", "Date", "Proxy-Authenticate"),
    *("X-RateLimit-Remaining", "X-RateLimit-Reset"),
)
"""The headers of a response that anybody reads."""
LOOK_SECONDS = 0.25
"""How often a call that waits for a response looks whether it was cancelled."""
MOST_BYTES = 16 * 1024 * 1024
"""How long a response may be; a list of a thousand domains takes a tenth of that."""
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""TLS errors that say nothing about the certificate: a connection was cut off."""
_PASSING_ALERTS = ("ALERT_HANDSHAKE_FAILURE", "ALERT_INTERNAL_ERROR")
"""TLS alerts that servers under load send now and then; they are retried like a reset."""
_OPENSSL_PLACE = re.compile(r"\s*\(?_ssl\.c:\d+\)?:?\s*")
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Answer:
    """A response.

    Attributes:
        status: its status.
        reason: the phrase that came with the status.
        headers: those of its headers in `READ_HEADERS`.
        text: its body.
        is_unicode: whether all of the body is text.

    The key is in none of them.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    text: str
    is_unicode: bool

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON, or has text that is not Unicode.
        """
        try:
            if not self.is_unicode:
                raise ValueError
            value = json.loads(self.text)
            # Half a surrogate pair can be written in JSON, and nowhere else.
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise ValueError("it is not JSON") from None
        return value


class Transport:
    """The connections, credentials and rate limit of all calls for one region and subaccount.

    Args:
        base_url: where the API is, without ``/v3``.
        api_key: the key; it is never shown.
        subaccount: the subaccount to act for, or an empty string.
        connections: how many connections are kept open.
        rate_limit: what all calls with the key share; one of its own by default.

    Raises:
        ConfigurationError: the base URL, the subaccount or the CA bundle cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        subaccount: str = "",
        *,
        connections: int = 64,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._redact = Redaction(api_key)
        self._session = _session(self.base_url, connections)
        self._session.auth = HTTPBasicAuth(b"api", api_key.encode())
        if subaccount:
            if not is_subaccount(subaccount):
                raise errors.ConfigurationError(
                    f"the subaccount {subaccount!r} cannot be used", advice="use its ID"
                )
            self._session.headers["X-Mailgun-On-Behalf-Of"] = subaccount
        self.proxy = _shown_proxy(select_proxy(self.base_url, self._session.proxies))
        """The proxy in use, without its credentials; an empty string where there is none."""
        self.rate_limit = rate_limit or RateLimit()
        self.was_reached = False
        """Whether the server ever responded, other than with a 2xx that is not Mailgun's."""
        self.allowed: set[str] = set()
        """What the key was seen to be allowed: ``read``, ``write`` and ``list``."""

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        timeout: float,
        cancelled: threading.Event,
        form: Mapping[str, str] | None = None,
        domain: str = "",
    ) -> Answer:
        """Send one request. Redirects are not followed, so the key goes nowhere else.

        Args:
            method: the HTTP method.
            path: the path after the base URL.
            what: what the request is for, for the errors.
            timeout: seconds that all of it may take.
            cancelled: is set when nobody wants the response any more.
            form: the fields of the multipart form to send; None sends no body.
            domain: the domain it is about, for the errors.

        Raises:
            Unreachable: there was no response; trying again may help.
            Cancelled: it was cancelled.
            ConfigurationError: the proxy cannot be used.
            TrackingError: the server's certificate is not trusted.
        """
        timeouts = (min(CONNECT_TIMEOUT_SECONDS, timeout), min(READ_TIMEOUT_SECONDS, timeout))
        exchange = _Exchange(lambda: self._exchange(method, path, form, timeouts))
        try:
            return exchange.answer_within(min(timeout, sum(timeouts)), cancelled)
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError):
            # The base URL was checked, so it is the proxy's; that may contain a password.
            raise errors.ConfigurationError(
                f"the proxy for {self.base_url} cannot be used",
                "it is not a valid HTTP proxy URL",
                advice="set HTTPS_PROXY to a URL like http://proxy.example.com:3128, "
                f"or add {urlsplit(self.base_url).hostname} to NO_PROXY",
            ) from None
        except requests.exceptions.SSLError as error:
            if _may_pass(_cause(error)):
                raise self._unreachable(what, error, domain) from None
            raise errors.TrackingError(
                what,
                f"TLS connection to {self.base_url} failed: {_describe(error)}",
                advice="check the base URL and the machine's CA certificates",
                domain=domain,
            ) from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise self._unreachable(what, error, domain) from None

    def _exchange(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None,
        timeouts: tuple[float, float],
    ) -> Answer:
        """Send a request and read the whole response."""
        with self._session.request(
            method,
            self.base_url + path,
            files={name: (None, value) for name, value in form.items()} if form else None,
            timeout=timeouts,
            stream=True,
        ) as response:
            body = bytearray()
            for chunk in response.iter_content(65536):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise OSError(f"the response has more than {MOST_BYTES} bytes")
            text, is_unicode = _decode(bytes(body))
            headers = {name: response.headers.get(name) for name in READ_HEADERS}
            redact = self._redact
            return Answer(
                response.status_code,
                redact(response.reason or ""),
                {name: redact(value) for name, value in headers.items() if value is not None},
                redact(text),
                is_unicode,
            )

    def _unreachable(self, what: str, error: Exception, domain: str) -> errors.Unreachable:
        through = f" through the proxy {self.proxy}" if self.proxy else ""
        return errors.Unreachable(
            what,
            f"no response from {self.base_url}{through} ({self._redact(_describe(error))})",
            advice=f"check the {'proxy, the ' if self.proxy else ''}network and the base URL, "
            "then try again",
            domain=domain,
        )


def shorten(text: str) -> str:
    """A text on one line of at most 200 characters, without any that do not print."""
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:201])
    return text if len(text) <= 200 else f"{text[:199]}…"


def _decode(body: bytes) -> tuple[str, bool]:
    """A body as text, and whether all of it is."""
    try:
        return body.decode(), True
    except UnicodeDecodeError:
        return body.decode(errors="replace"), False


def _shown_proxy(url: str | None) -> str:
    try:
        parts = urlsplit(url or "")
        return f"{parts.scheme or 'http'}://{parts.netloc.rpartition('@')[2]}" if url else ""
    except ValueError:
        return ""


class _Exchange(threading.Thread):
    """One request and its response, in a thread of its own.

    What a server does not send in time nobody has to wait for: neither the end of a response that
    comes byte by byte, nor a lookup in DNS can be ended from outside. The thread does not keep the
    process alive.
    """

    def __init__(self, send: Callable[[], Answer]) -> None:
        super().__init__(name="mailgun-tracking-request", daemon=True)
        self.connection: HTTPConnection | None = None
        """The connection that is used, once it is known."""
        self._send = send
        self._answer: Answer | None = None
        self._error: Exception | None = None
        self._done = threading.Event()

    def run(self) -> None:
        try:
            self._answer = self._send()
        except Exception as error:
            self._error = error
        finally:
            self._done.set()

    def answer_within(self, seconds: float, cancelled: threading.Event) -> Answer:
        """Start, and wait for the response.

        Raises:
            TimeoutError: it took too long.
            Cancelled: it was cancelled.
            Exception: what the sending raised.
        """
        self.start()
        end = time.monotonic() + seconds
        while not self._done.wait(max(0.0, min(LOOK_SECONDS, end - time.monotonic()))):
            if cancelled.is_set():
                self._abandon()
                raise errors.Cancelled("interrupted")
            if time.monotonic() >= end:
                self._abandon()
                raise TimeoutError("timed out")
        if self._answer is None:
            assert self._error is not None
            raise self._error
        return self._answer

    def _abandon(self) -> None:
        """End the connection, which also ends the thread."""
        connected = getattr(self.connection, "sock", None)
        if connected is not None:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)


def _note(connection: HTTPConnection) -> None:
    thread = threading.current_thread()
    if isinstance(thread, _Exchange):
        thread.connection = connection


class _Connection(HTTPConnection):
    """Tells the thread that uses it."""

    def request(self, *args: Any, **options: Any) -> None:
        _note(self)
        super().request(*args, **options)


class _TlsConnection(HTTPSConnection):
    """Tells the thread that uses it."""

    def connect(self) -> None:
        _note(self)
        super().connect()

    def request(self, *args: Any, **options: Any) -> None:
        _note(self)
        super().request(*args, **options)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Makes connections that can be ended by somebody else than their user."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


class _Session(requests.Session):
    """Follows no redirects: a URL that cannot be parsed would fail even without following it."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        return None


class _SystemTrust(_Adapter):
    """Trusts the certificate authorities that the machine trusts, as Pulumi does."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_system_context(), **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_system_context(), **options)

    def cert_verify(self, *_args: Any) -> None:
        """Leave out the authorities that requests brings along: the context has the machine's."""


class _SystemContext(truststore.SSLContext):
    """Makes a context for each connection: truststore's own allows one handshake at a time."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(*args, **options)


def _system_context() -> ssl.SSLContext:
    return _SystemContext(ssl.PROTOCOL_TLS_CLIENT)


def _session(base_url: str, connections: int) -> requests.Session:
    session = _Session()
    # With trust_env, .netrc would replace the key, and each call would read the environment again.
    session.trust_env = False
    if urlsplit(base_url).hostname not in LOOPBACK:
        session.proxies.update(get_environ_proxies(base_url))
    bundle = next(filter(None, map(os.environ.get, _BUNDLE_VARIABLES)), None)
    if bundle and not Path(bundle).exists():
        raise errors.ConfigurationError(
            f"the CA bundle {bundle!r} cannot be used",
            "there is no such file",
            advice=f"correct or unset {' or '.join(_BUNDLE_VARIABLES)}",
        )
    session.verify = bundle or True
    adapter = _Adapter if bundle else _SystemTrust
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter(pool_maxsize=connections))
    session.headers["User-Agent"] = f"mailgun-tracking/{__version__}"
    session.headers["Accept"] = "application/json"
    return session


def _may_pass(cause: OSError | None) -> bool:
    """Whether a TLS error says nothing about the certificate, so that a retry may help."""
    reason = str(getattr(cause, "reason", None) or "")
    return isinstance(cause, _CUT_OFF) or reason.endswith(_PASSING_ALERTS)


def _cause(error: BaseException | None) -> OSError | None:
    """The error of the operating system or of TLS that an error of requests stands for."""
    if error is None or isinstance(error, errors.TrackingError):
        return None
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return error
    return _cause(error.__cause__) or _cause(error.__context__)


def _describe(error: Exception) -> str:
    cause = _cause(error)
    if cause is None:
        return "incomplete or invalid HTTP"
    return shorten(_OPENSSL_PLACE.sub("", cause.strerror or str(cause)))
