"""Reading from Mailgun for many domains at a time, with a progress bar."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .. import errors
from .._api.settings import Settings
from .._api.target import Target
from .._provider.concurrency import result_or_error
from .._provider.operation import Operation
from .._provider.process import process
from .._provider.resource_log import ResourceLog

if TYPE_CHECKING:
    from .._api.client import MailgunClient

THREADS = 32
"""How many calls are made at a time: enough for Mailgun's rate limit at any distance."""
SECONDS_BETWEEN_UPDATES = 0.2

_T = TypeVar("_T")
_R = TypeVar("_R")


class _WrongSettings(click.ClickException):
    exit_code = 2


def refused(error: errors.TrackingError) -> click.ClickException:
    """What a command that could not start ends with: exit code 2."""
    is_argument = isinstance(error, errors.InvalidInput)
    return click.UsageError(str(error)) if is_argument else _WrongSettings(str(error))


class Reader:
    """Reads from Mailgun for a command.

    Where stderr is a terminal, it shows a progress bar. Anywhere else it only says what is waited
    for, such as the rate limit.

    Args:
        settings: where the keys and the base URL come from.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._log = ResourceLog("")
        self._lock = threading.Lock()
        self._is_terminal = sys.stderr.isatty()
        self._waiting_for = ""

    def operation(self, target: Target) -> Operation:
        """An operation on a target, for its client and to explain its errors."""

        def connect(target: Target) -> MailgunClient:
            client = self.settings.client(target)
            return replace(client, say=self._say, cancelled=process.cancelled)

        return Operation(target, self._log, self.settings, connect)

    def read_all(
        self, label: str, items: Sequence[_T], read: Callable[[_T], _R]
    ) -> list[_R | errors.TrackingError]:
        """What `read` returns for each item, or the `TrackingError` that it raised.

        Args:
            label: what the progress bar is called.
            items: what to read.
            read: reads one of them; it is called in several threads.
        """
        with ThreadPoolExecutor(THREADS, thread_name_prefix="mailgun-tracking-read") as pool:
            futures = [
                pool.submit(result_or_error, functools.partial(read, item)) for item in items
            ]
            try:
                self._wait_for(label, futures)
            except KeyboardInterrupt:
                process.cancelled.set()
                raise
        return [future.result() for future in futures]

    def _wait_for(self, label: str, futures: Sequence[Future[Any]]) -> None:
        if not self._is_terminal:
            wait(futures)
            return
        with click.progressbar(
            range(len(futures)),
            label=label,
            file=sys.stderr,
            show_pos=True,
            item_show_func=lambda _item: self._waiting_for,
        ) as bar:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, SECONDS_BETWEEN_UPDATES)
                if done:
                    self._waiting_for = ""
                    bar.update(len(done))
                bar.render_progress()

    def _say(self, message: str) -> None:
        if self._is_terminal:
            self._waiting_for = message
            return
        with self._lock:
            self._log.throttled(message)
