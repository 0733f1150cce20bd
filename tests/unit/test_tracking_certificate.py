"""TrackingCertificate: its inputs and outputs, what time changes, and what errors advise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors, tracking_certificate
from mailgun_tracking._api.issuance import Issuance, Issued, Step
from mailgun_tracking._api.models import (
    CertificateStatus,
    CnameRecord,
    DomainDetails,
    rfc3339,
)
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider import resource_log
from mailgun_tracking._provider.process import process
from mailgun_tracking.tracking_certificate import (
    OUTPUTS,
    TrackingCertificateProvider,
    ensure_certificate,
    ensure_moving_domain,
    explain_certificate_error,
    not_a_tracking_domain,
    outputs_from,
    report_outcome,
)
from tests.unit.fakes import NOON, Scripted, make_pem, messages_of, operation_on

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
TARGET = Target("default", "us", "", HOST)
IDENTITY = {"tracking_domain": HOST, "account": "default", "region": "us", "subaccount": ""}
IN_STATE = {**IDENTITY, **dict.fromkeys(OUTPUTS, ""), "status": "active", "names": []}
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))
ELSEWHERE = DomainDetails(DOMAIN, "go", "http", CnameRecord(f"go.{DOMAIN}", "mailgun.org"))
ACTIVE = CertificateStatus("active", None, make_pem(HOST))
PROVIDER = TrackingCertificateProvider()
IN_A_DAY = rfc3339(NOON + timedelta(days=1))
A_DAY_AGO = rfc3339(NOON - timedelta(days=1))


def not_found() -> errors.DomainNotFound:
    """The 404 of a domain."""
    return errors.DomainNotFound("cannot read the domain", "Domain not found", status=404)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking_certificate, "now", lambda: NOON)


class TestValidate:
    """What check refuses without asking Mailgun."""

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"wait": False, "timeout": 0.5, "region": "eu", "__provider": "pickle"},
            dict.fromkeys(("wait", "timeout", "move_domain", "tracking_domain"), UNKNOWN),
        ],
    )
    def test_valid(self, values: dict[str, Any]) -> None:
        assert PROVIDER.validate({"tracking_domain": HOST, **values}) == []

    @pytest.mark.parametrize(
        ("values", "property_", "word"),
        [
            ({"tracking_domain": None}, "tracking_domain", "required"),
            ({"tracking_domain": "example"}, "tracking_domain", "domain name"),
            ({"tracking_domain": "no domain"}, "tracking_domain", "domain name"),
            ({"tracking_domian": HOST}, "tracking_domian", "did you mean tracking_domain?"),
            ({"wiat": True}, "wiat", "did you mean wait?"),
            ({"wait": "yes"}, "wait", "true or false"),
            ({"move_domain": 1.0}, "move_domain", "true or false"),
            ({"timeout": 0}, "timeout", "greater than 0"),
            ({"region": "mars"}, "region", '"us" or "eu"'),
        ],
    )
    def test_invalid(self, values: dict[str, Any], property_: str, word: str) -> None:
        [failure] = PROVIDER.validate({"tracking_domain": HOST, **values})
        assert failure.property == property_
        assert word in failure.reason


class TestNotATrackingDomain:
    """What a check makes of a new certificate's host."""

    @pytest.mark.parametrize(
        ("domains", "expected"),
        [
            ({DOMAIN: DETAILS}, []),
            ({}, []),
            ({HOST: DomainDetails(HOST, "email", "http", None)}, [("tracking_domain", "sending")]),
            (
                {
                    DOMAIN: DomainDetails(DOMAIN, "track", "http", None),
                    HOST: DomainDetails(HOST, "go", "http", None),
                },
                [("tracking_domain", f"go.{HOST}")],
            ),
            ({f"eu/{DOMAIN}": DETAILS}, [("region", "region eu")]),
        ],
        ids=[
            "it is one",
            "unknown",
            "a sending domain",
            "a sending domain below another",
            "in the other region",
        ],
    )
    def test_is(
        self,
        domains: dict[str, DomainDetails],
        expected: list[tuple[str, str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def details(_client: object, target: Target) -> DomainDetails:
            if target.id not in domains:
                raise not_found()
            return domains[target.id]

        def is_sending_domain(_client: object, target: Target) -> bool:
            return target.id in domains

        monkeypatch.setattr(process.read_ahead, "details", details)
        monkeypatch.setattr(process.read_ahead, "is_sending_domain", is_sending_domain)
        monkeypatch.setattr(process.read_ahead, "is_custom_host", lambda *_: False)
        client = Scripted(get_domain=domains.get(HOST))
        failures = not_a_tracking_domain(operation_on(client, HOST), is_moving=False)
        assert [failure.property for failure in failures] == [name for name, _ in expected]
        for failure, (_, word) in zip(failures, expected, strict=True):
            assert word in failure.reason

    def test_is_not_asked_for_an_existing_certificate(self) -> None:
        operation = operation_on(Scripted(), HOST)
        assert PROVIDER.check_target(operation, {"status": "active"}, dict(IDENTITY)) == []


class TestDiff:
    """What inputs and the passing of time change."""

    @pytest.mark.parametrize(
        ("olds", "news", "moment", "changes", "word"),
        [
            ({"status": "active", "not_after": IN_A_DAY}, {}, NOON, False, None),
            (
                {"status": "active", "not_after": IN_A_DAY},
                {"wait": False, "timeout": 5},
                NOON,
                False,
                None,
            ),
            (
                {"status": "active", "not_after": IN_A_DAY},
                {},
                NOON + timedelta(days=2),
                True,
                "expired",
            ),
            ({"status": "expired", "not_after": A_DAY_AGO}, {}, NOON, True, "expired"),
            ({"status": "error", "error": "CAA"}, {}, NOON, True, "CAA"),
            (
                {"status": "processing", "status_since": A_DAY_AGO},
                {},
                NOON,
                True,
                A_DAY_AGO,
            ),
            ({}, {}, NOON, False, None),
            (
                {"status": "active", "not_after": IN_A_DAY},
                {"tracking_domain": "EMAIL.mg.example.com."},
                NOON,
                False,
                None,
            ),
        ],
    )
    def test_of_the_same_host(
        self,
        olds: dict[str, Any],
        news: dict[str, Any],
        moment: datetime,
        changes: bool,
        word: str | None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where time is the reason, the row says so."""
        sent: list[str] = []
        monkeypatch.setattr(
            resource_log, "engine_log", lambda: lambda _urn, message, _warning: sent.append(message)
        )
        monkeypatch.setattr(tracking_certificate, "now", lambda: moment)
        monkeypatch.setattr(tracking_certificate, "ask_about_expired", lambda _, reason: reason)
        result = PROVIDER.diff(HOST, {**IN_STATE, **olds}, {**IDENTITY, **news})
        assert (result.changes, result.replaces) == (changes, None)
        assert len(sent) == (word is not None)
        assert all(HOST in message and (word or "") in message for message in sent)

    @pytest.mark.parametrize(
        ("news", "replaces"),
        [
            ({"tracking_domain": f"go.{DOMAIN}"}, ["tracking_domain"]),
            ({"tracking_domain": UNKNOWN}, ["tracking_domain"]),
            ({"region": "eu"}, ["region"]),
        ],
    )
    def test_of_another_host(
        self,
        news: dict[str, Any],
        replaces: list[str],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A certificate that will be replaced needs no word about its age."""
        olds = {**IDENTITY, "status": "error"}
        assert PROVIDER.diff(HOST, olds, {**IDENTITY, **news}).replaces == replaces
        assert capsys.readouterr().err == ""


class TestOutputs:
    """What goes into the state; the certificate itself does not."""

    def test_of_an_active_certificate(self) -> None:
        outputs = outputs_from(TARGET, ACTIVE, {"status_since": A_DAY_AGO})
        assert outputs.keys() == {*IDENTITY, *OUTPUTS}
        assert outputs["status"] == "active"
        assert outputs["names"] == [HOST]
        assert outputs["serial"] == "beef"
        assert outputs["not_after"] == "2027-01-30T12:00:00Z"
        assert "BEGIN CERTIFICATE" not in str(outputs)

    @pytest.mark.parametrize("status", ["processing", "error", "validating"])
    def test_of_one_that_is_not_active(self, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The time since when is kept for as long as the status is the same."""
        certificate = CertificateStatus(status, "wait")
        first = outputs_from(TARGET, certificate, {"status": "active"})
        assert first["status_since"] == rfc3339(NOON)
        assert first["error"] == "wait"
        later = NOON + timedelta(hours=1)
        monkeypatch.setattr(tracking_certificate, "now", lambda: later)
        assert outputs_from(TARGET, certificate, first) == first
        other = outputs_from(TARGET, CertificateStatus("another"), first)
        assert other["status_since"] == rfc3339(later)

    def test_of_one_that_was_being_issued_in_an_older_state(self) -> None:
        olds = {"status": "processing", "processing_since": A_DAY_AGO}
        outputs = outputs_from(TARGET, CertificateStatus("processing"), olds)
        assert outputs["status_since"] == A_DAY_AGO
        assert "processing_since" not in outputs

    @pytest.mark.parametrize("pem", [None, "{CERT}"])
    def test_of_one_that_failed(self, pem: str | None) -> None:
        """Facts that there are none of are empty, and of the same types."""
        outputs = outputs_from(TARGET, CertificateStatus("error", "CAA", pem), {})
        assert outputs.keys() == {*IDENTITY, *OUTPUTS, "status_since"}
        assert (outputs["status"], outputs["error"]) == ("error", "CAA")
        assert (outputs["names"], outputs["serial"], outputs["not_after"]) == ([], "", "")

    def test_of_an_expired_one(self) -> None:
        outputs = outputs_from(TARGET, CertificateStatus("expired", "old", make_pem(HOST)), {})
        assert outputs["not_after"] == "2027-01-30T12:00:00Z"

    def test_of_an_active_one_that_cannot_be_read(self) -> None:
        with pytest.raises(errors.UnexpectedResponse, match="PEM") as caught:
            outputs_from(TARGET, CertificateStatus("active", None, "{CERT}"), {})
        assert caught.value.domain == HOST


class FakeIssuance:
    """Issuance with an outcome for each attempt, that records what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *outcomes: Issued | Exception) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[dict[str, Any]] = []
        monkeypatch.setattr(tracking_certificate, "Issuance", lambda *_args, **_options: self)
        monkeypatch.setattr(tracking_certificate, "wait_for_dns", lambda *_: 60.0)

    def ensure(self, host: str, **request: Any) -> Issued:
        assert host == HOST
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


ISSUED = Issued(ACTIVE, "generated")
NOT_CURRENT = errors.CertificateNotFound("cannot issue", status=404)


@pytest.mark.parametrize(
    ("given", "wait", "timeout"),
    [
        ({}, True, 600),
        ({"wait": None, "timeout": None}, True, 600),
        ({"wait": False, "timeout": 5}, False, 5),
    ],
)
def test_waiting_is_the_default(
    given: dict[str, Any], wait: bool, timeout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuance = FakeIssuance(monkeypatch, ISSUED)
    assert ensure_certificate(operation_on(Scripted(pause=None), HOST), given) is ISSUED
    assert issuance.requests == [{"wait": wait, "timeout": timeout, "anew": False}]


class TestMoving:
    """A create with move_domain, on a Mailgun that only issues for the current host."""

    def updates(self, client: Scripted) -> list[dict[str, str]]:
        """What was sent for the domain."""
        return [call[2] for call in client.calls if call[0] == "update_domain"]

    def client(self, details: DomainDetails) -> Scripted:
        """Mailgun with a domain."""
        return Scripted(pause=None, get_domain=details, update_domain=None, list_domains=())

    def test_the_domain_stays_where_issuance_works(self, monkeypatch: pytest.MonkeyPatch) -> None:
        FakeIssuance(monkeypatch, ISSUED)
        client = self.client(ELSEWHERE)
        assert ensure_moving_domain(operation_on(client, HOST), {}) is ISSUED
        assert client.calls == []

    def test_the_domain_is_moved_where_it_does_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        FakeIssuance(monkeypatch, NOT_CURRENT, ISSUED)
        client = self.client(ELSEWHERE)
        assert ensure_moving_domain(operation_on(client, HOST), {}) is ISSUED
        assert self.updates(client) == [{"web_prefix": "email", "web_scheme": "http"}]

    @pytest.mark.parametrize(
        ("status", "restored"), [("active", [{"web_scheme": "https"}]), ("processing", [])]
    )
    def test_https_is_restored_over_an_active_certificate(
        self,
        status: Any,
        restored: list[dict[str, str]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        issued = Issued(CertificateStatus(status), "generated")
        FakeIssuance(monkeypatch, NOT_CURRENT, issued)
        client = self.client(DomainDetails(DOMAIN, "go", "https", None))
        ensure_moving_domain(operation_on(client, HOST), {})
        assert self.updates(client)[1:] == restored

    def test_the_domain_stays_while_dns_does_not_lead_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The look is for what Mailgun expects, and the row says what is waited for."""
        looks = iter(["no record", "no record", None])
        asked: list[object] = []

        def look(*arguments: object) -> str | None:
            asked.append(arguments)
            assert self.updates(client) == []
            return next(looks)

        monkeypatch.setattr(tracking_certificate, "what_is_missing", look)
        monkeypatch.setattr(resource_log, "SECONDS_BEFORE_PROGRESS", 0.0)
        outcomes: list[Issued | Exception] = [NOT_CURRENT, ISSUED]
        issuance = Issuance(Scripted(), sleep=lambda _: None)
        monkeypatch.setattr(
            tracking_certificate, "Issuance", lambda *_, **o: replace(issuance, say=o["say"])
        )

        def ensure(_self: Issuance, _host: str, **_request: object) -> Issued:
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(Issuance, "ensure", ensure)
        client = self.client(ELSEWHERE)
        operation = operation_on(client, HOST)
        assert ensure_moving_domain(operation, {}) is ISSUED
        assert asked == [(HOST, "mailgun.org", None)] * 3
        assert messages_of(operation)[0] == (
            f"waiting for DNS: no record, 0 s; until then the links of {DOMAIN} stay on go.{DOMAIN}"
        )

    def test_a_certificate_from_before_does_not_prove_that_the_host_leads_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without this, whatever moves the domain after it would break its links."""
        monkeypatch.setattr(tracking_certificate, "what_is_missing", lambda *_: "no record")
        client = Scripted(
            pause=None,
            get_certificate=ACTIVE,
            get_domain=ELSEWHERE,
            list_domains=(),
        )
        with pytest.raises(errors.CnameNotValid, match="no record") as caught:
            ensure_moving_domain(operation_on(client, HOST), {"wait": False})
        assert f"the links of {DOMAIN} stay on go.{DOMAIN}" in caught.value.advice

    def test_a_domain_that_uses_the_host_already_is_not_moved(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        FakeIssuance(monkeypatch, NOT_CURRENT)
        client = self.client(DETAILS)
        with pytest.raises(errors.CertificateNotFound):
            ensure_moving_domain(operation_on(client, HOST), {})
        assert self.updates(client) == []


class TestExplain:
    """The likely cause of an error, and what to do about it."""

    @pytest.mark.parametrize(
        ("type_", "domains", "words"),
        [
            (errors.CertificatesNotInPlan, [], ["plan", 'https_by="proxy"']),
            (errors.CnameNotValid, [DETAILS], [HOST, "mailgun.org", "no proxy"]),
            (errors.CnameNotValid, [ELSEWHERE], [HOST, f"go.{DOMAIN}"]),
            (errors.CnameNotValid, [not_found()], [HOST, "that Mailgun shows"]),
            (errors.CertificateNotFound, [DETAILS], ["try again"]),
            (errors.CertificateNotFound, [ELSEWHERE], [f"go.{DOMAIN}", "move_domain=True"]),
            (
                errors.CertificateNotFound,
                [not_found(), DomainDetails(HOST, "email", "http", None)],
                [f"{HOST} is a sending domain", f"email.{HOST}"],
            ),
            (errors.CertificateNotFound, [not_found()], [f"{DOMAIN} is not in region us"]),
            (
                errors.CertificateNotFound,
                [errors.Unauthorized("cannot read", "Forbidden", status=401)],
                ["Forbidden (401)"],
            ),
            (errors.CertificateConflict, [], ["try again"]),
            (errors.Unauthorized, [], ["the key is from"]),
            (errors.CertificateFailed, [], []),
        ],
    )
    def test_advice(
        self, type_: type[errors.TrackingError], domains: list[object], words: list[str]
    ) -> None:
        error = type_("cannot issue")
        operation = operation_on(
            Scripted(get_domain=domains, list_domains=()),
            HOST,
            other_region=Scripted(get_domain=not_found()),
        )
        explain_certificate_error(operation, error, {})
        for word in words:
            assert word in error.advice
        assert bool(error.advice) is bool(words)


@pytest.mark.parametrize(
    ("status", "step", "olds", "words"),
    [
        ("active", "generated", {}, []),
        ("active", "regenerated", {"serial": "old"}, []),
        ("active", "adopted", {}, ["adopted", "2027-01-30"]),
        ("active", "adopted", {"serial": "beef"}, ["adopted", "2027-01-30"]),
        ("active", "adopted", {"serial": "old"}, ["renewed", "2026-11-01"]),
        ("active", "joined", {}, ["already in progress"]),
        ("processing", "generated", {}, ["not waiting"]),
    ],
)
def test_the_row_says_how_a_certificate_was_obtained(
    status: Any, step: Step, olds: dict[str, Any], words: list[str]
) -> None:
    """Where create or update do not say so already."""
    operation = operation_on(Scripted(), HOST)
    certificate = ACTIVE if status == "active" else CertificateStatus(status)
    outputs = outputs_from(TARGET, certificate, olds)
    report_outcome(operation, Issued(certificate, step), olds, outputs)
    messages = messages_of(operation)
    assert len(messages) == bool(words)
    assert all(word in message for message in messages for word in words)


def test_deleting_says_that_the_certificate_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """Mailgun cannot delete it, so it is not asked to."""
    PROVIDER.delete(HOST, {**IDENTITY, "status": "active"})
    message = capsys.readouterr().err
    assert HOST in message
    assert "state only" in message
