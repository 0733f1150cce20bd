"""What happened, and the file that it is kept in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import Machine, Saved
from chaos.checks import Check
from chaos.kills import Kill, Plan
from chaos.life import Command


@dataclass
class Results(Saved):
    """One run of `make chaos`; parts that were left out are empty.

    Attributes:
        date: the day, as in 2026-01-31.
        machine: where it was run.
        arguments: those of the command line.
        seconds: how long it took.
        commands: the commands under faults, of all seeds.
        kills: the kills.
        checks: the tests with many examples.
    """

    date: str
    machine: Machine
    arguments: str
    seconds: float
    commands: list[Command]
    kills: list[Kill]
    checks: list[Check]

    def lost(self) -> list[str]:
        """What was lost, in words."""
        found = [
            f"seed {one.seed}, {one.name}: {text}" for one in self.commands for text in one.lost
        ]
        found += [
            f"seed {one.seed}, {one.name}: failed twice" for one in self.commands if one.codes[-1]
        ]
        for kill in self.kills:
            plan = kill.plan
            where = f"life {kill.seed}, {plan.victim} in {plan.step} after {plan.after}"
            found += [f"{where}, {plan.then}: {text}" for text in kill.lost]
        return found + [
            f"{check.name}: {check.failed} failed" for check in self.checks if check.failed
        ]

    @classmethod
    def load(cls, file: Path) -> Results:
        """Read what `save` wrote."""
        content = json.loads(file.read_text(encoding="utf-8"))
        content["machine"] = Machine(**content["machine"])
        content["commands"] = [Command(**one) for one in content["commands"]]
        content["kills"] = [
            Kill(**{**one, "plan": Plan(**one["plan"])}) for one in content["kills"]
        ]
        content["checks"] = [Check(**one) for one in content["checks"]]
        return cls(**content)
