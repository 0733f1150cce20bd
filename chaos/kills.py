"""Processes that are killed at random moments, and whether the next command mends everything."""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from chaos.fleet import (
    Fleet,
    at_mailgun,
    changed,
    differences,
    in_state,
    in_words,
    make_fleet,
    not_shown,
    off,
    program,
    wanted,
    wanted_in_state,
)
from chaos.stacks import TIMEOUT_SECONDS, mailgun, new_stack
from mailgun_tracking.emulator import Emulator, RecordedRequest
from tests.behaviour.mail import MailStack
from tests.engine.processes import Process
from tests.engine.result import PulumiFailed
from tests.engine.stack import Running

Step = Literal["create", "update", "move", "wait", "delete"]
Victim = Literal["engine", "provider", "both", "SIGINT", "SIGINT twice", "SIGTERM"]
Then = Literal["again", "revert"]

STEPS: Mapping[Step, int] = {"create": 90, "update": 52, "move": 42, "wait": 60, "delete": 38}
"""What is interrupted, in this order in the life of a stack, and after how many responses at
most. `move` moves https to another tracking domain; `wait` does too, and the certificates never
come. A command that makes fewer requests is over before it can be killed."""
VICTIMS: Sequence[Victim] = ("engine", "provider", "both", "SIGINT", "SIGINT twice", "SIGTERM")
"""`engine`, `provider` and `both` are killed (SIGKILL); the engine receives the signals."""
LATENCY_SECONDS = 0.02
PROVIDER_LEAVES_SECONDS = 30.0
LARGEST = make_fleet(10, 3, 1)
"""20 resources, half of them for https."""


@dataclass(frozen=True)
class Plan:
    """One kill.

    Attributes:
        step: what is interrupted.
        victim: what is killed.
        then: what is run afterwards: the same program again, or the one before it.
        after: after how many responses.
        pause: how many seconds later, at most the time until the next response.
    """

    step: Step
    victim: Victim
    then: Then
    after: int
    pause: float


@dataclass
class Kill:
    """What a kill did.

    Attributes:
        seed: of the life that it is part of.
        plan: the kill.
        hit: whether the command was still running.
        seconds: how long the engine took to end.
        torn: whether Pulumi's file backend left a file half written, which was removed.
        lost: what was not mended by the command after it, in words.
        output: what failed commands after it printed.
    """

    seed: int
    plan: Plan
    hit: bool = True
    seconds: float = 0.0
    torn: bool = False
    lost: list[str] = field(default_factory=list)
    output: str = ""


def plans(seed: int, lives: int) -> list[list[Plan]]:
    """The kills of some lives, one for each step; together they have each victim as often."""
    chance = random.Random(seed)  # noqa: S311
    victims = {step: _shuffled(VICTIMS, lives, chance) for step in STEPS}
    thens: dict[Step, list[Then]] = {
        # There is no program before the first one.
        step: _shuffled(("again",) if step == "create" else ("again", "revert"), lives, chance)
        for step in STEPS
    }
    return [
        [
            Plan(
                step,
                victims[step][number],
                thens[step][number],
                chance.randint(1, most),
                chance.uniform(0, 2 * LATENCY_SECONDS),
            )
            for step, most in STEPS.items()
        ]
        for number in range(lives)
    ]


def live(seed: int, planned: Sequence[Plan], fleet: Fleet = LARGEST) -> list[Kill]:
    """The life of one stack, interrupted at each of its steps.

    It ends early where a command hangs, or Pulumi itself cannot go on.
    """
    counter = _Counter()
    with mailgun(fleet, counter.count) as emulator, new_stack(emulator) as stack:
        emulator.set(latency_seconds=LATENCY_SECONDS)
        life = _Life(emulator, stack, counter)
        now: Fleet = []
        kills = []
        for plan in planned:
            new = _next(plan.step, fleet, now)
            kill = Kill(seed, plan)
            kills.append(kill)
            try:
                now = life.interrupt(kill, now, new)
            except PulumiFailed as error:
                kill.lost.append("a command did not end as it should")
                kill.output += str(error)
                break
        return kills


@dataclass
class _Counter:
    """Counts responses, and tells when there were enough."""

    wanted: int = 0
    reached: threading.Event = field(default_factory=threading.Event)

    def start(self, wanted: int) -> None:
        self.wanted = wanted
        self.reached.clear()

    def count(self, _request: RecordedRequest) -> None:
        self.wanted -= 1
        if self.wanted <= 0:
            self.reached.set()


@dataclass
class _Life:
    emulator: Emulator
    stack: MailStack
    counter: _Counter

    def interrupt(self, kill: Kill, old: Fleet, new: Fleet) -> Fleet:
        """Kill a command; then see that one command more ends as its program says.

        Returns what the stack declares now.
        """
        plan = kill.plan
        self.emulator.set(issuing_seconds=3600 if plan.step == "wait" else 0.2)
        self._write(new)
        self._kill(kill, "destroy" if plan.step == "delete" else "up")
        self.emulator.set(issuing_seconds=0.2)
        self._issue_the_rest([*old, *new])
        backend = self.stack.directory / "backend"
        kill.torn = _remove_torn(backend)
        if any((backend / ".pulumi" / "locks").rglob("*.json")):
            self.stack.cancel()
        if plan.step == "delete" and plan.then == "again":
            self._destroy(kill, old)
            return []
        now = old if plan.then == "revert" else new
        self._write(now)
        self._look_at_preview(kill, now)
        self._up(kill, now)
        if kill.lost:
            # The next kill is to begin from what its program says.
            self.stack.up("--refresh", check=False, timeout=TIMEOUT_SECONDS)
        return now

    def _write(self, fleet: Fleet) -> None:
        self.stack.write(program(fleet))

    def _kill(self, kill: Kill, command: str) -> None:
        plan = kill.plan
        self.counter.start(plan.after)
        with self.stack.start(command, "--yes", "--skip-preview") as running:
            while not self.counter.reached.wait(0.01) and running.process.poll() is None:
                pass
            time.sleep(plan.pause)
            below = running.processes()
            kill.hit = running.process.poll() is None
            began = time.monotonic()
            _hit(plan.victim, running, below)
            running.wait(TIMEOUT_SECONDS)
            kill.seconds = time.monotonic() - began
        kill.lost += _left_behind(below)

    def _issue_the_rest(self, fleet: Fleet) -> None:
        """Let Mailgun issue what was requested before the kill."""
        for domain in fleet:
            found = self.emulator.domain(domain.domain).certificates
            for host, certificate in found.items():
                if certificate.status == "processing":
                    self.emulator.set_certificate(host, "active")

    def _look_at_preview(self, kill: Kill, fleet: Fleet) -> None:
        differing = differences(at_mailgun(fleet, self.emulator), wanted(fleet))
        preview = self.stack.preview(check=False, timeout=TIMEOUT_SECONDS)
        if preview.code:
            kill.lost.append(f"the preview ended with {preview.code}")
            kill.output += preview.output
        for name in not_shown(preview, differing):
            kill.lost.append(f"the preview says unchanged of {name}: {differing[name]}")

    def _up(self, kill: Kill, fleet: Fleet) -> None:
        result = self.stack.up(check=False, timeout=TIMEOUT_SECONDS)
        if result.code:
            kill.lost.append(f"up ended with {result.code}")
            kill.output += result.output
        there = at_mailgun(fleet, self.emulator)
        kill.lost += _lost("at Mailgun", there, wanted(fleet))
        state = in_state(fleet, self.stack.export("--show-secrets"))
        kill.lost += _lost("in the state", state, wanted_in_state(fleet))

    def _destroy(self, kill: Kill, fleet: Fleet) -> None:
        result = self.stack.destroy(check=False, timeout=TIMEOUT_SECONDS)
        if result.code:
            kill.lost.append(f"destroy ended with {result.code}")
            kill.output += result.output
        kill.lost += _lost("at Mailgun", at_mailgun(fleet, self.emulator), off(fleet))
        left = in_state(fleet, self.stack.export("--show-secrets"))
        kill.lost += [f"{name} is still in the state" for name in left]


def _next(step: Step, fleet: Fleet, now: Fleet) -> Fleet:
    """What the program declares after a step."""
    if step == "create":
        return fleet
    if step == "update":
        return changed(now, version=1 - now[0].version)
    if step == "delete":
        return now
    return changed(now, prefix={"move": "links", "wait": "news"}[step])


def _hit(victim: Victim, running: Running, below: Sequence[Process]) -> None:
    providers = [
        process
        for process in below
        if "-m pulumi.dynamic" in process.command and "pulumi-resource" not in process.command
    ]
    if victim in ("engine", "both"):
        running.process.kill()
    if victim in ("provider", "both"):
        for process in providers:
            process.end()
    if victim in ("SIGINT", "SIGINT twice"):
        running.signal(signal.SIGINT)
    if victim == "SIGTERM":
        running.signal(signal.SIGTERM)
    if victim == "SIGINT twice":
        time.sleep(0.2)
        running.signal(signal.SIGINT)


def _remove_torn(backend: Path) -> bool:
    """Remove what a killed engine left half written: attributes of a file, which nothing needs.

    Pulumi's file backend writes them in place, and cannot read the file beside them until they are
    whole or gone: "failed to load checkpoint: EOF".
    """
    torn = [file for file in backend.rglob("*.attrs") if file.stat().st_size == 0]
    for file in torn:
        file.unlink()
    return bool(torn)


def _left_behind(below: Sequence[Process]) -> list[str]:
    """Wait until all processes below an engine are gone, and end those that stay."""
    deadline = time.monotonic() + PROVIDER_LEAVES_SECONDS
    left = []
    for process in below:
        if not process.gone_within(max(0.0, deadline - time.monotonic())):
            left.append(f"a process stays behind: {process.command}")
            process.end()
    return left


def _lost(
    where: str, found: Mapping[str, Mapping[str, Any]], said: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    return (f"{where}, {text}" for text in in_words(differences(found, said)))


def _shuffled(values: Sequence[Any], count: int, chance: random.Random) -> list[Any]:
    """So many of the values, each as often, in random order."""
    found = list(itertools.islice(itertools.cycle(chance.sample(values, len(values))), count))
    chance.shuffle(found)
    return found
