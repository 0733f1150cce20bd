"""Bringing states along when domains move to other stacks. Nothing at Mailgun changes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._api.models import normalize_domain
from ..errors import FleetError
from .assignment import in_order
from .backend import Resource
from .project import Project

OURS = "pulumi-python:dynamic/mailgun:"
STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPES = "pulumi:providers:"
MISPLACED_ADVICE = (
    "update your checkout and, if stacks.csv still says so, run `mailgun-tracking fleet move`"
)
"""An old `stacks.csv` would move back what has moved since."""


@dataclass(frozen=True)
class Unit:
    """What moves as a whole: a resource directly below a stack, with all below it.

    Attributes:
        urns: the resources, that at the top first.
        domains: the domains that it is about.
    """

    urns: tuple[str, ...]
    domains: frozenset[str]


@dataclass(frozen=True)
class Move:
    """What goes from the state of one stack to that of another.

    Attributes:
        source: the stack that it is in.
        dest: the stack that `stacks.csv` says.
        units: what moves.
        is_copied: whether `dest` has it already, so that `source` only has to forget it.
    """

    source: str
    dest: str
    units: tuple[Unit, ...]
    is_copied: bool

    @property
    def domains(self) -> list[str]:
        """The domains that move."""
        return sorted({domain for unit in self.units for domain in unit.domains})


def units(resources: Iterable[Resource], project: Project) -> list[Unit]:
    """The units of a state, with the domains that they are about.

    These are the domains whose tracking it manages. Where it manages none, as a DNS record of its
    own, it is the domain of the project that its name contains, or the tracking domain of a
    certificate. Providers and what is only read, such as a DNS zone, are no units: each stack has
    its own.
    """
    tops: dict[str, str] = {}
    below: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        urn: str = resource["urn"]
        # A parent precedes its children.
        top = tops.get(resource.get("parent", ""))
        is_own = not resource["type"].startswith((STACK_TYPE, PROVIDER_TYPES))
        if is_own and (top or not resource.get("external")):
            tops[urn] = top or urn
            below[tops[urn]].append(resource)
    return [_unit(members, project) for members in below.values()]


def _unit(members: Sequence[Resource], project: Project) -> Unit:
    urns = tuple(dict.fromkeys(member["urn"] for member in members))
    ours = [m for m in members if m["type"].startswith(OURS) and not m.get("external")]
    inputs = [member.get("inputs", {}) for member in ours]
    domains = _names(inputs, "domain")
    if not domains:
        texts = [urns[0].rpartition("::")[2], *sorted(_names(inputs, "tracking_domain"))]
        named = (_mentioned(text, project.domains) for text in texts)
        domains = set(filter(None, [next(filter(None, named), None)]))
    return Unit(urns, frozenset(domains))


def _names(inputs: Iterable[Mapping[str, Any]], key: str) -> set[str]:
    """The names that an input has, which a state keeps as the program spelled them."""
    return {normalize_domain(one[key]) for one in inputs if isinstance(one.get(key), str)}


def _mentioned(text: str, domains: Collection[str]) -> str | None:
    """The longest of some domains that a text contains, as whole words."""
    words = re.split(r"([^a-z0-9])", text.lower())
    ends = range(1, len(words) + 1, 2)
    parts = ("".join(words[i:j]) for i in range(0, len(words), 2) for j in ends if j > i)
    return max((part for part in parts if part in domains), key=len, default=None)


def misplaced(resources: Iterable[Resource], stack: str, project: Project) -> dict[str, list[Unit]]:
    """What the state of a stack holds though it belongs to other stacks, by these.

    Raises:
        FleetError: a resource has domains of several stacks below it.
    """
    places = project.places
    found = defaultdict(list)
    for unit in units(resources, project):
        # Domains that have left the file are deleted where they are.
        belongs = {places[domain] for domain in unit.domains if domain in places}
        if len(belongs) > 1:
            raise FleetError(
                f"{unit.urns[0]} in {stack} has domains of several stacks below it",
                ", ".join(sorted(unit.domains)),
                advice="give them one stack in stacks.csv",
            )
        if belongs - {stack}:
            found[belongs.pop()].append(unit)
    return dict(found)


def refuse_misplaced(resources: Iterable[Resource], stack: str, project: Project) -> None:
    """Refuse to run a stack that holds what belongs to another: it would be deleted here.

    Raises:
        FleetError: with the command that mends it.
    """
    for dest, moved in sorted(misplaced(resources, stack, project).items()):
        domain = min(domain for unit in moved for domain in unit.domains)
        raise FleetError(
            f"{domain} is in {stack}, and stacks.csv says {dest}",
            advice=MISPLACED_ADVICE,
        )


def plan_moves(states: Mapping[str, Sequence[Resource]], project: Project) -> list[Move]:
    """What has to move for each domain to be in the stack that `stacks.csv` says.

    Args:
        states: the resources of each stack that exists.
        project: what the files say.

    Raises:
        FleetError: it cannot be moved.
    """
    moves = []
    for source in sorted(states, key=in_order):
        found = misplaced(states[source], source, project)
        for dest in sorted(found, key=in_order):
            there = {resource["urn"] for resource in states.get(dest, ())}
            copies: dict[bool, list[Unit]] = defaultdict(list)
            for unit in found[dest]:
                present = {renamed(urn, dest) in there for urn in unit.urns}
                if len(present) > 1:
                    name = unit.urns[0].rpartition("::")[2]
                    raise FleetError(
                        f"{name} is in {source}, and some of it in {dest} as well",
                        advice=f"take it out of {dest} with `pulumi state delete`",
                    )
                copies[present.pop()].append(unit)
            moves += [Move(source, dest, tuple(them), is_) for is_, them in copies.items()]
    return moves


def renamed(urn: str, stack: str) -> str:
    """A resource's URN in another stack of the project."""
    return re.sub(r"^urn:pulumi:[^:]*::", f"urn:pulumi:{stack}::", urn)
