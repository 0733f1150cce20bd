"""What checks read, and how long they wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from mailgun_tracking import errors, reads
from mailgun_tracking.client import MailgunClient
from mailgun_tracking.models import DomainDetails, Target
from mailgun_tracking.reads import Reads

NAMES = [f"d{i}.example.com" for i in range(40)]


@dataclass(frozen=True)
class Mailgun:
    """A client whose answers come when `open` is set."""

    calls: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    fail: errors.TrackingError | None = None
    fails_after: int = 0
    say: Callable[[str], None] = lambda _line: None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def get_domain(self, name: str) -> DomainDetails:
        self._asked(f"domain {name}")
        return details_of(name)

    def get_tracking(self, name: str) -> dict[str, Any]:
        self._asked(f"tracking {name}")
        return {"click": {"active": name}}

    def list_domains(self, *, limit: int) -> Iterator[DomainDetails]:
        self._asked("list")
        yield from (details_of(name) for name in NAMES)

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        assert self.open.wait(30)
        if self.fail and len(self.calls) > self.fails_after:
            raise self.fail


def details_of(name: str) -> DomainDetails:
    return DomainDetails(name, "http", "email", None)


def target(name: str) -> Target:
    return Target("default", "us", "", name)


@pytest.fixture
def mailgun() -> Iterator[Mailgun]:
    """Mailgun, which answers at once."""
    made = Mailgun()
    made.open.set()
    yield made
    made.open.set()


def client_of(mailgun: Mailgun) -> MailgunClient:
    return cast(MailgunClient, mailgun)


def check(made: Reads, mailgun: Mailgun, name: str, tell: Callable[[Any], None]) -> DomainDetails:
    """What a check of a new domain does."""
    made.start(client_of(mailgun), target(name), "tracking", "details")
    details = made.details(client_of(mailgun), target(name))
    made.tell_tracking(client_of(mailgun), target(name), tell)
    return details


def test_many_checks_read_each_domain_once_and_list_once(mailgun: Mailgun) -> None:
    """Two GETs a domain, and one list for all."""
    made, told = Reads(), list[str]()
    for name in NAMES:
        check(made, mailgun, name, lambda tracking: told.append(tracking["click"]["active"]))
    made.finish(30)
    assert sorted(told) == sorted(NAMES)
    assert mailgun.calls.count("list") == 1
    assert len(mailgun.calls) == len(set(mailgun.calls)) == 1 + 2 * len(NAMES)


def test_one_domain_alone_is_not_listed(mailgun: Mailgun) -> None:
    """A program with one new domain makes the two GETs that it needs."""
    made = Reads()
    check(made, mailgun, NAMES[0], lambda _tracking: None)
    made.finish(30)
    assert sorted(mailgun.calls) == [f"domain {NAMES[0]}", f"tracking {NAMES[0]}"]


def test_all_checks_together_wait_no_longer_than_their_budget(
    mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow Mailgun is, only a budget is waited for what can also come later."""
    now, waited = [0.0], list[float]()
    made, told = Reads(clock=lambda: now[0]), list[str]()
    check(made, mailgun, NAMES[0], lambda _tracking: None)
    mailgun.open.clear()

    class Slow:
        """A future that is waited for on the fake clock."""

        def __init__(self, future: Any) -> None:
            self._future = future

        def result(self, timeout: float | None = None) -> Any:
            assert timeout is not None
            waited.append(timeout)
            now[0] += timeout
            raise NotYet

        def add_done_callback(self, call: Callable[[Any], None]) -> None:
            self._future.add_done_callback(call)

    submit = made._pool.submit
    monkeypatch.setattr(
        made._pool, "submit", lambda call, *args: cast(Any, Slow(submit(call, *args)))
    )
    for name in NAMES[1:]:
        made.tell_tracking(
            client_of(mailgun), target(name), lambda got: told.append(got["click"]["active"])
        )
    assert now[0] == pytest.approx(reads.WAITING_BUDGET, abs=0.5)
    assert told == []

    mailgun.open.set()
    made.finish(30)
    assert sorted(told) == sorted(NAMES[1:])


def test_the_end_waits_a_while_for_what_is_untold(mailgun: Mailgun) -> None:
    """Then all reading ends: a hanging Mailgun does not hold the process."""
    made = Reads()
    account = made._account(client_of(mailgun), target(NAMES[0]))
    mailgun.open.clear()
    made._budget = 0
    made.tell_tracking(client_of(mailgun), target(NAMES[0]), lambda _tracking: None)
    made.finish(0.01)
    assert cast(Any, account.client).cancelled.is_set()


def test_what_was_read_is_taken_once(mailgun: Mailgun) -> None:
    """create takes what its check has read, and a second create reads anew."""
    made = Reads()
    check(made, mailgun, NAMES[0], lambda _tracking: None)
    assert made.take(target(NAMES[0])) == (
        {"click": {"active": NAMES[0]}},
        details_of(NAMES[0]),
    )
    assert made.take(target(NAMES[0])) is None
    assert made.take(target("other.example.com")) is None


def test_what_was_read_long_ago_is_not_taken(mailgun: Mailgun) -> None:
    """Somebody may have changed it since."""
    now = [0.0]
    made = Reads(clock=lambda: now[0])
    check(made, mailgun, NAMES[0], lambda _tracking: None)
    now[0] += reads.FRESH + 1
    assert made.take(target(NAMES[0])) is None


def test_without_an_answer_nobody_asks_again() -> None:
    """The first check that gets no answer spares the others the wait."""
    mailgun = Mailgun(fail=errors.Unreachable("cannot read", "no answer"))
    mailgun.open.set()
    made = Reads()
    for name in NAMES[:3]:
        with pytest.raises(errors.Unreachable):
            made.details(client_of(mailgun), target(name))
    assert [call for call in mailgun.calls if call.startswith("domain")] == [f"domain {NAMES[0]}"]


def test_an_outage_that_comes_later_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where checks have waited long enough, and nothing is listed."""
    monkeypatch.setattr(reads, "WAITING_BUDGET", 0.0)
    mailgun = Mailgun(fail=errors.Unreachable("cannot read", "no answer"), fails_after=1)
    mailgun.open.set()
    made = Reads()
    made.details(client_of(mailgun), target(NAMES[0]))
    for name in NAMES[1:4]:
        with pytest.raises(errors.Unreachable):
            made.details(client_of(mailgun), target(name))
    assert sorted(call for call in mailgun.calls if call != "list") == [
        f"domain {name}" for name in sorted(NAMES[:2])
    ]


def test_domains_that_nobody_asks_for_are_read_within_bounds(mailgun: Mailgun) -> None:
    """An account may have many more domains than the program."""
    made = Reads()
    account = made._account(client_of(mailgun), target(NAMES[0]))
    account.listed = {name: details_of(name) for name in (f"x{i}.example.com" for i in range(500))}
    account.is_listed = True
    for name in NAMES:
        check(made, mailgun, name, lambda _tracking: None)
    made.finish(30)
    made._pool.shutdown()
    assert len({call.split()[1] for call in mailgun.calls}) == len(NAMES) + reads.MOST_AHEAD


def test_a_place_that_gives_no_answer_is_asked_once() -> None:
    """A hundred domains that are not found cost one time-out of the other region, not a hundred."""
    gone = Mailgun(fail=errors.Unreachable("cannot read", "no answer"))
    gone.open.set()
    made = Reads()
    assert [made.is_there(client_of(gone), target(name)) for name in NAMES] == [False] * len(NAMES)
    assert gone.calls == [f"domain {NAMES[0]}"]


def test_what_was_changed_is_read_again(mailgun: Mailgun) -> None:
    """`take` gives nothing that was forgotten, and a later check asks anew."""
    made = Reads()
    check(made, mailgun, NAMES[0], lambda _tracking: None)
    made.forget(target(NAMES[0]), "details", "tracking")
    assert made.take(target(NAMES[0])) is None
    made.details(client_of(mailgun), target(NAMES[0]))
    assert mailgun.calls.count(f"domain {NAMES[0]}") == 2


def test_a_domain_that_a_whole_list_lacks_is_not_waited_for(
    mailgun: Mailgun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once checks have waited long enough, a list with room to spare says that it is not there."""
    monkeypatch.setattr(reads, "WAITING_BUDGET", 0.0)
    made = Reads()
    made.details(client_of(mailgun), target(NAMES[0]))
    made.start(client_of(mailgun), target(NAMES[1]), "details")
    account = next(iter(made._accounts.values()))
    while not account.is_complete:
        threading.Event().wait(0.001)
    mailgun.open.clear()
    with pytest.raises(errors.DomainNotFound, match=r"list of domains does not have it"):
        made.details(client_of(mailgun), target("new.example.com"))
