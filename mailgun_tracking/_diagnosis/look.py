"""Looking: the facts about a domain, as far as they are needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from .. import errors
from .._api.issuance import now
from .._api.models import CertificateStatus, DomainDetails
from .._api.resolving import NameServer
from .._api.target import Target
from .._provider.operation import Operation
from .caa import LETS_ENCRYPT
from .diagnose import CHECKS, diagnose, leads_to_mailgun
from .dns_look import Dns
from .facts import Behind, DnsAnswer, Facts
from .web_look import Trust, look_at_certificate, look_at_port_80, system_trust

if TYPE_CHECKING:
    from .._api.client import MailgunClient

MAILGUN_SECONDS = 10.0
"""How long each call of Mailgun may be retried."""


@dataclass(frozen=True)
class Network:
    """Where looks go. A test gives its own ports and trust.

    Args:
        dns: the resolver and authoritative servers.
        http_port: where HTTP is.
        https_port: where HTTPS is.
        trust: makes the context that certificates are verified with.
        issuer: the name of Mailgun's CA in CAA records.
    """

    dns: Dns
    http_port: int = 80
    https_port: int = 443
    trust: Trust = system_trust
    issuer: str = LETS_ENCRYPT


def examine(operation: Operation, network: Network, now: datetime) -> Facts:
    """Look along the chain from the key to the links, until something is wrong or not ready.

    Args:
        operation: an operation on the sending domain.
        network: where to look.
        now: the current time.
    """
    operation = patient_for(operation, MAILGUN_SECONDS)
    facts = Facts(operation.target, now, issuer=network.issuer)
    # Each step with the last check that it has the facts for.
    steps: tuple[tuple[str, Callable[[Facts], Facts]], ...] = (
        ("domain", lambda facts: _ask_domain(facts, operation)),
        ("domain", lambda facts: _ask_settings(facts, operation)),
        ("tracking-host", lambda facts: _ask_certificate(facts, operation, network)),
        ("dns-resolver", lambda facts: _ask_dns(facts, network)),
        ("caa", lambda facts: replace(facts, caa=network.dns.caa(facts.host))),
        ("certificate", lambda facts: _look_at_port_80(facts, network)),
        ("tracking", lambda facts: _look_at_served(facts, network)),
    )
    checks = list(CHECKS)
    for last, step in steps:
        facts = step(facts)
        made = diagnose(facts)[: checks.index(last) + 1]
        if not facts.host or {"fix", "wait"} & {finding.severity for finding in made}:
            break
    return facts


def survey(
    operation: Operation, network: Network, now: datetime, listed: DomainDetails | None = None
) -> Facts:
    """Look at what a line about a domain says: Mailgun's side, and the resolver.

    Args:
        operation: an operation on the sending domain.
        network: where to look.
        now: the current time.
        listed: the domain, if the account's list has shown it already.
    """
    operation = patient_for(operation, MAILGUN_SECONDS)
    facts = Facts(operation.target, now, domain=listed, issuer=network.issuer)
    if listed is None:
        facts = _ask_domain(facts, operation)
    if not facts.host:
        return facts
    facts = _ask_tracking(facts, operation)
    facts = _ask_certificate(facts, operation, network)
    resolved = network.dns.ask_resolver(facts.host)
    return _look_behind(replace(facts, resolved=resolved), network)


def _ask_domain(facts: Facts, operation: Operation) -> Facts:
    try:
        details = operation.client.get_domain(facts.target.domain)
    except errors.DomainNotFound as error:
        return replace(facts, domain=error, found_in_region=_other_region(operation))
    except errors.TrackingError as error:
        operation.explain(error)
        return replace(facts, domain=error)
    return replace(facts, domain=details)


def _ask_settings(facts: Facts, operation: Operation) -> Facts:
    """Find out what kind of key it is, and what is tracked."""
    try:
        next(operation.client.list_domains(limit=1), None)
        facts = replace(facts, can_list=True)
    except errors.TrackingError:
        facts = replace(facts, can_list=False)
    return _ask_tracking(facts, operation)


def obstacle(target: Target, details: DomainDetails, server: NameServer | None) -> str:
    """What in DNS keeps a host from getting a certificate, and what was wanted, in a few words.

    Only the resolver is asked. An empty string where nothing is wrong, or DNS does not answer.

    Args:
        target: the host.
        details: its domain.
        server: the resolver; the machine's own by default.
    """
    host, dns = target.domain, Dns(server)
    facts = Facts(
        target.with_domain(details.name),
        now(),
        # The host may be one that the domain is to be moved to.
        domain=replace(details, custom_host=host),
        certificate=CertificateStatus("processing"),
        resolved=dns.ask_resolver(host),
    )
    if not isinstance(facts.resolved, DnsAnswer):
        return ""
    facts = replace(facts, behind=Behind(dns.addresses(facts.wanted)), caa=dns.caa(host))
    for finding in diagnose(facts):
        if finding.severity == "fix" and finding.check in ("dns-resolver", "caa"):
            return f"{finding.found}; wanted: {finding.wanted}"
    return ""


def patient_for(operation: Operation, seconds: float) -> Operation:
    """An operation whose calls are retried for some seconds only."""

    def connect(target: Target) -> MailgunClient:
        return replace(operation.connect(target), deadline=seconds)

    return replace(operation, connect=connect)


def _other_region(operation: Operation) -> str:
    """The other region, if it has the domain; an empty string also if it cannot be asked."""
    region = operation.settings.other_region(operation.target.region)
    if region is None:
        return ""
    try:
        operation.client_in(region).get_domain(operation.target.domain)
    except errors.TrackingError:
        return ""
    return region


def _ask_tracking(facts: Facts, operation: Operation) -> Facts:
    try:
        return replace(facts, tracking=operation.client.get_tracking(facts.target.domain))
    except errors.TrackingError as error:
        return replace(facts, tracking=error)


def _ask_certificate(facts: Facts, operation: Operation, network: Network) -> Facts:
    """Ask Mailgun for the certificate of the tracking host."""
    try:
        return replace(facts, certificate=operation.client.get_certificate(facts.host))
    except errors.CertificatesNotInPlan as error:
        # Whether that matters depends on what is before the host.
        return _ask_dns(replace(facts, certificate=error), network)
    except errors.TrackingError as error:
        return replace(facts, certificate=error)


def _ask_dns(facts: Facts, network: Network) -> Facts:
    dns = network.dns
    resolved = dns.ask_resolver(facts.host)
    return _look_behind(replace(facts, zone=dns.ask_zone(facts.host), resolved=resolved), network)


def _look_behind(facts: Facts, network: Network) -> Facts:
    """Find out whose the addresses of a host are, if they are not Mailgun's by a CNAME."""
    answer = facts.answer
    if answer is None or leads_to_mailgun(facts, answer):
        return facts
    own = answer.addresses or (
        facts.resolved.addresses if isinstance(facts.resolved, DnsAnswer) else ()
    )
    if not own:
        return facts
    behind = Behind(network.dns.addresses(facts.wanted))
    if not behind.mailgun_addresses & set(own):
        if not facts.cdn_before(answer):
            behind = replace(behind, http=look_at_port_80(facts.host, own[0], network.http_port))
        if facts.web_scheme == "https":
            served = look_at_certificate(facts.host, own[0], network.https_port, network.trust)
            behind = replace(behind, served=served)
    return replace(facts, behind=behind)


def _look_at_port_80(facts: Facts, network: Network) -> Facts:
    address = _address(facts)
    if not address:
        return facts
    return replace(facts, http=look_at_port_80(facts.host, address, network.http_port))


def _look_at_served(facts: Facts, network: Network) -> Facts:
    address = _address(facts)
    has_one = facts.certificate is not None and not isinstance(
        facts.certificate, errors.TrackingError
    )
    if not address or not has_one:
        return facts
    served = look_at_certificate(facts.host, address, network.https_port, network.trust)
    return replace(facts, served=served)


def _address(facts: Facts) -> str:
    resolved = facts.resolved
    return next(iter(resolved.addresses), "") if isinstance(resolved, DnsAnswer) else ""
