"""What the resources of a program declare, as far as this process has checked them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from pulumi.dynamic import CheckFailure
from pulumi.runtime.rpc import UNKNOWN

from .models import Target


class Declared:
    """Which resource manages which field of which domain, by the place where the domain is.

    Two resources that manage the same field would undo each other's work at every up. And a
    resource that goes away must not turn off what another one, its successor, declares.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fields: dict[Target, dict[str, list[str]]] = {}

    def add(self, urn: str, place: Target, managed: object) -> list[CheckFailure]:
        """Note what a resource manages; a failure for each field that another one manages too."""
        if not urn or managed == UNKNOWN or not isinstance(managed, list):
            return []
        with self._lock:
            owners = self._fields.setdefault(place, {})
            owners.pop(urn, None)
            failures = [
                CheckFailure(
                    field,
                    f"{field} of {place.domain} is managed by both {_name(other)} and "
                    f"{_name(urn)}: take it out of one of them",
                )
                for other, fields in owners.items()
                for field in fields
                if field in managed
            ]
            owners[urn] = list(managed)
        return failures

    def declares(self, place: Target) -> bool:
        """Whether some resource of this run declares anything of a domain."""
        with self._lock:
            return bool(self._fields.get(place))

    def kinds_kept(self, place: Target, kinds: Iterable[str]) -> list[str]:
        """The kinds of tracking whose ``active`` some resource of this run declares."""
        with self._lock:
            owners = self._fields.get(place, {})
            fields = {field for managed in owners.values() for field in managed}
        return [kind for kind in kinds if f"{kind}.active" in fields]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


declared = Declared()
