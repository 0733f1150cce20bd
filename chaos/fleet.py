"""Some domains: what declares them, and whether Mailgun and the state are as the program says."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mailgun_tracking.emulator import Emulator
from tests.engine.result import PulumiFailed, Result

Kind = Literal["plain", "pair", "component"]
"""`plain` is a `DomainTracking`; `pair` is one with https and its `TrackingCertificate`;
`component` is an `HttpsTracking`."""

RESOURCES: Mapping[Kind, int] = {"plain": 1, "pair": 2, "component": 4}
"""How many resources each kind declares."""

_SETTINGS: tuple[Mapping[str, Any], ...] = (
    {
        "open": {"active": True, "place_at_the_top": True},
        "click": {"active": "htmlonly"},
        "unsubscribe": {
            "active": True,
            "html_footer": "<p>Leave: %unsubscribe_url%</p>",
            "text_footer": "Leave: %unsubscribe_url%",
        },
    },
    {
        "open": {"active": False, "place_at_the_top": False},
        "click": {"active": True},
        "unsubscribe": {
            "active": True,
            "html_footer": "<p>Goodbye: %unsubscribe_url%</p>",
            "text_footer": "Goodbye: %unsubscribe_url%",
        },
    },
)
_PROGRAM = {
    "plain": "DomainTracking({name!r}, {domain!r}, **{settings!r})",
    "pair": (
        "certificate = TrackingCertificate(\n"
        "    {name!r}, '{prefix}.{domain}', move_domain=True, timeout=120\n"
        ")\n"
        "DomainTracking(\n"
        "    {name!r}, {domain!r}, web_scheme='https', **{settings!r},\n"
        "    opts=pulumi.ResourceOptions(depends_on=[certificate]),\n"
        ")"
    ),
    "component": (
        "HttpsTracking(\n"
        "    {name!r}, {domain!r}, web_prefix={prefix!r}, timeout=120, **{settings!r}\n"
        ")"
    ),
}


@dataclass(frozen=True)
class Domain:
    """A domain as a program declares it.

    Attributes:
        name: the name of its resources.
        kind: what declares it.
        version: which of the two sets of settings; they differ in all sections.
        prefix: the web prefix, unless it is plain.
    """

    name: str
    kind: Kind
    version: int = 0
    prefix: str = "email"

    @property
    def domain(self) -> str:
        """Its name at Mailgun."""
        return f"{self.name}.example.com"

    @property
    def host(self) -> str:
        """Its tracking domain."""
        return f"{self.prefix}.{self.domain}"

    def program(self) -> str:
        """The lines that declare it."""
        return _PROGRAM[self.kind].format(
            name=self.name,
            domain=self.domain,
            prefix=self.prefix,
            settings=_SETTINGS[self.version],
        )

    def settings(self) -> dict[str, Any]:
        """What it should be like, by path."""
        found = dict(_flat(_SETTINGS[self.version]))
        if self.kind != "plain":
            found |= {"web_scheme": "https", "tracking_domain": self.host, "certificate": "active"}
        return found


Fleet = Sequence[Domain]


def make_fleet(plain: int, pairs: int, components: int) -> Fleet:
    """Domains d0, d1 and so on, of each kind."""
    kinds: Iterable[Kind] = itertools.chain(
        itertools.repeat("plain", plain),
        itertools.repeat("pair", pairs),
        itertools.repeat("component", components),
    )
    return [Domain(f"d{number}", kind) for number, kind in enumerate(kinds)]


def changed(fleet: Fleet, **changes: Any) -> Fleet:
    """The same domains, with other attributes."""
    return [replace(domain, **changes) for domain in fleet]


def program(fleet: Fleet) -> str:
    """The body of a program that declares all domains."""
    return "\n".join(domain.program() for domain in fleet) + "\n"


def at_mailgun(fleet: Fleet, emulator: Emulator) -> dict[str, dict[str, Any]]:
    """What Mailgun has, by domain and path."""
    return {domain.name: _at_mailgun(domain, emulator) for domain in fleet}


def in_state(fleet: Fleet, export: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a state has, by domain and path; nothing of domains that it does not have.

    Args:
        fleet: the domains.
        export: the state as `pulumi stack export --show-secrets` gives it.
    """
    found: dict[str, dict[str, Any]] = {}
    by_domain = {domain.domain: domain for domain in fleet}
    by_host = {domain.host: domain for domain in fleet}
    for resource in export["deployment"].get("resources") or []:
        kind, outputs = resource["type"].rpartition(":")[2], resource.get("outputs") or {}
        if kind == "TrackingCertificate":
            domain = by_host.get(outputs.get("tracking_domain", ""))
            values = {"certificate": outputs.get("status")}
        elif kind == "DomainTracking":
            domain = by_domain.get(outputs.get("domain", ""))
            values = {name: outputs.get(name) for name in _SETTINGS[0]}
            if domain is not None and domain.kind == "pair":
                values["web_scheme"] = outputs.get("web_scheme")
        elif kind == "TrackingHost":
            domain = by_domain.get(outputs.get("domain", ""))
            values = {name: outputs.get(name) for name in ("web_scheme", "tracking_domain")}
        else:
            continue
        name = resource["urn"].rpartition("::")[2] if domain is None else domain.name
        found.setdefault(name, {}).update(_flat(values))
    return found


def wanted(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What the program says, by domain and path."""
    return {domain.name: domain.settings() for domain in fleet}


def wanted_in_state(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What the state should have, by domain and path."""
    said = wanted(fleet)
    for domain in fleet:
        if domain.kind == "pair":
            # Its certificate moves the domain; no resource of a pair manages the host.
            del said[domain.name]["tracking_domain"]
    return said


def off(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """What destroy leaves behind, by domain and path."""
    nothing = {f"{section}.active": False for section in _SETTINGS[0]}
    return {domain.name: nothing for domain in fleet}


def differences(
    found: Mapping[str, Mapping[str, Any]], said: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Where what was found is otherwise than it should be, in words, by domain."""
    differing = {}
    for name, values in said.items():
        other = found.get(name, {})
        texts = [
            f"{path} is {other.get(path)!r} instead of {value!r}"
            for path, value in values.items()
            if other.get(path) != value
        ]
        if texts:
            differing[name] = texts
    return differing


def not_shown(preview: Result, names: Iterable[str]) -> list[str]:
    """The domains of which a preview shows no change."""
    hidden = []
    for name in names:
        try:
            steps = set(preview.steps(name))
        except PulumiFailed:
            steps = set()
        if steps <= {"same"}:
            hidden.append(name)
    return hidden


def in_words(differing: Mapping[str, Sequence[str]]) -> list[str]:
    """One line for each domain."""
    return [f"{name}: {', '.join(texts)}" for name, texts in differing.items()]


def _at_mailgun(domain: Domain, emulator: Emulator) -> dict[str, Any]:
    now = emulator.domain(domain.domain)
    certificate = now.certificates.get(domain.host)
    sections = {name: getattr(now, name) for name in _SETTINGS[0]}
    return {
        **dict(_flat(sections)),
        "web_scheme": now.web_scheme,
        "tracking_domain": now.tracking_host,
        "certificate": certificate.status if certificate else None,
    }


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and "plaintext" in value:
            yield f"{path}{name}", json.loads(value["plaintext"])
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
