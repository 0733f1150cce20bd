"""The results as a plot."""

from __future__ import annotations

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from benchmarks.cases import BASELINE, BASELINE_64, BASELINE_512
from benchmarks.results import Results

TICKS = (10, 30, 100, 300, 1_000, 3_000, 10_000)


def draw(results: Results) -> Figure:
    """The time that `up` takes per resource, against the number of resources."""
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.add_subplot()
    sizes = results.sizes()
    for case in dict.fromkeys(one.case for one in results.measurements):
        if case in (BASELINE_64.name, BASELINE_512.name):
            continue  # one baseline is enough to look at
        created = [one for n in sizes if (one := results.get(case, n, "create"))]
        axes.plot(
            [one.n for one in created],
            [1000 * one.median("wall_seconds") / one.n for one in created],
            label=case,
            marker="o",
            markersize=4,
            linestyle="--" if case == BASELINE.name else "-",
        )
    axes.set_title("pulumi up, creating all resources")
    axes.set_xlabel("number of resources")
    axes.set_ylabel("milliseconds per resource")
    for axis, scale, ticks in (
        (axes.xaxis, axes.set_xscale, sizes),
        (axes.yaxis, axes.set_yscale, TICKS),
    ):
        scale("log")
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())
    axes.grid(color="0.9")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def write_plot(results: Results, file: Path) -> None:
    """Write the plot as SVG; the same results give the same file."""
    # A salt because ids are random without one; text as text because outlines are large.
    with rc_context({"svg.hashsalt": "speed", "svg.fonttype": "none"}):
        draw(results).savefig(file, metadata={"Date": None, "Creator": None})
