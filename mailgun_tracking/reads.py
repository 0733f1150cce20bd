"""What checks read of domains that are new to a stack: each once, and ahead of the checks.

The engine checks one resource after another. So a check that waits for Mailgun each time would cost
a program with a hundred new domains a hundred round trips. From the second new domain of an account
on, its domains are listed, and read ahead of the checks that will ask for them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from . import errors
from .models import Target

if TYPE_CHECKING:
    from .client import MailgunClient
    from .models import DomainDetails

WORKERS = 32
AHEAD = 4
"""How many domains are read ahead for each that was asked for."""
MOST_AHEAD = 64
"""How many domains are read ahead at the most, which nobody has asked for yet, and may never."""
LISTED = 1000
"""How many domains are listed at the most."""
WAITING_BUDGET = 2.0
"""Seconds that the checks of a process together wait for what can also come later."""
FRESH = 30.0
"""Seconds for which create takes what check has read."""
NO_ANSWER = (errors.Unreachable, errors.ServerError, errors.RateLimited)
"""What says nothing about a domain, only that Mailgun cannot be asked now."""

Kind = Literal["details", "tracking"]
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Read:
    future: Future[Any]
    started: float


@dataclass
class _Account:
    """What is read of one account, in one region and subaccount."""

    client: MailgunClient
    settled: set[str]
    reads: dict[tuple[Kind, str], _Read] = field(default_factory=dict)
    kinds: set[Kind] = field(default_factory=set)
    new: set[str] = field(default_factory=set)
    is_listed: bool = False
    is_complete: bool = False
    listed: dict[str, DomainDetails] = field(default_factory=dict)
    no_answer: errors.TrackingError | None = None


class Reads:
    """The reads of a process.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="mailgun-tracking-read")
        self._accounts: dict[Target, _Account] = {}
        self._settled: dict[Target, set[str]] = {}
        self._budget = WAITING_BUDGET
        self._untold: set[Future[None]] = set()
        self._stopped = threading.Event()

    def start(self, client: MailgunClient, target: Target, *kinds: Kind) -> None:
        """Start to read a domain that is new to the stack, and others ahead of their checks."""
        with self._lock:
            account = self._account(client, target)
            account.kinds.update(kinds)
            account.new.add(target.domain)
            if account.no_answer:
                return
            for kind in kinds:
                self._read(account, kind, target.domain)
            if len(account.new) == 2 and not account.is_listed:
                account.is_listed = True
                self._pool.submit(self._list, account)
            self._look_ahead(account)

    def settled(self, target: Target) -> None:
        """Note a domain that is not new: nobody will ask for it."""
        with self._lock:
            self._settled.setdefault(replace(target, domain=""), set()).add(target.domain)

    def details(self, client: MailgunClient, target: Target) -> DomainDetails:
        """A domain's details: as read, or, once checks have waited long enough, as listed.

        Raises:
            TrackingError: what its GET raised; without an answer, what the first one raised.
        """
        self.start(client, target, "details")
        with self._lock:
            account = self._account(client, target)
            if account.no_answer:
                raise account.no_answer
            future: Future[DomainDetails] = self._read(account, "details", target.domain)
            first = len(account.new) == 1
        try:
            try:
                return self._result(future, None if first else self._budget)
            except NotYet:
                listed = account.listed.get(target.domain)
                if listed is not None:
                    return listed
                if account.is_complete:
                    raise errors.DomainNotFound(
                        f"cannot read the domain {target.domain}",
                        "the account's list of domains does not have it",
                        domain=target.domain,
                    ) from None
                return future.result()
        except NO_ANSWER as error:
            account.no_answer = error
            raise

    def tell_tracking(
        self, client: MailgunClient, target: Target, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        """Hand a domain's settings to `tell`: now, or once they are there; on an error, never."""
        told: Future[None] = Future()

        def hand_over(future: Future[Any]) -> None:
            try:
                if future.exception() is None:
                    tell(future.result())
            finally:
                told.set_result(None)

        self.start(client, target, "tracking")
        with self._lock:
            read = self._account(client, target).reads.get(("tracking", target.domain))
            if read is None:
                return
            self._untold.add(told)
        with contextlib.suppress(NotYet, errors.TrackingError):
            self._result(read.future, self._budget)
        read.future.add_done_callback(hand_over)

    def finish(self, seconds: float) -> None:
        """Wait a little for what is still to be told, then end all reading.

        Args:
            seconds: how long to wait.
        """
        with self._lock:
            untold = set(self._untold)
        wait(untold, seconds)
        self._stopped.set()

    def take(self, target: Target) -> tuple[dict[str, Any], DomainDetails] | None:
        """What checks have just read of a domain; None where it is not whole or not fresh."""
        with self._lock:
            account = self._accounts.get(replace(target, domain=""))
            if account is None:
                return None
            # The details stay, for the check of the domain's certificate.
            tracking = account.reads.pop(("tracking", target.domain), None)
            details = account.reads.get(("details", target.domain))
        oldest = self._clock() - FRESH
        if not tracking or not details or min(tracking.started, details.started) < oldest:
            return None
        try:
            return tracking.future.result(), details.future.result()
        except errors.TrackingError:
            return None

    def forget(self, target: Target, *kinds: Kind) -> None:
        """Forget what was read of a domain: it was changed, or is about to be."""
        with self._lock:
            account = self._accounts.get(replace(target, domain=""))
            if account is None:
                return
            for kind in kinds:
                account.reads.pop((kind, target.domain), None)

    def is_there(self, client: MailgunClient, target: Target) -> bool:
        """Whether a domain is in another place than it was looked for; False where not known."""
        with self._lock:
            account = self._account(client, target)
            if account.no_answer:
                return False
            first = not account.reads
            future = self._read(account, "details", target.domain)
        try:
            self._result(future, None if first else self._budget)
        except NO_ANSWER as error:
            account.no_answer = error
            return False
        except (NotYet, errors.TrackingError):
            return False
        return True

    def _account(self, client: MailgunClient, target: Target) -> _Account:
        # No row gets the lines of a read ahead: nobody knows yet whose row that would be.
        silent = replace(client, say=lambda _message: None, cancelled=self._stopped)
        key = replace(target, domain="")
        settled = self._settled.setdefault(key, set())
        return self._accounts.setdefault(key, _Account(silent, settled))

    def _read(self, account: _Account, kind: Kind, domain: str) -> Future[Any]:
        read = account.reads.get((kind, domain))
        if read is None:
            client = account.client
            ask = client.get_domain if kind == "details" else client.get_tracking
            read = _Read(self._pool.submit(ask, domain), self._clock())
            account.reads[kind, domain] = read
        return read.future

    def _list(self, account: _Account) -> None:
        try:
            found = list(account.client.list_domains(limit=LISTED))
        except errors.TrackingError:
            # A key may read domains and not list them: then nothing is read ahead.
            return
        with self._lock:
            account.listed = {details.name: details for details in found}
            account.is_complete = len(found) < LISTED
            self._look_ahead(account)

    def _look_ahead(self, account: _Account) -> None:
        passed_over = account.new | account.settled
        under_way = {domain for _, domain in account.reads} - passed_over
        missing = min(AHEAD * len(account.new), MOST_AHEAD) - len(under_way)
        for domain in account.listed:
            if missing <= 0:
                return
            if domain not in passed_over and domain not in under_way:
                for kind in account.kinds:
                    self._read(account, kind, domain)
                missing -= 1

    def _result(self, future: Future[_T], patience: float | None) -> _T:
        started = self._clock()
        try:
            return future.result(None if patience is None else max(0.0, patience))
        finally:
            with self._lock:
                self._budget -= self._clock() - started


reads = Reads()
