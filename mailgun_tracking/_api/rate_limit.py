"""When calls may be made: Mailgun's rate limit, and the user's own budget."""

from __future__ import annotations

import math
import time
from bisect import bisect_right, insort
from contextlib import suppress
from pathlib import Path

from .moments import Moments, in_file, in_process

TURNS_PER_SECOND = 50
"""How many polls and retries an account makes per second, however many resources are waiting."""
BUDGET_SECONDS = 60.0
"""The window of the budget, which is in requests per minute."""


class RateLimit:
    """What all calls with one key share, whatever their region or subaccount.

    Args:
        per_minute: how many requests to make in any minute at most; None leaves it to Mailgun.
        file: where all processes of this machine share it; None keeps it to this process.

    Raises:
        ConfigurationError: from here and from each method: the file cannot be used.
    """

    def __init__(self, per_minute: int | None = None, file: Path | None = None) -> None:
        self.per_minute = per_minute
        self.is_limited = per_minute is not None
        """Whether calls may have to wait: for the budget, or for Mailgun's limit, once reached."""
        self._memory = in_process() if file is None else in_file(file)

    def hold(self, seconds: float) -> None:
        """Make all calls wait, because Mailgun's limit was reached."""
        self.is_limited = True
        with self._memory() as moments:
            moments.held_until = max(moments.held_until, time.monotonic() + seconds)

    def held_for(self) -> float:
        """How many more seconds all calls have to wait."""
        with self._memory() as moments:
            held = max(0.0, moments.held_until - time.monotonic())
        self.is_limited = self.is_limited or held > 0
        return held

    def take_turn(self) -> float:
        """Seconds until the caller's turn: waiting calls resume one after another."""
        with self._memory() as moments:
            now = time.monotonic()
            turn = max(now, moments.next_turn)
            moments.next_turn = turn + 1 / TURNS_PER_SECOND
            return turn - now

    def reserve(self, moment: float = math.inf) -> tuple[float, float]:
        """A call's place in the budget, and how many seconds to wait before asking again.

        The call may be made where these are none. One that waits keeps its place; a process that
        ends meanwhile only lets it pass.

        Args:
            moment: the place that it has already.
        """
        if self.per_minute is None:
            return moment, 0.0
        with self._memory() as moments:
            now = time.monotonic()
            _remove(moments, moment)
            # Whoever is due does not queue again behind those who are not.
            ahead = bisect_right(moments.calls, now) if moment <= now else len(moments.calls)
            wait = self._budget_wait(moments.calls[:ahead], now)
            insort(moments.calls, now + wait)
            return now + wait, wait

    def finish(self, moment: float) -> None:
        """Count a call as made now that it is answered: it may have reached Mailgun so late."""
        if self.per_minute is None:
            return
        with self._memory() as moments:
            now = time.monotonic()
            _remove(moments, moment)
            insort(moments.calls, now)
            del moments.calls[: bisect_right(moments.calls, now - BUDGET_SECONDS)]

    def wait(self) -> tuple[float, str]:
        """How many seconds the next call has to wait, and why."""
        with self._memory() as moments:
            now = time.monotonic()
            held = moments.held_until - now
            if held > 0:
                return held, "Mailgun's rate limit is reached"
            return self._budget_wait(moments.calls, now), (
                f"your budget of {self.per_minute} requests per minute is used up"
            )

    def _budget_wait(self, calls: list[float], now: float) -> float:
        """How many seconds a call has to wait that comes after others."""
        if self.per_minute is None or len(calls) < self.per_minute:
            return 0.0
        return max(0.0, calls[-self.per_minute] + BUDGET_SECONDS - now)


def _remove(moments: Moments, moment: float) -> None:
    # It is gone if the file was damaged, or after a long wait.
    with suppress(ValueError):
        moments.calls.remove(moment)
