"""Events as the engine logs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mailgun_tracking.fleet.outcome import Events, Outcome
from mailgun_tracking.fleet.project import Project

TRACKING = "pulumi-python:dynamic/mailgun:DomainTracking"
COMPONENT = "mailgun-tracking:index:HttpsTracking"
STACK = "urn:pulumi:fleet-001::mail::pulumi:pulumi:Stack::mail-fleet-001"


def project(*domains: str) -> Project:
    """A fleet whose domains are all in fleet-001."""
    return Project(Path(), "mail", {domain: {} for domain in domains}, {"fleet-001": domains}, ())


def urn(name: str, kind: str = TRACKING) -> str:
    """The URN of a resource."""
    return f"urn:pulumi:fleet-001::mail::{kind}::{name}"


def step(
    kind: str,
    operation: str,
    name: str,
    *,
    of: str = TRACKING,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    diff: Iterable[str] = (),
    parent: str = STACK,
    **state: Any,
) -> dict[str, Any]:
    """A step of the engine: `kind` is "Pre", "Outputs" or "Failed".

    What else the states have, such as `retainOnDelete`, is in `state`; all but components are
    custom resources.
    """
    event = {
        "Pre": "resourcePreEvent",
        "Outputs": "resOutputsEvent",
        "Failed": "resOpFailedEvent",
    }[kind]
    custom = of != COMPONENT
    sides = []
    for inputs in (old, new):
        given = {"domain": name, **inputs} if of == TRACKING and inputs is not None else inputs
        sides.append(
            None
            if given is None
            else {"inputs": given, "parent": parent, "custom": custom, **state}
        )
    return {
        event: {
            "metadata": {
                "op": operation,
                "urn": urn(name, of),
                "type": of.rpartition("$")[2],
                "old": sides[0],
                "new": sides[1],
                "detailedDiff": {path: {"diffKind": "update"} for path in diff},
            }
        }
    }


def both(operation: str, name: str, **how: Any) -> list[dict[str, Any]]:
    """A step that starts and ends well."""
    return [step("Pre", operation, name, **how), step("Outputs", operation, name, **how)]


def said(message: str, about: str = "", severity: str = "info", **more: Any) -> dict[str, Any]:
    """A message in the row of a resource, or in that of the stack."""
    return {"diagnosticEvent": {"message": message, "urn": about, "severity": severity, **more}}


def outcome(
    events: Iterable[Mapping[str, Any]], *domains: str, error: str = "", seconds: float = 3.0
) -> Outcome:
    """What became of fleet-001, which has these domains."""
    collected = Events()
    for event in events:
        collected.add(event)
    return collected.outcome("fleet-001", project(*domains), error, seconds)
