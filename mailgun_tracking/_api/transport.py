"""HTTP: connections, credentials, proxies and trusted certificates.

This is the one module that imports requests. Nothing is retried here; see `client`.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import truststore
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_environ_proxies

from .. import errors
from .._version import __version__
from .base_url import LOOPBACK, check_base_url
from .rate_limit import RateLimit

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""TLS errors that say nothing about the certificate: a connection was cut off."""
_PASSING_ALERTS = ("ALERT_HANDSHAKE_FAILURE", "ALERT_INTERNAL_ERROR")
"""TLS alerts that servers under load send now and then; they are retried like a reset."""
_OPENSSL_PLACE = re.compile(r"\s*\(?_ssl\.c:\d+\)?:?\s*")
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class Transport:
    """The connections, credentials and rate limit of all calls for one region and subaccount.

    Args:
        base_url: where the API is, without ``/v3``.
        api_key: the key; it is never shown.
        subaccount: the subaccount to act for, or an empty string.
        connections: how many connections are kept open.
        rate_limit: what all calls with the key share; one of its own by default.

    Raises:
        ConfigurationError: the base URL or the CA bundle cannot be used.
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
        self._api_key = api_key
        self._session = _session(self.base_url, connections)
        self._session.auth = HTTPBasicAuth(b"api", api_key.encode())
        if subaccount:
            self._session.headers["X-Mailgun-On-Behalf-Of"] = subaccount
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

    def redact(self, text: str) -> str:
        """A text without the key, in whatever form a server or proxy may have echoed it."""
        key = self._api_key
        credentials = base64.b64encode(f"api:{key}".encode()).decode()
        encoded = base64.b64encode(key.encode()).decode()
        for secret in (key, credentials, encoded, quote(key, safe="")):
            text = text.replace(secret, "[key]")
        return text

    def send(
        self,
        method: str,
        path: str,
        what: str,
        *,
        timeout: float,
        form: Mapping[str, str] | None = None,
        domain: str = "",
    ) -> requests.Response:
        """Send one request. Redirects are not followed, so the key goes nowhere else.

        Args:
            method: the HTTP method.
            path: the path after the base URL.
            what: what the request is for, for the errors.
            timeout: seconds to wait for a connection, and for each part of the response, at most.
            form: the fields of the multipart form to send; None sends no body.
            domain: the domain it is about, for the errors.

        Raises:
            Unreachable: there was no response; trying again may help.
            ConfigurationError: the proxy cannot be used.
            TrackingError: the server's certificate is not trusted.
        """
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                files={name: (None, value) for name, value in form.items()} if form else None,
                timeout=(
                    min(CONNECT_TIMEOUT_SECONDS, timeout),
                    min(READ_TIMEOUT_SECONDS, timeout),
                ),
            )
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
        except requests.RequestException as error:
            raise self._unreachable(what, error, domain) from None
        return response

    def _unreachable(
        self, what: str, error: requests.RequestException, domain: str
    ) -> errors.Unreachable:
        return errors.Unreachable(
            what,
            f"no response from {self.base_url} ({_describe(error)})",
            advice="check the network and the base URL, then try again",
            domain=domain,
        )


def shorten(text: str) -> str:
    """A text on one line of at most 200 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 200 else f"{text[:199]}…"


class _Session(requests.Session):
    """Follows no redirects: a URL that cannot be parsed would fail even without following it."""

    def get_redirect_target(self, _response: requests.Response) -> None:
        return None


class _SystemTrust(HTTPAdapter):
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
    adapter = HTTPAdapter if bundle else _SystemTrust
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


def _describe(error: requests.RequestException) -> str:
    cause = _cause(error)
    if cause is None:
        return "incomplete or invalid HTTP"
    return shorten(_OPENSSL_PLACE.sub("", cause.strerror or str(cause)))
