"""Mailgun's API for domain tracking: one method per endpoint.

The table `RETRIED` says what is retried; everything else fails at once. A call is retried until
its deadline, with growing delays or as long as ``Retry-After`` says. A rate limit holds up all
calls with the key until the time that Mailgun says; then they resume one after another. That wait
does not count against a call's deadline, and has a limit of its own:

==========================  ==================  =====================================
what happened               retried             raised in the end
==========================  ==================  =====================================
no connection, time-out     yes                 `Unreachable`
5xx, 408, 425, 499          yes                 `ServerError`
2xx that cannot be read     yes                 `UnreadableResponse`
429 (rate limit)            after the wait      `RateLimited`
429 of a PUT of x509        no: one is issued   `CertificateInProgress`
400, 401, 402, 403, 409     no                  see `errors`
TLS, but a cut handshake    no                  `TrackingError`
404                         no                  `DomainNotFound`, `CertificateNotFound`
a redirect                  no, nor followed    `UnexpectedResponse`
==========================  ==================  =====================================

A POST or PUT of x509 is never repeated here, but for a rate limit: `issuance` looks first whether
it arrived. If none of the responses of a server could ever be read, it is not Mailgun:
`UnexpectedResponse`.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import tenacity

from .. import errors
from .base_url import region_of
from .fields import Section
from .models import (
    CertificateStatus,
    DomainDetails,
    SectionSettings,
    Subaccount,
    normalize_domain,
    read_certificate_status,
    read_domain,
    read_domains,
    read_section,
    read_subaccounts,
    read_tracking,
    write_form,
)
from .refusals import (
    LIST_PATH,
    SUBACCOUNTS_PATH,
    X509_PATH,
    access_of,
    advise_base_url,
    rate_limited,
    refusal,
)
from .setting_names import IN_STACK, SettingNames
from .transport import Answer, Transport, shorten

CALL_DEADLINE_SECONDS = 120.0
"""How long a call may be retried."""
FIRST_CONTACT_SECONDS = 10.0
"""How long a call may be retried while Mailgun was never reached by this process."""
RATE_LIMIT_SECONDS = 1800.0
"""How long Mailgun's rate limit may hold up a call, in addition to its deadline."""
RETRIED: tuple[type[errors.TrackingError], ...] = (
    errors.Unreachable,
    errors.ServerError,
    errors.UnreadableResponse,
)
"""What is retried until the deadline. It says nothing about the domain, and not whether a PUT was
carried out."""

_PAGE = 1000
_LONGEST_HOLD_SECONDS = 20.0
_UNTOLD_SECONDS = 5.0
"""How long the first wait of a call may be without a word."""
# Starts quickly: about six attempts fit into the ten seconds of a check.
_BACK_OFF = tenacity.wait_random_exponential(multiplier=0.25, max=20)
_T = TypeVar("_T")


def _ignore(_message: str) -> None:
    return None


@dataclass
class _Elapsed:
    """How long a call takes.

    Attributes:
        started: when it began.
        held: how long Mailgun's rate limit has held it up.
        waited: how long it has waited for either limit: Mailgun's, or the user's budget.
        is_unclear: whether Mailgun may have made the change that is requested.
    """

    started: float
    held: float = 0.0
    waited: float = 0.0
    is_unclear: bool = False

    @property
    def seconds(self) -> float:
        """What counts against the call's deadline."""
        return time.monotonic() - self.started - self.waited


@dataclass(frozen=True)
class MailgunClient:
    """Mailgun's endpoints for domain tracking, for one account, region and subaccount.

    Every method raises a `TrackingError`: `Unreachable` where there was no response before the
    deadline, `Cancelled` where the engine asked to stop, or else what Mailgun's status means.

    Args:
        transport: the shared connections.
        deadline: how many seconds each call may be retried.
        say: receives a progress message for each wait for a rate limit, for each long one, and
            from the third attempt of a call on.
        cancelled: is set when all waiting must end.
        writing: the lock that a PUT of a domain holds, so that this process sends one at a time.
        names: where settings can be set, for errors.
    """

    transport: Transport
    deadline: float = CALL_DEADLINE_SECONDS
    say: Callable[[str], None] = _ignore
    cancelled: threading.Event = field(default_factory=threading.Event)
    writing: Callable[[str], AbstractContextManager[Any]] = nullcontext
    names: SettingNames = IN_STACK

    def get_tracking(self, domain: str) -> dict[str, Any]:
        """The sections of ``GET /v3/domains/{name}/tracking``, and ``web_scheme`` if given."""
        what = f"cannot read the tracking settings of {domain}"
        path = f"/v3/domains/{_quoted(domain)}/tracking"

        return self._call("GET", path, what, domain, read_tracking)

    def update_tracking(
        self, domain: str, section: Section, changes: Mapping[str, object]
    ) -> SectionSettings:
        """``PUT /v3/domains/{name}/tracking/{section}`` with some fields; others stay as they are.

        Returns what the response says about the section: nothing on older versions of the API.
        """
        what = f"cannot change {section} tracking of {domain}"
        path = f"/v3/domains/{_quoted(domain)}/tracking/{section}"

        def read(body: Any) -> SectionSettings:
            _read_confirmation(body)
            return read_section(section, body[section]) if body.get(section) else {}

        return self._write(path, what, domain, read, changes)

    def get_domain(self, domain: str) -> DomainDetails:
        """``GET /v4/domains/{name}``: web scheme, web prefix and the expected CNAME."""
        what = f"cannot read the domain {domain}"
        read = functools.partial(_read_own, domain)
        return self._call("GET", f"/v4/domains/{_quoted(domain)}", what, domain, read)

    def update_domain(self, domain: str, changes: Mapping[str, object]) -> DomainDetails | None:
        """``PUT /v4/domains/{name}`` with a web scheme, a web prefix, or both.

        Returns the domain as the response shows it, or None where it shows none.
        """
        what = f"cannot change {' and '.join(changes)} of {domain}"
        path = f"/v4/domains/{_quoted(domain)}"

        def read(body: Any) -> DomainDetails | None:
            _read_confirmation(body)
            return _read_own(domain, body) if body.get("domain") else None

        return self._write(path, what, domain, read, changes)

    def list_domains(self, *, limit: int | None = None) -> Iterator[DomainDetails]:
        """``GET /v4/domains``: the account's domains, page by page, at most `limit`.

        The list has no DNS records: ``cname`` is None in each.
        """
        what = "cannot list the account's domains"
        yield from self._pages(LIST_PATH, what, read_domains, limit)

    def list_subaccounts(self) -> Iterator[Subaccount]:
        """``GET /v5/accounts/subaccounts``: the account's subaccounts, page by page."""
        what = "cannot list the account's subaccounts"
        yield from self._pages(SUBACCOUNTS_PATH, what, read_subaccounts)

    def get_certificate(self, tracking_domain: str) -> CertificateStatus:
        """``GET /v2/x509/{domain}/status``; `CertificateNotFound` where none was requested yet."""
        what = f"cannot read the certificate for {tracking_domain}"
        path = f"{X509_PATH}{_quoted(tracking_domain)}/status"
        return self._call("GET", path, what, tracking_domain, read_certificate_status)

    def generate_certificate(self, tracking_domain: str) -> None:
        """``POST /v2/x509/{domain}``: request the first certificate of a tracking domain."""
        self._request_certificate("POST", tracking_domain, "issue")

    def regenerate_certificate(self, tracking_domain: str) -> None:
        """``PUT /v2/x509/{domain}``: request a new one for a certificate that is not valid."""
        self._request_certificate("PUT", tracking_domain, "reissue")

    @property
    def allowed(self) -> set[str]:
        """What the key was seen to be allowed: ``read``, ``write`` and ``list``."""
        return self.transport.allowed

    @property
    def is_rate_limited(self) -> bool:
        """Whether calls may have to wait for a rate limit."""
        return self.transport.rate_limit.is_limited

    def report_rate_limit(self) -> None:
        """Say that calls have to wait for a rate limit, where they do."""
        seconds, reason = self.transport.rate_limit.wait()
        if seconds:
            self.say(f"{reason}: continuing in {math.ceil(seconds)} s")

    def pause(self, seconds: float) -> None:
        """Wait before the next attempt, and until it is this call's turn; raises as `sleep`."""
        self.sleep(seconds)
        self.sleep(self.transport.rate_limit.take_turn())

    def sleep(self, seconds: float) -> None:
        """Wait, and raise `Cancelled` as soon as the engine asks to stop."""
        if self.cancelled.wait(seconds) if seconds > 0 else self.cancelled.is_set():
            raise errors.Cancelled("interrupted")

    def _pages(
        self, path: str, what: str, read: Callable[[Any], list[_T]], limit: int | None = None
    ) -> Iterator[_T]:
        skip = 0
        before: list[_T] = []
        while True:
            page = min(_PAGE, limit - skip) if limit is not None else _PAGE
            items = self._call("GET", f"{path}?limit={page}&skip={skip}", what, "", read)
            # A server that does not know pages would repeat the first one for ever.
            if items == before:
                return
            yield from items
            skip += len(items)
            if len(items) < page or skip == limit:
                return
            before = items

    def _write(
        self,
        path: str,
        what: str,
        domain: str,
        read: Callable[[Any], _T],
        changes: Mapping[str, object],
    ) -> _T:
        with self.writing(normalize_domain(domain)):
            return self._call("PUT", path, what, domain, read, write_form(changes))

    def _request_certificate(self, method: str, tracking_domain: str, verb: str) -> None:
        what = f"cannot {verb} the certificate for {tracking_domain}"
        path = X509_PATH + _quoted(tracking_domain)
        self._call(method, path, what, tracking_domain, _read_confirmation, is_repeatable=False)

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        domain: str,
        read: Callable[[Any], _T],
        form: Mapping[str, str] | None = None,
        *,
        is_repeatable: bool = True,
    ) -> _T:
        elapsed = _Elapsed(time.monotonic())

        def attempt() -> _T:
            response = self._attempt(method, path, what, domain, form, elapsed)
            return self._understand(response, read, what, domain)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RETRIED),
            wait=_wait,
            stop=lambda state: (
                not is_repeatable or self._is_too_late(elapsed, state.upcoming_sleep)
            ),
            sleep=self.pause,
            before_sleep=self._report,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except errors.TrackingError as error:
            shown = error
            if isinstance(error, errors.Cancelled):
                reason = "interrupted" + " before Mailgun answered" * elapsed.is_unclear
                shown = errors.Cancelled(what, reason, domain=domain)
            elif isinstance(error, errors.UnreadableResponse) and not self._is_mailgun:
                shown = errors.UnexpectedResponse(
                    what, error.reason, advice=advise_base_url(self.names), domain=domain
                )
            # Also of an attempt before the last one.
            shown.is_unclear = elapsed.is_unclear
            raise shown from None

    @property
    def _is_mailgun(self) -> bool:
        """Whether it is Mailgun that was asked: a bad response is from something in between."""
        return self.transport.was_reached or region_of(self.transport.base_url) is not None

    def _attempt(
        self,
        method: str,
        path: str,
        what: str,
        domain: str,
        form: Mapping[str, str] | None,
        elapsed: _Elapsed,
    ) -> Answer:
        hold = 1.0
        while True:
            moment = self._wait_for_rate_limit(elapsed, what, domain)
            timeout = max(1.0, self._current_deadline - elapsed.seconds)
            was_unclear = elapsed.is_unclear
            elapsed.is_unclear = method != "GET"
            try:
                response = self.transport.send(
                    method,
                    path,
                    what,
                    timeout=timeout,
                    cancelled=self.cancelled,
                    form=form,
                    domain=domain,
                )
            except errors.TrackingError as failure:
                if not isinstance(failure, (*RETRIED, errors.Cancelled)):
                    # It was not sent.
                    elapsed.is_unclear = was_unclear
                raise
            finally:
                self.transport.rate_limit.finish(moment)
            is_success = response.status // 100 == 2
            if is_success or (method == "GET" and response.status == 404):
                self.transport.allowed.add(access_of(method, path))
            if is_success:
                return response
            self.transport.was_reached = True
            error = refusal(response, self.transport, method, path, what, domain, form, self.names)
            if not isinstance(error, RETRIED):
                elapsed.is_unclear = was_unclear
            if not isinstance(error, errors.RateLimited):
                raise error
            if error.retry_after:
                self.transport.rate_limit.hold(error.retry_after)
            else:
                self.transport.rate_limit.hold(hold)
                hold = min(2 * hold, _LONGEST_HOLD_SECONDS)

    def _wait_for_rate_limit(self, elapsed: _Elapsed, what: str, domain: str) -> float:
        """Wait until Mailgun's rate limit and the budget allow the call; returns its moment."""
        self.sleep(0)
        limit = self.transport.rate_limit
        began, before = time.monotonic(), elapsed.waited
        moment = math.inf
        while True:
            while held := limit.held_for():
                if elapsed.held + held > RATE_LIMIT_SECONDS:
                    raise rate_limited(what, held, domain, self.names)
                self.report_rate_limit()
                self.pause(held)
                elapsed.held += held
            if moment == math.inf:
                self.report_rate_limit()
            moment, seconds = limit.reserve(moment)
            self.sleep(seconds)
            if not seconds and not limit.held_for():
                break
        elapsed.waited = before + time.monotonic() - began
        return moment

    @property
    def _current_deadline(self) -> float:
        """The deadline of a call, which is shorter while Mailgun was never reached."""
        if self.transport.was_reached:
            return self.deadline
        return min(self.deadline, FIRST_CONTACT_SECONDS)

    def _is_too_late(self, elapsed: _Elapsed, upcoming_sleep: float) -> bool:
        return elapsed.seconds + upcoming_sleep > self._current_deadline

    def _report(self, state: tenacity.RetryCallState) -> None:
        error = _error_of(state)
        if state.attempt_number >= 2 or state.upcoming_sleep > _UNTOLD_SECONDS:
            status = f" ({error.status})" if error.status else ""
            self.say(f"{error.reason}{status}: retrying in {state.upcoming_sleep:.0f} s")

    def _understand(
        self, response: Answer, read: Callable[[Any], _T], what: str, domain: str
    ) -> _T:
        try:
            understood = read(response.json())
        except (ValueError, RecursionError) as error:
            raise errors.UnreadableResponse(
                what,
                f"unexpected response from {self.transport.base_url}: " + shorten(str(error)),
                advice="try again later",
                domain=domain,
            ) from None
        self.transport.was_reached = True
        return understood


def _read_own(domain: str, body: object) -> DomainDetails:
    """The domain in a response, which has to be the one that was asked for."""
    details = read_domain(body)
    if details.name != normalize_domain(domain):
        raise ValueError(f"it is about {details.name}, not about {normalize_domain(domain)}")
    return details


def _read_confirmation(body: object) -> None:
    if not isinstance(body, Mapping):
        raise ValueError("it is not an object")


def _quoted(name: str) -> str:
    return quote(normalize_domain(name), safe="")


def _wait(state: tenacity.RetryCallState) -> float:
    # A Retry-After of 0 would repeat calls without a pause until the deadline.
    return _error_of(state).retry_after or 0.2 + _BACK_OFF(state)


def _error_of(state: tenacity.RetryCallState) -> errors.TrackingError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, RETRIED), "nothing else is retried"
    return error
