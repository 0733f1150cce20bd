"""What `doctor` and `status` report about one domain, for each way of showing it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from .. import errors
from .._api.models import CertificateFacts, CertificateStatus
from .._api.settings import Settings
from .._diagnosis.diagnose import (
    NO_CERTIFICATE,
    Finding,
    Severity,
    days_left,
    facts_of,
    share_left,
    switch,
    worst,
)
from .._diagnosis.facts import DnsAnswer, Facts, NotSeen

UNKNOWN = "?"
"""Shown where something could not be looked at."""


@dataclass(frozen=True)
class Report:
    """The facts about one domain, and what they mean."""

    facts: Facts
    findings: Sequence[Finding]

    @property
    def domain(self) -> str:
        """The domain's id, as in the state: with its region where that is not the default."""
        return self.facts.target.id

    @property
    def problem(self) -> Finding | None:
        """The finding that needs somebody most, or None."""
        return worst(self.findings)

    @property
    def severity(self) -> Severity:
        """How bad the worst finding is; ok if nothing needs anybody."""
        return self.problem.severity if self.problem else "ok"

    @property
    def problems(self) -> list[Finding]:
        """All findings that need somebody, or that could not be looked at, or are not ready."""
        return [one for one in self.findings if one.severity in ("fix", "not-checked", "wait")]

    @property
    def notes(self) -> list[Finding]:
        """The findings that are worth knowing."""
        return [one for one in self.findings if one.severity == "note"]

    def tracking(self, section: str) -> str:
        """Whether a kind of tracking is on."""
        tracking = self.facts.tracking
        if tracking is None or isinstance(tracking, errors.TrackingError):
            return UNKNOWN
        return switch(tracking[section])

    @property
    def web_scheme(self) -> str:
        """The scheme of links."""
        return self.facts.web_scheme or UNKNOWN

    @property
    def host(self) -> str:
        """The tracking host."""
        return self.facts.host or UNKNOWN

    @property
    def dns(self) -> str:
        """What DNS answers for the tracking host."""
        answer = self.facts.answer
        if answer is None:
            return UNKNOWN
        cdn = self.facts.cdn_before(answer)
        return f"{answer} ({cdn})" if cdn else str(answer)

    @property
    def certificate(self) -> str:
        """The status of the certificate at Mailgun."""
        certificate = self.facts.certificate
        if isinstance(certificate, CertificateStatus):
            return certificate.status
        return "none" if isinstance(certificate, NO_CERTIFICATE) else UNKNOWN

    @property
    def known(self) -> CertificateFacts | None:
        """The certificate at Mailgun, if there is one."""
        return facts_of(self.facts.certificate)

    @property
    def days_left(self) -> int | None:
        """The whole days until that ends, 0 once it has, or None."""
        return max(0, days_left(self.known, self.facts.now)) if self.known else None

    @property
    def days_left_shown(self) -> str:
        """The same for people: one that has ended is expired."""
        if self.days_left is None:
            return ""
        return str(self.days_left) if self.share_left else "expired"

    @property
    def share_left(self) -> float:
        """How much of that certificate's lifetime is left; 0 where there is none."""
        return max(0.0, share_left(self.known, self.facts.now)) if self.known else 0.0


def most_urgent_first(reports: Sequence[Report]) -> list[Report]:
    """Reports in the order in which they need somebody."""
    order = ("fix", "not-checked", "wait", "ok")
    return sorted(reports, key=lambda report: (order.index(report.severity), report.domain))


def as_json(report: Report) -> dict[str, Any]:
    """A report as JSON has it; the ids are those of the text."""
    facts, known, problem = report.facts, report.known, report.problem
    answers = facts.zone if isinstance(facts.zone, tuple) else ()
    return {
        "domain": facts.target.domain,
        "account": facts.target.account,
        "region": facts.target.region,
        "subaccount": facts.target.subaccount,
        "severity": report.severity,
        "id": problem.id if problem else None,
        "tracking_domain": facts.host or None,
        "web_scheme": facts.web_scheme or None,
        **{name: _known(report.tracking(name)) for name in ("open", "click", "unsubscribe")},
        "dns": [
            {
                "server": answer.server,
                "outcome": answer.outcome,
                "cnames": list(answer.cnames),
                "records": [str(record) for record in answer.records],
                "addresses": list(answer.addresses),
            }
            for answer in (*answers, facts.resolved)
            if isinstance(answer, DnsAnswer)
        ],
        "certificate": {
            "status": _known(report.certificate),
            "not_before": known.not_before if known else None,
            "not_after": known.not_after if known else None,
            "days_left": report.days_left,
        },
        "checks": [
            {
                "check": one.check,
                "id": one.id,
                "severity": one.severity,
                "found": one.found,
                "wanted": one.wanted or None,
                "mend": one.mend or None,
                "record": one.record or None,
            }
            for one in report.findings
        ],
    }


def _known(text: str) -> str | None:
    return None if text == UNKNOWN else text


def dns_seen(facts: Facts) -> list[tuple[str, str]]:
    """What each server says about the tracking host: the answer, and who gave it, if any did."""
    zone = facts.zone if isinstance(facts.zone, tuple) else ()
    return [
        (answer.reason, "") if isinstance(answer, NotSeen) else (str(answer), answer.server)
        for answer in (*zone, facts.resolved)
        if answer is not None
    ]


def settings_with_dns(dns: str | None) -> Settings:
    """The settings of a command, with the name server that an option names."""
    if dns is None:
        return Settings()
    settings = Settings(environment={**os.environ, "MAILGUN_TRACKING_NAMESERVER": dns})
    try:
        server = settings.name_server()
    except errors.ConfigurationError:
        server = None
    if server is None:
        reason = f"{dns!r} is not SERVER or SERVER:PORT, such as 192.0.2.53"
        raise click.BadParameter(reason, param_hint="--dns")
    return settings


def write_page(file: Path | None, page: Callable[[], str]) -> None:
    """Make a page and write it, if a file was named for it."""
    if file is None:
        return
    try:
        file.write_text(page(), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write {file}: {error.strerror}") from None
