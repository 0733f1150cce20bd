"""How engines end, with a stand-in for `pulumi`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mailgun_tracking.cli import fleet_run
from mailgun_tracking.fleet.backend import Backend
from mailgun_tracking.fleet.outcome import Outcome
from mailgun_tracking.fleet.run import Run
from tests.unit.fleet.events import project

Make = Callable[[str], Run]
LOCKED = (
    "error: the stack is currently locked by 1 lock(s). created by me@{host} (pid {pid}) at noon"
)


class Said:
    """What a run says."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def going_on(self, running: Mapping[str, int], waiting: int) -> None:
        """Not kept."""

    def finished(self, outcome: Outcome) -> None:
        """Not kept."""

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a run whose `pulumi` is the text of a shell script."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))

    def make(script: str) -> Run:
        pulumi = tmp_path / "pulumi"
        pulumi.write_text(f"#!/bin/sh\n{script}\n")
        pulumi.chmod(0o755)
        return Run(project("a.test"), Backend(tmp_path), 1, os.environ, tmp_path, Said())

    return make


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("kill -9 $$", "pulumi was killed (SIGKILL)"),
        ("exit 7", "pulumi exited with 7"),
        ("echo error: no disk >&2; echo left >&2; exit 255", "no disk left"),
    ],
)
def test_errors(make: Make, script: str, error: str) -> None:
    [outcome] = make(script).stacks(["fleet-001"], "up")
    assert (outcome.error, outcome.has_begun, outcome.is_done) == (error, False, False)
    assert [(row.name, row.result) for row in outcome.rows] == [("a.test", "not done")]


def test_a_terminal_that_is_gone(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is told to end, whether or not anything can be printed, and is waited for."""

    def hang_up() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    run = make(
        "trap 'sleep 0.3; touch ended; exit 1' INT; touch begun; "
        "for i in $(seq 600); do sleep 0.1; done"
    )
    monkeypatch.chdir(tmp_path)

    def say(message: str) -> None:
        raise OSError(5, "Input/output error")

    run.watcher.say = say  # type: ignore[method-assign]
    threading.Thread(target=hang_up).start()
    # A shell cannot trap what was ignored before, as in a job in the background.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        with contextlib.suppress(OSError):
            run.stacks(["fleet-001"], "up")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "ended").exists()


def test_nothing_is_printed_to_a_terminal_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(*args: object, **options: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("click.echo", echo)
    fleet_run._Shown(project("a.test"), "up").say("anything")


def test_nothing_to_do(make: Make) -> None:
    [outcome] = make("exit 0").stacks(["fleet-001"], "destroy")
    assert outcome.is_done


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A noted engine that has ended, but that nobody has waited for, so that it is still listed."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        notes = tmp_path / "home" / "mailgun-tracking" / "fleet"
        notes.mkdir(parents=True)
        (notes / "mail.fleet-001").write_text(f"{socket.gethostname()} {process.pid}\n")
        yield process


def test_a_lock_of_an_engine_that_has_ended(
    make: Make, tmp_path: Path, gone: subprocess.Popen[bytes]
) -> None:
    """It is released, and the stack is run."""
    said = LOCKED.format(host=socket.gethostname(), pid=gone.pid)
    free = tmp_path / "free"
    run = make(
        f'[ "$1" = cancel ] && touch {free}; [ -e {free} ] || {{ echo "{said}" >&2; exit 1; }}'
    )
    [outcome] = run.stacks(["fleet-001"], "up")
    assert free.exists()
    assert outcome.is_done


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_lock_that_stays(make: Make, gone: subprocess.Popen[bytes], cancelled: int) -> None:
    """It is tried once to release it; then the error says which command to type."""
    gone.wait()
    said = LOCKED.format(host=socket.gethostname(), pid=gone.pid)
    run = make(f'[ "$1" = cancel ] && exit {cancelled}; echo "{said}" >&2; exit 1')
    [outcome] = run.stacks(["fleet-001"], "up")
    assert outcome.error.endswith("release it with `pulumi cancel --stack fleet-001`")


def test_it_is_never_quiet_for_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet_run, "SECONDS_OF_SILENCE", -1.0)
    shown = fleet_run._Shown(project("a.test", "b.test"), "up")
    with shown.running(["fleet-001"], is_preview=False):
        shown.going_on({"fleet-001": 1}, 3)
    assert capsys.readouterr().err.splitlines() == [
        "running 1 stack with 2 domains",
        "running: fleet-001 (1 of 2); waiting: 3 stacks",
    ]


def test_a_damaged_state(make: Make) -> None:
    """Pulumi prints a page on it."""
    run = make("echo 'error: The Pulumi CLI encountered a snapshot integrity error.' >&2; exit 1")
    [outcome] = run.stacks(["fleet-001"], "up")
    assert outcome.error.endswith("; run `pulumi state repair --stack fleet-001`")
