"""Measures what the resources cost beside the engine's own work: `make bench`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.cases import LEAN, cases  # noqa: E402 - found through the line above
from benchmarks.measure import measure  # noqa: E402
from benchmarks.report import table, write_plot  # noqa: E402

RESULTS = HERE / "results.json"
README = HERE.parent / "README.md"
PLOT = HERE.parent / "docs" / "speed.svg"
PART = re.compile(r"(<!-- speed: by benchmarks/run.py -->\n).*(<!-- speed: end -->)", re.DOTALL)


def _numbers(_context: click.Context, _option: click.Parameter, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter("numbers with commas between them") from None


@click.command()
@click.option("--repeat", default=5, show_default=True, help="Medians of so many runs.")
@click.option(
    "--sizes", default="1,10,100,300", show_default=True, callback=_numbers, help="Resources."
)
@click.option(
    "--latencies",
    default="0,100,200",
    show_default=True,
    callback=_numbers,
    help="Milliseconds that the API takes for an answer.",
)
@click.option("--only", default="", help="Only cases whose name holds this, and their floors.")
@click.option("--results", default=RESULTS, type=click.Path(path_type=Path), show_default=True)
@click.option("--table", "only_table", is_flag=True, help="Measure nothing; print the tables.")
@click.option("--readme", is_flag=True, help="Also put the tables into the README, and the plot.")
def main(
    repeat: int,
    sizes: list[float],
    latencies: list[float],
    only: str,
    results: Path,
    only_table: bool,
    readme: bool,
) -> None:
    """Measure up, preview, a change, refresh and destroy of N resources on the real engine."""
    if not only_table:
        chosen = cases([latency / 1000 for latency in latencies])
        if only:
            named = [case for case in chosen if only in case.name]
            if not named:
                raise click.BadParameter(f"there are {', '.join(case.name for case in chosen)}")
            floors = {LEAN, *(case.floor for case in named)}
            chosen = [case for case in chosen if case in named or case.name in floors]
        measured = measure(
            chosen, [int(n) for n in sizes], repeat, lambda line: click.echo(line, err=True)
        )
        results.parent.mkdir(parents=True, exist_ok=True)
        results.write_text(json.dumps(measured, indent=1) + "\n")
    found = json.loads(results.read_text())
    text = table(found)
    click.echo(text)
    if readme:
        write_plot(found, PLOT)
        content = README.read_text(encoding="utf-8")
        new, count = PART.subn(lambda match: f"{match[1]}\n{text}\n{match[2]}", content)
        if count != 1:
            raise click.ClickException("the README has no place for the tables")
        README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
