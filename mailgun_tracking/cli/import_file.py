"""The file that ``pulumi import --file`` takes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pulumi.dynamic.dynamic import ResourceProvider, serialize_provider

from ..domain_tracking import DomainTrackingProvider
from ..tracking_certificate import TrackingCertificateProvider
from .import_plan import Names, PlannedDomain

TYPE = "pulumi-python:dynamic/mailgun:"
PARENT_TYPE = "mailgun-tracking:index:Domains"
"""The type of the components that `--parent` makes."""


def import_file(domains: Iterable[PlannedDomain], names: Names) -> str:
    """The file's text; each certificate precedes its domain."""
    resources: dict[str, dict[str, Any]] = {}

    def add(planned: PlannedDomain, kind: str, provider: ResourceProvider, id_: str) -> None:
        is_domain = kind == "DomainTracking"
        inputs = planned.inputs if is_domain else planned.certificate_inputs
        outputs = planned.outputs if is_domain else planned.certificate
        serialized = {"__provider": serialize_provider(provider)}
        name, parent = names.name(planned.target), names.parent(planned.target)
        # Unique in the file, as names need not be: parents are found by it.
        key = " ".join(filter(None, (kind, parent, name)))
        entry: dict[str, Any] = {
            "type": TYPE + kind,
            "name": key,
            "logicalName": name,
            "id": id_,
            "inputs": inputs | serialized,
            "outputs": outputs | serialized,
        }
        if parent:
            entry["parent"] = f"parent {parent}"
            resources[entry["parent"]] = {
                "type": PARENT_TYPE,
                "name": entry["parent"],
                "logicalName": parent,
                "component": True,
            }
        resources[key] = entry

    for planned in domains:
        if planned.host:
            id_ = planned.target.with_domain(planned.host).id
            add(planned, "TrackingCertificate", TrackingCertificateProvider(), id_)
        add(planned, "DomainTracking", DomainTrackingProvider(), planned.target.id)
    return json.dumps({"resources": list(resources.values())}, indent=2) + "\n"
