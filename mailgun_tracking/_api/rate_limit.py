"""When calls may be made: Mailgun's rate limit, and the user's own budget."""

from __future__ import annotations

import threading
import time
from collections import deque

TURNS_PER_SECOND = 50
"""How many polls and retries an account makes per second, however many resources are waiting."""
BUDGET_SECONDS = 60.0
"""The window of the budget, which is in requests per minute."""


class RateLimit:
    """What all calls with one key share, whatever their region or subaccount.

    Args:
        per_minute: how many requests to make in any minute at most; None leaves it to Mailgun.
    """

    def __init__(self, per_minute: int | None = None) -> None:
        self.per_minute = per_minute
        self.is_limited = per_minute is not None
        """Whether calls may have to wait: for the budget, or for Mailgun's limit, once reached."""
        self._lock = threading.Lock()
        self._held_until = 0.0
        self._next_turn = 0.0
        self._calls: deque[float] = deque(maxlen=per_minute)

    def hold(self, seconds: float) -> None:
        """Make all calls wait, because Mailgun's limit was reached."""
        with self._lock:
            self.is_limited = True
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def held_for(self) -> float:
        """How many more seconds all calls have to wait."""
        with self._lock:
            return max(0.0, self._held_until - time.monotonic())

    def take_turn(self) -> float:
        """Seconds until the caller's turn: waiting calls resume one after another."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next_turn)
            self._next_turn = turn + 1 / TURNS_PER_SECOND
            return turn - now

    def reserve(self) -> float:
        """Seconds until the budget allows one more call, which counts as made then."""
        with self._lock:
            wait = self._budget_wait()
            if self.per_minute is not None:
                self._calls.append(time.monotonic() + wait)
            return wait

    def wait(self) -> tuple[float, str]:
        """How many seconds the next call has to wait, and why."""
        with self._lock:
            held = self._held_until - time.monotonic()
            if held > 0:
                return held, "Mailgun's rate limit is reached"
            return self._budget_wait(), (
                f"the budget of {self.per_minute} requests per minute "
                "(mailgun-tracking:requestsPerMinute) is used up"
            )

    def _budget_wait(self) -> float:
        if self.per_minute is None or len(self._calls) < self.per_minute:
            return 0.0
        return max(0.0, self._calls[0] + BUDGET_SECONDS - time.monotonic())
