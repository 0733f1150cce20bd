"""Reading for many domains: several at a time, within the rate limit, with a progress bar."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.process import process
from mailgun_tracking.cli import reading
from mailgun_tracking.cli.reading import THREADS, Reader


class Terminal(io.StringIO):
    """Stands in for stderr on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.behaviour(101)
def test_several_are_read_at_a_time() -> None:
    """In the order of the items, and each with its own error."""
    meeting = threading.Barrier(THREADS)

    def read(number: int) -> int:
        meeting.wait(30)
        if number == 2:
            raise errors.InvalidInput("no")
        return number

    results = Reader(Settings()).read_all("Reading", range(THREADS), read)
    assert isinstance(results[2], errors.InvalidInput)
    assert [*results[:2], *results[3:]] == [0, 1, *range(3, THREADS)]


@pytest.mark.behaviour(101)
def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anywhere else there is none."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    Reader(Settings()).read_all("Reading domains", range(40), str)
    assert "Reading domains" in terminal.getvalue()
    assert "40/40" in terminal.getvalue()
    elsewhere = io.StringIO()
    monkeypatch.setattr(sys, "stderr", elsewhere)
    Reader(Settings()).read_all("Reading domains", range(40), str)
    assert elsewhere.getvalue() == ""


@pytest.mark.behaviour(101)
def test_what_is_waited_for_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is beside the bar, until something has been read."""
    message = "Mailgun's rate limit is reached: continuing in 9 s"
    terminal = Terminal()

    def read(number: int) -> None:
        reader.operation(Target("default", "us", "", "mg.example.com")).client.say(message)
        until = time.monotonic() + 30
        while number == 0 and sys.stderr is terminal and message not in terminal.getvalue():
            assert time.monotonic() < until, terminal.getvalue()
            time.sleep(0.01)

    monkeypatch.setattr(sys, "stderr", terminal)
    reader = Reader(Settings())
    reader.read_all("Reading domains", [0], read)
    last = terminal.getvalue().rpartition("\r")[2]
    assert "1/1" in last
    assert message not in last
    elsewhere = io.StringIO()
    monkeypatch.setattr(sys, "stderr", elsewhere)
    reader = Reader(Settings())
    reader.read_all("Reading domains", range(40), read)
    assert elsewhere.getvalue() == f"{message}\n"


@pytest.mark.behaviour(101)
def test_an_interrupt_ends_all_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(futures: Sequence[Future[Any]]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Reader(Settings()).read_all("Reading", range(99), lambda _: process.cancelled.wait(60))
    assert process.cancelled.is_set()
