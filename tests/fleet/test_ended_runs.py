"""Runs of a fleet that are killed or interrupted, and the next one."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.engine.processes import marked
from tests.fleet.fleets import Fleet
from tests.fleet.test_run import fleet_of

DOMAINS = [f"mg{number}.example.com" for number in range(1, 5)]
SECONDS = 300.0
MARK = "FLEET_UNDER_TEST"
COMMAND = """
import signal

# As in a terminal: a job in the background ignores it.
signal.signal(signal.SIGINT, signal.SIG_DFL)
from mailgun_tracking.cli import main

main()
"""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(domains=DOMAINS) as emulator:
        yield emulator


@pytest.fixture
def fleet(tmp_path: Path, emulator: Emulator) -> Fleet:
    """Four domains in two stacks."""
    return fleet_of(tmp_path, emulator, DOMAINS, 2)


class Started:
    """`mailgun-tracking fleet up --yes`, one stack at a time, while it runs."""

    def __init__(self, fleet: Fleet, *arguments: str) -> None:
        self._id = uuid.uuid4().hex
        self._errors = fleet.folder / "errors"
        with self._errors.open("wb") as errors:
            self.process = self._start(fleet, arguments, errors)

    def _start(
        self, fleet: Fleet, arguments: Sequence[str], errors: IO[bytes]
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-c", COMMAND),
                *("fleet", "up", "--yes", "--jobs", "1", *arguments),
            ],
            cwd=fleet.folder,
            env={**fleet.environment, MARK: self._id},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )

    @property
    def said(self) -> str:
        """What it has printed to stderr so far."""
        return self._errors.read_text()

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + SECONDS
        while not true():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill all its processes, as a machine that loses its power does."""
        while processes := marked(MARK, self._id):
            for process in processes:
                process.end()
        self.process.communicate()

    def end(self) -> tuple[int, str, str]:
        """Wait for its end, after which no process is left: exit code, stdout and stderr."""
        output, _ = self.process.communicate(timeout=SECONDS)
        for process in marked(MARK, self._id):
            assert process.gone_within(10), process.command
        return self.process.returncode, output, self.said


MOMENTS: dict[str, Callable[[Fleet, Emulator], bool]] = {
    "while stacks are created": lambda fleet, _: (fleet.folder / "Pulumi.fleet-001.yaml").exists(),
    "in the middle of PUTs": lambda _, emulator: len(puts(emulator)) == 2,
    "near the end": lambda _, emulator: len(puts(emulator)) == 4,
}


@pytest.mark.behaviour(123)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run(fleet: Fleet, emulator: Emulator, moment: str) -> None:
    """The next one ends as the file says; the lock of the one that was killed is released."""
    held_up = "mg4" if moment == "near the end" else "mg2"
    path = f"/v3/domains/{held_up}.example.com/*"
    emulator.add_fault(method="PUT", path=path, delay_seconds=1000)
    started = Started(fleet)
    started.wait_until(lambda: MOMENTS[moment](fleet, emulator))
    started.kill()
    emulator.clear_faults()
    done = fleet.run("up", "--yes")
    if moment != "while stacks are created":
        assert "released the lock of an earlier run that was killed" in done.stderr
    assert all(emulator.domain(domain).click["active"] for domain in DOMAINS)
    fleet.run("status")


@pytest.mark.behaviour(124)
def test_an_interrupted_run(fleet: Fleet, emulator: Emulator) -> None:
    """It ends what is under way, and says what was not done."""
    emulator.add_fault(method="PUT", path="*", delay_seconds=1000)
    started = Started(fleet)
    started.wait_until(lambda: len(puts(emulator)) == 2)
    started.process.send_signal(signal.SIGTERM)
    code, stdout, stderr = started.end()
    assert code == 1
    assert "SIGTERM: waiting for what is under way" in stderr
    assert "2 not done\n  mg3.example.com, mg4.example.com\n" in stdout
    assert "2 failed\n  mg1.example.com (fleet-001), mg2.example.com (fleet-001): " in stdout
    assert "despite the error, Mailgun may have changed click.active" in stdout
    assert "2 stacks, 0 done\n" in stdout


@pytest.mark.behaviour(124)
def test_interrupted_twice(fleet: Fleet, emulator: Emulator) -> None:
    """Then it ends at once, and leaves no process behind."""
    emulator.add_fault(method="PUT", path="*", delay_seconds=1000)
    started = Started(fleet)
    started.wait_until(lambda: len(puts(emulator)) == 2)
    started.process.send_signal(signal.SIGSTOP)
    started.process.send_signal(signal.SIGINT)
    started.process.send_signal(signal.SIGTERM)
    started.process.send_signal(signal.SIGCONT)
    code, _, stderr = started.end()
    assert code == 1
    assert "ending at once" in stderr


@pytest.mark.behaviour(123)
def test_locks_of_others(fleet: Fleet, emulator: Emulator) -> None:
    """Only the lock of an engine that fleet started, and that is gone, is ever released."""
    host = socket.gethostname()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for stack, (name, pid) in {
        "fleet-001": ("elsewhere", gone.pid),
        "fleet-002": (host, os.getpid()),
    }.items():
        notes = fleet.folder / "home" / "mailgun-tracking" / "fleet"
        notes.mkdir(parents=True, exist_ok=True)
        (notes / f"mail.{stack}").write_text(f"{host} {pid}\n")
        fleet.pulumi("stack", "init", stack)
        folder = fleet.folder / "backend" / ".pulumi" / "locks" / "organization" / "mail" / stack
        folder.mkdir(parents=True, exist_ok=True)
        lock = {"pid": pid, "username": "root", "hostname": name}
        lock["timestamp"] = "2026-01-01T00:00:00Z"
        (folder / "1.json").write_text(json.dumps(lock))
    emulator.forget_requests()
    refused = fleet.run("up", "--yes", code=1)
    for stack in ("fleet-001", "fleet-002"):
        assert f"release it with `pulumi cancel --stack {stack}`" in refused.stdout
    assert "4 not done\n" in refused.stdout
    assert emulator.requests == []


@pytest.mark.behaviour(126)
def test_what_is_wrong_with_all_stacks_is_said_once(fleet: Fleet) -> None:
    """A missing passphrase, before and after the stacks exist, and a backend that is not there."""
    fleet.run("assign", "--size", "1", "--recut")
    passphrase = fleet.environment.pop("PULUMI_CONFIG_PASSPHRASE")
    said = "passphrase must be set with PULUMI_CONFIG_PASSPHRASE"
    assert fleet.run("up", "--yes", code=2).output.count(said) == 1
    fleet.environment["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    for number in range(1, 5):
        fleet.pulumi("stack", "init", f"fleet-00{number}")
    del fleet.environment["PULUMI_CONFIG_PASSPHRASE"]
    failed = fleet.run("up", "--yes", "--jobs", "1", code=1)
    assert failed.output.count(said) == 1
    assert re.findall(r"^(\S+): failed in", failed.stderr, re.MULTILINE) == [
        "fleet-001",
        "fleet-002",
    ]
    assert "fleet-001, fleet-002, fleet-003 and 1 more: " in failed.stdout
    fleet.environment["PULUMI_BACKEND_URL"] = (fleet.folder / "nowhere").as_uri()
    unreachable = fleet.run("up", "--yes", code=2).stderr.splitlines()
    assert len(unreachable) == 1
    assert unreachable[0].startswith("Error: cannot list the stacks: ")
