"""The rate limit: how many requests each account may make in a window of time."""

from __future__ import annotations

import dataclasses
import time

from starlette.responses import Response

from . import responses
from .settings import Settings


@dataclasses.dataclass
class _Window:
    end: float
    requests: int = 0


class RateLimit:
    """Counts each account's requests. A window starts with the first request after the last one."""

    def __init__(self) -> None:
        """Start without any requests."""
        self._windows: dict[str, _Window] = {}

    def rejection(self, account: str, settings: Settings) -> Response | None:
        """Count a request, and return the response to it if it is one too many."""
        limit = settings.requests_per_minute
        if limit is None:
            return None
        now = time.time()
        window = self._windows.get(account)
        if window is None or now >= window.end:
            window = self._windows[account] = _Window(now + settings.rate_window_seconds)
        window.requests += 1
        if window.requests <= limit:
            return None
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            # In whole seconds, so that a client that waits until then may be a little early.
            "X-RateLimit-Reset": str(int(window.end)),
        }
        return responses.message(429, "Too many requests", headers)

    def clear(self) -> None:
        """Forget all requests."""
        self._windows.clear()
