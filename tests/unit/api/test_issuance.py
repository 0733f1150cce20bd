"""Getting a certificate: what is requested of Mailgun, how often, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking import errors
from mailgun_tracking._api.issuance import (
    FIRST_INTERVAL_SECONDS,
    LONGEST_INTERVAL_SECONDS,
    LOST_SECONDS,
    Issuance,
    Issued,
    Step,
    now,
    refresh_reason,
)
from mailgun_tracking._api.models import (
    CertificateStatus,
    read_certificate_status,
    rfc3339,
)
from tests.unit.fakes import NOON, Clock

HOST = "email.mg.example.com"
STATES = ("active", "processing", "expired", "error", "validating")
REFUSALS: dict[str, type[errors.TrackingError]] = {
    "400": errors.CnameNotValid,
    "401": errors.Unauthorized,
    "402": errors.CertificatesNotInPlan,
    "404": errors.CertificateNotFound,
    "409": errors.CertificateConflict,
    "429": errors.CertificateInProgress,
    "500": errors.ServerError,
    "lost": errors.Unreachable,
    "HTML": errors.UnreadableResponse,
}

Outcome = Union[Step, type[errors.TrackingError]]


class ScriptedMailgun:
    """Mailgun's certificate endpoints, which respond as a function says.

    Args:
        respond: gets a method; returns a certificate's status for GET and 202 for the others, or
            the status code of a refusal.
    """

    def __init__(self, respond: Callable[[str], str]) -> None:
        self.respond = respond
        self.methods: list[str] = []
        self.accepted = 0

    def get_certificate(self, tracking_domain: str) -> CertificateStatus:
        status, _, error = self._response_to("GET", tracking_domain).partition("/")
        return read_certificate_status({"status": status, "error": error})

    def generate_certificate(self, tracking_domain: str) -> None:
        self._request("POST", tracking_domain)

    def regenerate_certificate(self, tracking_domain: str) -> None:
        self._request("PUT", tracking_domain)

    def _request(self, method: str, tracking_domain: str) -> None:
        assert self._response_to(method, tracking_domain) == "202"
        self.accepted += 1

    def _response_to(self, method: str, tracking_domain: str) -> str:
        self.methods.append(method)
        response = self.respond(method)
        if response in REFUSALS:
            status = int(response) if response.isdecimal() else None
            raise REFUSALS[response](f"cannot {method} {tracking_domain}", "no", status=status)
        return response


class Conversation(ScriptedMailgun):
    """Expects the requests of a conversation such as ``GET 404, POST 202, GET active``."""

    def __init__(self, text: str) -> None:
        super().__init__(self._follow)
        self.rest = text.split(", ")

    def _follow(self, method: str) -> str:
        assert self.rest, f"unexpected {method} at the end"
        expected, response = self.rest.pop(0).split()
        assert method == expected
        return response


def ensure(
    mailgun: ScriptedMailgun,
    clock: Clock,
    *,
    wait: bool = True,
    timeout: float = 600,
    anew: bool = False,
) -> Issued:
    """Get the host its certificate on a fake clock."""
    issuance = Issuance(mailgun, sleep=clock.sleep, clock=clock)
    return issuance.ensure(HOST, wait=wait, timeout=timeout, anew=anew)


def outcome_of(
    conversation: Conversation, clock: Clock, *, wait: bool = True, anew: bool = False
) -> Outcome:
    """The step that a conversation ends with, or the type of its error."""
    try:
        issued = ensure(conversation, clock, wait=wait, anew=anew)
    except errors.TrackingError as error:
        return type(error)
    finally:
        assert conversation.rest == []
    assert issued.certificate.status == "active" or not wait
    return issued.step


TABLE: dict[str, Outcome] = {
    "GET active": "adopted",
    "GET processing, GET processing, GET active": "joined",
    # A status that is not documented is waited for, and nothing is requested.
    "GET validating, GET validating, GET active": "joined",
    "GET validating, GET processing, GET error": errors.CertificateFailed,
    "GET expired, PUT 202, GET validating, GET active": "regenerated",
    "GET 404, POST 202, GET active": "generated",
    "GET 404, POST 202, GET 404, GET active": "generated",
    "GET 404, POST 202, GET processing, GET processing, GET active": "generated",
    "GET 404, POST 400, POST 400, POST 202, GET active": "generated",
    "GET 404, POST 402": errors.CertificatesNotInPlan,
    "GET 404, POST 404": errors.CertificateNotFound,
    "GET 404, POST 409, GET active": "adopted",
    "GET 404, POST 409, GET processing, GET active": "joined",
    "GET 404, POST 409, GET expired, PUT 202, GET active": "regenerated",
    "GET 404, POST 409, GET error, PUT 202, GET processing, GET active": "regenerated",
    "GET 404, POST 409, GET 404": errors.CertificateConflict,
    "GET 404, POST 409, GET expired, PUT 409": errors.CertificateConflict,
    "GET 404, POST 409, GET expired, PUT 404": errors.CertificateNotFound,
    "GET 404, POST 409, GET expired, PUT 429, GET processing, GET active": "joined",
}
for old in ("expired", "error"):
    TABLE |= {
        f"GET {old}, PUT 202, GET active": "regenerated",
        f"GET {old}, PUT 202, GET processing, GET active": "regenerated",
        f"GET {old}, PUT 400, PUT 202, GET active": "regenerated",
        f"GET {old}, PUT 402": errors.CertificatesNotInPlan,
        f"GET {old}, PUT 404, GET {old}, POST 202, GET active": "generated",
        f"GET {old}, PUT 404, GET 404, POST 202, GET active": "generated",
        f"GET {old}, PUT 404, GET active": "adopted",
        f"GET {old}, PUT 404, GET processing, GET active": "joined",
        f"GET {old}, PUT 404, GET 404, POST 404": errors.CertificateNotFound,
        f"GET {old}, PUT 404, GET 404, POST 409": errors.CertificateConflict,
        f"GET {old}, PUT 409, GET active": "adopted",
        f"GET {old}, PUT 409, GET processing, GET active": "joined",
        f"GET {old}, PUT 409, GET 404": errors.CertificateConflict,
        f"GET {old}, PUT 429, GET processing, GET active": "joined",
        # Only one request is made in each run, whatever becomes of it.
        f"GET {old}, PUT 202, GET processing, GET error": errors.CertificateFailed,
        f"GET 404, POST 202, GET processing, GET {old}": errors.CertificateFailed,
        f"GET processing, GET {old}": errors.CertificateFailed,
    }
# The old certificate may be visible for a while after a request; an old error means a new one.
TABLE |= {
    "GET expired, PUT 202, GET expired, GET active": "regenerated",
    "GET expired, PUT 429, GET expired, GET processing, GET active": "joined",
    "GET error, PUT 429, GET error": errors.CertificateFailed,
}
# Where PUT is refused for one that failed, POST may not be.
TABLE |= {
    "GET expired, PUT 409, GET expired, PUT 202, GET active": "regenerated",
    "GET expired, PUT 409, GET expired, PUT 409": errors.CertificateConflict,
    "GET error, PUT 409, GET error, POST 202, GET active": "generated",
    "GET error, PUT 409, GET error, POST 409": errors.CertificateConflict,
    "GET error, PUT 409, GET error, POST 404": errors.CertificateNotFound,
}

# A request whose answer was lost is not repeated before a look.
for lost in ("500", "lost", "HTML"):
    TABLE |= {
        f"GET 404, POST {lost}, GET processing, GET active": "generated",
        f"GET 404, POST {lost}, GET validating, GET active": "generated",
        f"GET 404, POST {lost}, GET active": "generated",
        f"GET 404, POST {lost}, GET error": errors.CertificateFailed,
        f"GET 404, POST {lost}, GET 404, POST 202, GET active": "generated",
        f"GET 404, POST {lost}, GET 404, POST 409, GET processing, GET active": "generated",
        f"GET 404, POST {lost}, GET 404, POST 409, GET 404, GET active": "generated",
        f"GET 404, POST {lost}, GET 404, POST {lost}, GET processing, GET active": "generated",
        f"GET 404, POST {lost}, GET 404, POST 402": errors.CertificatesNotInPlan,
        f"GET 404, POST {lost}, GET lost": errors.Unreachable,
        f"GET expired, PUT {lost}, GET expired, PUT 202, GET active": "regenerated",
        f"GET expired, PUT {lost}, GET expired, PUT 429, GET processing, GET active": "regenerated",
        f"GET expired, PUT {lost}, GET expired, PUT 409, GET active": "regenerated",
        f"GET expired, PUT {lost}, GET active": "regenerated",
        f"GET expired, PUT {lost}, GET error": errors.CertificateFailed,
        f"GET error, PUT {lost}, GET processing, GET active": "regenerated",
        f"GET error/old, PUT {lost}, GET error/new": errors.CertificateFailed,
        # It may have been accepted, and have failed by now.
        f"GET error/old, PUT {lost}, GET error/old": REFUSALS[lost],
    }

ANEW: dict[str, tuple[Outcome, bool]] = {
    "GET active, PUT 202, GET processing, GET active": ("regenerated", False),
    "GET active, PUT 409, GET active": ("adopted", True),
    "GET active, PUT lost, GET active, PUT 409, GET active": ("adopted", True),
    "GET active, PUT lost, GET active, PUT 202, GET processing, GET active": (
        "regenerated",
        False,
    ),
    "GET active, PUT lost, GET processing, GET active": ("regenerated", False),
    "GET active, PUT lost, GET active, PUT 429, GET processing, GET active": (
        "regenerated",
        False,
    ),
    "GET processing, PUT lost, GET processing, GET active": ("regenerated", False),
    "GET active, PUT 429, GET processing, GET active": ("joined", True),
    "GET active, PUT 404, GET 404, POST 202, GET active": ("generated", False),
    "GET processing, PUT 202, GET processing, GET active": ("regenerated", False),
    "GET processing, PUT 429, GET processing, GET active": ("joined", True),
    "GET processing, PUT 409, GET processing, GET active": ("joined", True),
    "GET validating, PUT 429, GET validating, GET active": ("joined", True),
    "GET error, PUT 202, GET active": ("regenerated", False),
    "GET error, PUT 409, GET error, POST 202, GET active": ("generated", False),
    "GET 404, POST 202, GET active": ("generated", False),
}
"""What happens, and whether Mailgun refused to issue a new certificate."""


class TestEnsure:
    """The table of `Issuance.ensure`."""

    @pytest.mark.parametrize(("conversation", "outcome"), TABLE.items(), ids=TABLE)
    def test_conversation(self, conversation: str, outcome: Outcome, clock: Clock) -> None:
        assert outcome_of(Conversation(conversation), clock) == outcome

    @pytest.mark.parametrize(("conversation", "expected"), ANEW.items(), ids=ANEW)
    def test_anew(self, conversation: str, expected: tuple[Outcome, bool], clock: Clock) -> None:
        """It is asked for whatever there is; a refusal is passed on."""
        issued = ensure(Conversation(conversation), clock, anew=True)
        assert (issued.step, issued.refusal != "") == expected

    def test_a_refusal_to_start_anew_is_in_the_error(self, clock: Clock) -> None:
        with pytest.raises(errors.CertificateTimeout) as caught:
            ensure(
                forever("GET processing, PUT 429, GET processing", "GET processing"),
                clock,
                anew=True,
            )
        assert "refused to start over: no" in caught.value.advice

    @pytest.mark.parametrize(
        "conversation",
        [
            "GET 401",
            "GET 500",
            "GET 404, POST 401",
            "GET error, PUT 401",
            "GET 404, POST 202, GET 401",
            "GET 404, POST 202, GET 500",
        ],
    )
    def test_any_other_error_ends_it(self, conversation: str, clock: Clock) -> None:
        assert outcome_of(Conversation(conversation), clock) is REFUSALS[conversation[-3:]]

    @pytest.mark.behaviour(81)
    @pytest.mark.parametrize(
        "conversation",
        [
            "GET 404, POST lost, GET 500",
            "GET error, PUT lost, GET error",
            ", ".join(["GET 404", *["POST lost, GET 404"] * 61]),
        ],
        ids=["no look", "error", "never"],
    )
    def test_what_may_have_been_requested_is_told(self, conversation: str, clock: Clock) -> None:
        script = Conversation(conversation)
        with pytest.raises(errors.TrackingError) as caught:
            ensure(script, clock)
        assert script.rest == []
        assert "Mailgun may have received the request" in caught.value.advice
        assert clock.passed <= LOST_SECONDS

    @pytest.mark.behaviour(81)
    @given(st.data(), st.booleans())
    def test_at_most_one_request_is_accepted(self, data: st.DataObject, anew: bool) -> None:
        """Whatever Mailgun responds, and within the time-out."""
        responses = {
            "GET": st.sampled_from([*STATES, "404"]),
            "POST": st.sampled_from(["202", "400", "402", "404", "409"]),
            "PUT": st.sampled_from(["202", "400", "402", "404", "409", "429"]),
        }
        mailgun = ScriptedMailgun(lambda method: data.draw(responses[method], method))
        clock = Clock()
        try:
            status = ensure(mailgun, clock, timeout=60, anew=anew).certificate.status
            assert status == "active"
        except errors.TrackingError:
            pass
        assert mailgun.accepted <= 1
        assert clock.passed <= 60

    def test_a_failure_says_why_and_what_to_do(self, clock: Clock) -> None:
        with pytest.raises(errors.CertificateFailed, match="error") as caught:
            ensure(Conversation("GET processing, GET error"), clock)
        assert "CNAME" in caught.value.advice
        assert caught.value.domain == HOST


class TestWithoutWaiting:
    """``wait=False`` requests a certificate once, and reads its status once more."""

    @pytest.mark.parametrize(
        ("conversation", "outcome"),
        [
            ("GET active", "adopted"),
            ("GET processing", "joined"),
            ("GET validating", "joined"),
            ("GET 404, POST 202, GET processing", "generated"),
            ("GET 404, POST 202, GET 404", "generated"),
            ("GET 404, POST 202, GET active", "generated"),
            ("GET expired, PUT 202, GET processing", "regenerated"),
            ("GET expired, PUT 202, GET expired", "regenerated"),
            ("GET error, PUT 429, GET processing", "joined"),
            ("GET 404, POST 409, GET processing", "joined"),
            ("GET 404, POST 400", errors.CnameNotValid),
            ("GET expired, PUT 400", errors.CnameNotValid),
            ("GET 404, POST 202, GET error", errors.CertificateFailed),
        ],
    )
    def test_conversation(self, conversation: str, outcome: Outcome, clock: Clock) -> None:
        assert outcome_of(Conversation(conversation), clock, wait=False) == outcome
        assert clock.waits == []


def forever(before: str, repeated: str) -> Conversation:
    """A conversation that goes on with the same turn."""
    return Conversation(", ".join([*before.split(", "), *[repeated] * 1000]))


NEVER_ISSUED = ("GET processing", "GET processing", errors.CertificateTimeout)
NO_CNAME = ("GET 404", "POST 400", errors.CnameNotValid)
NO_CNAME_AGAIN = ("GET expired", "PUT 400", errors.CnameNotValid)


class TestWaiting:
    """Waits grow with the time that has passed, and end with the time-out."""

    @pytest.mark.parametrize(
        ("before", "repeated", "error"), [NEVER_ISSUED, NO_CNAME, NO_CNAME_AGAIN]
    )
    def test_becomes_less_frequent(
        self, before: str, repeated: str, error: type[errors.TrackingError], clock: Clock
    ) -> None:
        mailgun = forever(before, repeated)
        with pytest.raises(error):
            ensure(mailgun, clock, timeout=600)
        *waits, last = clock.waits
        assert waits == sorted(waits)
        assert waits[0] == FIRST_INTERVAL_SECONDS
        assert waits[-1] == LONGEST_INTERVAL_SECONDS
        assert last <= LONGEST_INTERVAL_SECONDS
        assert clock.passed == pytest.approx(600)
        assert len(mailgun.methods) < 40

    @pytest.mark.parametrize("timeout", [0.5, 1, 3, 60])
    def test_ends_with_a_last_look(self, timeout: float, clock: Clock) -> None:
        mailgun = forever("GET processing", "GET processing")
        with pytest.raises(errors.CertificateTimeout, match="still issuing"):
            ensure(mailgun, clock, timeout=timeout)
        assert clock.passed == pytest.approx(timeout)
        assert len(mailgun.methods) == len(clock.waits) + 1

    def test_has_one_time_out_for_the_cname_and_the_certificate(self, clock: Clock) -> None:
        before = ", ".join(["GET 404", *["POST 400"] * 10, "POST 202"])
        with pytest.raises(errors.CertificateTimeout):
            ensure(forever(before, "GET processing"), clock, timeout=120)
        assert clock.passed == pytest.approx(120)

    def test_is_reported(self, clock: Clock) -> None:
        lines: list[str] = []
        mailgun = Conversation("GET 404, POST 400, POST 202, GET processing, GET active")
        issuance = Issuance(mailgun, sleep=clock.sleep, clock=clock, say=lines.append)
        issuance.ensure(HOST, wait=True, timeout=600)
        assert [("CNAME" in line, line.rpartition(", ")[2]) for line in lines] == [
            (True, "0 s"),
            (False, "2 s"),
        ]

    @pytest.mark.parametrize(
        ("conversation", "word"),
        [
            ("GET 404, POST 400", "requests the certificate"),
            ("GET processing", "pick it up"),
            ("GET 404, POST 202, GET processing", "pick it up"),
        ],
    )
    def test_may_be_cancelled(self, conversation: str, word: str, clock: Clock) -> None:
        """The advice says what the next run has to do."""

        def cancelled(_seconds: float) -> None:
            raise errors.Cancelled("cancelled")

        issuance = Issuance(Conversation(conversation), sleep=cancelled, clock=clock)
        with pytest.raises(errors.Cancelled) as caught:
            issuance.ensure(HOST, wait=True, timeout=600)
        assert word in caught.value.advice


class TestRefreshReason:
    """When a certificate in state has to be updated, and why."""

    @pytest.mark.parametrize(
        ("status", "days", "words"),
        [
            ("active", 90, None),
            ("active", 1, None),
            ("active", None, None),
            ("active", 0, ["expired", "2026-11-01"]),
            ("active", -1, ["expired", "2026-10-31"]),
            ("expired", -1, ["expired", "2026-10-31"]),
            ("expired", 5, ["expired", "2026-11-06"]),
            ("expired", None, ["expired", "unknown"]),
            ("error", None, ["failed", "no reason"]),
            ("error", 30, ["failed", "no reason"]),
            ("processing", None, ["being issued"]),
            ("processing", 30, ["being issued"]),
            ("processing", -1, ["being issued"]),
            ("validating", None, ["status validating", "not documented"]),
            ("", None, None),
        ],
    )
    def test_by_status_and_days_of_validity_left(
        self, status: str, days: int | None, words: list[str] | None
    ) -> None:
        not_after = rfc3339(NOON + timedelta(days=days)) if days is not None else ""
        reason = refresh_reason({"status": status, "not_after": not_after}, NOON)
        assert (reason is None) is (words is None)
        assert all(word in (reason or "") for word in words or [])

    @pytest.mark.parametrize(
        "state",
        [
            {"status": "error", "error": "CAA forbids it"},
            {"status": "error", "status_since": "2026-11-01T11:00:00Z"},
            {"status": "processing", "status_since": "2026-11-01T11:00:00Z"},
            {"status": "validating", "status_since": "2026-11-01T11:00:00Z"},
        ],
    )
    def test_gives_the_details_in_the_state(self, state: dict[str, str]) -> None:
        _, detail = state.values()
        assert detail in (refresh_reason(state, NOON) or "")

    @pytest.mark.parametrize("status", ["processing", "validating"])
    @pytest.mark.parametrize(("minutes", "is_long"), [(59, False), (61, True)])
    def test_says_what_to_do_once_it_takes_long(
        self, status: str, minutes: int, is_long: bool
    ) -> None:
        since = rfc3339(NOON - timedelta(minutes=minutes))
        reason = refresh_reason({"status": status, "status_since": since}, NOON) or ""
        assert ("`pulumi up --replace`" in reason) is is_long

    @pytest.mark.parametrize(("seconds_left", "is_due"), [(1, False), (0, True)])
    def test_validity_ends_with_its_last_second(self, seconds_left: int, is_due: bool) -> None:
        time = NOON - timedelta(seconds=seconds_left)
        state = {"status": "active", "not_after": rfc3339(NOON)}
        assert (refresh_reason(state, time) is not None) is is_due


class TestWaitingForSomethingElse:
    """With the same intervals and the same end."""

    def wait_for(self, clock: Clock, answers: list[str | None], *, wait: bool = True) -> float:
        issuance = Issuance(ScriptedMailgun(lambda _: ""), sleep=clock.sleep, clock=clock)
        return issuance.wait_for(
            lambda: answers.pop(0) if len(answers) > 1 else answers[0],
            lambda reason: errors.CnameNotValid("cannot move", reason),
            wait=wait,
            timeout=60,
        )

    def test_the_rest_of_the_time_is_left(self, clock: Clock) -> None:
        assert self.wait_for(clock, ["no record", "no record", None]) == 60 - clock.passed
        assert clock.waits == [FIRST_INTERVAL_SECONDS] * 2
        assert self.wait_for(Clock(), [None]) == 60

    @pytest.mark.parametrize(("wait", "passed"), [(True, 60), (False, 0)])
    def test_it_ends_with_what_is_missing(self, clock: Clock, wait: bool, passed: float) -> None:
        with pytest.raises(errors.CnameNotValid, match="no record"):
            self.wait_for(clock, ["no record"], wait=wait)
        assert clock.passed == pytest.approx(passed)


def test_the_current_time_has_a_zone() -> None:
    assert now().utcoffset() == timedelta(0)
