"""Which domains this run is about."""

from __future__ import annotations

import threading

from .._api.target import Target


class DomainsSeen:
    """The domains of this run's operations.

    With the key of another account, or a wrong base URL, every domain seems to be gone. So a
    domain counts as gone only if the account has another one of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._targets: set[Target] = set()

    def add(self, target: Target) -> None:
        """Note the domain or tracking domain of an operation."""
        with self._lock:
            self._targets.add(target)

    def of(self, account: str) -> dict[Target, set[str]]:
        """The names of an account's domains and tracking domains, by place (without a domain)."""
        places: dict[Target, set[str]] = {}
        with self._lock:
            for target in self._targets:
                if target.account == account:
                    places.setdefault(target.with_domain(""), set()).add(target.domain)
        return places
