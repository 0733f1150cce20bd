"""A DNS record for `HttpsTracking(cname=...)` that exists only in the stack's state."""

from __future__ import annotations

from typing import Any

from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

from mailgun_tracking import TrackingRecord


class RecordProvider(ResourceProvider):
    """The state files hold its import path: neither class nor module may be renamed."""

    serialize_as_secret_always = False

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = [name for name in ("name", "value") if olds[name] != news[name]]
        return DiffResult(changes=bool(changed), replaces=changed)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["name"], props)


class Record(Resource, name="Record"):
    """A CNAME record."""

    def __init__(self, resource_name: str, record: TrackingRecord, opts: Any) -> None:
        props = {"name": record.name, "value": record.value}
        super().__init__(RecordProvider(), resource_name, props, opts)
