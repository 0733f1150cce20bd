"""A certificate's life, cell by cell: what is asked of Mailgun, how often, and for how long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailgun_tracking import errors
from mailgun_tracking.issuance import (
    FIRST_INTERVAL,
    LONGEST_INTERVAL,
    Issuance,
    Issued,
    Step,
    due,
    now,
)
from mailgun_tracking.models import CertificateState, rfc3339
from tests.unit.fakes import NOON, Certificates, Clock, Refusal

HOST = "email.mg.example.com"

MISSING = errors.CertificateNotFound
INVALID = errors.CnameNotValid
CONFLICT = errors.CertificateConflict
RUNNING = errors.CertificateInProgress
NO_PLAN = errors.CertificatesNotInPlan

Looks = list[CertificateState | Refusal]
Asks = list[Refusal | None]


def ensure(
    mailgun: Certificates, clock: Clock, *, wait: bool = True, timeout: float = 600
) -> Issued:
    """Get the host its certificate on a fake clock."""
    issuance = Issuance(mailgun, sleep=clock.sleep, clock=clock)
    return issuance.ensure(HOST, wait=wait, timeout=timeout)


# What GET says before, what POST and PUT then answer, what GET says after that; the calls, the
# step, and what it comes to: a status or an error.
TABLE: dict[str, tuple[Looks, Asks, list[str], Step | None, CertificateState | Refusal]] = {
    "active: adopted": (["active"], [], ["GET"], "adopted", "active"),
    "processing: joined": (
        ["processing", "processing", "active"],
        [],
        ["GET", "GET", "GET"],
        "joined",
        "active",
    ),
    "404, 202": ([MISSING, "active"], [None], ["GET", "POST", "GET"], "generated", "active"),
    "404, 202, processing": (
        [MISSING, "processing", "processing", "active"],
        [None],
        ["GET", "POST", "GET", "GET", "GET"],
        "generated",
        "active",
    ),
    "404, 400, 202": (
        [MISSING, "active"],
        [INVALID, INVALID, None],
        ["GET", "POST", "POST", "POST", "GET"],
        "generated",
        "active",
    ),
    "404, 402": ([MISSING], [NO_PLAN], ["GET", "POST"], None, NO_PLAN),
    "404, 404": ([MISSING], [MISSING], ["GET", "POST"], None, MISSING),
    "404, 409, active": (
        [MISSING, "active"],
        [CONFLICT],
        ["GET", "POST", "GET"],
        "adopted",
        "active",
    ),
    "404, 409, processing": (
        [MISSING, "processing", "active"],
        [CONFLICT],
        ["GET", "POST", "GET", "GET"],
        "joined",
        "active",
    ),
    "404, 409, expired, 202": (
        [MISSING, "expired", "active"],
        [CONFLICT, None],
        ["GET", "POST", "GET", "PUT", "GET"],
        "regenerated",
        "active",
    ),
    "404, 409, error, 202": (
        [MISSING, "error", "processing", "active"],
        [CONFLICT, None],
        ["GET", "POST", "GET", "PUT", "GET", "GET"],
        "regenerated",
        "active",
    ),
    "404, 409, 404": ([MISSING, MISSING], [CONFLICT], ["GET", "POST", "GET"], None, CONFLICT),
    "404, 409, expired, 409": (
        [MISSING, "expired"],
        [CONFLICT, CONFLICT],
        ["GET", "POST", "GET", "PUT"],
        None,
        CONFLICT,
    ),
    "404, 409, expired, 404": (
        [MISSING, "expired"],
        [CONFLICT, MISSING],
        ["GET", "POST", "GET", "PUT"],
        None,
        MISSING,
    ),
    "404, 409, expired, 429": (
        [MISSING, "expired", "processing", "active"],
        [CONFLICT, RUNNING],
        ["GET", "POST", "GET", "PUT", "GET", "GET"],
        "joined",
        "active",
    ),
}
OLD: tuple[CertificateState, ...] = ("expired", "error")
for old in OLD:
    TABLE |= {
        f"{old}, 202": ([old, "active"], [None], ["GET", "PUT", "GET"], "regenerated", "active"),
        f"{old}, 202, processing": (
            [old, "processing", "active"],
            [None],
            ["GET", "PUT", "GET", "GET"],
            "regenerated",
            "active",
        ),
        f"{old}, 400, 202": (
            [old, "active"],
            [INVALID, None],
            ["GET", "PUT", "PUT", "GET"],
            "regenerated",
            "active",
        ),
        f"{old}, 402": ([old], [NO_PLAN], ["GET", "PUT"], None, NO_PLAN),
        f"{old}, 404, still so, 202": (
            [old, old, "active"],
            [MISSING, None],
            ["GET", "PUT", "GET", "POST", "GET"],
            "generated",
            "active",
        ),
        f"{old}, 404, 404, 202": (
            [old, MISSING, "active"],
            [MISSING, None],
            ["GET", "PUT", "GET", "POST", "GET"],
            "generated",
            "active",
        ),
        f"{old}, 404, active": (
            [old, "active"],
            [MISSING],
            ["GET", "PUT", "GET"],
            "adopted",
            "active",
        ),
        f"{old}, 404, processing": (
            [old, "processing", "active"],
            [MISSING],
            ["GET", "PUT", "GET", "GET"],
            "joined",
            "active",
        ),
        f"{old}, 404, 404, 404": (
            [old, MISSING],
            [MISSING, MISSING],
            ["GET", "PUT", "GET", "POST"],
            None,
            MISSING,
        ),
        f"{old}, 404, 404, 409": (
            [old, MISSING],
            [MISSING, CONFLICT],
            ["GET", "PUT", "GET", "POST"],
            None,
            CONFLICT,
        ),
        f"{old}, 409, active": (
            [old, "active"],
            [CONFLICT],
            ["GET", "PUT", "GET"],
            "adopted",
            "active",
        ),
        f"{old}, 409, processing": (
            [old, "processing", "active"],
            [CONFLICT],
            ["GET", "PUT", "GET", "GET"],
            "joined",
            "active",
        ),
        f"{old}, 409, still so, 202": (
            [old, old, "active"],
            [CONFLICT, None],
            ["GET", "PUT", "GET", "PUT", "GET"],
            "regenerated",
            "active",
        ),
        f"{old}, 409, still so, 409": (
            [old, old],
            [CONFLICT, CONFLICT],
            ["GET", "PUT", "GET", "PUT"],
            None,
            CONFLICT,
        ),
        f"{old}, 409, 404": ([old, MISSING], [CONFLICT], ["GET", "PUT", "GET"], None, CONFLICT),
        f"{old}, 429": (
            [old, "processing", "active"],
            [RUNNING],
            ["GET", "PUT", "GET", "GET"],
            "joined",
            "active",
        ),
        f"{old}, 429, still so": (
            [old, old, "processing", "active"],
            [RUNNING],
            ["GET", "PUT", "GET", "GET", "GET"],
            "joined",
            "active",
        )
        if old == "expired"
        else (
            [old, old],
            [RUNNING],
            ["GET", "PUT", "GET"],
            None,
            errors.CertificateFailed,  # type: ignore[dict-item]
        ),
        # One attempt for each up, whatever comes of it.
        f"{old}, 202, error": (
            [old, "processing", "error"],
            [None],
            ["GET", "PUT", "GET", "GET"],
            None,
            errors.CertificateFailed,  # type: ignore[dict-item]
        ),
        f"404, 202, {old}": (
            [MISSING, "processing", old],
            [None],
            ["GET", "POST", "GET", "GET"],
            None,
            errors.CertificateFailed,  # type: ignore[dict-item]
        ),
        f"processing, {old}": (
            ["processing", old],
            [],
            ["GET", "GET"],
            None,
            errors.CertificateFailed,  # type: ignore[dict-item]
        ),
    }


class TestEnsure:
    """The table of `ensure`."""

    @pytest.mark.parametrize("cell", TABLE)
    def test_cell(self, cell: str, clock: Clock) -> None:
        looks, asks, calls, step, outcome = TABLE[cell]
        mailgun = Certificates(looks, asks)
        if isinstance(outcome, str):
            issued = ensure(mailgun, clock)
            assert (issued.certificate.status, issued.step) == (outcome, step)
        else:
            with pytest.raises(errors.TrackingError) as caught:
                ensure(mailgun, clock)
            assert type(caught.value) is outcome
        assert mailgun.calls == calls
        assert mailgun.accepted == (None in asks)
        assert not mailgun.looks
        assert not mailgun.asks

    @pytest.mark.parametrize(
        "error",
        [errors.Unauthorized, errors.ServerError, errors.RateLimited, errors.UnexpectedResponse],
    )
    def test_other_errors_end_it_at_once(self, error: Refusal, clock: Clock) -> None:
        for mailgun, calls in (
            (Certificates([error], []), ["GET"]),
            (Certificates([MISSING], [error]), ["GET", "POST"]),
            (Certificates(["expired"], [error]), ["GET", "PUT"]),
            (Certificates(["processing", error], []), ["GET", "GET"]),
        ):
            with pytest.raises(error):
                ensure(mailgun, clock)
            assert mailgun.calls == calls

    def test_failure_says_why_and_what_to_do(self, clock: Clock) -> None:
        with pytest.raises(errors.CertificateFailed) as caught:
            ensure(Certificates(["processing", "error"], []), clock)
        assert str(caught.value) == (
            "Mailgun could not get a certificate for email.mg.example.com: it is error; "
            "check that its CNAME points straight at Mailgun, with no proxy before it, "
            "and that its CAA records allow letsencrypt.org; the next up tries once more"
        )
        assert caught.value.domain == HOST


class TestWithoutWaiting:
    """``wait=False`` asks once, and looks once."""

    @pytest.mark.parametrize(
        ("looks", "asks", "calls", "step", "status"),
        [
            (["active"], [], ["GET"], "adopted", "active"),
            (["processing"], [], ["GET"], "joined", "processing"),
            ([MISSING, "processing"], [None], ["GET", "POST", "GET"], "generated", "processing"),
            ([MISSING, "active"], [None], ["GET", "POST", "GET"], "generated", "active"),
            (["expired", "processing"], [None], ["GET", "PUT", "GET"], "regenerated", "processing"),
            (["error", "processing"], [RUNNING], ["GET", "PUT", "GET"], "joined", "processing"),
            ([MISSING, "processing"], [CONFLICT], ["GET", "POST", "GET"], "joined", "processing"),
        ],
    )
    def test_ends_with_what_there_is(
        self,
        looks: Looks,
        asks: Asks,
        calls: list[str],
        step: Step,
        status: CertificateState,
        clock: Clock,
    ) -> None:
        mailgun = Certificates(looks, asks)
        issued = ensure(mailgun, clock, wait=False)
        assert (issued.certificate.status, issued.step) == (status, step)
        assert mailgun.calls == calls
        assert clock.waits == []

    @pytest.mark.parametrize(("look", "ask"), [(MISSING, "POST"), ("expired", "PUT")])
    def test_does_not_wait_for_a_cname(
        self, look: CertificateState | Refusal, ask: str, clock: Clock
    ) -> None:
        mailgun = Certificates([look], [INVALID])
        with pytest.raises(errors.CnameNotValid):
            ensure(mailgun, clock, wait=False)
        assert mailgun.calls == ["GET", ask]
        assert clock.waits == []

    def test_still_tells_a_failure(self, clock: Clock) -> None:
        with pytest.raises(errors.CertificateFailed):
            ensure(Certificates([MISSING, "error"], [None]), clock, wait=False)


class TestWaiting:
    """Waits grow with the time that has passed, and end with the timeout."""

    @pytest.mark.parametrize(
        "mailgun",
        [
            Certificates(["processing"] * 1000, []),
            Certificates([MISSING], [INVALID] * 1000),
            Certificates(["expired"], [INVALID] * 1000),
        ],
        ids=["for the certificate", "for the first one's CNAME", "for another one's CNAME"],
    )
    def test_less_and_less_often(self, mailgun: Certificates, clock: Clock) -> None:
        with pytest.raises((errors.CertificateTimeout, errors.CnameNotValid)):
            ensure(mailgun, clock, timeout=600)
        *waits, last = clock.waits
        assert waits == sorted(waits)
        assert waits[0] == FIRST_INTERVAL
        assert waits[-1] == LONGEST_INTERVAL
        assert last <= LONGEST_INTERVAL
        assert clock.passed == pytest.approx(600)
        assert len(mailgun.calls) < 40

    @pytest.mark.parametrize("timeout", [0.5, 1, 3, 60])
    def test_looks_once_more_at_the_very_end(self, timeout: float, clock: Clock) -> None:
        mailgun = Certificates(["processing"] * 1000, [])
        with pytest.raises(errors.CertificateTimeout):
            ensure(mailgun, clock, timeout=timeout)
        assert clock.passed == pytest.approx(timeout)
        assert len(mailgun.calls) == len(clock.waits) + 1

    def test_the_timeout_counts_for_the_cname_and_the_certificate_together(
        self, clock: Clock
    ) -> None:
        looks: Looks = [MISSING]
        looks += ["processing"] * 1000
        mailgun = Certificates(looks, [*[INVALID] * 10, None])
        with pytest.raises(errors.CertificateTimeout):
            ensure(mailgun, clock, timeout=120)
        assert clock.passed == pytest.approx(120)
        assert mailgun.accepted == 1

    def test_a_timeout_says_that_nothing_is_lost(self, clock: Clock) -> None:
        with pytest.raises(errors.CertificateTimeout) as caught:
            ensure(Certificates(["processing"] * 1000, []), clock, timeout=60)
        assert str(caught.value) == (
            "the certificate of email.mg.example.com was not there after 60 s: it is processing; "
            "issuance goes on at Mailgun and the next up takes it over; "
            "a larger timeout= waits longer"
        )

    def test_a_cname_that_never_comes_is_mailguns_own_refusal(self, clock: Clock) -> None:
        with pytest.raises(errors.CnameNotValid) as caught:
            ensure(Certificates([MISSING], [INVALID] * 1000), clock, timeout=60)
        assert caught.value.what == f"cannot ask for {HOST}"

    def test_says_what_it_waits_for(self, clock: Clock) -> None:
        lines: list[str] = []
        mailgun = Certificates([MISSING, "processing", "active"], [INVALID, None])
        issuance = Issuance(mailgun, sleep=clock.sleep, clock=clock, say=lines.append)
        issuance.ensure(HOST, wait=True, timeout=600)
        assert lines == ["waiting for the CNAME, 0 s", "waiting for Let's Encrypt, 2 s"]

    def test_whatever_ends_a_wait_ends_it_all(self, clock: Clock) -> None:
        def stopped(_seconds: float) -> None:
            raise errors.Cancelled("stopped")

        for mailgun in (
            Certificates(["processing"], []),
            Certificates([MISSING], [INVALID]),
        ):
            issuance = Issuance(mailgun, sleep=stopped, clock=clock)
            with pytest.raises(errors.Cancelled):
                issuance.ensure(HOST, wait=True, timeout=600)


class TestDue:
    """When a certificate in state has to be looked at, as sentences."""

    @pytest.mark.parametrize(
        ("status", "error", "days", "sentence"),
        [
            ("active", "", 90, None),
            ("active", "", 1, None),
            ("active", "", 0, "expired on 2026-11-01: will be regenerated"),
            ("active", "", -1, "expired on 2026-10-31: will be regenerated"),
            ("active", "", None, None),
            ("expired", "it has expired", -1, "expired on 2026-10-31: will be regenerated"),
            ("expired", "", 5, "expired on 2026-11-06: will be regenerated"),
            ("expired", "", None, "expired on an unknown day: will be regenerated"),
            ("error", "CAA forbids it", None, "failed (CAA forbids it): will be tried again"),
            ("error", "", None, "failed (no reason given): will be tried again"),
            ("error", "", 30, "failed (no reason given): will be tried again"),
            ("processing", "", None, "issuing since 2026-11-01T11:00:00Z: will be looked at"),
            ("processing", "", 30, "issuing since 2026-11-01T11:00:00Z: will be looked at"),
            ("", "", None, None),
        ],
    )
    def test_sentence(
        self, status: str, error: str, days: int | None, sentence: str | None
    ) -> None:
        not_after = rfc3339(NOON + timedelta(days=days)) if days is not None else ""
        since = "2026-11-01T11:00:00Z" if status == "processing" else ""
        assert due(status, error, not_after, since, NOON) == sentence

    def test_the_last_second_counts(self) -> None:
        not_after = rfc3339(NOON)
        assert due("active", "", not_after, "", NOON - timedelta(seconds=1)) is None
        assert due("active", "", not_after, "", NOON) is not None


def test_now_knows_its_zone() -> None:
    assert now().utcoffset() == timedelta(0)
