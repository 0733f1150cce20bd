"""Runs the cases on the real engine, and takes the time, the calls, the memory and the state."""

from __future__ import annotations

import compileall
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cases import NO_OP, NO_OP_MODULE, OPERATIONS, Case
from benchmarks.mailgun import MailgunProcess
from tests.engine.result import PulumiFailed
from tests.engine.stack import ROOT, Running, Stack, StackFactory

TIMEOUT_SECONDS = 900.0
SECONDS_BETWEEN_LOOKS = 0.2
IMPORTS = {
    "import pulumi": "import pulumi",
    "import pulumi, mailgun_tracking": "import pulumi, mailgun_tracking",
}
IMPORTS_EACH = 25
"""Often, since what the package adds is little beside what one run differs from another."""


@dataclass
class Cell:
    """One operation of one case, with one value a repetition in each list."""

    case: str
    floor: str
    n: int
    latency: float
    operation: str
    seconds: list[float] = field(default_factory=list)
    emulator_cpu_seconds: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    state_bytes: int = 0
    """What one resource takes in the state, after `up`."""


def measure(
    cases: list[Case], sizes: list[int], repeat: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """All cells: of each size, the cases by turns, `repeat` times over.

    Args:
        cases: what is measured.
        sizes: how many resources.
        repeat: how often.
        tell: takes a line on each step.
    """
    cells: dict[tuple[str, int, str], Cell] = {}
    # As pip leaves an installed package; Python itself may have been told to write none.
    compileall.compile_dir(ROOT / "mailgun_tracking", quiet=1)
    with tempfile.TemporaryDirectory(prefix="mailgun-tracking-bench-") as folder:
        new_stack = StackFactory(Path(folder) / "stacks")
        version = _version(new_stack("").environment)
        for n in sizes:
            with MailgunProcess(n, ROOT) as mailgun:
                for number in range(1, repeat + 1):
                    for case in cases:
                        tell(f"{case.name}, {n} resources, {number} of {repeat}")
                        for cell in _life(case, n, mailgun, new_stack):
                            _add(cells, cell)
    return {
        "date": date.today().isoformat(),
        "machine": {
            "processors": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "pulumi": version,
        },
        "repeat": repeat,
        "import_seconds": import_seconds(IMPORTS_EACH),
        "cells": [asdict(cell) for cell in cells.values()],
    }


def _version(environment: dict[str, str]) -> str:
    engine = shutil.which("pulumi", path=environment["PATH"])
    assert engine is not None, "run `make engine`"
    command = [engine, "version"]
    answer = subprocess.run(  # noqa: S603 - the engine
        command, env=environment, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


def import_seconds(repeat: int) -> dict[str, float]:
    """What importing takes, each time in a new process: by statement, the median."""
    found: dict[str, list[float]] = {statement: [] for statement in IMPORTS}
    for _ in range(repeat):
        for statement, seconds in found.items():
            program = (
                "import time; start = time.perf_counter(); "
                f"{statement}; print(time.perf_counter() - start)"
            )
            answer = subprocess.run(  # noqa: S603 - from the table above
                [sys.executable, "-c", program],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds.append(float(answer.stdout))
    return {statement: statistics.median(seconds) for statement, seconds in found.items()}


def _add(cells: dict[tuple[str, int, str], Cell], cell: Cell) -> None:
    first = cells.setdefault((cell.case, cell.n, cell.operation), cell)
    if first is not cell:
        first.seconds += cell.seconds
        first.emulator_cpu_seconds += cell.emulator_cpu_seconds
        first.calls += cell.calls
        first.peak_bytes += cell.peak_bytes


def _life(case: Case, n: int, mailgun: MailgunProcess, new_stack: StackFactory) -> Iterator[Cell]:
    stack = new_stack(case.program.format(n=n, flipped=False))
    stack.write_program(NO_OP, NO_OP_MODULE)
    stack.environment.update(mailgun.environment)
    mailgun.reset(case.latency)
    more = [] if case.parallel is None else ["--parallel", str(case.parallel)]
    for operation in OPERATIONS:
        if operation == "flip":
            stack.write_program(case.program.format(n=n, flipped=True))
        if operation == "preview":
            command = ["preview", "--expect-no-changes"]
        else:
            name = "up" if operation == "flip" else operation
            command = [name, "--yes", "--skip-preview"]
        mailgun.take_calls()
        before = mailgun.cpu_seconds()
        seconds, peak = _run(stack, [*command, *more])
        cell = Cell(case.name, case.floor, n, case.latency, operation, [seconds])
        cell.emulator_cpu_seconds.append(mailgun.cpu_seconds() - before)
        cell.calls.append(mailgun.take_calls())
        cell.peak_bytes.append(peak)
        if operation == "up":
            cell.state_bytes = _bytes_a_resource(stack)
        yield cell


def _run(stack: Stack, command: list[str]) -> tuple[float, int]:
    """How long a command took, and the most memory that the provider's process had meanwhile."""
    ended = threading.Event()
    with stack.start(*command) as running, ThreadPoolExecutor(1) as watchers:
        peak = watchers.submit(_peak_memory, running, ended)
        try:
            result = running.wait(TIMEOUT_SECONDS)
        finally:
            ended.set()
    if result.code != 0:
        raise PulumiFailed(f"{' '.join(command)}\n{result.output}")
    return result.seconds, peak.result()


def _peak_memory(running: Running, ended: threading.Event) -> int:
    peak, provider = 0, None
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        provider = provider or _provider_of(running)
        if provider is not None:
            with suppress(psutil.NoSuchProcess):
                peak = max(peak, provider.memory_info().rss)
    return peak


def _provider_of(running: Running) -> psutil.Process | None:
    for process in running.processes():
        if "-m pulumi.dynamic" in process.command:
            with suppress(psutil.NoSuchProcess):
                return psutil.Process(process.pid)
    return None


def _bytes_a_resource(stack: Stack) -> int:
    resources = [
        one
        for one in stack.export()["deployment"]["resources"]
        if one["type"].startswith("pulumi-python:")
    ]
    # As the engine writes it, but for white space.
    return round(statistics.mean(len(json.dumps(one, separators=(",", ":"))) for one in resources))
