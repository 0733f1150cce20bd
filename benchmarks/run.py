"""Measures how long Pulumi commands take with this package's resources: `make bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.cases import CASES, select  # noqa: E402
from benchmarks.marked import replace_marked  # noqa: E402
from benchmarks.measure import measure  # noqa: E402
from benchmarks.options import whole_numbers  # noqa: E402
from benchmarks.plot import write_plot  # noqa: E402
from benchmarks.results import Results  # noqa: E402
from benchmarks.tables import document, readme_table  # noqa: E402

NAME = "speed"
"""What the markers call the tables."""


@click.command()
@click.option("--runs", default=5, show_default=True, help="Runs per size; at most 3 above 100.")
@click.option(
    "--sizes",
    default="1,10,100,300",
    show_default=True,
    callback=whole_numbers,
    help="Numbers of resources.",
)
@click.option("--only", default="", help="Only cases with this text in their name.")
@click.option(
    "--results",
    "file",
    default=ROOT / "build" / "benchmark.json",
    type=click.Path(path_type=Path),
    help="Where the results are kept; build/benchmark.json by default.",
)
@click.option("--saved", is_flag=True, help="Measure nothing; use the results of the last run.")
@click.option("--write", is_flag=True, help="Put the results into README.md and docs/.")
def main(runs: int, sizes: list[int], only: str, file: Path, saved: bool, write: bool) -> None:
    """Measure up, preview, refresh and destroy on the real engine, against the emulator."""
    if not saved:
        cases = select(only)
        if not cases:
            names = "; ".join(case.name for case in CASES)
            raise click.BadParameter(f"no case has this in its name; there are: {names}")
        measure(cases, sizes, runs, lambda line: click.echo(line, err=True)).save(file)
    results = Results.load(file)
    click.echo(document(results))
    if write:
        write_plot(results, ROOT / "docs" / "speed.svg")
        replace_marked(ROOT / "docs" / "benchmarks.md", NAME, document(results))
        replace_marked(ROOT / "README.md", NAME, readme_table(results))


if __name__ == "__main__":
    main()
