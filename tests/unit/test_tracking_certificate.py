"""TrackingCertificate's pure parts as tables, and the words that it finds for refusals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors, tracking_certificate
from mailgun_tracking.issuance import Issued, Step
from mailgun_tracking.models import (
    CertificateStatus,
    CnameRecord,
    DomainDetails,
    Target,
    rfc3339,
)
from mailgun_tracking.provider import Call
from mailgun_tracking.tracking_certificate import (
    difference,
    explain_certificate,
    problems,
    recorded,
    tell_outcome,
)
from tests.unit.fakes import NOON, Scripted, call_about, lines_of, make_pem

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
TARGET = Target("default", "us", "", HOST)
IDENTITY = {"tracking_domain": HOST, "account": "default", "region": "us", "subaccount": ""}
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))
NOT_FOUND = errors.DomainNotFound("cannot read the domain", "Domain not found", status=404)


class TestProblems:
    """What check refuses, with the name that the user wrote."""

    @pytest.mark.parametrize(
        ("inputs", "sentences"),
        [
            ({}, []),
            ({"wait": False, "timeout": 0.5, "region": "eu", "__provider": "x"}, []),
            ({"wait": UNKNOWN, "timeout": UNKNOWN, "tracking_domain": UNKNOWN}, []),
            ({"tracking_domain": None}, ["tracking_domain: is required, as in mg.example.com"]),
            (
                {"tracking_domain": "example.com"},
                [
                    "tracking_domain: 'example.com' is no tracking domain: "
                    "it is web_prefix.domain, perhaps email.example.com"
                ],
            ),
            (
                {"tracking_domain": "example.com."},
                [
                    "tracking_domain: 'example.com.' is no tracking domain: "
                    "it is web_prefix.domain, perhaps email.example.com."
                ],
            ),
            (
                {"tracking_domain": "no domain"},
                ["tracking_domain: 'no domain' is not a domain name such as mg.example.com"],
            ),
            (
                {"tracking_domian": HOST},
                ["tracking_domian: there is no such field; did you mean tracking_domain?"],
            ),
            ({"wiat": True}, ["wiat: there is no such field; did you mean wait?"]),
            ({"wait": "yes"}, ["wait: must be true or false, not a text"]),
            ({"wait": 1.0}, ["wait: must be true or false, not a number"]),
            ({"timeout": 0}, ["timeout: must be a number of seconds above 0"]),
            ({"timeout": -1.0}, ["timeout: must be a number of seconds above 0"]),
            ({"timeout": True}, ["timeout: must be a number of seconds above 0"]),
            ({"timeout": "600"}, ["timeout: must be a number of seconds above 0"]),
            ({"timeout": float("nan")}, ["timeout: must be a number of seconds above 0"]),
            ({"region": "mars"}, ["region: must be us or eu, not 'mars'"]),
        ],
    )
    def test_sentences(self, inputs: dict[str, Any], sentences: list[str]) -> None:
        failures = problems({"tracking_domain": HOST, **inputs})
        assert [f"{failure.property}: {failure.reason}" for failure in failures] == sentences


IN_A_DAY = rfc3339(NOON + timedelta(days=1))
A_DAY_AGO = rfc3339(NOON - timedelta(days=1))


class TestDifference:
    """What inputs and the passing of time change."""

    @pytest.mark.parametrize(
        ("olds", "news", "moment", "changes", "replaces", "reason"),
        [
            ({"status": "active", "not_after": IN_A_DAY}, {}, NOON, False, None, None),
            (
                {"status": "active", "not_after": IN_A_DAY},
                {"wait": False, "timeout": 5},
                NOON,
                False,
                None,
                None,
            ),
            (
                {"status": "active", "not_after": IN_A_DAY},
                {},
                NOON + timedelta(days=2),
                True,
                None,
                "expired on 2026-11-02: will be regenerated",
            ),
            (
                {"status": "expired", "not_after": A_DAY_AGO},
                {},
                NOON,
                True,
                None,
                "expired on 2026-10-31: will be regenerated",
            ),
            (
                {"status": "error", "error": "CAA"},
                {},
                NOON,
                True,
                None,
                "failed (CAA): will be tried again",
            ),
            (
                {"status": "processing", "processing_since": A_DAY_AGO},
                {},
                NOON,
                True,
                None,
                "issuing since 2026-10-31T12:00:00Z: will be looked at",
            ),
            ({}, {}, NOON, False, None, None),
            # Whom it is about.
            (
                {"status": "active", "not_after": IN_A_DAY},
                {"tracking_domain": "EMAIL.mg.example.com."},
                NOON,
                False,
                None,
                None,
            ),
            (
                {"status": "error"},
                {"tracking_domain": f"go.{DOMAIN}"},
                NOON,
                None,
                ["tracking_domain"],
                None,
            ),
            ({"status": "active"}, {"region": "eu"}, NOON, None, ["region"], None),
            (
                {"status": "active"},
                {"tracking_domain": UNKNOWN},
                NOON,
                None,
                ["tracking_domain"],
                None,
            ),
        ],
    )
    def test_of(
        self,
        olds: dict[str, Any],
        news: dict[str, Any],
        moment: datetime,
        changes: bool | None,
        replaces: list[str] | None,
        reason: str | None,
    ) -> None:
        result, said = difference({**IDENTITY, **olds}, {**IDENTITY, **news}, moment)
        assert (result.changes, result.replaces, said) == (changes, replaces, reason)


NO_FACTS = {
    "names": [],
    "issuer": "",
    "serial": "",
    "fingerprint": "",
    "not_before": "",
    "not_after": "",
}


class TestRecorded:
    """What goes into the state; the PEM does not."""

    def test_an_active_certificate(self) -> None:
        pem = make_pem(HOST)
        outputs = recorded(
            TARGET, CertificateStatus("active", None, pem), {"processing_since": "x"}
        )
        assert outputs.pop("fingerprint")
        assert outputs == {
            **IDENTITY,
            "status": "active",
            "error": "",
            "names": [HOST],
            "issuer": "O=Let's Encrypt,CN=R11",
            "serial": "beef",
            "not_before": "2026-11-01T12:00:00Z",
            "not_after": "2027-01-30T12:00:00Z",
        }
        assert "BEGIN CERTIFICATE" not in str(outputs)

    def test_one_in_the_making(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tracking_certificate, "now", lambda: NOON)
        certificate = CertificateStatus("processing", "wait")
        first = recorded(TARGET, certificate, {})
        assert first == {
            **IDENTITY,
            **NO_FACTS,
            "status": "processing",
            "error": "wait",
            "processing_since": "2026-11-01T12:00:00Z",
        }
        monkeypatch.setattr(tracking_certificate, "now", lambda: NOON + timedelta(hours=1))
        assert recorded(TARGET, certificate, first) == first

    @pytest.mark.parametrize("pem", [None, "{CERT}"])
    def test_one_that_failed(self, pem: str | None) -> None:
        outputs = recorded(TARGET, CertificateStatus("error", "CAA", pem), {})
        assert outputs == {**IDENTITY, **NO_FACTS, "status": "error", "error": "CAA"}

    def test_an_expired_one_keeps_its_facts(self) -> None:
        outputs = recorded(TARGET, CertificateStatus("expired", "old", make_pem(HOST)), {})
        assert outputs["not_after"] == "2027-01-30T12:00:00Z"

    def test_an_active_one_that_is_no_pem_is_refused(self) -> None:
        with pytest.raises(errors.UnexpectedResponse, match="Mailgun's answer holds no PEM"):
            recorded(TARGET, CertificateStatus("active", None, "{CERT}"), {})


class TestOutcome:
    """What is said of a certificate once it is there."""

    @pytest.mark.parametrize(
        ("status", "step", "olds", "lines"),
        [
            ("active", "generated", {}, []),
            ("active", "regenerated", {"serial": "old"}, []),
            ("active", "adopted", {}, ["adopted: valid until 2027-01-30"]),
            ("active", "adopted", {"serial": "beef"}, ["adopted: valid until 2027-01-30"]),
            ("active", "adopted", {"serial": "old"}, ["renewed by Mailgun on 2026-11-01"]),
            ("active", "joined", {}, ["joined: Mailgun was at work on it already"]),
            (
                "processing",
                "generated",
                {},
                [f"{HOST}: Mailgun is at work on it; not waited for"],
            ),
        ],
    )
    def test_sentence(
        self, status: Any, step: Step, olds: dict[str, Any], lines: list[str]
    ) -> None:
        call = call_about(Scripted(), HOST)
        pem = make_pem(HOST) if status == "active" else None
        issued = Issued(CertificateStatus(status, None, pem), step)
        tell_outcome(call, issued, olds, recorded(TARGET, issued.certificate, olds))
        assert lines_of(call) == lines


class TestExplain:
    """The likely cause of a refusal, and the way out."""

    def advice(
        self, kind: type[errors.TrackingError], *domains: object, monkeypatch: pytest.MonkeyPatch
    ) -> str:
        monkeypatch.setattr(Call, "whereabouts", lambda _call, domain: f"whereabouts of {domain}")
        error = kind("cannot issue")
        explain_certificate(call_about(Scripted(get_domain=list(domains)), HOST), error)
        return error.advice

    @pytest.mark.parametrize(
        ("kind", "domains", "sentence"),
        [
            (
                errors.CertificatesNotInPlan,
                [],
                "the account's plan has no tracking certificates: change the plan, or put your own "
                'CDN before the tracking domain and set https_by="proxy" on its DomainTracking',
            ),
            (
                errors.CnameNotValid,
                [DETAILS],
                f"it needs a CNAME record {HOST} that points at mailgun.org, "
                "straight and with no proxy before it; add it and run again",
            ),
            (
                errors.CnameNotValid,
                [DomainDetails(DOMAIN, "go", "http", CnameRecord(f"go.{DOMAIN}", "mailgun.org"))],
                f"it needs a CNAME record for {HOST}; the current tracking domain of {DOMAIN} is "
                f"go.{DOMAIN}, straight and with no proxy before it; add it and run again",
            ),
            (
                errors.CnameNotValid,
                [NOT_FOUND],
                f"it needs the CNAME record of {HOST} that Mailgun shows for its domain, "
                "straight and with no proxy before it; add it and run again",
            ),
            (
                errors.CertificateNotFound,
                [DETAILS],
                f"{HOST} is the tracking domain of {DOMAIN}: run again in a minute",
            ),
            (
                errors.CertificateNotFound,
                [DomainDetails(DOMAIN, "go", "http", None)],
                f"the tracking domain of {DOMAIN} is go.{DOMAIN}: give that one; "
                "if somebody moved it since the last up, run `pulumi refresh`",
            ),
            (
                errors.CertificateNotFound,
                [NOT_FOUND, DomainDetails(HOST, "email", "http", None)],
                f"{HOST} is a sending domain; give its tracking domain, email.{HOST}",
            ),
            (errors.CertificateNotFound, [NOT_FOUND], f"whereabouts of {DOMAIN}"),
            (
                errors.CertificateNotFound,
                [errors.Unauthorized("cannot read", "Forbidden", status=401)],
                "and the domain could not be looked at: cannot read: Forbidden (401)",
            ),
            (
                errors.CertificateConflict,
                [],
                "another change is under way at Mailgun: run again in a minute",
            ),
            (errors.CertificateFailed, [], ""),
        ],
    )
    def test_sentence(
        self,
        kind: type[errors.TrackingError],
        domains: list[object],
        sentence: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert self.advice(kind, *domains, monkeypatch=monkeypatch) == sentence
