"""What checks read about domains that are new to a stack, without a round trip for each.

The engine checks one resource after another, so a check that waits for Mailgun each time would
cost a program with a hundred new domains a hundred round trips. Only the first check waits for
its own GET. From the second new domain of an account on, whichever comes first answers: the
domain's own GET, or the account's list of domains. The own GETs also serve create.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .. import errors
from .._api.target import Target
from .resource_log import ResourceLog

if TYPE_CHECKING:
    from .._api.client import MailgunClient
    from .._api.models import DomainDetails

WORKERS = 32
LISTED_DOMAINS = 1000
"""How many domains are listed at most."""
FRESH_SECONDS = 30.0
"""How long create uses what check has read."""
REPORT_SECONDS = 1.0
"""How often a check that waits for a read looks whether a rate limit holds it up."""
NO_RESPONSE = (
    errors.Unreachable,
    errors.ServerError,
    errors.RateLimited,
    errors.UnreadableResponse,
)
"""Errors that say nothing about a domain, only that Mailgun is not available now."""
_OF_THE_SERVER = (*NO_RESPONSE, errors.UnexpectedResponse)
"""Errors that every other domain's request would end with as well."""

_T = TypeVar("_T")
Kind = Literal["details", "tracking"]
"""What is read: ``GET /v4/domains/{name}`` or ``GET /v3/domains/{name}/tracking``."""


@dataclass(frozen=True)
class _Read:
    future: Future[Any]
    started: float


@dataclass
class _Account:
    """What is read about one account, in one region and subaccount."""

    client: MailgunClient
    reads: dict[tuple[Kind, str], _Read] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    list: Future[dict[str, DomainDetails]] | None = None
    server_error: errors.TrackingError | None = None


class ReadAhead:
    """The reads of a process.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="mailgun-tracking-read")
        self._accounts: dict[Target, _Account] = {}
        self._callbacks: set[Future[None]] = set()
        self._stopped = threading.Event()

    def start(self, client: MailgunClient, target: Target, *kinds: Kind) -> None:
        """Start to read a domain that is new to the stack."""
        with self._lock:
            account = self._account(client, target)
            account.domains.add(target.domain)
            if account.server_error:
                return
            for kind in kinds:
                self._read(account, kind, target.domain)
            if len(account.domains) > 1 and account.list is None:
                account.list = self._pool.submit(_list, account.client)

    def details(self, client: MailgunClient, target: Target) -> DomainDetails:
        """A domain's details: from its own GET, or from the account's list of domains.

        Raises:
            TrackingError: the error of its GET; once it was about the server, always that.
        """
        self.start(client, target, "details")
        with self._lock:
            account = self._account(client, target)
            if account.server_error:
                raise account.server_error
            own: Future[DomainDetails] = self._read(account, "details", target.domain)
            # The list may be older than a change.
            domains = account.list if target.domain not in account.changed else None
        try:
            if domains is not None:
                _await(client, own, domains)
                if not own.done():
                    return self._from_list(client, domains, own, target)
            return _result(client, own)
        except _OF_THE_SERVER as error:
            account.server_error = error
            raise

    def exists(self, client: MailgunClient, target: Target) -> bool:
        """Whether a domain is in a place it was not expected in; False where that is not known."""
        try:
            self.details(client, target)
        except errors.TrackingError:
            return False
        return True

    def is_sending_domain(self, client: MailgunClient, target: Target) -> bool:
        """Whether the account's list has a domain; False where the key may not list them."""
        listed = self._listed(client, target)
        if target.domain in listed or len(listed) < LISTED_DOMAINS:
            return target.domain in listed
        return self.exists(client, target)

    def is_custom_host(self, client: MailgunClient, target: Target) -> bool:
        """Whether links of a domain in the account's list use the target as their custom host."""
        listed = self._listed(client, target)
        return any(details.custom_host == target.domain for details in listed.values())

    def _listed(self, client: MailgunClient, target: Target) -> dict[str, DomainDetails]:
        """The account's list of domains; empty where the key may not list them."""
        with self._lock:
            account = self._account(client, target)
            if account.list is None:
                account.list = self._pool.submit(_list, account.client)
        try:
            return _result(client, account.list)
        except errors.TrackingError:
            return {}

    def on_tracking(
        self, client: MailgunClient, target: Target, callback: Callable[[dict[str, Any]], None]
    ) -> None:
        """Call back with a domain's tracking settings once they are read; not on an error."""
        self.start(client, target, "tracking")
        called: Future[None] = Future()

        def call_back(future: Future[Any]) -> None:
            try:
                if future.exception() is None:
                    callback(future.result())
            finally:
                called.set_result(None)

        with self._lock:
            account = self._account(client, target)
            read = account.reads.get(("tracking", target.domain))
            if read is None:
                return
            self._callbacks.add(called)
        # With a rate limit the reads that are left at the end would take too long.
        if account.list is None or client.is_rate_limited:
            _await(client, read.future)
        read.future.add_done_callback(call_back)

    def drain(self, seconds: float) -> None:
        """Wait a little for callbacks that are still due, then stop all reading.

        Args:
            seconds: how long to wait.
        """
        with self._lock:
            due = set(self._callbacks)
        missed = wait(due, seconds).not_done
        self._stopped.set()
        if missed:
            ResourceLog("").warn(
                f"Mailgun did not answer in time for {len(missed)} of the domains; "
                "their rows do not say what `pulumi up` will change"
            )

    def pop_fresh(
        self, client: MailgunClient, target: Target
    ) -> tuple[dict[str, Any], DomainDetails] | None:
        """What checks have just read about a domain; None unless both are there and fresh."""
        with self._lock:
            account = self._accounts.get(target.with_domain(""))
            if account is None:
                return None
            # The details stay, for the check of the domain's certificate.
            tracking = account.reads.pop(("tracking", target.domain), None)
            details = account.reads.get(("details", target.domain))
        oldest = self._clock() - FRESH_SECONDS
        if not tracking or not details or min(tracking.started, details.started) < oldest:
            return None
        try:
            return _result(client, tracking.future), _result(client, details.future)
        except errors.TrackingError:
            return None

    def forget(self, target: Target, *kinds: Kind) -> None:
        """Forget what was read about a domain, because it changes."""
        with self._lock:
            account = self._accounts.get(target.with_domain(""))
            if account is None:
                return
            for kind in kinds:
                account.reads.pop((kind, target.domain), None)
            if "details" in kinds:
                account.changed.add(target.domain)

    def _account(self, client: MailgunClient, target: Target) -> _Account:
        # Silent, since these reads belong to no resource's row.
        silent = replace(client, say=lambda _message: None, cancelled=self._stopped)
        return self._accounts.setdefault(target.with_domain(""), _Account(silent))

    def _read(self, account: _Account, kind: Kind, domain: str) -> Future[Any]:
        read = account.reads.get((kind, domain))
        if read is None:
            client = account.client
            get = client.get_domain if kind == "details" else client.get_tracking
            read = _Read(self._pool.submit(get, domain), self._clock())
            account.reads[kind, domain] = read
        return read.future

    @staticmethod
    def _from_list(
        client: MailgunClient,
        domains: Future[dict[str, DomainDetails]],
        own: Future[DomainDetails],
        target: Target,
    ) -> DomainDetails:
        # A domain may be newer than the list, and a key may be allowed to read domains and not to
        # list them: then the domain's own GET answers.
        with contextlib.suppress(errors.TrackingError):
            listed = domains.result()
            if target.domain in listed:
                return listed[target.domain]
        return _result(client, own)


def _await(client: MailgunClient, *reads: Future[Any]) -> None:
    """Wait until one of the reads is done, and say so if a rate limit holds them up."""
    while not wait(reads, REPORT_SECONDS, FIRST_COMPLETED).done:
        if client.cancelled.is_set():
            raise errors.Cancelled("interrupted")
        client.report_rate_limit()


def _result(client: MailgunClient, read: Future[_T]) -> _T:
    _await(client, read)
    return read.result()


def _list(client: MailgunClient) -> dict[str, DomainDetails]:
    return {domain.name: domain for domain in client.list_domains(limit=LISTED_DOMAINS)}
