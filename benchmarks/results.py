"""What was measured, and the file that it is kept in."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Quantity = Literal["wall_seconds", "cpu_seconds", "emulator_cpu_seconds", "requests", "peak_bytes"]


@dataclass
class Measurement:
    """One command of one case with `n` resources. The lists have one value per run.

    Attributes:
        case: the name of the case.
        baseline: the name of its baseline; empty for a baseline.
        n: the number of resources.
        command: one of `benchmarks.cases.COMMANDS`.
        wall_seconds: how long the command took.
        cpu_seconds: CPU time of the engine, the language host with the program, and the provider.
        emulator_cpu_seconds: CPU time of the emulator.
        requests: how many requests the emulator received.
        peak_bytes: the most memory that the provider's process was seen to use.
        state_bytes: the average size of a resource in the state, after the resources were created.
    """

    case: str
    baseline: str
    n: int
    command: str
    wall_seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    emulator_cpu_seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    state_bytes: int = 0

    def values(self, quantity: Quantity) -> list[float]:
        """The value of each run."""
        return [float(value) for value in getattr(self, quantity)]

    def median(self, quantity: Quantity) -> float:
        """The median of all runs."""
        return statistics.median(self.values(quantity))


@dataclass
class Saved:
    """What can be kept in a file."""

    def save(self, file: Path) -> None:
        """Write everything to a file, as JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Machine:
    """Where it was measured, and with which versions."""

    processors: int
    memory_gib: int
    system: str
    python: str
    pulumi: str


@dataclass
class Results(Saved):
    """One run of the benchmark.

    Attributes:
        date: the day, as in 2026-01-31.
        machine: where it was measured.
        import_pulumi_seconds: how long `import pulumi` takes.
        import_both_seconds: the same with `mailgun_tracking`.
        measurements: all that was measured.
    """

    date: str
    machine: Machine
    import_pulumi_seconds: float
    import_both_seconds: float
    measurements: list[Measurement]

    def sizes(self) -> list[int]:
        """The numbers of resources, in ascending order."""
        return sorted({one.n for one in self.measurements})

    def cases(self, n: int) -> list[str]:
        """The names of the cases measured with `n` resources, in the order measured."""
        return list(dict.fromkeys(one.case for one in self.measurements if one.n == n))

    def get(self, case: str, n: int, command: str) -> Measurement | None:
        """One measurement, or None if there is no such."""
        for one in self.measurements:
            if (one.case, one.n, one.command) == (case, n, command):
                return one
        return None

    def baseline_of(self, measurement: Measurement) -> Measurement | None:
        """The same command of the case's baseline; None for a baseline."""
        return self.get(measurement.baseline, measurement.n, measurement.command)

    @classmethod
    def load(cls, file: Path) -> Results:
        """Read what `save` wrote."""
        content = json.loads(file.read_text(encoding="utf-8"))
        content["machine"] = Machine(**content["machine"])
        content["measurements"] = [Measurement(**one) for one in content["measurements"]]
        return cls(**content)
