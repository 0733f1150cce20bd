"""Messages in a resource's row of the engine's display."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from .plugin_process import engine_log

SECONDS_BEFORE_PROGRESS = 5.0
SECONDS_BETWEEN_MESSAGES = 15.0


class ResourceLog:
    """The row of a resource.

    Args:
        urn: the resource's URN; where it is empty, messages go to the stack's row.
        clock: monotonic seconds.
    """

    def __init__(self, urn: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.urn = urn
        self._clock = clock
        self._progress_from = clock() + SECONDS_BEFORE_PROGRESS
        self._next_message = clock()

    def info(self, message: str) -> None:
        """Say something that the user has to know: a reason, or what was left alone."""
        self._send(message)

    def warn(self, message: str) -> None:
        """Warn about something."""
        self._send(message, warning=True)

    def progress(self, message: str, look: Callable[[], str] = lambda: "") -> None:
        """Say what is being waited for, once that takes long; at most one message in 15 s.

        Args:
            message: what is being waited for.
            look: returns why, or an empty string; it is only called if the message is shown.
        """
        if self._clock() >= max(self._progress_from, self._next_message):
            reason = look()
            self.throttled(f"{message}: {reason}" if reason else message)

    def throttled(self, message: str) -> None:
        """Say what is being retried; at most one message in 15 s, counting `progress`."""
        now = self._clock()
        if now >= self._next_message:
            self._next_message = now + SECONDS_BETWEEN_MESSAGES
            self.info(message)

    def _send(self, message: str, *, warning: bool = False) -> None:
        # Half a surrogate pair, as from a byte in the environment, cannot be sent.
        message = message.encode(errors="backslashreplace").decode()
        log = engine_log()
        if log is None:
            print(message, file=sys.stderr, flush=True)
        else:
            log(self.urn, message, warning)
