"""Decides whether the CNAME record of a tracking host is valid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .settings import CnameCheck, Settings


class CnameRecords:
    """Checks CNAME records according to the settings."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Apply the initial settings.

        Args:
            settings: all settings.
            clock: returns monotonic seconds.
        """
        self._clock = clock
        self._check: CnameCheck = "off"
        self._valid_from: dict[str, float] = {}
        self.reset(settings)

    @property
    def may_block(self) -> bool:
        """Whether the check is a function, which may use the network."""
        return callable(self._check)

    def reset(self, settings: Settings) -> None:
        """Apply settings; all delays start now."""
        self.update(settings, {"cname_valid_after": settings.cname_valid_after})

    def update(self, settings: Settings, changes: Mapping[str, Any]) -> None:
        """Apply changed settings.

        Args:
            settings: all settings.
            changes: those that were just set; delays only start anew if they are among them.
        """
        self._check = settings.cname_check
        if "cname_valid_after" in changes:
            now = self._clock()
            self._valid_from = {
                host.casefold(): now + seconds
                for host, seconds in settings.cname_valid_after.items()
            }

    def is_valid(self, host: str) -> bool:
        """Return whether the CNAME record of `host` is valid now."""
        if self._clock() < self._valid_from.get(host.casefold(), 0.0):
            return False
        if callable(self._check):
            return self._check(host)
        return self._check == "off"
