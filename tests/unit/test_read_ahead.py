"""What checks read about new domains: how often, in which order, and what failures mean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.models import CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.read_ahead import FRESH_SECONDS, NO_RESPONSE, ReadAhead
from tests.unit.fakes import Clock

POLLS = 12_000
"""Of 5 ms each; what is not done by then hangs, and fails the test."""
NAMES = [f"d{i}.example.com" for i in range(40)]
FIRST, SECOND, THIRD, *_ = NAMES
UNREACHABLE = errors.Unreachable("cannot read", "no response")
NOT_FOUND = errors.DomainNotFound("cannot read", "Domain not found", status=404)
FORBIDDEN = errors.Unauthorized("cannot list", "Forbidden", status=403)


@dataclass(frozen=True)
class Mailgun:
    """A client whose calls can be held up, or fail: ``details NAME``, ``tracking NAME``, ``list``.

    Attributes:
        calls: the calls so far.
        held: the calls that wait until `release`, or until they are cancelled.
        failing: by call, the error that it raises.
        is_rate_limited: whether a rate limit may hold up calls.
        reported: is set once a wait asks for the rate limit to be reported.
    """

    calls: list[str] = field(default_factory=list)
    held: dict[str, threading.Event] = field(default_factory=dict)
    failing: dict[str, errors.TrackingError] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _message: None
    cancelled: threading.Event = field(default_factory=threading.Event)
    is_rate_limited: bool = False
    reported: threading.Event = field(default_factory=threading.Event)

    def report_rate_limit(self) -> None:
        self.reported.set()

    def hold(self, *calls: str) -> None:
        """Hold up calls."""
        self.held.update({call: threading.Event() for call in calls})

    def release(self) -> None:
        """Let all calls go on."""
        for event in self.held.values():
            event.set()

    def await_call(self, call: str, count: int = 1) -> None:
        """Wait until a call has been made."""
        for _ in range(POLLS):
            if self.calls.count(call) >= count:
                return
            time.sleep(0.005)
        pytest.fail(f"{call} was never made")

    def get_domain(self, name: str) -> DomainDetails:
        self._call(f"details {name}")
        return own_details(name)

    def get_tracking(self, name: str) -> dict[str, Any]:
        self._call(f"tracking {name}")
        return {"click": {"active": name}}

    def list_domains(self, *, limit: int) -> Iterator[DomainDetails]:
        self._call("list")
        yield from (listed_details(name) for name in NAMES)

    def _call(self, call: str) -> None:
        self.calls.append(call)
        event = self.held.get(call)
        for _ in range(POLLS):
            if event is None or event.wait(0.005):
                break
            if self.cancelled.is_set():
                raise errors.Cancelled("cancelled")
        else:
            pytest.fail(f"{call} was never released")
        if call in self.failing:
            raise self.failing[call]


def own_details(name: str) -> DomainDetails:
    """What a domain's own GET returns."""
    record = CnameRecord(f"email.{name}", "mailgun.org")
    return DomainDetails(name, "email", "http", record)


def listed_details(name: str) -> DomainDetails:
    """What the list returns, which has no DNS records."""
    return DomainDetails(name, "email", "http", None)


def target(name: str, region: str = "us") -> Target:
    """A domain of the default account."""
    return Target("default", region, "", name)


@pytest.fixture
def mailgun() -> Iterator[Mailgun]:
    """Mailgun, which answers at once."""
    mailgun = Mailgun()
    yield mailgun
    mailgun.release()


@pytest.fixture
def clock() -> Clock:
    """What tells whether a read is fresh."""
    return Clock()


@pytest.fixture
def reads(clock: Clock) -> Iterator[ReadAhead]:
    """Nothing read yet."""
    reads = ReadAhead(clock)
    yield reads
    reads.drain(0)


def details(reads: ReadAhead, mailgun: Mailgun, name: str) -> DomainDetails:
    """A new domain's details."""
    return reads.details(cast(MailgunClient, mailgun), target(name))


def pop(
    reads: ReadAhead, mailgun: Mailgun, name: str
) -> tuple[dict[str, Any], DomainDetails] | None:
    """What the create of a new domain takes over."""
    return reads.pop_fresh(cast(MailgunClient, mailgun), target(name))


def check(
    reads: ReadAhead, mailgun: Mailgun, name: str, seen: list[str] | None = None
) -> DomainDetails:
    """What the check of a new domain does; adds the domain to `seen` once its settings are read."""
    client = cast(MailgunClient, mailgun)
    told = [] if seen is None else seen
    reads.start(client, target(name), "tracking", "details")
    found = reads.details(client, target(name))
    reads.on_tracking(
        client, target(name), lambda tracking: told.append(tracking["click"]["active"])
    )
    return found


def await_all_calls(mailgun: Mailgun) -> None:
    """Wait until the slower of a domain's own GET and the list has been sent too."""
    for call in ["list", *(f"details {name}" for name in NAMES)]:
        mailgun.await_call(call)


class TestRequests:
    """How many requests checks make."""

    def test_one_new_domain_needs_its_two_gets(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        check(reads, mailgun, FIRST)
        assert sorted(mailgun.calls) == [f"details {FIRST}", f"tracking {FIRST}"]

    def test_many_need_two_each_and_one_list(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        seen: list[str] = []
        for name in NAMES:
            check(reads, mailgun, name, seen)
        reads.drain(30)
        assert sorted(seen) == sorted(NAMES)
        await_all_calls(mailgun)
        assert len(mailgun.calls) == len(set(mailgun.calls)) == 1 + 2 * len(NAMES)

    def test_checks_at_the_same_time_do_not_repeat_each_other(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """Each domain is checked by two threads."""
        with ThreadPoolExecutor(2 * len(NAMES)) as pool:
            meeting = threading.Barrier(2 * len(NAMES), timeout=30)

            def run(name: str) -> str:
                meeting.wait()
                return check(reads, mailgun, name).name

            assert list(pool.map(run, NAMES * 2)) == NAMES * 2
        await_all_calls(mailgun)
        assert sorted(call for call in mailgun.calls if call.startswith("details")) == sorted(
            f"details {name}" for name in NAMES
        )
        assert mailgun.calls.count("list") == 1

    def test_regions_are_read_apart(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        """A domain in each of two regions makes two first domains, and no list."""
        for region in ("us", "eu"):
            reads.details(cast(MailgunClient, mailgun), target(FIRST, region))
        assert mailgun.calls == [f"details {FIRST}"] * 2


class TestDetails:
    """From the second domain on, the first response counts."""

    def test_the_list_answers_while_the_own_get_is_under_way(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        details(reads, mailgun, FIRST)
        mailgun.hold(*(f"details {name}" for name in NAMES[1:]))
        for name in NAMES[1:]:
            assert details(reads, mailgun, name) == listed_details(name)

    def test_the_own_get_answers_while_the_list_is_under_way(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """A large account's list may take long."""
        mailgun.hold("list")
        for name in NAMES:
            assert details(reads, mailgun, name) == own_details(name)

    def test_a_refused_list_leaves_it_to_the_own_get(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """A key may read domains and not list them."""
        mailgun.failing["list"] = FORBIDDEN
        for name in NAMES[:3]:
            assert details(reads, mailgun, name) == own_details(name)

    def test_a_domain_that_the_list_lacks_is_awaited(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """It may be newer than the list, and a long list is cut off."""
        new = "new.example.com"
        details(reads, mailgun, FIRST)
        mailgun.hold(f"details {SECOND}", f"details {new}")
        assert details(reads, mailgun, SECOND) == listed_details(SECOND)
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(details, reads, mailgun, new)
            mailgun.await_call(f"details {new}")
            mailgun.release()
            assert found.result() == own_details(new)

    @pytest.mark.parametrize("error", [NOT_FOUND, FORBIDDEN])
    def test_an_error_about_one_domain_is_about_no_other(
        self, reads: ReadAhead, mailgun: Mailgun, error: errors.TrackingError
    ) -> None:
        mailgun.failing[f"details {FIRST}"] = error
        for _ in range(2):
            with pytest.raises(type(error)):
                details(reads, mailgun, FIRST)
        assert details(reads, mailgun, SECOND).name == SECOND


@pytest.mark.behaviour(53)
@pytest.mark.parametrize("call", ["details", "list", "pop"])
def test_whoever_waits_for_a_read_reports_the_rate_limit(
    reads: ReadAhead, mailgun: Mailgun, call: str
) -> None:
    """The reads themselves have no row."""
    client = cast(MailgunClient, mailgun)
    check(reads, mailgun, FIRST)
    mailgun.hold("list", f"details {SECOND}")
    waits: dict[str, Callable[[], object]] = {
        "details": lambda: details(reads, mailgun, SECOND),
        "list": lambda: reads.is_sending_domain(client, target(FIRST)),
        "pop": lambda: pop(reads, mailgun, SECOND),
    }
    reads.start(client, target(SECOND), "tracking", "details")
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(waits[call])
        assert mailgun.reported.wait(30)
        mailgun.release()
        assert found.result()


class TestNoResponse:
    """The first check without a response spares the others the wait."""

    @pytest.mark.parametrize("type_", NO_RESPONSE)
    def test_all_checks_have_the_error_of_the_first(
        self, reads: ReadAhead, mailgun: Mailgun, type_: type[errors.TrackingError]
    ) -> None:
        error = type_("cannot read", "out of order")
        mailgun.failing[f"details {FIRST}"] = error
        for name in NAMES:
            with pytest.raises(type_) as caught:
                details(reads, mailgun, name)
            assert caught.value is error
        assert mailgun.calls == [f"details {FIRST}"]

    def test_an_outage_that_begins_later_is_awaited_once(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        mailgun.failing.update(dict.fromkeys(("list", f"details {SECOND}"), UNREACHABLE))
        check(reads, mailgun, FIRST)
        for name in NAMES[1:]:
            with pytest.raises(errors.Unreachable):
                details(reads, mailgun, name)
        assert f"details {THIRD}" not in mailgun.calls

    def test_settings_are_not_awaited_then(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        mailgun.failing[f"details {FIRST}"] = UNREACHABLE
        with pytest.raises(errors.Unreachable):
            details(reads, mailgun, FIRST)
        seen: list[object] = []
        reads.on_tracking(cast(MailgunClient, mailgun), target(SECOND), seen.append)
        assert seen == []
        assert mailgun.calls == [f"details {FIRST}"]


@pytest.mark.parametrize(
    ("error", "exists"), [(None, True), (NOT_FOUND, False), (UNREACHABLE, False)]
)
def test_a_domain_exists_elsewhere_where_its_details_can_be_read(
    reads: ReadAhead, mailgun: Mailgun, error: errors.TrackingError | None, exists: bool
) -> None:
    if error:
        mailgun.failing[f"details {FIRST}"] = error
    client = cast(MailgunClient, mailgun)
    assert [reads.exists(client, target(FIRST)) for _ in range(3)] == [exists] * 3
    assert mailgun.calls == [f"details {FIRST}"]


class TestOnTracking:
    """Callbacks with a domain's settings."""

    def test_for_a_single_domain_it_is_made_before_the_check_ends(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        mailgun.hold(f"tracking {FIRST}")
        seen: list[str] = []

        def run() -> list[str]:
            check(reads, mailgun, FIRST, seen)
            return list(seen)

        with ThreadPoolExecutor(1) as pool:
            at_the_end = pool.submit(run)
            # A check that does not wait would end here.
            wait([at_the_end], 0.2)
            mailgun.release()
            assert at_the_end.result() == [FIRST]

    @pytest.mark.behaviour(53)
    def test_every_check_waits_for_it_with_a_rate_limit(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """Otherwise the rows of those that are left at the end would say nothing."""
        limited = replace(mailgun, is_rate_limited=True)
        check(reads, limited, FIRST)
        mailgun.hold(f"tracking {SECOND}")
        seen: list[str] = []

        def run() -> list[str]:
            check(reads, limited, SECOND, seen)
            return list(seen)

        with ThreadPoolExecutor(1) as pool:
            at_the_end = pool.submit(run)
            assert mailgun.reported.wait(30)
            mailgun.release()
            assert at_the_end.result() == [SECOND]

    def test_later_checks_do_not_wait_for_it(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        seen: list[str] = []
        check(reads, mailgun, FIRST, seen)
        mailgun.hold(f"tracking {SECOND}")
        check(reads, mailgun, SECOND, seen)
        assert seen == [FIRST]
        mailgun.release()
        reads.drain(30)
        assert seen == [FIRST, SECOND]

    def test_it_is_not_made_after_an_error(
        self, reads: ReadAhead, mailgun: Mailgun, caplog: pytest.LogCaptureFixture
    ) -> None:
        mailgun.failing[f"tracking {FIRST}"] = FORBIDDEN
        seen: list[str] = []
        check(reads, mailgun, FIRST, seen)
        reads.drain(30)
        assert seen == []
        assert caplog.records == [], "an error in a callback would be logged"


def test_draining_ends_reads_that_hang(
    reads: ReadAhead, mailgun: Mailgun, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Mailgun that does not respond cannot hold up the process, and it says so."""
    check(reads, mailgun, FIRST)
    mailgun.hold(f"tracking {SECOND}")
    seen: list[str] = []
    check(reads, mailgun, SECOND, seen)
    reads.drain(0.01)
    assert pop(reads, mailgun, SECOND) is None
    assert seen == []
    assert "did not answer in time for 1 of the domains" in capsys.readouterr().err


class TestPopFresh:
    """What create takes over from check."""

    def test_it_is_taken_once(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        """A second create reads again."""
        check(reads, mailgun, FIRST)
        assert pop(reads, mailgun, FIRST) == ({"click": {"active": FIRST}}, own_details(FIRST))
        assert pop(reads, mailgun, FIRST) is None

    def test_details_stay_for_the_check_of_the_certificate(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        check(reads, mailgun, FIRST)
        pop(reads, mailgun, FIRST)
        details(reads, mailgun, FIRST)
        assert mailgun.calls.count(f"details {FIRST}") == 1

    def test_it_has_the_dns_records_that_the_list_lacks(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """Create waits for a read that is under way."""
        check(reads, mailgun, FIRST)
        mailgun.hold(f"details {SECOND}")
        assert check(reads, mailgun, SECOND).cname is None
        mailgun.release()
        taken = pop(reads, mailgun, SECOND)
        assert taken is not None
        assert taken[1] == own_details(SECOND)

    def test_nothing_is_taken_that_was_not_read_in_full(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        assert pop(reads, mailgun, FIRST) is None
        details(reads, mailgun, FIRST)
        assert pop(reads, mailgun, FIRST) is None
        assert pop(reads, mailgun, SECOND) is None

    def test_nothing_is_taken_that_is_old(
        self, reads: ReadAhead, mailgun: Mailgun, clock: Clock
    ) -> None:
        """Somebody may have changed it since."""
        check(reads, mailgun, FIRST)
        clock.now += FRESH_SECONDS + 1
        assert pop(reads, mailgun, FIRST) is None

    @pytest.mark.parametrize("call", [f"details {FIRST}", f"tracking {FIRST}"])
    def test_nothing_is_taken_that_failed(
        self, reads: ReadAhead, mailgun: Mailgun, call: str
    ) -> None:
        mailgun.failing[call] = NOT_FOUND
        reads.start(cast(MailgunClient, mailgun), target(FIRST), "tracking", "details")
        assert pop(reads, mailgun, FIRST) is None

    def test_nothing_is_taken_that_was_forgotten(self, reads: ReadAhead, mailgun: Mailgun) -> None:
        """A change makes what was read about a domain invalid; the next check reads again."""
        check(reads, mailgun, FIRST)
        reads.forget(target(FIRST), "details", "tracking")
        reads.forget(target(FIRST, "eu"), "details", "tracking")
        assert pop(reads, mailgun, FIRST) is None
        details(reads, mailgun, FIRST)
        assert mailgun.calls.count(f"details {FIRST}") == 2

    def test_the_list_no_longer_answers_for_it_then(
        self, reads: ReadAhead, mailgun: Mailgun
    ) -> None:
        """The list was read before the change."""
        for name in NAMES:
            check(reads, mailgun, name)
        reads.forget(target(SECOND), "details")
        mailgun.hold(f"details {SECOND}")
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(details, reads, mailgun, SECOND)
            mailgun.await_call(f"details {SECOND}", count=2)
            mailgun.release()
            assert found.result() == own_details(SECOND)
