"""What to import: from facts about domains to resources with names and settings. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import errors, tracking_certificate
from .._api.fields import FIELDS, SECTIONS
from .._api.models import DEFAULT_WEB_PREFIX, DomainDetails
from .._api.target import DEFAULT_ACCOUNT, Target
from .._provider.changes import host_outputs
from .._provider.identity import IDENTITY
from ..domain_tracking import inputs_from, outputs_from
from .import_facts import DomainFacts

DEFAULTS: Mapping[str, object] = {
    "open.active": False,
    "open.place_at_the_top": False,
    "click.active": False,
    "unsubscribe.active": False,
    "unsubscribe.html_footer": '<br>\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>\n',
    "unsubscribe.text_footer": "To unsubscribe click: <%unsubscribe_url%>\n\n",
    "web_scheme": "http",
    "web_prefix": DEFAULT_WEB_PREFIX,
}
"""A new domain's settings, by the examples of Mailgun's documentation."""

PLACEHOLDERS = ("domain", "account", "region", "subaccount")
_PATTERN = re.compile(rf"(?:[^{{}}\"'\\\s]|\{{(?:{'|'.join(PLACEHOLDERS)})\}})+")


@dataclass(frozen=True)
class Names:
    """How the resources are called.

    Attributes:
        pattern: the pattern of a domain's name, such as ``{region}-{domain}``; its certificate is
            called the same.
        parent_pattern: the pattern of its parent's name. Where that comes out empty, as
            ``{subaccount}`` does for the account itself, there is no parent.
    """

    pattern: str = "{domain}"
    parent_pattern: str = ""

    def name(self, target: Target) -> str:
        """The name of a domain's resources."""
        return self.pattern.format_map(vars(target))

    def parent(self, target: Target) -> str:
        """The name of their parent, or an empty string."""
        return self.parent_pattern.format_map(vars(target))


def check_pattern(text: str) -> str:
    """A pattern, as it was given.

    Raises:
        ValueError: it has other braces, or quotes, backslashes or white space.
    """
    if not _PATTERN.fullmatch(text):
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise ValueError(
            f"{text!r} cannot be used: names may contain {known}, and no other braces, "
            "quotes, backslashes or spaces"
        )
    return text


def unusable_name(targets: Iterable[Target], names: Names) -> str:
    """What is wrong with the names of some domains, or an empty string."""
    used: dict[tuple[str, str], Target] = {}
    for target in targets:
        name = names.name(target)
        other = used.setdefault((names.parent(target), name), target)
        if not name:
            return f"{target.id} would have no name"
        if other != target:
            return f"{other.id} and {target.id} would both be called {name}"
    return ""


@dataclass(frozen=True)
class Home:
    """Where domains are by default.

    Attributes:
        region: the configured region.
        subaccount: the configured subaccount of the default account.
    """

    region: str
    subaccount: str

    def place_of(self, target: Target) -> dict[str, str]:
        """The arguments that say where a domain is, without those that are the default."""
        usual = Target(DEFAULT_ACCOUNT, self.region, self.subaccount, target.domain)
        if target.account != DEFAULT_ACCOUNT:
            usual = replace(usual, subaccount="")
        return {
            key: getattr(target, key)
            for key in IDENTITY
            if getattr(target, key) != getattr(usual, key)
        }


@dataclass(frozen=True)
class PlannedDomain:
    """A domain to import.

    Attributes:
        target: the domain.
        settings: the arguments of `DomainTracking`: what is not Mailgun's default, or everything.
        outputs: its outputs in the state.
        host: its tracking domain, where its certificate is imported too, or an empty string.
        certificate: that certificate's outputs in the state.
    """

    target: Target
    settings: dict[str, Any]
    outputs: dict[str, Any]
    host: str
    certificate: dict[str, Any]

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs in the state."""
        return inputs_from(self.outputs)

    @property
    def certificate_inputs(self) -> dict[str, Any]:
        """The inputs of its certificate in the state."""
        return {name: self.certificate[name] for name in ("tracking_domain", *IDENTITY)}


@dataclass(frozen=True)
class Plan:
    """What to import, and what to tell.

    Attributes:
        domains: the domains.
        notes: what is left out on purpose, and what is odd, a line each.
        failures: what cannot be imported.
    """

    domains: list[PlannedDomain]
    notes: list[str]
    failures: list[errors.TrackingError]


InStack = Collection[tuple[str, str, str]]
"""What a stack has: by type, account and id."""


def plan(
    facts: Iterable[DomainFacts], in_stack: InStack = (), *, all_settings: bool = False
) -> Plan:
    """Plan the import of domains.

    Args:
        facts: the domains.
        in_stack: certificates among this are left out.
        all_settings: whether settings that are Mailgun's default are managed, too; but for its
            footers, which are long, and may change.
    """
    made = Plan([], [], [])
    not_returned: Counter[str] = Counter()
    for one in facts:
        target = one.target
        if reason := why_left_out(target, one.details):
            made.notes.append(reason)
            continue
        known = {**one.tracking, **host_outputs(target, one.details)}
        managed = []
        settings: dict[str, Any] = {}
        for field in FIELDS:
            value = field.get(known)
            if value is None:
                not_returned[field.path] += 1
            elif (all_settings and field.type != "footer") or not field.same(
                value, DEFAULTS[field.path]
            ):
                managed.append(field.path)
                if field.section is None:
                    settings[field.name] = value
                else:
                    settings.setdefault(field.section, {})[field.name] = value
        outputs = outputs_from(target, one.tracking, one.details, {"managed": managed})
        if not managed:
            # As after a refresh: it serves only to tell what a recreated domain has lost.
            outputs.pop("domain_id", None)
        for section in SECTIONS:
            if list(settings.get(section, ())) == ["active"]:
                settings[section] = settings[section]["active"]
        host, certificate = _certificate(one, in_stack, made)
        made.domains.append(PlannedDomain(target, settings, outputs, host, certificate))
    for path, count in not_returned.items():
        made.notes.append(f"left out: {path} of {counted(count)}, which Mailgun does not return")
    return made


def why_left_out(target: Target, details: DomainDetails) -> str:
    """A line that says why a domain is not imported, or an empty string."""
    if details.is_sandbox:
        return f"left out: {target.id} is a sandbox domain"
    return f"left out: {target.id} is {details.problem}" if details.is_disabled else ""


def _certificate(facts: DomainFacts, in_stack: InStack, made: Plan) -> tuple[str, dict[str, Any]]:
    """The host and the outputs of the certificate to import with a domain, or nothing."""
    nothing: tuple[str, dict[str, Any]] = ("", {})
    if facts.details.web_scheme != "https":
        return nothing
    target = facts.target.with_domain(facts.details.tracking_domain)
    certificate = facts.certificate
    if certificate is None:
        made.notes.append(
            f"{facts.target.id} uses https, but Mailgun has no certificate for {target.domain}: "
            'add https_by="proxy" if your own CDN terminates TLS'
        )
        return nothing
    if certificate.status != "active":
        made.notes.append(
            f"left out: the certificate for {target.domain} has the status {certificate.status}"
        )
        return nothing
    if ("TrackingCertificate", target.account, target.id) in in_stack:
        made.notes.append(f"left out: the certificate for {target.domain} is in the stack already")
        return nothing
    try:
        return target.domain, tracking_certificate.outputs_from(target, certificate, {})
    except errors.UnexpectedResponse as error:
        made.failures.append(error)
        return nothing


def counted(count: int, what: str = "domain") -> str:
    """A number of things, in words."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
