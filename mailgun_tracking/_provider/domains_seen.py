"""Which domains this run has found at Mailgun, and which it has missed."""

from __future__ import annotations

import threading

from .._api.target import Target


class DomainsSeen:
    """What this run knows about the domains of each account, region and subaccount.

    A key of another account, or a wrong base URL, makes every domain seem to be gone. So a domain
    is not believed to be gone where several are missing and none was found.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: set[Target] = set()
        self._missed: dict[Target, set[str]] = {}

    def found(self, target: Target) -> None:
        """Note that a domain was found."""
        with self._lock:
            self._found.add(target.with_domain(""))

    def missed(self, target: Target) -> None:
        """Note that a domain was not found."""
        with self._lock:
            self._missed.setdefault(target.with_domain(""), set()).add(target.domain)

    def are_all_missing(self, target: Target) -> bool:
        """Whether several domains of the target's account were missed and none was found."""
        place = target.with_domain("")
        with self._lock:
            return place not in self._found and len(self._missed.get(place, ())) > 1
