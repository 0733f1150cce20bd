"""Which resource of the program manages which fields of a domain."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from pulumi.dynamic import CheckFailure

from .._api.fields import Field, Section
from .._api.target import Target


class FieldOwners:
    """The managed fields of each domain, as far as this process has checked resources.

    It keeps two promises. Two resources that manage the same field would undo each other's changes
    in every update, so they fail the preview. And a resource that is removed must not turn off
    what another one manages now.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[Target, dict[str, list[Field]]] = {}

    def add(self, urn: str, key: Target, managed: Iterable[Field]) -> list[CheckFailure]:
        """Register a resource; returns a failure for each field that another one manages.

        Args:
            urn: the resource's URN.
            key: its domain's ownership key, see `identity.ownership_key`.
            managed: the fields it manages.
        """
        if not urn:
            return []
        managed = list(managed)
        with self._lock:
            owners = self._fields.setdefault(key, {})
            owners.pop(urn, None)
            failures = [
                CheckFailure(
                    field.path,
                    f"managed by both {_name(other)} and {_name(urn)} for {key.domain}; "
                    "remove it from one of them",
                )
                for other, fields in owners.items()
                for field in fields
                if field in managed
            ]
            owners[urn] = managed
        return failures

    def has_owner(self, key: Target) -> bool:
        """Whether a resource of this program manages anything of a domain."""
        with self._lock:
            return any(self._fields.get(key, {}).values())

    def owned_sections(self, key: Target) -> set[Section]:
        """The sections whose ``active`` a resource of this program manages."""
        with self._lock:
            fields = [field for owned in self._fields.get(key, {}).values() for field in owned]
        return {field.section for field in fields if field.section and field.name == "active"}


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
