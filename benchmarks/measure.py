"""Runs the cases on the real Pulumi engine and measures them."""

from __future__ import annotations

import compileall
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path

import psutil

from benchmarks.cases import COMMANDS, NO_OP_MODULE, Case
from benchmarks.emulator import EmulatorProcess
from benchmarks.results import Machine, Measurement, Results
from tests.engine.result import PulumiFailed
from tests.engine.stack import ROOT, Running, Stack, StackFactory

TIMEOUT_SECONDS = 900.0
MEMORY_SAMPLE_SECONDS = 0.2
LARGE = 100
"""With more resources than this, `MOST_RUNS_OF_LARGE` runs are enough: they take long, and differ
less from each other."""
MOST_RUNS_OF_LARGE = 3
IMPORT_RUNS = 25


def measure(
    cases: Sequence[Case], sizes: Sequence[int], runs: int, report: Callable[[str], None]
) -> Results:
    """Measure all cases at all sizes.

    The runs of the cases alternate, so that a slow minute of the machine affects all of them.

    Args:
        cases: what to measure.
        sizes: the numbers of resources.
        runs: how often each case runs at each size.
        report: called with a line of text before each run.
    """
    # The programs are run without writing bytecode; an installed package has it already.
    compileall.compile_dir(ROOT / "mailgun_tracking", quiet=1)
    measurements: dict[tuple[str, int, str], Measurement] = {}
    with tempfile.TemporaryDirectory(prefix="mailgun-tracking-bench-") as folder:
        new_stack = StackFactory(Path(folder) / "stacks")
        machine = this_machine(new_stack("").environment)
        for n in sizes:
            runs_here = min(runs, MOST_RUNS_OF_LARGE) if n > LARGE else runs
            with EmulatorProcess(n, ROOT) as emulator:
                for run in range(1, runs_here + 1):
                    for case in cases:
                        report(f"size {n}, run {run} of {runs_here}: {case.name}")
                        stack = new_stack(case.program(n, changed=False))
                        _as_users_have_it(stack)
                        for command in COMMANDS:
                            measurement = measurements.setdefault(
                                (case.name, n, command),
                                Measurement(case.name, case.baseline, n, command),
                            )
                            _measure_command(case, measurement, stack, emulator)
    return Results(
        date=date.today().isoformat(),
        machine=machine,
        import_pulumi_seconds=_import_seconds("import pulumi"),
        import_both_seconds=_import_seconds("import pulumi, mailgun_tracking"),
        measurements=list(measurements.values()),
    )


def _as_users_have_it(stack: Stack) -> None:
    """Undo what makes stacks cheaper in the tests."""
    stack.run("stack", "change-secrets-provider", "passphrase")
    for name in ("GOGC", "GOMEMLIMIT"):
        del stack.environment[name]


def this_machine(environment: dict[str, str]) -> Machine:
    """The machine, with the Pulumi that an environment's PATH leads to."""
    answer = subprocess.run(
        ["pulumi", "version"],  # noqa: S607 - the one on the tests' PATH
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Machine(
        processors=os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        pulumi=answer.stdout.strip(),
    )


def _import_seconds(statement: str) -> float:
    """The median time that an import takes in a new process."""
    program = (
        f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    )
    found = []
    for _ in range(IMPORT_RUNS):
        answer = subprocess.run(  # noqa: S603 - the statements are in this file
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.append(float(answer.stdout))
    return statistics.median(found)


def _measure_command(
    case: Case, measurement: Measurement, stack: Stack, emulator: EmulatorProcess
) -> None:
    """Run one command and add its values to the measurement."""
    if measurement.command == "create":
        stack.write_program(NO_OP_MODULE, "no_op.py")
        stack.environment.update(emulator.environment)
        emulator.reset(case.latency)
    if measurement.command == "update":
        stack.write_program(case.program(measurement.n, changed=True))
    arguments = _ARGUMENTS[measurement.command]
    if case.parallel is not None:
        arguments = [*arguments, "--parallel", str(case.parallel)]

    emulator.take_request_count()
    emulator_cpu_before = emulator.cpu_seconds()
    cpu_before = children_cpu_seconds()
    wall_seconds, peak_bytes = _run(stack, arguments)
    measurement.wall_seconds.append(wall_seconds)
    measurement.cpu_seconds.append(children_cpu_seconds() - cpu_before)
    measurement.emulator_cpu_seconds.append(emulator.cpu_seconds() - emulator_cpu_before)
    measurement.requests.append(emulator.take_request_count())
    measurement.peak_bytes.append(peak_bytes)
    if measurement.command == "create":
        measurement.state_bytes = _bytes_per_resource(stack)


_ARGUMENTS = {
    "create": ["up", "--yes", "--skip-preview"],
    "preview": ["preview", "--expect-no-changes"],
    "update": ["up", "--yes", "--skip-preview"],
    "refresh": ["refresh", "--yes", "--skip-preview"],
    "destroy": ["destroy", "--yes", "--skip-preview"],
}


def children_cpu_seconds() -> float:
    """The CPU time of all child processes that have ended, and of their children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run(stack: Stack, arguments: list[str]) -> tuple[float, int]:
    """Run a command; returns its wall seconds, and the peak memory of the provider's process."""
    ended = threading.Event()
    with stack.start(*arguments) as running, ThreadPoolExecutor(1) as pool:
        peak = pool.submit(_peak_memory, running, ended)
        try:
            result = running.wait(TIMEOUT_SECONDS)
        finally:
            ended.set()
    if result.code != 0:
        raise PulumiFailed(f"{' '.join(arguments)}\n{result.output}")
    return result.seconds, peak.result()


def _peak_memory(running: Running, ended: threading.Event) -> int:
    peak, provider = 0, None
    while not ended.wait(MEMORY_SAMPLE_SECONDS):
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


def _bytes_per_resource(stack: Stack) -> int:
    resources = [
        one
        for one in stack.export()["deployment"]["resources"]
        if one["type"].startswith("pulumi-python:")
    ]
    # The engine indents the state; the size without white space does not depend on that.
    return round(statistics.mean(len(json.dumps(one, separators=(",", ":"))) for one in resources))
