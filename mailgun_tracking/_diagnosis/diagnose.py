"""What facts mean: one finding for each check, in the order in which an expert asks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from .. import errors
from .._api.fields import SECTIONS
from .._api.models import (
    CNAME_VALUES,
    CertificateFacts,
    CertificateStatus,
    from_rfc3339,
    parse_certificate,
)
from .caa import CaaSet, Refusal, refusal
from .facts import (
    CaaFailed,
    DnsAnswer,
    Facts,
    HttpAnswer,
    NoCertificate,
    NotSeen,
    ServedCertificate,
)

Severity = Literal["ok", "note", "wait", "fix", "not-checked", "not-assessed"]
"""Well; worth knowing; not ready yet; for a person; could not look; did not need to look."""

RENEWED_WITHIN = timedelta(days=1)
"""How long the certificate from before a renewal may still be served."""
NO_CERTIFICATE = (errors.CertificateNotFound, errors.CertificatesNotInPlan)
"""The errors that say that Mailgun has none."""
_REISSUE = (
    "run `pulumi up --refresh`, which has it reissued; if no stack manages it, declare it "
    "(`HttpsTracking` or `TrackingCertificate`)"
)
"""Without a refresh, Pulumi goes by the state, which may still call the certificate active."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: the check.
        id: what is wrong, for programs; the check's name where nothing is.
        severity: how bad it is.
        found: what was found.
        wanted: what was wanted, where something else was found.
        mend: what to do.
        record: the DNS record to set, or an empty string.
    """

    check: str
    id: str
    severity: Severity
    found: str
    wanted: str = ""
    mend: str = ""
    record: str = ""


def diagnose(facts: Facts) -> list[Finding]:
    """A finding for each check; checks whose facts were not looked at are not assessed."""
    findings = [
        check(facts) or Finding(name, name, "not-assessed", "") for name, check in CHECKS.items()
    ]
    # Headers, records and certificates are anybody's, and may hold what commands a terminal.
    return [replace(finding, found=_printable(finding.found)) for finding in findings]


def until_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings up to the first that is to be fixed or waited for.

    What is wrong after that may be its consequence, and is not assessed.
    """
    kept: list[Finding] = []
    is_over = False
    for finding in findings:
        if is_over and finding.severity != "ok":
            finding = Finding(finding.check, finding.check, "not-assessed", "")
        kept.append(finding)
        is_over = is_over or finding.severity in ("fix", "wait")
    return kept


def without_unused(facts: Facts, findings: Iterable[Finding]) -> list[Finding]:
    """Findings in which the DNS of a host that no link uses is only worth a note."""
    details, tracking = facts.details, facts.tracking
    is_unused = (
        details is not None
        and details.web_scheme == "http"
        and isinstance(tracking, Mapping)
        and all(switch(tracking[section]) == "off" for section in SECTIONS)
    )
    return [
        replace(finding, severity="note", found=f"{finding.found}; no tracking is on")
        if is_unused and finding.check == "dns-resolver" and finding.severity == "fix"
        else finding
        for finding in findings
    ]


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The finding that needs somebody most, or None if all is well.

    Something to fix comes before something that could not be looked at, and that before what is
    only not ready yet; of equals the first, because what comes after may be its consequence.
    """
    order: tuple[Severity, ...] = ("fix", "not-checked", "wait")
    found = list(findings)
    for severity in order:
        for finding in found:
            if finding.severity == severity:
                return finding
    return None


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if nothing is to be fixed, 1 if something is, 2 if something could not be looked at."""
    finding = worst(findings)
    return {"fix": 1, "not-checked": 2}.get(finding.severity if finding else "", 0)


# --- Mailgun ---


def _key(facts: Facts) -> Finding | None:
    error = facts.domain
    if error is None:
        return None
    if isinstance(error, errors.Unauthorized):
        if error.is_about_subaccount:
            return _ok("key", "accepted")
        return Finding(
            "key",
            "key-refused",
            "fix",
            f"Mailgun refuses the key: {error.reason} ({error.status})",
            "an account API key with the role Admin or Developer",
            error.advice,
        )
    if isinstance(error, errors.TrackingError) and not isinstance(error, errors.DomainNotFound):
        return _not_checked("key", error.reason or error.what)
    if facts.can_list is None:
        return _ok("key", "accepted")
    if not facts.can_list:
        return _ok("key", "accepted; it can read this domain, but not list domains")
    return _ok("key", "accepted; it can read and list domains")


def _domain(facts: Facts) -> Finding | None:
    name, region, error = facts.target.domain, facts.target.region, facts.domain
    if isinstance(error, errors.DomainNotFound):
        found = f"region {region} has no domain {name}"
        if other := facts.found_in_region:
            return Finding(
                "domain",
                "domain-other-region",
                "fix",
                f"{name} is in region {other}, not in {region}",
                mend=f"set the region to {other}: write {other}/{name} here, and "
                f'region="{other}" in the program',
            )
        mend = (
            "check the name (that of the sending domain, not of its tracking host), the region, "
            "the subaccount, and whose key it is"
        )
        return Finding("domain", "domain-not-found", "fix", found, mend=mend)
    if isinstance(error, errors.Unauthorized) and error.is_about_subaccount:
        found = f"Mailgun does not know the subaccount: {error.reason} ({error.status})"
        wanted = "the ID of a subaccount of the key's account"
        return Finding("domain", "subaccount-not-found", "fix", found, wanted, error.advice)
    details = facts.details
    if details is None:
        return None
    if details.is_disabled:
        mend = "Mailgun sends nothing for it: ask Mailgun support why, and what they need"
        return Finding("domain", "domain-disabled", "fix", details.problem, mend=mend)
    if details.problem:
        mend = "set the DNS records that Mailgun lists for sending, and have it verify them"
        return Finding("domain", "domain-unverified", "fix", details.problem, mend=mend)
    if details.is_sandbox:
        found = "a sandbox domain, which cannot have a certificate"
        mend = "use a domain of your own"
        return Finding("domain", "domain-sandbox", "fix", found, mend=mend)
    return _ok("domain", f"active in region {region}")


def _plan(facts: Facts) -> Finding | None:
    certificate = facts.certificate
    if isinstance(certificate, errors.CertificatesNotInPlan):
        if is_behind_own_cdn(facts):
            return _ok("plan", "has no tracking certificates, and none is needed behind a CDN")
        finding = Finding(
            "plan",
            "plan-no-certificates",
            "fix",
            f"Mailgun's plan has no tracking certificates: {certificate.reason}",
            mend="upgrade the plan; or put a CDN of your own before the tracking host, and set "
            'https_by="proxy"',
        )
        return _only_for_https(facts, finding)
    if isinstance(certificate, CertificateStatus):
        return _ok("plan", "includes certificates")
    if isinstance(certificate, errors.CertificateNotFound):
        # Only a request for a certificate tells, and looking must not request one.
        found = "Mailgun only says once a certificate is requested"
        return Finding("plan", "plan", "not-assessed", found)
    return None


def _tracking_host(facts: Facts) -> Finding | None:
    details, host = facts.details, facts.host
    if details is None:
        return None
    if host == details.name:
        return Finding(
            "tracking-host",
            "host-is-sending-domain",
            "fix",
            f"links use {host}, which is the sending domain itself",
            f"a host of its own, such as {details.web_prefix}.{host}",
            "remove the custom tracking host at Mailgun: the sending domain needs MX and TXT "
            "records, which cannot stand beside a CNAME",
        )
    if "_" in host:
        finding = Finding(
            "tracking-host",
            "host-underscore",
            "fix",
            f"{host} has an underscore in it",
            "a name of letters, digits and hyphens: Let's Encrypt issues for no other",
            "use a sending domain without an underscore for https",
        )
        return _only_for_https(facts, finding)
    kind = "a custom host" if details.custom_host else f"web prefix {details.web_prefix}"
    return _ok("tracking-host", f"{host} ({kind})")


# --- DNS ---


def _zone(facts: Facts) -> Finding | None:
    zone = facts.zone
    if zone is None:
        return None
    if isinstance(zone, NotSeen):
        return _not_checked("dns-zone", zone.reason)
    answers = [answer for answer in zone if isinstance(answer, DnsAnswer)]
    if not answers:
        reasons = "; ".join(answer.reason for answer in zone if isinstance(answer, NotSeen))
        return _not_checked("dns-zone", reasons or "the zone names no server")
    first, *others = answers
    for other in others:
        if (other.outcome, other.cnames[:1]) != (first.outcome, first.cnames[:1]):
            return Finding(
                "dns-zone",
                "dns-servers-differ",
                "fix",
                f"{first.server} says {first}, {other.server} says {other}",
                "the same answer from every server of the zone",
                "if the record was changed just now, wait until all servers have it; otherwise "
                "ask whoever runs the zone",
            )
    return _judge(facts, first, "dns-zone")


def _resolver(facts: Facts) -> Finding | None:
    resolved = facts.resolved
    if resolved is None:
        return None
    if isinstance(resolved, NotSeen):
        return _not_checked("dns-resolver", resolved.reason)
    finding = _judge(facts, resolved, "dns-resolver")
    zone = _zone(facts)
    is_old = finding.severity == "fix" and resolved.outcome in ("found", "nxdomain")
    if is_old and zone and zone.severity == "ok":
        return Finding(
            "dns-resolver",
            "dns-propagating",
            "wait",
            f"{resolved.server} still says {resolved}; the zone is right",
            f"CNAME {facts.wanted}",
            f"wait: a resolver keeps an old answer for its TTL (here up to {resolved.ttl} s)"
            if resolved.ttl
            else "wait: resolvers remember for a while that there was no record",
        )
    return finding


def _judge(facts: Facts, answer: DnsAnswer, check: str) -> Finding:
    """Whether an answer leads a host to Mailgun, and what is in its way."""
    host, wanted = facts.host, facts.wanted
    record = f"{host}. CNAME {wanted}."

    def fix(id_: str, found: str, mend: str) -> Finding:
        return Finding(check, id_, "fix", found, f"CNAME {wanted}", mend, record)

    if answer.is_bogus:
        found = f"{answer.server} rejects the zone's DNSSEC signatures (SERVFAIL)"
        mend = "have the zone signed again, or remove its DS record at the registrar"
        return replace(fix("dns-dnssec", found, mend), wanted="an answer", record="")
    if answer.outcome in ("servfail", "refused"):
        found = f"{answer.server} answers {answer}, neither a record nor that there is none"
        mend = "have whoever runs the zone mend its servers or its delegation"
        return replace(fix("dns-servfail", found, mend), wanted="an answer", record="")
    cdn = facts.cdn_before(answer)
    if leads_to_mailgun(facts, answer):
        if answer.records:
            found = f"{_list(answer.records)} beside the CNAME"
            mend = f"remove it: nothing can stand beside a CNAME, and {host} is for links only"
            return fix("dns-other-records", found, mend)
        way = f", by way of {answer.cnames[0]}" if answer.cnames[0] != wanted else ""
        return _ok(check, f"CNAME {wanted}{way}")
    if answer.outcome == "nxdomain":
        return fix("dns-nxdomain", f"{host} does not exist in DNS", "add the record")
    if is_behind_own_cdn(facts):
        whose = cdn or "a proxy of your own"
        return _ok(check, f"{answer}: {whose}, which terminates TLS with a valid certificate")
    if cdn:
        is_cloudflare = cdn == "Cloudflare"
        way = 'set it to "DNS only" at Cloudflare' if is_cloudflare else f"point it past {cdn}"
        mend = (
            f"{way}: to issue, renew and serve a certificate, Mailgun wants no proxy before it. "
            f'If {cdn} is meant to terminate TLS, set https_by="proxy"'
        )
        return fix("dns-proxy", f"{answer}, a proxy ({cdn})", mend)
    if facts.behind and facts.behind.mailgun_addresses & set(answer.addresses):
        if facts.details and facts.details.cname_is_valid:
            return _ok(check, f"{answer}: the addresses of {wanted}, which Mailgun accepts")
        mend = (
            "replace the ALIAS, ANAME or flattened record by a plain CNAME: the addresses behind "
            f"{wanted} change, and Mailgun looks for the CNAME"
        )
        return fix("dns-flattened", f"{answer}: the addresses of {wanted} without a CNAME", mend)
    if answer.cnames:
        for region, value in CNAME_VALUES.items():
            if value in answer.cnames:
                found = f"CNAME {value}, which is Mailgun's region {region}"
                mend = f"point it at {wanted}: the domain is in region {facts.target.region}"
                return fix("dns-other-region", found, mend)
        mend = "point it at Mailgun"
        if answer.cnames[0].startswith(f"{wanted}."):
            mend = "write the value with a dot at its end, or the zone's name is appended"
        return fix("dns-other-target", str(answer), mend)
    if answer.records:
        mend = "remove what is there and add the CNAME: nothing can stand beside one"
        return fix("dns-no-cname", f"{answer} instead of a CNAME", mend)
    return fix("dns-no-cname", f"{host} has no CNAME record", "add the record")


def leads_to_mailgun(facts: Facts, answer: DnsAnswer) -> bool:
    """Whether CNAME records lead from the host to Mailgun."""
    if facts.wanted in answer.cnames:
        return True
    # A zone's own server stops at the end of its zone; the resolver follows from there.
    resolved = facts.resolved
    return (
        bool(answer.cnames)
        and isinstance(resolved, DnsAnswer)
        and answer.cnames[0] in resolved.cnames
        and facts.wanted in resolved.cnames
    )


def is_behind_own_cdn(facts: Facts) -> bool:
    """Whether links use https through a CDN that has a valid certificate, and Mailgun has none."""
    served = facts.behind.served if facts.behind else None
    return (
        facts.web_scheme == "https"
        and isinstance(facts.certificate, NO_CERTIFICATE)
        and isinstance(served, ServedCertificate)
        and not served.problem
    )


# --- the way of the challenge ---


_CAA_FOUND: Mapping[Refusal, str] = {
    "caa-refused": "does not name {issuer}",
    "caa-critical-tag": "has a critical tag that Let's Encrypt does not know",
    "caa-account": "names {issuer} for one account only, and Mailgun's is not known",
    "caa-method": "names {issuer}, but not for http-01",
}


def _caa(facts: Facts) -> Finding | None:
    caa, issuer = facts.caa, facts.issuer
    if caa is None:
        return None
    if isinstance(caa, NotSeen):
        return _not_checked("caa", caa.reason)
    wanted = f'issue "{issuer}", or no CAA record'
    if isinstance(caa, CaaFailed):
        finding = Finding(
            "caa",
            "caa-servfail",
            "fix",
            f"looking up CAA at {caa.name} fails (SERVFAIL), which a CA takes as a refusal",
            "an answer, if only that there is none",
            "have the zone signed again, or remove its DS record at the registrar"
            if caa.is_bogus
            else "have whoever runs the zone mend its servers: some answer no CAA queries",
        )
        return _only_for_https(facts, finding)
    assert isinstance(caa, CaaSet)
    reason = refusal(caa.records, issuer)
    if reason is None:
        if not caa.records:
            return _ok("caa", "no CAA records: every CA may issue")
        named = any(record.tag == "issue" for record in caa.records)
        text = f"allows {issuer}" if named else "does not limit who may issue"
        return _ok("caa", f"{caa.name} {text}")
    mends: Mapping[Refusal, str] = {
        "caa-refused": "add the record",
        "caa-critical-tag": "remove the record with that tag",
        "caa-account": "remove accounturi from it, or add the record",
        "caa-method": "add http-01 to its validationmethods, or add the record",
    }
    found = f"{caa.name} {_CAA_FOUND[reason].format(issuer=issuer)}: {_list(caa.records)}"
    record = "" if reason == "caa-critical-tag" else f'{caa.name}. CAA 0 issue "{issuer}"'
    finding = Finding("caa", reason, "fix", found, wanted, mends[reason], record)
    return _only_for_https(facts, finding)


def _port_80(facts: Facts) -> Finding | None:
    answer = facts.http
    if answer is None:
        return None
    if isinstance(answer, NotSeen):
        return _not_checked("port-80", answer.reason)
    if answer.status >= 500:
        return _only_for_https(
            facts,
            Finding(
                "port-80",
                "port-80-error",
                "fix",
                f"http://{facts.host}/ answers {answer.status}",
                "an answer without a server error, because Let's Encrypt validates there",
                "try again later, and ask Mailgun support if it stays so",
            ),
        )
    if _is_odd_redirect(facts.host, answer):
        return _only_for_https(
            facts,
            Finding(
                "port-80",
                "port-80-redirect",
                "fix",
                f"http://{facts.host}/.well-known/acme-challenge/ redirects to {answer.location}",
                "an answer from the host itself, because Let's Encrypt validates there",
                "remove that redirect, or whatever stands before Mailgun",
            ),
        )
    return _ok("port-80", f"answers ({answer.status})")


def _is_odd_redirect(host: str, answer: HttpAnswer) -> bool:
    """Whether a redirect leaves the host, or goes where Let's Encrypt does not follow."""
    if answer.status // 100 != 3 or not answer.location:
        return False
    try:
        url = urlsplit(answer.location)
        port = url.port
    except ValueError:
        return True
    return (
        (url.hostname or host).lower() != host
        or url.scheme not in ("", "http", "https")
        or port not in (None, 80, 443)
    )


# --- certificates ---


def facts_of(certificate: object) -> CertificateFacts | None:
    """What the certificate at Mailgun says, if there is one that can be read."""
    if not isinstance(certificate, CertificateStatus) or not certificate.pem:
        return None
    try:
        return parse_certificate(certificate.pem)
    except (ValueError, IndexError):
        return None


def share_left(certificate: CertificateFacts, now: datetime) -> float:
    """How much of a certificate's own lifetime is left, from 1 to 0; negative once it is over."""
    start, end = from_rfc3339(certificate.not_before), from_rfc3339(certificate.not_after)
    return (end - now) / max(end - start, timedelta(seconds=1))


def days_left(certificate: CertificateFacts, now: datetime) -> int:
    """The whole days until a certificate ends; negative once it has."""
    return (from_rfc3339(certificate.not_after) - now).days


def _certificate(facts: Facts) -> Finding | None:
    certificate = facts.certificate
    if certificate is None:
        return None
    if isinstance(certificate, NO_CERTIFICATE):
        if is_behind_own_cdn(facts):
            return _ok("certificate", "none at Mailgun, and none is needed behind a CDN")
        return Finding("certificate", "certificate-none", "note", "none has been requested yet")
    if isinstance(certificate, errors.TrackingError):
        return _not_checked("certificate", f"{certificate.what}: {certificate.reason}")
    known = facts_of(certificate)
    until = f"; the last one is valid until {known.not_after[:10]}" if known else ""
    if certificate.status == "error":
        return Finding(
            "certificate",
            "certificate-error",
            "fix",
            f"Mailgun could not issue it: {certificate.error or 'no reason given'}{until}",
            mend=f"once DNS and CAA are right, {_REISSUE}. If they are right, and it fails "
            "again, ask Mailgun support",
        )
    is_over = known is not None and share_left(known, facts.now) <= 0
    if certificate.status == "expired" or (certificate.status == "active" and is_over):
        day = f" on {known.not_after[:10]}" if known else ""
        return Finding(
            "certificate",
            "certificate-expired",
            "fix",
            f"expired{day}, and Mailgun has not renewed it",
            mend=_REISSUE,
        )
    if certificate.status != "active":
        status = "" if certificate.status == "processing" else f" (status {certificate.status})"
        is_broken = facts.web_scheme == "https" and not _serves(facts)
        return Finding(
            "certificate",
            "certificate-processing",
            "fix" if is_broken else "wait",
            f"Mailgun is issuing it{status}{until}"
            + ("; links use https, and are broken until then" if is_broken else ""),
            mend="wait: it usually takes minutes. After an hour, `pulumi up --replace` requests "
            "a new one" + ('. Until then, web_scheme="http" repairs new mail' if is_broken else ""),
        )
    if known is None:
        return _not_checked("certificate", "active, but Mailgun's answer is not a certificate")
    days, share = days_left(known, facts.now), share_left(known, facts.now)
    if share < 1 / 3:
        return Finding(
            "certificate",
            "certificate-not-renewed",
            "fix",
            f"ends on {known.not_after[:10]}, in {_days(days)}, and Mailgun has not renewed it",
            "a renewal once a third of its lifetime is left",
            "see that DNS and CAA are right, and Mailgun renews it; if they are, ask Mailgun "
            "support why it is not renewed",
        )
    return _ok("certificate", f"active until {known.not_after[:10]} ({_days(days)} left)")


def _serves(facts: Facts) -> bool:
    """Whether Mailgun has a certificate that is valid, also while it is issuing another one."""
    known = facts_of(facts.certificate)
    return known is not None and share_left(known, facts.now) > 0


def _served(facts: Facts) -> Finding | None:
    served, host = facts.served, facts.host
    if served is None:
        return None
    if isinstance(served, NotSeen):
        return _not_checked("served-certificate", served.reason)

    def fix(id_: str, found: str, wanted: str, mend: str) -> Finding:
        return Finding("served-certificate", id_, "fix", found, wanted, mend)

    support = "ask Mailgun support why it is not the one that it issued"
    if isinstance(served, NoCertificate):
        found = f"port 443 of {host} presents no certificate: {served.reason}"
        return fix("served-none", found, f"a certificate for {host}", support)
    certificate = served.certificate
    if not any(_covers(name, host) for name in certificate.names):
        found = f"the certificate served is for {', '.join(certificate.names) or 'no name'}"
        return fix("served-other-name", found, f"one for {host}", support)
    if share_left(certificate, facts.now) <= 0:
        found = f"the certificate served expired on {certificate.not_after[:10]}"
        return fix("served-expired", found, "one that is valid", support)
    if served.problem:
        found = f"the certificate served is not trusted: {served.problem}"
        mend = "if it is from your own network's proxy, look from elsewhere; otherwise " + support
        return fix("served-untrusted", found, "a chain to a trusted root", mend)
    known = facts_of(facts.certificate)
    if known and known.serial != certificate.serial:
        found = f"serial {certificate.serial} is served, not {known.serial}, which Mailgun has"
        if facts.now - from_rfc3339(known.not_before) < RENEWED_WITHIN:
            mend = "wait: the certificate is new, and the one before it is still being served"
            return Finding(
                "served-certificate", "served-other-serial", "wait", found, "the same", mend
            )
        mend = "find out what terminates TLS before Mailgun; if nothing does, " + support
        return fix("served-other-serial", found, "the same", mend)
    found = f"the same as at Mailgun, from {certificate.issuer}"
    return _ok("served-certificate", found)


def _hsts(facts: Facts) -> Finding | None:
    if not isinstance(facts.served, ServedCertificate):
        return None
    if facts.served.hsts:
        return _ok("hsts", facts.served.hsts)
    found = "no Strict-Transport-Security: browsers do not insist on https"
    return Finding("hsts", "hsts-missing", "note", found)


def _web_scheme(facts: Facts) -> Finding | None:
    details, certificate = facts.details, facts.certificate
    if details is None or certificate is None:
        return None
    is_active = isinstance(certificate, CertificateStatus) and certificate.status == "active"
    if details.web_scheme == "https":
        if is_active or _serves(facts):
            return _ok("web-scheme", "https, with a certificate")
        if is_behind_own_cdn(facts):
            return _ok("web-scheme", "https, through a CDN of your own")
        if not isinstance(certificate, (CertificateStatus, *NO_CERTIFICATE)):
            return None
        return Finding(
            "web-scheme",
            "https-without-certificate",
            "fix",
            "links use https, and Mailgun has no valid certificate: they are broken",
            "a valid certificate",
            "declare an HttpsTracking for the domain and run `pulumi up`; until it is issued, "
            'web_scheme="http" repairs new mail',
        )
    if is_active:
        found = "links use http, although there is a certificate"
        return Finding("web-scheme", "http-with-certificate", "note", found)
    return _ok("web-scheme", "http")


def _tracking(facts: Facts) -> Finding | None:
    if facts.tracking is None:
        return None
    if isinstance(facts.tracking, errors.TrackingError):
        return _not_checked("tracking", f"{facts.tracking.what}: {facts.tracking.reason}")
    shown = [f"{section} {switch(facts.tracking[section])}" for section in SECTIONS]
    return _ok("tracking", ", ".join(shown))


def switch(section: Mapping[str, object]) -> str:
    """Whether a kind of tracking is on: ``on``, ``off`` or ``htmlonly``."""
    active = section.get("active")
    return active if isinstance(active, str) else "on" if active else "off"


CHECKS: Mapping[str, Callable[[Facts], Finding | None]] = {
    "key": _key,
    "domain": _domain,
    "plan": _plan,
    "tracking-host": _tracking_host,
    "dns-zone": _zone,
    "dns-resolver": _resolver,
    "caa": _caa,
    "port-80": _port_80,
    "certificate": _certificate,
    "served-certificate": _served,
    "hsts": _hsts,
    "web-scheme": _web_scheme,
    "tracking": _tracking,
}
"""Each check by its name, in the order in which they are made."""


# --- small ones ---


def _ok(check: str, found: str) -> Finding:
    return Finding(check, check, "ok", found)


def _not_checked(check: str, reason: str) -> Finding:
    return Finding(check, check, "not-checked", reason)


def _only_for_https(facts: Facts, finding: Finding) -> Finding:
    """Something that only matters for a certificate: a note where none is wanted."""
    is_wanted = facts.web_scheme == "https" or isinstance(facts.certificate, CertificateStatus)
    if is_wanted and not is_behind_own_cdn(facts):
        return finding
    return replace(finding, severity="note")


def _covers(name: str, host: str) -> bool:
    name = name.lower()
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _list(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
