"""Rules about which domains a stack manages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pulumi_policy import PolicyResource, Severity

from .reading import canonical, domain_at, read_all
from .rule import Find, ResourceRule, Settings, StackRule, Subject, is_managed, matches
from .types import DOMAIN_TRACKING, STACK, TRACKING_HOST


def _domains(description: str) -> dict[str, dict[str, Any]]:
    return {
        "domains": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": description,
        }
    }


def _allowed(subject: Subject, settings: Settings) -> Iterator[str]:
    allowed = settings.get("domains")
    domain = domain_at(subject.props, "domain")
    if allowed and not matches(domain, allowed):
        yield f"{domain} is none of {', '.join(allowed)}"


def _managed(resources: Sequence[PolicyResource]) -> Find:
    managed, unknown = read_all(
        [one for one in resources if one.resource_type in (DOMAIN_TRACKING, TRACKING_HOST)],
        lambda one: domain_at(one.props, "domain") if is_managed(one) else None,
    )

    def find(_subject: Subject, settings: Settings) -> Iterator[str]:
        for domain in settings.get("domains", ()):
            if canonical(domain) not in managed:
                if unknown:
                    raise unknown
                yield f"nothing in this stack manages {domain}"

    return find


RULES = (
    ResourceRule(
        "allowed-domains",
        "Only allowed domains",
        "A stack must manage only domains of the list.",
        Severity.HIGH,
        "Correct the domain, or add it to the rule's setting `domains`.",
        (DOMAIN_TRACKING,),
        _domains(
            "The domains that may be managed: names, or patterns such as *.example.com. "
            "If empty, every domain may be."
        ),
        find=_allowed,
    ),
    StackRule(
        "managed-domains",
        "No domain is left out",
        "A stack must manage every domain of the list.",
        Severity.MEDIUM,
        "Declare a DomainTracking or HttpsTracking for the domain, "
        "or take it out of the rule's setting `domains`.",
        (STACK,),
        _domains("The domains that the stack has to manage, by name."),
        find=_managed,
    ),
)
