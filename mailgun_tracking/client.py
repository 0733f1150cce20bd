"""Mailgun's API for domain tracking: a method an endpoint, and the one place that speaks HTTP.

What is tried again is a table, `RETRIED`; all else fails at once. A call keeps trying until its
deadline, waiting longer each time, or as long as ``Retry-After`` says. A rate limit holds all calls
of the account, and whoever waited asks again in turn:

==========================  ==================  =====================================
what happened               tried again         raised in the end
==========================  ==================  =====================================
no connection, time-out     yes                 `Unreachable`
500, 502, 503, 504          yes                 `ServerError`
429 (rate limit)            yes                 `RateLimited`
429 of a PUT of x509        never: a job runs   `CertificateInProgress`
400, 401, 402, 403, 409     never               see `errors`
TLS, but a handshake cut    never               `TrackingError`
404                         never               `DomainNotFound`, `CertificateNotFound`
a redirect                  never followed      `UnexpectedAnswer`
==========================  ==================  =====================================
"""

from __future__ import annotations

import base64
import functools
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit

import urllib3

from . import errors
from ._version import __version__
from .models import (
    CertificateStatus,
    DomainDetails,
    Section,
    normalize_domain,
    read_certificate_status,
    read_domain,
    read_section,
    write_section,
)

if TYPE_CHECKING:
    import tenacity

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
CALL_DEADLINE = 120.0
"""Seconds that a call may go on trying."""
FIRST_CONTACT_DEADLINE = 10.0
"""Seconds that a call may go on trying when Mailgun was never reached by this process."""
TURNS_PER_SECOND = 50
"""How many polls and repeated calls an account makes in a second, however many resources wait."""
AT_ONCE = 0.02
"""Seconds within which an answer comes so fast that another thread for a second call costs more."""
SERVER_ERRORS = (500, 502, 503, 504)
RETRIED: tuple[type[errors.TrackingError], ...] = (
    errors.Unreachable,
    errors.ServerError,
    errors.RateLimited,
)
"""What is tried again; everything else fails at once."""

_X509 = "/v2/x509/"
_PAGE = 1000
_ASK_MAILGUN = "run again; if it stays so, ask Mailgun's support"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_T = TypeVar("_T")


def _ignore(_message: str) -> None:
    return None


def check_base_url(url: str) -> str:
    """A base URL without its closing slash; https, or http on this machine's loopback.

    Raises:
        ConfigurationError: the key would travel in clear, or the address is none.
    """
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
        urllib3.util.parse_url(url)  # stricter about the host
    except ValueError:
        parts, port_is_valid = urlsplit(""), False
    loopback = parts.hostname in _LOOPBACK
    if "@" in url:
        raise errors.ConfigurationError(
            "the base URL cannot be used",
            "it holds a user name or a password",
            advice="give the address alone; the key has a setting of its own",
        )
    if not (parts.hostname and port_is_valid) or parts.scheme not in ("https", "http"):
        raise errors.ConfigurationError(
            f"the base URL {url!r} cannot be used",
            "it is no address of a server",
            advice="write it as in https://api.mailgun.net",
        )
    if parts.scheme != "https" and not loopback:
        raise errors.ConfigurationError(
            f"the base URL {url!r} cannot be used",
            "the key would travel in clear",
            advice="use https; http is for 127.0.0.1 and localhost alone",
        )
    return url.rstrip("/")


class Transport:
    """Connections, credentials and back-off that all calls of one account share.

    Args:
        base_url: where the API is, without ``/v3``.
        api_key: the key; it is shown nowhere.
        subaccount: the subaccount to act for, or an empty text.
        connections: how many connections are kept open.
    """

    def __init__(
        self, base_url: str, api_key: str, subaccount: str = "", *, connections: int = 64
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._api_key = api_key
        self._credentials = base64.b64encode(f"api:{api_key}".encode()).decode()
        self._headers = {
            "Authorization": f"Basic {self._credentials}",
            "User-Agent": f"mailgun-tracking/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        if subaccount:
            self._headers["X-Mailgun-On-Behalf-Of"] = subaccount
        self._path = urlsplit(self.base_url).path
        self._pool = _connection_pool(self.base_url, connections)
        self._lock = threading.Lock()
        self._held_until = 0.0
        self._next_turn = 0.0
        self.answer_took: float | None = None
        """Seconds that the latest answer took; None as long as none has come."""

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r})"

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def redact(self, text: str) -> str:
        """A text without the key, however a server or proxy may have echoed it."""
        for secret in (
            self._api_key,
            self._credentials,
            base64.b64encode(self._api_key.encode()).decode(),
            quote(self._api_key, safe=""),
        ):
            text = text.replace(secret, "[key]")
        return text

    def hold(self, seconds: float) -> None:
        """Let all calls of this account wait: Mailgun asked for it."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def held_for(self) -> float:
        """Seconds that calls of this account still have to wait."""
        with self._lock:
            return max(0.0, self._held_until - time.monotonic())

    def take_turn(self) -> float:
        """Seconds until the caller's turn: those who wait go on one after another."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_turn)
            self._next_turn = turn + 1 / TURNS_PER_SECOND
            return turn - now

    def send(
        self, method: str, path: str, timeout: float, form: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """One request; redirects are not followed, lest the key goes elsewhere."""
        started = time.monotonic()
        response = self._pool.request(
            method,
            self._path + path,
            fields=form,
            headers=self._headers,
            timeout=urllib3.Timeout(
                connect=min(CONNECT_TIMEOUT, timeout), read=min(READ_TIMEOUT, timeout)
            ),
            redirect=False,
        )
        self.answer_took = time.monotonic() - started
        return response


def _connection_pool(base_url: str, connections: int) -> urllib3.HTTPConnectionPool:
    """Connections to a base URL, through the proxy that the environment names for it."""
    parts = urlsplit(base_url)
    options: dict[str, Any] = {"maxsize": connections, "retries": False}
    if parts.scheme == "https":
        # Dear to import, and not wanted on this machine's loopback.
        import truststore

        options["ssl_context"] = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    proxy = _proxy_of(parts)
    if proxy is None:
        return urllib3.PoolManager(**options).connection_from_url(base_url)
    try:
        user = urllib3.util.parse_url(proxy).auth
        headers = urllib3.make_headers(proxy_basic_auth=unquote(user)) if user else None
        manager = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    except ValueError:
        # It may hold a password, so it is not shown.
        raise errors.ConfigurationError(
            f"the proxy for {base_url} cannot be used",
            "it is no address of an HTTP proxy",
            advice="set HTTPS_PROXY as in http://proxy.example.com:3128, "
            f"or NO_PROXY to {parts.hostname}",
        ) from None
    return manager.connection_from_url(base_url)


def _proxy_of(parts: SplitResult) -> str | None:
    if parts.hostname in _LOOPBACK or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


@dataclass(frozen=True)
class MailgunClient:
    """Mailgun's endpoints for domain tracking, for one account, region and subaccount.

    Every method raises a `TrackingError` of `errors`: `Unreachable` where no answer came until
    the deadline, `Cancelled` where the engine asked to stop, else what Mailgun's status means.

    Args:
        transport: the shared connections.
        deadline: seconds that each call may go on trying.
        say: takes a line for whoever waits, from the third try of a call on.
        cancelled: set when all waiting has to end.
    """

    transport: Transport
    deadline: float = CALL_DEADLINE
    say: Callable[[str], None] = _ignore
    cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def answers_at_once(self) -> bool:
        """Whether the latest answer came within `AT_ONCE`, as from a server on this machine."""
        took = self.transport.answer_took
        return took is not None and took < AT_ONCE

    def get_tracking(self, domain: str) -> dict[str, Any]:
        """The sections of ``GET /v3/domains/{name}/tracking``, and ``web_scheme`` if given."""
        what = f"cannot read the tracking settings of {domain}"
        answer = self._call("GET", f"/v3/domains/{_quoted(domain)}/tracking", what, domain)

        def read() -> dict[str, Any]:
            tracking = answer["tracking"]
            settings: dict[str, Any] = {
                kind: read_section(kind, tracking[kind])
                for kind in ("open", "click", "unsubscribe")
            }
            if tracking.get("web_scheme"):
                settings["web_scheme"] = str(tracking["web_scheme"])
            return settings

        return self._understand(read, what, domain)

    def update_tracking(self, domain: str, kind: str, changes: Mapping[str, object]) -> Section:
        """``PUT /v3/domains/{name}/tracking/{kind}`` with some fields; others are left alone.

        Returns what the answer says of the section: nothing at all, on an older Mailgun.
        """
        what = f"cannot change {kind} tracking of {domain}"
        path = f"/v3/domains/{_quoted(domain)}/tracking/{kind}"
        answer = self._call("PUT", path, what, domain, form=write_section(changes))
        return self._understand(
            lambda: read_section(kind, answer[kind]) if answer.get(kind) else {}, what, domain
        )

    def get_domain(self, domain: str) -> DomainDetails:
        """``GET /v4/domains/{name}``: web scheme, web prefix and the CNAME that Mailgun wants."""
        what = f"cannot read the domain {domain}"
        answer = self._call("GET", f"/v4/domains/{_quoted(domain)}", what, domain)
        return self._understand(lambda: read_domain(answer), what, domain)

    def update_domain(self, domain: str, changes: Mapping[str, str]) -> DomainDetails | None:
        """``PUT /v4/domains/{name}`` with a web scheme, a web prefix, or both.

        Returns the domain as the answer shows it, or None where it shows none.
        """
        what = f"cannot change {' and '.join(changes)} of {domain}"
        path = f"/v4/domains/{_quoted(domain)}"
        answer = self._call("PUT", path, what, domain, form=changes)
        return self._understand(
            lambda: read_domain(answer) if answer.get("domain") else None, what, domain
        )

    def list_domains(self, *, limit: int | None = None) -> Iterator[DomainDetails]:
        """``GET /v4/domains``: the account's domains, page after page, `limit` at most.

        The list has no DNS records: ``cname`` is None in each.
        """
        what, skip = "cannot list the account's domains", 0
        while True:
            page = min(_PAGE, limit - skip) if limit is not None else _PAGE
            answer = self._call("GET", f"/v4/domains?limit={page}&skip={skip}", what, "")
            domains = self._understand(functools.partial(_read_list, answer), what, "")
            yield from domains
            skip += len(domains)
            if len(domains) < page or skip == limit:
                return

    def get_certificate(self, tracking_domain: str) -> CertificateStatus:
        """``GET /v2/x509/{domain}/status``; `CertificateNotFound` where none was ever asked for."""
        what = f"cannot read the certificate of {tracking_domain}"
        path = f"{_X509}{_quoted(tracking_domain)}/status"
        answer = self._call("GET", path, what, tracking_domain)
        return self._understand(lambda: read_certificate_status(answer), what, tracking_domain)

    def generate_certificate(self, tracking_domain: str) -> None:
        """``POST /v2/x509/{domain}``: ask for the first certificate of a tracking domain."""
        self._start("POST", tracking_domain, "issue")

    def regenerate_certificate(self, tracking_domain: str) -> None:
        """``PUT /v2/x509/{domain}``: ask for another in place of one that is no longer valid."""
        self._start("PUT", tracking_domain, "regenerate")

    def _start(self, method: str, tracking_domain: str, verb: str) -> None:
        what = f"cannot {verb} a certificate for {tracking_domain}"
        path = _X509 + _quoted(tracking_domain)
        self._call(method, path, what, tracking_domain, has_body=False)

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        domain: str,
        form: Mapping[str, str] | None = None,
        *,
        has_body: bool = True,
    ) -> Any:
        started = time.monotonic()
        attempt = functools.partial(self._try, method, path, what, domain, form, started)
        try:
            response = attempt()
        except RETRIED as error:
            response = self._try_again(attempt, error, started)
        return self._understand(response.json, what, domain) if has_body else None

    def _try_again(
        self,
        attempt: Callable[[], urllib3.BaseHTTPResponse],
        error: errors.TrackingError,
        started: float,
    ) -> urllib3.BaseHTTPResponse:
        # Few processes come to need it.
        import tenacity

        back_off = tenacity.wait_random_exponential(multiplier=1, max=20)
        first = [error]

        def attempt_or_first_error() -> urllib3.BaseHTTPResponse:
            if first:
                raise first.pop()
            return attempt()

        def wait(state: tenacity.RetryCallState) -> float:
            # A Retry-After of nothing would make calls without a pause until the deadline.
            retry_after: float | None = getattr(_error_of(state), "retry_after", None)
            return retry_after or 0.2 + back_off(state)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RETRIED),
            wait=wait,
            stop=lambda state: self._is_too_late(started, state.upcoming_sleep),
            sleep=self.pause,
            before_sleep=self._report,
            reraise=True,
        )
        return retrying(attempt_or_first_error)

    def _try(
        self,
        method: str,
        path: str,
        what: str,
        domain: str,
        form: Mapping[str, str] | None,
        started: float,
    ) -> urllib3.BaseHTTPResponse:
        self.sleep(0)
        while held := min(self.transport.held_for(), self._left(started)):
            self.pause(held)
        try:
            response = self.transport.send(method, path, max(1.0, self._left(started)), form)
        except urllib3.exceptions.HTTPError as error:
            if _may_pass(error):
                raise errors.Unreachable(
                    what,
                    f"no answer from {self.transport.base_url} ({type(error).__name__})",
                    advice="check the network and the base URL, and run again",
                    domain=domain,
                ) from None
            raise errors.TrackingError(
                what,
                f"no safe connection to {self.transport.base_url}: {_short(str(error))}",
                advice="check the base URL and the machine's CA certificates",
                domain=domain,
            ) from None
        if response.status // 100 == 2:
            return response
        raise self._refusal(response, method, path, what, domain)

    def _left(self, started: float) -> float:
        return max(0.0, self.deadline - (time.monotonic() - started))

    def pause(self, seconds: float) -> None:
        """Wait before asking again, until it is this call's turn; raises as `sleep` does."""
        self.sleep(seconds)
        self.sleep(self.transport.take_turn())

    def sleep(self, seconds: float) -> None:
        """Wait, and raise `Cancelled` as soon as the engine asks to stop."""
        if self.cancelled.wait(seconds) if seconds > 0 else self.cancelled.is_set():
            raise errors.Cancelled("stopped", "the engine asked to")

    def _is_too_late(self, started: float, upcoming_sleep: float) -> bool:
        deadline = self.deadline
        if self.transport.answer_took is None:
            deadline = min(deadline, FIRST_CONTACT_DEADLINE)
        return time.monotonic() - started + upcoming_sleep > deadline

    def _report(self, state: tenacity.RetryCallState) -> None:
        error = _error_of(state)
        if isinstance(error, errors.RateLimited):
            self.transport.hold(state.upcoming_sleep)
        if state.attempt_number >= 2:
            reason = error.reason if isinstance(error, errors.TrackingError) else str(error)
            status = getattr(error, "status", None)
            self.say(
                f"{reason}{f' ({status})' if status else ''}: trying again in "
                f"{state.upcoming_sleep:.0f} s"
            )

    def _refusal(
        self, response: urllib3.BaseHTTPResponse, method: str, path: str, what: str, domain: str
    ) -> errors.MailgunError:
        status = response.status
        kind, advice = _meaning(status, path.startswith(_X509), method)
        # Redacted before it is cut short: half a key is still a secret.
        reason = _short(self.transport.redact(_reason(response)))
        if 300 <= status < 400:
            target = self.transport.redact(_host(response.headers.get("Location", "")))
            reason = f"{self.transport.base_url} redirects to {target or 'another address'}"
        error = kind(what, reason, status=status, advice=advice, domain=domain)
        error.retry_after = _retry_after(response)
        return error

    def _understand(self, read: Callable[[], _T], what: str, domain: str) -> _T:
        try:
            return read()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise errors.UnexpectedAnswer(
                what,
                f"the answer of {self.transport.base_url} is not Mailgun's: "
                + _short(self.transport.redact(f"{error}")),
                advice="check the base URL",
                domain=domain,
            ) from None


def _read_list(answer: Any) -> list[DomainDetails]:
    return [read_domain({"domain": item}) for item in answer["items"]]


def _quoted(name: str) -> str:
    return quote(normalize_domain(name), safe="")


def _may_pass(error: urllib3.exceptions.HTTPError) -> bool:
    """Whether to try again: with TLS, only where a handshake was cut short."""
    if not isinstance(error, urllib3.exceptions.SSLError):
        return True
    return any(sign in str(error) for sign in ("EOF occurred", "reset by peer", "timed out"))


def _meaning(status: int, x509: bool, method: str) -> tuple[type[errors.MailgunError], str]:
    """The error that a status stands for, and what to do about it.

    Args:
        status: the HTTP status.
        x509: whether it is about a certificate.
        method: the HTTP method; only a PUT of a certificate finds a job that runs.
    """
    if status in (401, 403):
        return errors.Unauthorized, ""
    if status in SERVER_ERRORS:
        return errors.ServerError, "Mailgun has a problem; run again later"
    if status == 429 and not (x509 and method == "PUT"):
        return errors.RateLimited, "run again with a smaller --parallel"
    if status == 404 and not x509:
        return errors.DomainNotFound, ""
    if 300 <= status < 400:
        return errors.UnexpectedAnswer, "give the final address as the base URL"
    if x509:
        return {
            400: (errors.CnameNotValid, ""),
            402: (errors.CertificatesNotInPlan, ""),
            404: (errors.CertificateNotFound, ""),
            409: (errors.CertificateConflict, ""),
            429: (errors.CertificateInProgress, ""),
        }.get(status, (errors.UnexpectedAnswer, _ASK_MAILGUN))
    if status == 402:
        return errors.MailgunError, "the account's plan does not have this"
    if status == 400:
        return errors.MailgunError, "Mailgun does not take this value: change it and run again"
    return errors.MailgunError, _ASK_MAILGUN


def _reason(response: urllib3.BaseHTTPResponse) -> str:
    """Mailgun's words, in whichever of its shapes they came, or the status's own."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, Mapping):
        for name in ("message", "Reason", "Description", "error"):
            if body.get(name):
                return str(body[name])
    text = response.data.decode(errors="replace").strip()
    if text and body is None and not text.startswith("<"):
        return text
    return response.reason or "no reason given"


def _host(location: str) -> str:
    try:
        return urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= 200 else f"{text[:199]}…"


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return urllib3.Retry().parse_retry_after(value)
    except urllib3.exceptions.InvalidHeader:
        return None


def _error_of(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
