"""The processes below one that a test started, to look at them and to end them."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Process:
    """A process as it was found; it may have ended since."""

    pid: int
    command: str
    _handle: psutil.Process

    def alive(self) -> bool:
        """Whether it still runs; a zombie, or another process under its number, does not count."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._handle.is_running() and self._handle.status() != psutil.STATUS_ZOMBIE
        return False

    def gone_within(self, seconds: float) -> bool:
        """Wait for its end; whether it came in time."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, unless it is gone already."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._handle.send_signal(number)


def marked(variable: str, value: str) -> list[Process]:
    """The processes that were started with a variable in their environment, whoever's child."""
    found = []
    for handle in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if handle.status() != psutil.STATUS_ZOMBIE and handle.environ().get(variable) == value:
                found.append(Process(handle.pid, " ".join(handle.cmdline()), handle))
    return found


def descendants(pid: int) -> list[Process]:
    """The children of a process, their children, and so on; none if it is gone."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for handle in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(Process(handle.pid, " ".join(handle.cmdline()), handle))
    return found
