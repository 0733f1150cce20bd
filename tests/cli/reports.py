"""Reports about made-up domains, at a fixed time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from mailgun_tracking import errors
from mailgun_tracking._api.models import CertificateStatus, CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._diagnosis.caa import CaaSet
from mailgun_tracking._diagnosis.diagnose import diagnose, until_first
from mailgun_tracking._diagnosis.facts import (
    Behind,
    DnsAnswer,
    Facts,
    HttpAnswer,
    NotSeen,
    Record,
    ServedCertificate,
)
from mailgun_tracking.cli.report import Report
from mailgun_tracking.emulator.certificates import EmulatedAuthority

NOW = datetime(2026, 11, 26, 12, tzinfo=timezone.utc)
OFF: Mapping[str, Any] = {name: {"active": False} for name in ("open", "click", "unsubscribe")}
ON = {**OFF, "open": {"active": True}, "click": {"active": "htmlonly"}}

_AUTHORITY = EmulatedAuthority()


def certificate(host: str, age_days: float, lifetime_days: float = 90) -> CertificateStatus:
    """An active certificate of some age."""
    start = NOW - timedelta(days=age_days)
    pem = _AUTHORITY.issue(host, start, start + timedelta(days=lifetime_days))
    return CertificateStatus("active", pem=pem)


def facts(name: str, *, region: str = "us", scheme: str = "https", age: float = 20) -> Facts:
    """A domain with which all is well."""
    host, value = f"email.{name}", "mailgun.org" if region == "us" else "eu.mailgun.org"
    answer = DnsAnswer("the resolver", cnames=(value,), addresses=("192.0.2.1",), ttl=300)
    return Facts(
        Target("default", region, "", name),
        NOW,
        domain=DomainDetails(name, "email", scheme, CnameRecord(host, value)),
        tracking=ON,
        certificate=certificate(host, age),
        resolved=answer,
    )


def report(facts: Facts) -> Report:
    """A report as `status` makes it."""
    return Report(facts, diagnose(facts))


def surveys() -> list[Report]:
    """Several domains, of which some need a person."""
    none = errors.CertificateNotFound("x", "x509 cert not found", status=404)
    proxied = DnsAnswer(
        "the resolver", records=(Record("A", "104.21.3.4"),), addresses=("104.21.3.4",)
    )
    silent = NotSeen("the resolver does not answer: no answer in time")
    failed = CertificateStatus("error", "CAA record for example.org <prevents> issuance")
    plain = replace(facts("old.example.com", scheme="http"), certificate=none)
    return [
        report(one)
        for one in (
            facts("mg.example.com"),
            facts("news.example.com", region="eu", age=65),
            replace(facts("shop.example.com"), resolved=proxied, behind=Behind(), certificate=none),
            replace(facts("alerts.example.org", scheme="http"), certificate=failed),
            replace(facts("receipts.example.net", age=1), resolved=silent),
            replace(
                facts("new.example.com", scheme="http"), certificate=CertificateStatus("processing")
            ),
            plain,
        )
    ]


def examined(*, is_well: bool) -> Report:
    """One domain, as `doctor` looks at it."""
    start = facts("mg.example.com")
    answer = replace(start.answer or DnsAnswer(""), server="ns1.example.com")
    served = _served(start)
    well = replace(
        start, can_list=True, zone=(answer,), caa=CaaSet(), http=HttpAnswer(404), served=served
    )
    if not is_well:
        proxied = DnsAnswer(
            "ns1.example.com", records=(Record("A", "104.21.3.4"),), addresses=("104.21.3.4",)
        )
        resolved = replace(proxied, server="the resolver")
        zone = (proxied, replace(proxied, server="ns2.example.com"))
        well = replace(well, zone=zone, resolved=resolved, caa=None, http=None, served=None)
    return Report(well, until_first(diagnose(well)))


def _served(facts: Facts) -> ServedCertificate:
    known = report(facts).known
    assert known is not None
    return ServedCertificate(known, hsts="max-age=31536000")
