"""What `TrackingCertificate` does for each state that Mailgun may have a certificate in."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mailgun_tracking import TrackingCertificate, tracking_certificate
from mailgun_tracking._api import issuance
from mailgun_tracking._provider import resource_log
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine, Program

DOMAIN = "mg.example.com"
HOST = f"email.{DOMAIN}"
PATH = f"/v2/x509/{HOST}"
IN_PROGRESS = {"status": "processing", "error": "Waiting for x509 key pair generation"}
FAILED = {"status": "error", "error": "an older failure"}


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuance, "FIRST_INTERVAL_SECONDS", 0.01)


def declared(**settings: Any) -> Program:
    """A program with the certificate."""
    return lambda: TrackingCertificate("certificate", HOST, **settings)


def asked(emulator: Emulator) -> list[str]:
    """What was asked about the certificate: "GET 404", "POST 202"."""
    found = [r for r in emulator.requests if r.path in (PATH, f"{PATH}/status")]
    emulator.forget_requests()
    return [f"{request.method} {request.status}" for request in found]


def outdated(emulator: Emulator, status: int, body: object, times: int = 1) -> None:
    """Let the first reads of the certificate show what is true no longer."""
    emulator.add_fault(method="GET", path=f"{PATH}/status", status=status, body=body, times=times)


def refuse(emulator: Emulator, method: str, status: int, body: object, times: int = 1) -> None:
    """Let requests for the certificate be refused."""
    emulator.add_fault(method=method, path=PATH, status=status, body=body, times=times)


def missing(emulator: Emulator) -> None:
    """There never was one."""


def active(emulator: Emulator) -> None:
    emulator.set_certificate(HOST)


def processing(emulator: Emulator) -> None:
    emulator.set_certificate(HOST)
    outdated(emulator, 200, IN_PROGRESS)


def expired(emulator: Emulator) -> None:
    emulator.set_certificate(HOST, "expired")


def failed(emulator: Emulator) -> None:
    emulator.set_certificate(HOST, "error")


def issued_since(emulator: Emulator) -> None:
    emulator.set_certificate(HOST)
    outdated(emulator, 404, {"Description": "not made yet"})


def expired_since(emulator: Emulator) -> None:
    emulator.set_certificate(HOST, "expired")
    outdated(emulator, 404, {"Description": "not made yet"})


def forgotten_since(emulator: Emulator) -> None:
    outdated(emulator, 200, FAILED)


def renewed_since(emulator: Emulator) -> None:
    emulator.set_certificate(HOST)
    outdated(emulator, 200, FAILED)


def requested_since(emulator: Emulator) -> None:
    emulator.set_certificate(HOST)
    outdated(emulator, 200, FAILED)
    refuse(emulator, "PUT", 429, {"Description": "key pair generation is already in progress"})


def without_cname(emulator: Emulator) -> None:
    refuse(emulator, "POST", 400, {"Reason": "invalid CNAME record"}, times=2)


@pytest.mark.behaviour(22)
@pytest.mark.parametrize(
    ("prepare", "requests"),
    [
        (missing, ["GET 404", "POST 202", "GET 200"]),
        (active, ["GET 200"]),
        (processing, ["GET 200", "GET 200"]),
        (expired, ["GET 200", "PUT 202", "GET 200"]),
        (failed, ["GET 200", "PUT 202", "GET 200"]),
        (issued_since, ["GET 404", "POST 409", "GET 200"]),
        (expired_since, ["GET 404", "POST 409", "GET 200", "PUT 202", "GET 200"]),
        (forgotten_since, ["GET 200", "PUT 404", "GET 404", "POST 202", "GET 200"]),
        (renewed_since, ["GET 200", "PUT 409", "GET 200"]),
        (requested_since, ["GET 200", "PUT 429", "GET 200"]),
        (without_cname, ["GET 404", "POST 400", "POST 400", "POST 202", "GET 200"]),
    ],
)
def test_create_by_status(
    engine: Engine, emulator: Emulator, prepare: Any, requests: list[str]
) -> None:
    """It ends active, and nothing is asked for that Mailgun has already."""
    prepare(emulator)
    run = engine.up(declared())
    assert asked(emulator) == requests
    certificate = emulator.domain(DOMAIN).certificates[HOST]
    assert certificate.status == "active"
    outputs = engine.state["certificate"].outputs
    assert outputs["status"] == "active"
    assert outputs["names"] == [HOST]
    assert certificate.not_after is not None
    assert outputs["not_after"] == certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "BEGIN" not in str(outputs)
    rows = {active: ["adopted; valid until"], processing: ["issuance was already in progress"]}
    for message in rows.get(prepare, []):
        assert message in str(run.rows["certificate"])


@pytest.mark.behaviour(22)
@pytest.mark.parametrize(
    ("status", "settings", "requests", "advice"),
    [
        (400, {"wait": False}, {"GET 404", "POST 400"}, f"{HOST} needs a CNAME record"),
        (400, {"timeout": 0.05}, {"GET 404", "POST 400"}, f"{HOST} needs a CNAME record"),
        (402, {}, {"GET 404", "POST 402"}, 'https_by="proxy"'),
    ],
)
def test_create_that_cannot_succeed(
    engine: Engine,
    emulator: Emulator,
    status: int,
    settings: dict[str, Any],
    requests: set[str],
    advice: str,
) -> None:
    """A CNAME that is not there in time, or not waited for, and a plan without certificates."""
    refuse(emulator, "POST", status, {"Reason": "no"}, times=100)
    run = engine.up(declared(**settings), check=False)
    assert set(asked(emulator)) == requests
    assert advice in run.errors["certificate"]
    assert engine.state == {}


@pytest.mark.behaviour(22)
def test_a_host_of_another_prefix(engine: Engine, emulator: Emulator) -> None:
    """The error names the tracking domain that the domain has."""
    run = engine.up(lambda: TrackingCertificate("certificate", f"other.{DOMAIN}"), check=False)
    assert f"the tracking domain of {DOMAIN} is {HOST}" in run.errors["certificate"]


@pytest.fixture
def expired_by_the_clock(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """A certificate whose time is over, of which Mailgun has issued a new one since; its state."""
    engine.up(declared())
    later = datetime.now(timezone.utc) + timedelta(days=91)
    monkeypatch.setattr(tracking_certificate, "now", lambda: later)
    emulator.set(certificate_lifetime_seconds=365 * 86400)
    emulator.set_certificate(HOST)
    emulator.forget_requests()
    return engine.state["certificate"].outputs


@pytest.mark.behaviour(14, 22, 60)
def test_expired_by_the_clock(
    engine: Engine, emulator: Emulator, expired_by_the_clock: dict[str, Any]
) -> None:
    """It previews as an update without a refresh, after one look at Mailgun."""
    emulator.set_certificate(HOST, "expired")
    preview = engine.preview(declared())
    assert preview.steps == {"certificate": "update"}
    day = expired_by_the_clock["not_after"][:10]
    assert preview.rows["certificate"] == [f"{HOST}: expired on {day}; will be reissued"]
    assert asked(emulator) == ["GET 200"]

    engine.up(declared())
    assert asked(emulator) == ["GET 200", "GET 200", "PUT 202", "GET 200"]
    assert engine.state["certificate"].outputs["serial"] != expired_by_the_clock["serial"]
    assert engine.preview(declared()).steps == {"certificate": "same"}
    assert calls(emulator) == []


@pytest.mark.behaviour(60)
def test_expired_in_the_state_but_renewed(
    engine: Engine, emulator: Emulator, expired_by_the_clock: dict[str, Any]
) -> None:
    """That is no change, whatever the command; a refresh brings the state up to date."""
    for command in (engine.preview, engine.up):
        run = command(declared())
        assert run.steps == {"certificate": "same"}
        assert "but Mailgun has renewed it" in run.rows["certificate"][0]
        assert asked(emulator) == ["GET 200"]
    assert engine.state["certificate"].outputs == expired_by_the_clock
    assert engine.refresh().steps == {"certificate": "same"}
    assert engine.state["certificate"].outputs["serial"] != expired_by_the_clock["serial"]
    emulator.forget_requests()
    assert engine.preview(declared()).rows == {}
    assert calls(emulator) == []


@pytest.mark.behaviour(60)
def test_expired_in_the_state_and_being_renewed(
    engine: Engine, emulator: Emulator, expired_by_the_clock: dict[str, Any]
) -> None:
    """The row says that, instead of promising to have it reissued."""
    outdated(emulator, 200, IN_PROGRESS, times=3)
    preview = engine.preview(declared())
    assert preview.steps == {"certificate": "update"}
    assert preview.rows["certificate"][0].endswith("; Mailgun is already issuing a new one")
    engine.up(declared())
    assert puts(emulator) == []


@pytest.mark.behaviour(60)
@pytest.mark.parametrize(
    ("status", "body", "word"),
    [(401, {"message": "Invalid private key"}, "Invalid private key"), (503, {}, "not available")],
)
def test_expired_where_mailgun_does_not_say(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    expired_by_the_clock: dict[str, Any],
    status: int,
    body: object,
    word: str,
) -> None:
    """The state is believed then, with one line about that."""
    monkeypatch.setattr(tracking_certificate, "CHECK_DEADLINE_SECONDS", 0.01)
    outdated(emulator, status, body, times=100)
    preview = engine.preview(declared())
    assert preview.steps == {"certificate": "update"}
    line, row = preview.rows["certificate"]
    assert word in line
    assert row.endswith("; will be reissued")


@pytest.mark.behaviour(60)
def test_only_one_of_many_waits_for_a_mailgun_that_does_not_answer(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    expired_by_the_clock: dict[str, Any],
) -> None:
    monkeypatch.setattr(tracking_certificate, "CHECK_DEADLINE_SECONDS", 0.01)
    outdated(emulator, 503, {}, times=100)
    engine.state["second"] = engine.state["certificate"]

    def program() -> None:
        TrackingCertificate("certificate", HOST)
        TrackingCertificate("second", HOST)

    assert engine.preview(program).steps == {"certificate": "update", "second": "update"}
    assert asked(emulator) == ["GET 503"]


@pytest.mark.behaviour(60)
@pytest.mark.parametrize("status", ["expired", "error", "processing"])
def test_refresh_counts_a_status_once(engine: Engine, emulator: Emulator, status: str) -> None:
    """As long as it stays the same it is no change; nothing is said to happen that does not."""
    engine.up(declared())
    emulator.set_certificate(HOST, status)
    assert engine.refresh().steps == {"certificate": "update"}
    run = engine.refresh()
    assert run.steps == {"certificate": "same"}
    assert run.rows["certificate"][0].endswith(" by the next `pulumi up`")
    assert engine.preview(declared(), refresh=True).steps == {"certificate": "update"}


@pytest.mark.behaviour(61)
def test_a_status_that_is_not_documented(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails no refresh; the row says what it is, since when, and what to do."""
    engine.up(declared())
    outdated(emulator, 200, {"status": "validating", "error": None}, times=100)
    assert engine.refresh().steps == {"certificate": "update"}
    since = engine.state["certificate"].outputs["status_since"]
    emulator.forget_requests()
    preview = engine.preview(declared())
    assert preview.steps == {"certificate": "update"}
    assert f"status validating since {since}, which is not documented" in str(preview.rows)
    assert calls(emulator) == []

    run = engine.up(declared(timeout=0.05), check=False)
    assert run.errors["certificate"].startswith("CertificateTimeout: ")
    assert f"reported the status validating since {since}" in run.errors["certificate"]
    assert puts(emulator) == []

    later = datetime.now(timezone.utc) + timedelta(hours=2)
    monkeypatch.setattr(tracking_certificate, "now", lambda: later)
    assert "`pulumi up --replace`" in str(engine.preview(declared()).rows)
    emulator.clear_faults()
    assert engine.up(declared(wait=False)).steps == {"certificate": "update"}
    assert engine.state["certificate"].outputs["status"] == "active"


@pytest.mark.behaviour(61)
def test_an_error_that_mailgun_does_not_try_again(engine: Engine, emulator: Emulator) -> None:
    """Both ways are tried; the error says since when, and what to do."""
    engine.up(declared())
    emulator.set_dials(put_after_error="conflict", post_after_error="conflict")
    emulator.set_certificate(HOST, "error", error="no")
    engine.refresh()
    since = engine.state["certificate"].outputs["status_since"]
    emulator.forget_requests()
    run = engine.up(declared(), check=False)
    assert asked(emulator) == ["GET 200", "PUT 409", "GET 200", "POST 409"]
    assert f"reported the status error since {since}" in run.errors["certificate"]
    assert "contact Mailgun support if it persists" in run.errors["certificate"]
    assert engine.refresh().steps == {"certificate": "same"}


@pytest.mark.behaviour(63)
def test_several_failures_name_lets_encrypts_limit(engine: Engine, emulator: Emulator) -> None:
    """Of the second one on: one alone has other reasons."""
    emulator.set(issuance_fails="rejected")

    def program() -> None:
        TrackingCertificate("one", HOST)
        TrackingCertificate("two", "email.two.example.com")

    run = engine.up(program, check=False, continue_on_error=True)
    limit = "Let's Encrypt issues at most 50 a week for each registered domain"
    assert [limit in run.errors[name] for name in ("one", "two")] == [False, True]


@pytest.mark.behaviour(23)
def test_processing_until_it_is_active(engine: Engine, emulator: Emulator) -> None:
    """It previews as an update; without waiting each up reads it once."""
    emulator.set(issuing_seconds=3600)
    run = engine.up(declared(wait=False))
    assert asked(emulator) == ["GET 404", "POST 202", "GET 200"]
    assert "not waiting" in str(run.rows["certificate"])
    since = engine.state["certificate"].outputs["status_since"]

    preview = engine.preview(declared(wait=False))
    assert preview.steps == {"certificate": "update"}
    assert f"since {since}" in str(preview.rows["certificate"])
    assert asked(emulator) == []

    engine.up(declared(wait=False))
    assert asked(emulator) == ["GET 200"]
    assert engine.state["certificate"].outputs["status"] == "processing"
    assert engine.state["certificate"].outputs["status_since"] == since

    emulator.set_certificate(HOST)
    outdated(emulator, 200, IN_PROGRESS)
    engine.up(declared(wait=True))
    assert asked(emulator) == ["GET 200", "GET 200"]
    assert engine.state["certificate"].outputs["status"] == "active"
    assert engine.up(declared(wait=True, timeout=5)).steps == {"certificate": "same"}
    assert asked(emulator) == []


@pytest.mark.behaviour(24)
@pytest.mark.parametrize("exists", [False, True])
def test_one_attempt_in_each_up(engine: Engine, emulator: Emulator, exists: bool) -> None:
    """After a failure each up tries once more, and shows the reason."""
    if exists:
        engine.up(declared())
        emulator.set_certificate(HOST, "error", error="too many failed authorizations")
    emulator.set(issuance_fails="DNS problem: SERVFAIL looking up CAA")
    emulator.forget_requests()

    run = engine.up(declared(), refresh=True, check=False)
    first = ["GET 200", "GET 200", "PUT 202"] if exists else ["GET 404", "POST 202"]
    assert asked(emulator) == [*first, "GET 200"]
    assert run.errors["certificate"].startswith("CertificateFailed: ")
    assert "DNS problem: SERVFAIL looking up CAA" in run.errors["certificate"]
    if exists:
        assert "too many failed authorizations" in run.rows["certificate"][0]

    engine.up(declared(), check=False)
    assert asked(emulator) == ["GET 200", "PUT 202", "GET 200"]
    emulator.set(issuance_fails=None)
    engine.up(declared())
    assert asked(emulator) == ["GET 200", "PUT 202", "GET 200"]
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"


@pytest.mark.behaviour(14)
@pytest.mark.parametrize("reason", ["Let's Encrypt", "the CNAME"])
def test_what_is_waited_for_is_shown(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """In the certificate's row, while it is."""
    monkeypatch.setattr(resource_log, "SECONDS_BEFORE_PROGRESS", 0)
    if reason == "the CNAME":
        without_cname(emulator)
    else:
        processing(emulator)
    run = engine.up(declared())
    assert run.rows["certificate"][0].startswith(f"waiting for {reason}, ")


def test_destroy_only_forgets_it(engine: Engine, emulator: Emulator) -> None:
    """Mailgun has no way to delete a certificate, and the row says so."""
    engine.up(declared())
    emulator.forget_requests()
    run = engine.destroy()
    assert "from the state only" in run.rows["certificate"][0]
    assert puts(emulator) == []
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"
