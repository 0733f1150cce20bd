"""Where a rate limit keeps what it knows: in this process, or in a file for all processes."""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ConfigurationError

SHARED_LIMIT = "MAILGUN_TRACKING_SHARED_LIMIT"
"""The environment variable that names the directory of the files."""
_SAME_BOOT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 86_400.0


@dataclass
class Moments:
    """When calls were made and may be made, in seconds of the monotonic clock.

    Attributes:
        held_until: when Mailgun's limit ends.
        next_turn: when the next of the waiting calls may resume.
        calls: the calls that count against the budget, sorted. A call that waits is there with
            the moment at which it expects to be made.
    """

    held_until: float = 0.0
    next_turn: float = 0.0
    calls: list[float] = field(default_factory=list)


Memory = Callable[[], AbstractContextManager[Moments]]
"""Gives the moments to one caller at a time, who may change them."""


def in_process() -> Memory:
    """What only the threads of this process share."""
    lock, moments = threading.Lock(), Moments()

    @contextmanager
    def memory() -> Iterator[Moments]:
        with lock:
            yield moments

    return memory


def in_file(path: Path) -> Memory:
    """What all processes of this machine share that use the same file.

    The lock is flock, which ends with the process that holds it. The file is opened each time, so
    that threads exclude each other as well, and that it may be deleted at any time. Content that
    cannot be understood counts as empty: Mailgun then says itself when a limit is reached.

    Args:
        path: the file; its directory must exist.

    Raises:
        ConfigurationError: from here and from the memory: the file cannot be used.
    """

    @contextmanager
    def memory() -> Iterator[Moments]:
        with _usable(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with _usable(path):
                _lock(file)
                moments = _understood(os.pread(file, os.fstat(file).st_size, 0))
            before = replace(moments, calls=[*moments.calls])
            yield moments
            if moments != before:
                text = json.dumps({"booted": _booted(), **vars(moments)}).encode() + b"\n"
                with _usable(path):
                    os.pwrite(file, text, 0)
                    os.truncate(file, len(text))
        finally:
            os.close(file)

    if not path.is_absolute():
        # Each process may have another current directory.
        raise _unusable(path, "it is not an absolute path")
    with memory():
        pass
    return memory


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    except ImportError:
        raise _unusable(path, "this system cannot lock files so") from None


def _unusable(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the shared rate limit cannot be kept in {path.parent}",
        reason,
        advice=f"set {SHARED_LIMIT} to a local directory that exists and can be written to, by "
        "its absolute path, or unset it",
    )


def _lock(file: int) -> None:
    """Lock a file until it is closed."""
    import fcntl  # not on Windows

    fcntl.flock(file, fcntl.LOCK_EX)


def _booted() -> float:
    """When this machine was started, by its wall clock.

    Python's monotonic clock is the same in all processes, and starts anew with the machine. The
    wall clock would not do for the moments themselves: a step would end a wait, or prolong it.
    """
    return time.time() - time.monotonic()


def _understood(text: bytes) -> Moments:
    """The moments in a file; none if it is from before a restart, or damaged."""
    try:
        # What follows the first line was left by a longer text, and a kill.
        read = json.loads(text.partition(b"\n")[0])
        if abs(read.pop("booted") - _booted()) > _SAME_BOOT_SECONDS:
            return Moments()
        moments = Moments(**read)
        moments.calls.sort()
        latest = max(moments.held_until, moments.next_turn, *moments.calls)
        is_plausible = math.isfinite(sum(moments.calls)) and latest < (
            time.monotonic() + _LONGEST_WAIT_SECONDS
        )
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError):
        return Moments()
    return moments if is_plausible else Moments()
