"""What was measured, as tables in Markdown and as a plot."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import pygal

from benchmarks.cases import LEAN, OPERATIONS

Results = dict[str, Any]


def table(results: Results) -> str:
    """The tables for the README."""
    cells = _by_key(results)
    lines = [_setting(results), ""]
    for n in sorted({n for _, n, _ in cells}):
        lines += [f"Seconds for {n} resource{'s' * (n != 1)} (times the floor):", ""]
        lines += [_row(["", *_TITLES.values()]), _row(["---", *["---:"] * len(_TITLES)])]
        for name in _names(results):
            if (name, n, "up") in cells:
                lines.append(_row([name, *(_time(cells, name, n, one) for one in OPERATIONS)]))
        lines.append("")
    lines += [*_spread(cells), *_costs(results, cells)]
    return "\n".join(lines)


def write_plot(results: Results, file: Path) -> None:
    """The cost of a resource in `up` as their number grows, as SVG."""
    cells = _by_key(results)
    sizes = sorted({n for _, n, _ in cells})
    chart = pygal.Line(
        title="Milliseconds a resource, up --skip-preview",
        x_title="resources",
        x_labels=[str(n) for n in sizes],
        logarithmic=True,
        js=[],
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        width=900,
        height=520,
    )
    for name in _names(results):
        chart.add(
            name,
            [
                round(1000 * _median(cells[name, n, "up"], "seconds") / n, 1)
                if (name, n, "up") in cells
                else None
                for n in sizes
            ],
        )
    # Without its script, which an image on a page could not run.
    text = re.sub(r"<script.*?</script>", "", chart.render(is_unicode=True), flags=re.DOTALL)
    file.write_text(text + "\n", encoding="utf-8")


_TITLES = {
    "up": "`up --skip-preview`",
    "preview": "`preview`, no change",
    "flip": "one setting flipped on all",
    "refresh": "`refresh`",
    "destroy": "`destroy`",
}


def _by_key(results: Results) -> dict[tuple[str, int, str], dict[str, Any]]:
    return {(cell["case"], cell["n"], cell["operation"]): cell for cell in results["cells"]}


def _names(results: Results) -> list[str]:
    return list(dict.fromkeys(cell["case"] for cell in results["cells"]))


def _median(cell: dict[str, Any], what: str) -> float:
    return float(statistics.median(cell[what]))


def _row(columns: list[str]) -> str:
    return f"| {' | '.join(columns)} |"


def _setting(results: Results) -> str:
    machine = results["machine"]
    return (
        f"Medians of {results['repeat']}, on {results['date']}, "
        f"{machine['processors']} processors, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}, "
        f"Pulumi {machine['pulumi']}, local backend, emulator in its own process. "
        "The floor is as many dynamic resources that do nothing, run by turns with the others: "
        "`no-op` with its provider in the program, which Pulumi keeps whole in the state. "
        "Milliseconds are how long Mailgun takes for an answer, 10 s how long for a certificate. "
        "TrackingCertificate runs with `--parallel 512`, and so does its floor."
    )


def _time(cells: dict[Any, Any], name: str, n: int, operation: str) -> str:
    cell = cells[name, n, operation]
    seconds = _median(cell, "seconds")
    floor = cells.get((cell["floor"], n, operation))
    if floor is None:
        return f"{seconds:.1f}"
    return f"{seconds:.1f} ({seconds / _median(floor, 'seconds'):.2f})"


def _spread(cells: dict[Any, Any]) -> list[str]:
    """How far single turns are from the ratios shown, which are of medians."""
    off = []
    for cell in cells.values():
        floor = cells.get((cell["floor"], cell["n"], cell["operation"]))
        if floor is not None and len(cell["seconds"]) > 1:
            shown = _median(cell, "seconds") / _median(floor, "seconds")
            turns = zip(cell["seconds"], floor["seconds"], strict=True)
            off += [abs(mine / others / shown - 1) for mine, others in turns]
    if not off:
        return []
    deciles = statistics.quantiles(off, n=10, method="inclusive")
    return [
        f"In single turns, half of the times the floor are within {deciles[4]:.0%} of what is "
        f"shown, and nine of ten within {deciles[8]:.0%}: a difference below that says little.",
        "",
    ]


def _costs(results: Results, cells: dict[Any, Any]) -> list[str]:
    n = max(n for _, n, _ in cells)
    lines = [
        f"Of {n} resource{'s' * (n != 1)}, each:",
        "",
        _row(["", "calls: " + ", ".join(OPERATIONS), "bytes of state", "peak memory", "emulator"]),
        _row(["---", "---:", "---:", "---:", "---:"]),
    ]
    for name in _names(results):
        mine = [cells[name, n, operation] for operation in OPERATIONS if (name, n, "up") in cells]
        if not mine:
            continue
        lean = cells.get((LEAN, n, "up"))
        beyond = f" ({mine[0]['state_bytes'] - lean['state_bytes']:+d})" if lean else ""
        lines.append(
            _row(
                [
                    name,
                    ", ".join(f"{_median(cell, 'calls') / n:.3g}" for cell in mine),
                    f"{mine[0]['state_bytes']}{beyond}",
                    f"{max(_median(cell, 'peak_bytes') for cell in mine) / 2**20:.0f} MiB",
                    f"{sum(_median(cell, 'emulator_cpu_seconds') for cell in mine):.1f} s",
                ]
            )
        )
    imports = results["import_seconds"]
    alone, both = imports.values()
    return [
        *lines,
        "",
        "The bytes in brackets are those beyond a no-op resource from a module. Peak memory is "
        "that of the provider's process in the worst operation; the emulator's seconds are its "
        "processor time in all five, on the same machine.",
        "",
        f"`import pulumi` takes {alone * 1000:.0f} ms, and this package "
        f"{(both - alone) * 1000:.0f} ms more.",
        "",
    ]
