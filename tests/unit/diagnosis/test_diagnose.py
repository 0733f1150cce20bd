"""Facts that a DNS server or CA on the local machine cannot show, and how findings are judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.models import CertificateStatus, CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._diagnosis.caa import CaaSet
from mailgun_tracking._diagnosis.diagnose import (
    CHECKS,
    Finding,
    diagnose,
    exit_code,
    until_first,
    without_unused,
    worst,
)
from mailgun_tracking._diagnosis.facts import (
    Behind,
    CaaFailed,
    DnsAnswer,
    Facts,
    HttpAnswer,
    NotSeen,
    Record,
)
from mailgun_tracking.emulator.certificates import EmulatedAuthority

NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
HOST = "email.mg.example.com"
OFF: Mapping[str, Any] = {name: {"active": False} for name in ("open", "click", "unsubscribe")}
AUTHORITY = EmulatedAuthority()


def certificate(age_days: float, lifetime_days: float) -> CertificateStatus:
    start = NOW - timedelta(days=age_days)
    pem = AUTHORITY.issue(HOST, start, start + timedelta(days=lifetime_days))
    return CertificateStatus("active", pem=pem)


DETAILS = DomainDetails(
    "mg.example.com", "email", "https", CnameRecord(HOST, "mailgun.org"), cname_is_valid=False
)
ANSWER = DnsAnswer("ns1.example.com", cnames=("mailgun.org",))
WELL = Facts(
    Target("default", "us", "", "mg.example.com"),
    NOW,
    can_list=True,
    domain=DETAILS,
    tracking={**OFF, "open": {"active": True}},
    certificate=certificate(1, 90),
    zone=(ANSWER,),
    resolved=replace(ANSWER, server="the resolver", addresses=("192.0.2.1",)),
    caa=CaaSet(),
    http=HttpAnswer(404),
)


def found(facts: Facts, check: str) -> Finding:
    """The finding of a check."""
    return next(finding for finding in diagnose(facts) if finding.check == check)


def test_what_is_well() -> None:
    """Nothing is wrong, and what was not looked at is not assessed."""
    findings = diagnose(WELL)
    assert [finding.check for finding in findings] == list(CHECKS)
    left = [finding.check for finding in findings if finding.severity == "not-assessed"]
    assert left == ["served-certificate", "hsts"]
    assert worst(findings) is None


def test_nothing_was_looked_at() -> None:
    """No check looks well without its facts."""
    findings = diagnose(Facts(WELL.target, NOW))
    assert {finding.severity for finding in findings} == {"not-assessed"}


@pytest.mark.parametrize(
    ("answer", "id_"),
    [
        pytest.param(
            replace(ANSWER, records=(Record("TXT", '"x"'),)), "dns-other-records", id="beside"
        ),
        pytest.param(
            DnsAnswer("the resolver", outcome="servfail", is_bogus=True), "dns-dnssec", id="DNSSEC"
        ),
        pytest.param(DnsAnswer("ns1.example.com", outcome="refused"), "dns-servfail", id="refused"),
        pytest.param(
            DnsAnswer("ns1.example.com", cnames=("a.example.com", "eu.mailgun.org")),
            "dns-other-region",
            id="region, by way of another name",
        ),
        pytest.param(
            DnsAnswer("ns1.example.com", cnames=("mailgun.org.example.com",)),
            "dns-other-target",
            id="missing trailing dot",
        ),
    ],
)
def test_answers(answer: DnsAnswer, id_: str) -> None:
    """The same answer means the same, whoever gives it."""
    for facts, check in (
        (replace(WELL, zone=(answer,), resolved=answer), "dns-zone"),
        (replace(WELL, zone=NotSeen("no answer in time"), resolved=answer), "dns-resolver"),
    ):
        finding = found(facts, check)
        assert (finding.id, finding.severity) == (id_, "fix")


def test_a_zone_that_stops_at_its_end() -> None:
    """Where a zone's own server says only the first CNAME, the resolver knows the rest."""
    first = DnsAnswer("ns1.example.com", cnames=("links.example.net",))
    chain = DnsAnswer("the resolver", cnames=("links.example.net", "mailgun.org"))
    facts = replace(WELL, zone=(first,), resolved=chain)
    assert found(facts, "dns-zone").severity == "ok"
    other = replace(chain, cnames=("old.example.net", "mailgun.org"))
    assert found(replace(facts, resolved=other), "dns-zone").id == "dns-other-target"


def test_a_missing_trailing_dot() -> None:
    """The zone's own name is appended then, which is easily overlooked."""
    answer = DnsAnswer("ns1.example.com", cnames=("mailgun.org.mg.example.com",))
    finding = found(replace(WELL, zone=(answer,)), "dns-zone")
    assert finding.mend == "write the value with a dot at its end, or the zone's name is appended"


def test_flattening_that_mailgun_accepts() -> None:
    """What Mailgun itself calls valid is not to be fixed."""
    flat = DnsAnswer(
        "ns1.example.com", records=(Record("A", "192.0.2.1"),), addresses=("192.0.2.1",)
    )
    behind = Behind(frozenset({"192.0.2.1"}))
    facts = replace(WELL, zone=(flat,), resolved=flat, behind=behind)
    assert found(facts, "dns-zone").id == "dns-flattened"
    accepted = replace(facts, domain=replace(DETAILS, cname_is_valid=True))
    assert found(accepted, "dns-zone").severity == "ok"


@pytest.mark.behaviour(103)
@pytest.mark.parametrize(
    ("zone", "severity"),
    [
        ((NotSeen("ns1 does not answer"), ANSWER), "ok"),
        ((NotSeen("ns1 does not answer"),), "not-checked"),
        ((), "not-checked"),
    ],
)
def test_servers_that_do_not_answer(zone: tuple[Any, ...], severity: str) -> None:
    """One that answers is enough; without any it is not checked, and never well."""
    assert found(replace(WELL, zone=zone), "dns-zone").severity == severity


def test_caa_that_cannot_be_looked_up() -> None:
    """SERVFAIL is a refusal, silence is not checked."""
    broken = found(replace(WELL, caa=CaaFailed("example.com")), "caa")
    bogus = found(replace(WELL, caa=CaaFailed("example.com", is_bogus=True)), "caa")
    assert (broken.id, bogus.id) == ("caa-servfail", "caa-servfail")
    assert "DS record" in bogus.mend
    assert "DS record" not in broken.mend
    assert found(replace(WELL, caa=NotSeen("no answer")), "caa").severity == "not-checked"


@pytest.mark.parametrize(
    ("location", "is_odd"),
    [
        (f"https://{HOST}/", False),
        ("/elsewhere", False),
        (f"https://{HOST}:8443/", True),
        ("https://www.example.com/", True),
        ("ftp://email.mg.example.com/", True),
        (f"http://{HOST}:port/", True),
    ],
)
def test_redirects(location: str, is_odd: bool) -> None:
    """Let's Encrypt follows redirects to ports 80 and 443; another host is not Mailgun."""
    finding = found(replace(WELL, http=HttpAnswer(301, location)), "port-80")
    assert (finding.id == "port-80-redirect") is is_odd


@pytest.mark.behaviour(106)
@pytest.mark.parametrize(
    ("age", "lifetime", "id_"),
    [
        (59, 90, "certificate"),
        (61, 90, "certificate-not-renewed"),
        (42, 64, "certificate"),
        (43, 64, "certificate-not-renewed"),
        (3.9, 6, "certificate"),
        (4.1, 6, "certificate-not-renewed"),
        (7, 6, "certificate-expired"),
    ],
)
def test_days_are_judged_by_the_lifetime(age: float, lifetime: float, id_: str) -> None:
    """A person is needed where less than a third is left, however long that is."""
    assert found(replace(WELL, certificate=certificate(age, lifetime)), "certificate").id == id_


@pytest.mark.parametrize("status", ["processing", "pending review"])
def test_a_certificate_that_is_not_ready(status: str) -> None:
    """Also one with a status that Mailgun does not document."""
    http = replace(WELL, domain=replace(DETAILS, web_scheme="http"))
    finding = found(replace(http, certificate=CertificateStatus(status)), "certificate")
    assert (finding.id, finding.severity) == ("certificate-processing", "wait")


def test_links_while_a_certificate_is_issued() -> None:
    """They are broken, unless the certificate from before is still valid."""
    nothing = replace(WELL, certificate=CertificateStatus("processing"))
    assert found(nothing, "certificate").severity == "fix"
    assert found(nothing, "web-scheme").id == "https-without-certificate"
    for status in ("processing", "error"):
        facts = replace(WELL, certificate=replace(certificate(60, 90), status=status))
        assert found(facts, "web-scheme").severity == "ok"
        assert "valid until 2026-12-26" in found(facts, "certificate").found


@pytest.mark.parametrize(
    "certificate",
    [
        CertificateStatus("active", pem="no certificate"),
        errors.Unreachable("cannot read the certificate", "no response"),
        errors.Unauthorized("cannot read the certificate", "Forbidden", status=403),
    ],
)
def test_a_certificate_that_cannot_be_read(certificate: Any) -> None:
    """It is not checked, and links over https are not called broken."""
    facts = replace(WELL, certificate=certificate)
    assert found(facts, "certificate").severity == "not-checked"
    assert found(facts, "web-scheme").severity in ("ok", "not-assessed")


def test_the_first_that_is_wrong() -> None:
    """What may be its consequence is not assessed; what is well stays."""
    facts = replace(
        WELL, zone=(DnsAnswer("ns1.example.com", outcome="nxdomain"),), resolved=None, http=None
    )
    facts = replace(facts, certificate=CertificateStatus("error", "no CNAME"))
    findings = until_first(diagnose(facts))
    assert [one.id for one in findings if one.severity == "fix"] == ["dns-nxdomain"]
    severities = {one.check: one.severity for one in findings}
    assert severities["certificate"] == "not-assessed"
    assert severities["tracking"] == "ok"


def test_a_host_that_no_link_uses() -> None:
    """In a list of domains, its missing record is worth a note, as long as links are off."""
    http = replace(DETAILS, web_scheme="http")
    gone = DnsAnswer("the resolver", outcome="nxdomain")
    missing = errors.CertificateNotFound("x", "not found", status=404)
    facts = replace(WELL, domain=http, tracking=OFF, zone=None, resolved=gone, certificate=missing)
    assert worst(without_unused(facts, diagnose(facts))) is None
    used = replace(facts, tracking={**OFF, "click": {"active": "htmlonly"}})
    assert exit_code(without_unused(used, diagnose(used))) == 1


@pytest.mark.behaviour(103)
def test_exit_codes() -> None:
    """Something to fix comes before something that could not be looked at."""
    fix = Finding("caa", "caa-refused", "fix", "x")
    unseen = Finding("port-80", "port-80", "not-checked", "x")
    wait = Finding("certificate", "certificate-processing", "wait", "x")
    note = Finding("hsts", "hsts-missing", "note", "x")
    assert exit_code([unseen, wait, fix]) == 1
    assert exit_code([note, wait, unseen]) == 2
    assert exit_code([note, wait]) == 0
    assert worst([wait, unseen]) is unseen
