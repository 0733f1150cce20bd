"""The results as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.cases import BASELINE, COMMANDS, TRACKING_100_MS
from benchmarks.results import Machine, Measurement, Quantity, Results

README_SIZES = (1, 100, 300)
README_COMMANDS = {"create": "`up`", "preview": "`preview`", "refresh": "`refresh`"}
TITLES = {
    "create": "`up` (create)",
    "preview": "`preview`",
    "update": "`up` (change)",
    "refresh": "`refresh`",
    "destroy": "`destroy`",
}


def readme_table(results: Results) -> str:
    """The table for the README: three commands at 100 ms, at the sizes that were measured."""
    rows = []
    for n in README_SIZES:
        if n in results.sizes():
            cells = [
                _pair(results, results.get(TRACKING_100_MS.name, n, command))
                for command in README_COMMANDS
            ]
            rows.append([str(n), *cells])
    return "\n".join(
        [
            *table(["resources", *README_COMMANDS.values()], rows),
            "",
            f"Seconds on {results.machine.processors} processors, with Mailgun taking 100 ms for "
            "each answer. `up` creates the resources; `preview` and `refresh` find nothing to "
            "change. In brackets: the same number of dynamic resources that do nothing.",
        ]
    )


def document(results: Results) -> str:
    """The generated part of docs/benchmarks.md."""
    lines = [describe(results.date, results.machine), ""]
    for n in results.sizes():
        lines += [f"### {_resources(n)}", ""]
        for title, quantity in _TIMES.items():
            lines += [f"{title}, {_runs(results, n)}:", "", *_times(results, n, quantity), ""]
    lines += ["### Per resource", "", *_costs(results), ""]
    lines += ["### Variation between runs", "", *_variation(results), ""]
    lines += ["### Import time", "", _import_time(results)]
    return "\n".join(lines)


_TIMES: dict[str, Quantity] = {"Wall seconds": "wall_seconds", "CPU seconds": "cpu_seconds"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table's lines; all but the first column are aligned to the right."""
    alignment = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(row)} |" for row in (header, alignment, *rows)]


def _resources(n: int) -> str:
    return f"{n} resource" if n == 1 else f"{n} resources"


def _runs(results: Results, n: int) -> str:
    runs = max(len(one.wall_seconds) for one in results.measurements if one.n == n)
    return "one run" if runs == 1 else f"median of {runs} runs"


def describe(date: str, machine: Machine) -> str:
    """When and where something was measured."""
    return (
        f"Measured on {date}: {machine.processors} processors, {machine.memory_gib} GiB "
        f"of memory, {machine.system}, Python {machine.python}, Pulumi {machine.pulumi}."
    )


def _pair(results: Results, measurement: Measurement | None) -> str:
    """The median, and the baseline's in brackets."""
    if measurement is None:
        return ""
    baseline = results.baseline_of(measurement)
    own = f"{measurement.median('wall_seconds'):.1f}"
    return own if baseline is None else f"{own} ({baseline.median('wall_seconds'):.1f})"


def _times(results: Results, n: int, quantity: Quantity) -> list[str]:
    rows = []
    for case in results.cases(n):
        cells = [_ratio(results, results.get(case, n, command), quantity) for command in COMMANDS]
        rows.append([case, *cells])
    return table(["", *TITLES.values()], rows)


def _ratio(results: Results, measurement: Measurement | None, quantity: Quantity) -> str:
    """The median, and how many times the baseline's it is."""
    if measurement is None:
        return ""
    own = measurement.median(quantity)
    baseline = results.baseline_of(measurement)
    return (
        f"{own:.1f}" if baseline is None else f"{own:.1f} ({own / baseline.median(quantity):.2f}×)"
    )


def _costs(results: Results) -> list[str]:
    n = max(results.sizes())
    baseline = results.get(BASELINE.name, n, "create")
    rows = []
    for case in results.cases(n):
        measured = [one for one in results.measurements if (one.case, one.n) == (case, n)]
        state = f"{measured[0].state_bytes}"
        if baseline is not None and case != BASELINE.name:
            state += f" ({measured[0].state_bytes - baseline.state_bytes:+d})"
        rows.append(
            [
                case,
                ", ".join(f"{one.median('requests') / n:.3g}" for one in measured),
                state,
                f"{max(one.median('peak_bytes') for one in measured) / 2**20:.0f} MiB",
                f"{sum(one.median('emulator_cpu_seconds') for one in measured):.1f} s",
            ]
        )
    return [
        f"With {_resources(n)}. Requests per resource are those of the five commands in the order "
        "of the tables above. The bytes in brackets are the difference to a no-op resource. Peak "
        "memory is that of the provider's process, in the command that needs the most. The last "
        "column is the CPU time of the emulator, in all five commands together.",
        "",
        *table(
            [
                "",
                "requests per resource",
                "bytes of state per resource",
                "peak memory",
                "emulator CPU",
            ],
            rows,
        ),
    ]


def _variation(results: Results) -> list[str]:
    """How far the ratios of single runs are from those in the tables."""
    deviations = []
    for one in results.measurements:
        baseline = results.baseline_of(one)
        if baseline is not None:
            shown = one.median("wall_seconds") / baseline.median("wall_seconds")
            pairs = zip(one.wall_seconds, baseline.wall_seconds, strict=True)
            deviations += [abs(own / other / shown - 1) for own, other in pairs]
    if len(deviations) < 2:
        return ["There are too few runs to tell."]
    deciles = statistics.quantiles(deviations, n=10, method="inclusive")
    return [
        f"Half of the single runs have a wall-time ratio within {deciles[4]:.0%} of the ratio "
        f"shown, and nine of ten within {deciles[8]:.0%}. Smaller differences are noise."
    ]


def _import_time(results: Results) -> str:
    pulumi = results.import_pulumi_seconds * 1000
    both = results.import_both_seconds * 1000
    return f"`import pulumi` takes {pulumi:.0f} ms; `mailgun_tracking` adds {both - pulumi:.0f} ms."
