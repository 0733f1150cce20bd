"""Results of the benchmark as a test might have measured them."""

from __future__ import annotations

import pytest

from benchmarks.cases import CASES, COMMANDS
from benchmarks.results import Machine, Measurement, Results

SIZES = (1, 10, 100, 300)


@pytest.fixture
def results() -> Results:
    """Every case at every size: baselines take 1, 2 and 3 s, and all others twice that."""
    measurements = []
    for n in SIZES:
        for case in CASES:
            seconds = [2.0, 4.0, 6.0] if case.baseline else [1.0, 2.0, 3.0]
            for command in COMMANDS:
                measurements.append(
                    Measurement(
                        case.name,
                        case.baseline,
                        n,
                        command,
                        wall_seconds=seconds,
                        cpu_seconds=[10 * one for one in seconds],
                        emulator_cpu_seconds=[0.1] * 3,
                        requests=[2 * n] * 3,
                        peak_bytes=[50 * 2**20] * 3,
                        state_bytes=3000 if case.baseline else 2000,
                    )
                )
    return Results("2026-01-31", Machine(2, 8, "Linux", "3.11", "v3"), 0.15, 0.16, measurements)
