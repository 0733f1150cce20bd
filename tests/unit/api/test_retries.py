"""What is retried, how long, how often, and what is raised in the end."""

from __future__ import annotations

import functools
import json
import re
import time
from contextlib import closing

import pytest
from pytest_httpserver import HTTPServer

from mailgun_tracking import errors
from mailgun_tracking._api import client as client_module
from mailgun_tracking._api.client import RATE_LIMIT_SECONDS, RETRIED, MailgunClient
from mailgun_tracking._api.rate_limit import TURNS_PER_SECOND, RateLimit
from mailgun_tracking._api.transport import Transport
from tests.unit.api.calls import (
    ANY,
    CALLS,
    DOMAIN,
    KEY,
    REPEATED_CALLS,
    TRACKING,
    failure,
    requests_to,
)
from tests.unit.api.conftest import ClientFactory
from tests.unit.api.wire import FaultyServer, http_response, reset, serving
from tests.unit.fakes import Clock, Stop

Meanings = dict[int, type[errors.MailgunError]]

UNCLEAR = (408, 425, 499, 500, 501, 502, 503, 504, 507, 520, 524, 599)
FOR_ALL: Meanings = {
    301: errors.UnexpectedResponse,
    307: errors.UnexpectedResponse,
    401: errors.Unauthorized,
    403: errors.Unauthorized,
} | dict.fromkeys(UNCLEAR, errors.ServerError)
FOR_DOMAINS: Meanings = FOR_ALL | {
    400: errors.MailgunError,
    402: errors.MailgunError,
    404: errors.DomainNotFound,
    405: errors.MailgunError,
    409: errors.MailgunError,
    429: errors.RateLimited,
}
FOR_CERTIFICATES: Meanings = FOR_ALL | {
    400: errors.CnameNotValid,
    402: errors.CertificatesNotInPlan,
    404: errors.CertificateNotFound,
    405: errors.UnexpectedResponse,
    409: errors.CertificateConflict,
    429: errors.RateLimited,
}

ARE_RETRIED = {*UNCLEAR, 429}


def meanings_for(name: str) -> Meanings:
    """What each status means as the response to a call."""
    return FOR_CERTIFICATES if "x509" in name else FOR_DOMAINS


POLICY = [
    # A POST or PUT of a certificate is never repeated blindly.
    (name, status, status == 429 or (status in UNCLEAR and name in REPEATED_CALLS), error)
    for name in CALLS
    for status, error in meanings_for(name).items()
]


class TestStatus:
    """What a status means, and whether the call is retried."""

    @pytest.mark.parametrize(("name", "status", "is_retried", "error"), POLICY)
    def test_policy(
        self,
        name: str,
        status: int,
        is_retried: bool,
        error: type[errors.MailgunError],
        httpserver: HTTPServer,
        new_client: ClientFactory,
        clock: Clock,
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json({"message": "no domain"}, status=status)
        mailgun = new_client(httpserver.url_for("/"), deadline=5)
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is error
        assert caught.status == status
        assert set(requests_to(httpserver)) == {name}
        assert (len(httpserver.log) > 1) is is_retried
        assert bool(clock.waits) is is_retried

    def test_the_clients_docstring_lists_what_is_retried(self) -> None:
        table = (client_module.__doc__ or "").splitlines()
        rows = [line for line in table if re.search(r"^\S.* {2,}(yes|no|after)\b", line)]
        retried = [re.findall(r"`(\w+)`", row) for row in rows if "  yes  " in row]
        statuses = [status for row in rows for status in re.findall(r"\b\d(?:\d\d|xx)\b", row)]
        assert {name for names in retried for name in names} == {
            error.__name__ for error in RETRIED
        }
        assert {"5xx", *(str(status) for status in ARE_RETRIED if status < 500)} <= {*statuses}

    def test_a_success_after_failures_is_a_success(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        for status in (503, 429, 500):
            httpserver.expect_ordered_request(ANY).respond_with_data(status=status)
        httpserver.expect_ordered_request(ANY).respond_with_json({"tracking": TRACKING})
        assert mailgun.get_tracking(DOMAIN)["click"] == {"active": "htmlonly"}
        assert len(httpserver.log) == 4

    def test_a_retry_sends_the_whole_form_again(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_ordered_request(ANY).respond_with_data(status=502)
        httpserver.expect_ordered_request(ANY).respond_with_json({"message": "done"})
        mailgun.update_tracking(DOMAIN, "open", {"active": True})
        assert [request.form["active"] for request, _ in httpserver.log] == ["true", "true"]


class TestDeadline:
    """A call is retried until its deadline and no longer."""

    @pytest.mark.parametrize("deadline", [5.0, 10.0, 120.0])
    def test_limits_all_attempts_together(
        self, deadline: float, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data(status=500)
        failure(lambda: new_client(httpserver.url_for("/"), deadline=deadline).get_domain(DOMAIN))
        # Another wait, of at most 20.2 s, would have ended after it.
        assert max(0.0, deadline - 20.2) <= clock.passed <= deadline

    def test_delays_grow_up_to_a_limit(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("random.uniform", lambda low, high: high)
        httpserver.expect_request(ANY).respond_with_data(status=500)
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert clock.waits == sorted(clock.waits)
        assert clock.waits[0] < 3
        assert clock.waits[-1] == pytest.approx(20.2)

    def test_starts_anew_with_each_call(
        self, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        mailgun = new_client(httpserver.url_for("/"), deadline=5)
        httpserver.expect_request(ANY).respond_with_data(status=500)
        failure(lambda: mailgun.get_domain(DOMAIN))
        first = len(httpserver.log)
        clock.now += 1000
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert len(httpserver.log) > first + 1


class TestRetryAfter:
    """The delay that Mailgun asks for."""

    def respond_with(self, server: HTTPServer, value: str, status: int = 429) -> None:
        server.expect_ordered_request(ANY).respond_with_data(
            status=status, headers={"Retry-After": value}
        )
        server.expect_ordered_request(ANY).respond_with_json({"tracking": TRACKING})

    @pytest.mark.parametrize("status", [429, 503])
    def test_in_seconds(
        self, status: int, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.respond_with(httpserver, "7", status)
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [7.0]

    def test_as_a_date(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        noon = 1793534400.0
        monkeypatch.setattr(time, "time", lambda: noon)
        self.respond_with(httpserver, "Sun, 01 Nov 2026 12:00:30 GMT")
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [30.0]

    @pytest.mark.parametrize(
        "value",
        [
            *("soon", "", "-5", "1.5", "0"),
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999 08:49:37 GMT",
            "9" * 5000,
        ],
        ids=lambda value: value[:30],
    )
    def test_that_cannot_be_used_is_replaced_by_the_default_delay(
        self, value: str, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.respond_with(httpserver, value)
        mailgun.get_tracking(DOMAIN)
        (wait,) = clock.waits
        assert 0.2 <= wait <= 2.2

    def test_beyond_the_deadline_is_not_waited_for(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.respond_with(httpserver, "3600", 503)
        assert type(failure(lambda: mailgun.get_tracking(DOMAIN))) is errors.ServerError
        assert clock.waits == []
        assert len(httpserver.log) == 1


BODY = {"tracking": TRACKING}
RESET = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0"}


def limit(server: HTTPServer, *headers: dict[str, str]) -> None:
    """Answer 429 with each of some headers, and then as asked."""
    for more in headers:
        server.expect_ordered_request(ANY).respond_with_json(
            {"message": "Too many requests"}, status=429, headers=more
        )
    server.expect_ordered_request(ANY).respond_with_json(BODY)


class TestReset:
    """A rate limit that says in unix seconds when it ends."""

    @pytest.mark.behaviour(53)
    @pytest.mark.parametrize("now", ["Sun, 01 Nov 2026 12:00:00 GMT", None, "yesterday"])
    def test_is_waited_for_by_the_servers_clock(
        self,
        now: str | None,
        httpserver: HTTPServer,
        new_client: ClientFactory,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """This machine's clock may differ by hours; it only counts where there is no other."""
        noon = 1793534400
        is_known = now is not None and now.endswith("GMT")
        monkeypatch.setattr(time, "time", lambda: noon + (7200.0 if is_known else 0.0))
        headers = [f"{name}: {value}" for name, value in RESET.items()]
        headers += [f"X-RateLimit-Reset: {noon + 42}", *([f"Date: {now}"] if now else [])]
        told: list[str] = []
        with serving(
            FaultyServer(
                http_response("429 Too Many Requests", "", *headers),
                http_response("200 OK", json.dumps(BODY)),
            )
        ) as server:
            new_client(f"http://{server.authority}", deadline=5, say=told.append).get_tracking(
                DOMAIN
            )
        assert clock.waits == [42.0]
        assert told == ["Mailgun's rate limit is reached: continuing in 42 s"]

    @pytest.mark.parametrize("reset", ["soon", "", "0", "1.5", "-7", "9" * 5000])
    def test_that_cannot_be_used_is_replaced_by_growing_waits(
        self, reset: str, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        """Also one that is over, as the first ones after a reset may be a little early."""
        headers = {**RESET, "X-RateLimit-Reset": reset, "Date": "Sun, 01 Nov 2026 12:00:00 GMT"}
        limit(httpserver, *[headers] * 7)
        mailgun.get_tracking(DOMAIN)
        assert [wait for wait in clock.waits if wait >= 1] == [1, 2, 4, 8, 16, 20, 20]

    def test_yields_to_retry_after(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        limit(httpserver, {"Retry-After": "7", "X-RateLimit-Reset": str(10**10)})
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [7.0]

    @pytest.mark.behaviour(53)
    def test_too_far_ahead_is_an_error_at_once(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        limit(httpserver, {"Retry-After": "3600"})
        caught = failure(lambda: mailgun.get_tracking(DOMAIN))
        assert type(caught) is errors.RateLimited
        assert caught.retry_after == 3600
        assert caught.domain == DOMAIN
        assert "rate limit is reached and resets in 3600 s (429)" in str(caught)
        assert "mailgun-tracking:requestsPerMinute" in caught.advice
        assert clock.waits == []

    @pytest.mark.behaviour(53)
    def test_that_never_helps_ends_after_half_an_hour(
        self, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        """Whatever the deadline of the call is."""
        httpserver.expect_request(ANY).respond_with_data(status=429, headers={"Retry-After": "59"})
        mailgun = new_client(httpserver.url_for("/"), deadline=5)
        assert type(failure(lambda: mailgun.get_tracking(DOMAIN))) is errors.RateLimited
        assert RATE_LIMIT_SECONDS - 60 < clock.passed < RATE_LIMIT_SECONDS + 10

    @pytest.mark.parametrize(
        ("headers", "is_rate_limit"),
        [
            ({**RESET, "X-RateLimit-Reset": "0"}, True),
            ({"Retry-After": "1"}, True),
            ({**RESET, "X-RateLimit-Remaining": "7", "X-RateLimit-Reset": "0"}, False),
            ({}, False),
        ],
    )
    @pytest.mark.behaviour(81)
    @pytest.mark.parametrize("text", ["job is already in progress", "Too many requests"])
    def test_is_no_certificate_in_progress(
        self,
        headers: dict[str, str],
        is_rate_limit: bool,
        text: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        """A PUT of a certificate is also answered with 429 while one is being issued."""
        is_rate_limit = is_rate_limit or "in progress" not in text
        httpserver.expect_ordered_request(ANY).respond_with_json(
            {"Description": text}, status=429, headers=headers
        )
        httpserver.expect_ordered_request(ANY).respond_with_json(BODY)
        if is_rate_limit:
            mailgun.regenerate_certificate(DOMAIN)
        else:
            caught = failure(lambda: mailgun.regenerate_certificate(DOMAIN))
            assert type(caught) is errors.CertificateInProgress


class TestBudget:
    """A budget of one's own."""

    @pytest.mark.behaviour(54)
    def test_is_never_exceeded_in_any_minute(self, clock: Clock) -> None:
        budget = RateLimit(per_minute=3)
        times = []
        for wait in (0, 0, 10, 0, 0, 70, 0, 0, 0, 0):
            clock.now += wait
            times.append(clock.passed + budget.reserve()[1])
        assert times == [0, 0, 10, 60, 60, 80, 120, 120, 140, 180]

    @pytest.mark.behaviour(54)
    def test_is_waited_for_and_told(self, httpserver: HTTPServer, stop: Stop, clock: Clock) -> None:
        """Without counting against the deadline."""
        httpserver.expect_request(ANY).respond_with_json(BODY)
        told: list[str] = []
        with closing(
            Transport(httpserver.url_for("/"), KEY, rate_limit=RateLimit(per_minute=2))
        ) as transport:
            mailgun = MailgunClient(transport, deadline=5, say=told.append, cancelled=stop)
            for _ in range(3):
                mailgun.get_tracking(DOMAIN)
        assert clock.passed == 60
        assert told == ["your budget of 2 requests per minute is used up: continuing in 60 s"]

    def test_is_only_one_of_the_limits(self, clock: Clock) -> None:
        budget = RateLimit(per_minute=1)
        assert (budget.is_limited, RateLimit().is_limited) == (True, False)
        budget.reserve()
        assert budget.wait()[0] == 60
        budget.hold(90)
        assert budget.wait() == (90, "Mailgun's rate limit is reached")


class TestRateLimit:
    """A rate limit holds up all calls of an account, which then resume one after another."""

    @pytest.fixture(autouse=True)
    def _tracking(self, httpserver: HTTPServer) -> None:
        httpserver.expect_request(ANY).respond_with_json(BODY)

    def test_a_call_waits_before_it_is_sent(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        mailgun.transport.rate_limit.hold(5)
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [5.0]
        assert len(httpserver.log) == 1

    def test_the_longest_hold_counts(self, mailgun: MailgunClient, clock: Clock) -> None:
        mailgun.transport.rate_limit.hold(5)
        mailgun.transport.rate_limit.hold(2)
        assert mailgun.transport.rate_limit.held_for() == 5
        clock.now += 4
        assert mailgun.transport.rate_limit.held_for() == 1
        clock.now += 4
        assert mailgun.transport.rate_limit.held_for() == 0

    def test_a_hold_does_not_count_against_the_deadline_of_a_call(
        self, new_client: ClientFactory, clock: Clock
    ) -> None:
        """Nor against the shorter one before Mailgun has ever responded."""
        with serving(FaultyServer(reset, http_response("200 OK", json.dumps(BODY)))) as server:
            mailgun = new_client(f"http://{server.authority}", deadline=3)
            mailgun.transport.rate_limit.hold(60)
            assert mailgun.get_tracking(DOMAIN)["click"] == {"active": "htmlonly"}
        assert 60 <= clock.passed <= 63

    @pytest.mark.parametrize(("status", "held"), [(429, 7.0), (503, 0.0), (500, 0.0)])
    def test_no_other_error_holds_up_calls(
        self,
        status: int,
        held: float,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        stop: Stop,
    ) -> None:
        httpserver.expect_oneshot_request(ANY).respond_with_data(
            status=status, headers={"Retry-After": "7"}
        )
        seen: list[float] = []
        stop.during = lambda: seen.append(mailgun.transport.rate_limit.held_for())
        mailgun.get_tracking(DOMAIN)
        assert seen == [held]

    def test_polls_per_second_are_limited(self, mailgun: MailgunClient, clock: Clock) -> None:
        """However many certificates are due for their next poll at the same time."""
        turns = [mailgun.transport.rate_limit.take_turn() for _ in range(3 * TURNS_PER_SECOND)]
        assert turns[0] == 0
        for start in range(3):
            within = [turn for turn in turns if start <= turn + 1e-9 < start + 1]
            assert len(within) <= TURNS_PER_SECOND
        assert max(turns) == pytest.approx(3, abs=0.1)

    def test_a_pause_ends_with_a_turn(self, mailgun: MailgunClient, clock: Clock) -> None:
        """The turn is taken after the wait, so that it does not pass during it."""
        mailgun.pause(5)
        assert clock.passed == pytest.approx(5)
        mailgun.transport.rate_limit.take_turn()
        mailgun.pause(0)
        assert clock.passed == pytest.approx(5 + 2 / TURNS_PER_SECOND)

    def test_held_calls_resume_in_turn(self, mailgun: MailgunClient, clock: Clock) -> None:
        """Not all at once, or they would run into the rate limit again."""
        mailgun.transport.rate_limit.hold(1)
        for _ in range(2 * TURNS_PER_SECOND):
            mailgun.transport.rate_limit.take_turn()
        mailgun.get_tracking(DOMAIN)
        assert clock.passed == pytest.approx(2)

    def test_a_hold_that_was_extended_is_respected(
        self, mailgun: MailgunClient, stop: Stop, clock: Clock
    ) -> None:
        """A call that waited for a hold checks again before it is sent."""
        mailgun.transport.rate_limit.hold(10)
        extended = iter([30.0])
        stop.during = lambda: mailgun.transport.rate_limit.hold(next(extended, 0.0))
        mailgun.get_tracking(DOMAIN)
        assert clock.passed == pytest.approx(30, abs=0.1)


class TestCancelled:
    """The engine's request to stop ends every wait at once."""

    @pytest.mark.parametrize("name", CALLS)
    def test_before_the_first_request(
        self, name: str, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop
    ) -> None:
        stop.set()
        assert type(failure(lambda: CALLS[name](mailgun))) is errors.Cancelled
        assert httpserver.log == []

    def test_while_waiting_to_retry(
        self, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop, clock: Clock
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data(status=500)
        stop.during = stop.set
        assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Cancelled
        assert len(httpserver.log) == 1
        assert clock.waits == []

    def test_while_held_up(
        self, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop
    ) -> None:
        mailgun.transport.rate_limit.hold(60)
        stop.during = stop.set
        assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Cancelled
        assert httpserver.log == []


class TestProgress:
    """The messages during retries."""

    def test_start_with_the_third_attempt(
        self, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        lines: list[str] = []
        mailgun = new_client(httpserver.url_for("/"), say=lines.append)
        for wait in ("3", "4", "5"):
            httpserver.expect_ordered_request(ANY).respond_with_json(
                {"message": "busy"}, status=503, headers={"Retry-After": wait}
            )
        httpserver.expect_ordered_request(ANY).respond_with_json({"tracking": TRACKING})
        mailgun.get_tracking(DOMAIN)
        assert [(line.startswith("busy (503)"), line[-4:]) for line in lines] == [
            (True, " 4 s"),
            (True, " 5 s"),
        ]


@pytest.mark.behaviour(80)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_does_not_say_that_the_attempt_before_it_was_in_vain(
    name: str, status: int, httpserver: HTTPServer, mailgun: MailgunClient
) -> None:
    """An attempt whose response was lost may have made the change."""
    httpserver.expect_ordered_request(ANY).respond_with_data("", status=502)
    httpserver.expect_ordered_request(ANY).respond_with_json({"message": "no"}, status=status)
    caught = failure(lambda: CALLS[name](mailgun))
    assert caught.is_unclear is not name.startswith("GET")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_alone_is_clear(
    status: int, httpserver: HTTPServer, mailgun: MailgunClient
) -> None:
    httpserver.expect_request(ANY).respond_with_json({"message": "no"}, status=status)
    for call in CALLS.values():
        assert not failure(functools.partial(call, mailgun)).is_unclear


@pytest.mark.behaviour(90)
def test_a_footer_that_a_refusal_repeats_is_not_shown(
    httpserver: HTTPServer, mailgun: MailgunClient
) -> None:
    """It may be a secret."""
    footer = "<p>Leave: %unsubscribe_url%, code 4711-secret</p>"
    for message, shown in (
        (f"html_footer is too long: {footer}", False),
        ("the code 4711-secret is not allowed", False),
        ("html_footer needs %unsubscribe_url% once", True),
    ):
        httpserver.clear()
        httpserver.expect_request(ANY).respond_with_json({"message": message}, status=400)
        caught = failure(
            lambda: mailgun.update_tracking(DOMAIN, "unsubscribe", {"html_footer": footer})
        )
        assert (message in str(caught)) is shown
        assert "secret" not in str(caught)
