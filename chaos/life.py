"""The life of a stack while a share of all responses is spoiled."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from chaos.fleet import (
    Fleet,
    at_mailgun,
    changed,
    differences,
    in_state,
    in_words,
    make_fleet,
    off,
    program,
    wanted,
    wanted_in_state,
)
from chaos.stacks import TIMEOUT_SECONDS, mailgun, new_stack
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailStack
from tests.engine.result import PulumiFailed

COMMANDS = ("up", "up (change)", "refresh", "destroy")
PARALLEL = ("--parallel", "32")
ISSUING_SECONDS = 0.5


@dataclass
class Command:
    """One command, and once more where it failed.

    Attributes:
        name: one of `COMMANDS`.
        seed: of the spoiled responses.
        codes: the exit codes of one or two tries; 1 for any failure.
        seconds: how long both took.
        requests: how many requests they made.
        spoiled: how many of the responses were spoiled, by kind.
        lost: what was not as the program says afterwards, in words.
        output: what failed tries printed.
    """

    name: str
    seed: int
    codes: list[int] = field(default_factory=list)
    seconds: float = 0.0
    requests: int = 0
    spoiled: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    output: str = ""


def live(
    seed: int, *, domains: int = 50, certificates: int = 10, share: float = 0.3
) -> list[Command]:
    """Create, change, refresh and destroy under faults; each is tried twice at most.

    Args:
        seed: of the spoiled responses.
        domains: how many domains there are.
        certificates: how many of them have https, every third of those by an `HttpsTracking`.
        share: the share of responses that is spoiled.
    """
    components = certificates // 3
    fleet = make_fleet(domains - certificates, certificates - components, components)
    flipped = changed(fleet, version=1)
    with mailgun(fleet) as emulator, new_stack(emulator) as stack:
        emulator.set(issuing_seconds=ISSUING_SECONDS)
        life = _Life(seed, share, emulator, stack)
        stack.write(program(fleet))
        first = life.run("up", "up", fleet)
        stack.write(program(flipped))
        change = life.run("up (change)", "up", flipped)
        refresh = life.run("refresh", "refresh", flipped)
        destroy = life.run("destroy", "destroy", flipped)
    return [first, change, refresh, destroy]


@dataclass(frozen=True)
class _Life:
    seed: int
    share: float
    emulator: Emulator
    stack: MailStack

    def run(self, name: str, command: str, fleet: Fleet) -> Command:
        """Run a command under faults, again where it failed, and look at what has become of it."""
        done = Command(name, self.seed)
        self.emulator.forget_requests()
        # Each command gets faults of its own.
        self.emulator.spoil(self.share, seed=4 * self.seed + COMMANDS.index(name))
        began = time.monotonic()
        while len(done.codes) < 2 and 0 not in done.codes:
            arguments = [command, "--yes", "--skip-preview", *PARALLEL]
            try:
                done.codes.append(self.stack.run(*arguments, timeout=TIMEOUT_SECONDS).code)
            except PulumiFailed as error:
                done.codes.append(1)
                done.output += str(error)
        done.seconds = time.monotonic() - began
        done.requests = len(self.emulator.requests)
        done.spoiled = self.emulator.spoiled
        self.emulator.clear_faults()
        done.lost = self._lost(command, fleet)
        return done

    def _lost(self, command: str, fleet: Fleet) -> list[str]:
        there, state = (
            at_mailgun(fleet, self.emulator),
            in_state(fleet, self.stack.export("--show-secrets")),
        )
        if command == "destroy":
            lost = [f"at Mailgun, {text}" for text in in_words(differences(there, off(fleet)))]
            return lost + [f"{name} is still in the state" for name in state]
        lost = [f"at Mailgun, {text}" for text in in_words(differences(there, wanted(fleet)))]
        differing = differences(state, wanted_in_state(fleet))
        lost += [f"in the state, {text}" for text in in_words(differing)]
        # Of what the commands before a refresh have left, too.
        if command == "refresh" and self.stack.preview("--expect-no-changes", check=False).code:
            lost.append("a preview shows changes")
        return lost
