"""Tries whether anything is lost when requests fail and processes are killed: `make chaos`."""

from __future__ import annotations

import functools
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.marked import replace_marked  # noqa: E402
from benchmarks.measure import this_machine  # noqa: E402
from benchmarks.results import Machine  # noqa: E402
from chaos import kills, life  # noqa: E402
from chaos.checks import CHECKS, run_check  # noqa: E402
from chaos.results import Results  # noqa: E402
from chaos.tables import document  # noqa: E402
from tests.engine.stack import StackFactory  # noqa: E402

PARTS = ("faults", "kills", "examples")
NAME = "chaos"
"""What the markers call the tables."""
_T = TypeVar("_T")


@click.command()
@click.option("--seeds", default=20, show_default=True, help="How many stacks live under faults.")
@click.option("--first-seed", default=1, show_default=True, help="The first one's seed.")
@click.option("--share", default=0.3, show_default=True, help="The share of spoiled responses.")
@click.option("--domains", default=50, show_default=True, help="Domains of each stack.")
@click.option("--certificates", default=10, show_default=True, help="How many have https.")
@click.option("--lives", default=20, show_default=True, help="Stacks with 5 kills each.")
@click.option("--examples", default=1000, show_default=True, help="Examples of each kind.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Only this part. Can be repeated.",
)
@click.option("--quick", is_flag=True, help="A small run: 2 seeds, 2 lives, 50 examples.")
@click.option("--processes", default=4, show_default=True, help="Stacks that live at a time.")
@click.option(
    "--results",
    "file",
    default=ROOT / "build" / "chaos.json",
    type=click.Path(path_type=Path),
    help="Where the results are kept; build/chaos.json by default.",
)
@click.option("--saved", is_flag=True, help="Run nothing; use the results of the last run.")
@click.option("--write", is_flag=True, help="Put the results into docs/chaos.md.")
def main(
    seeds: int,
    first_seed: int,
    share: float,
    domains: int,
    certificates: int,
    lives: int,
    examples: int,
    parts: tuple[str, ...],
    quick: bool,
    processes: int,
    file: Path,
    saved: bool,
    write: bool,
) -> None:
    """Spoil responses, kill processes, and try many examples; fails where anything is lost."""
    if quick:
        seeds, lives, examples = min(seeds, 2), min(lives, 2), min(examples, 50)
    chosen = parts or PARTS
    if not saved:
        began = time.monotonic()
        results = Results(date.today().isoformat(), _machine(), _arguments(), 0.0, [], [], [])
        pool = functools.partial(_in_processes, processes)
        if "faults" in chosen:
            live = functools.partial(
                life.live, domains=domains, certificates=certificates, share=share
            )
            tasks = [
                functools.partial(live, seed) for seed in range(first_seed, first_seed + seeds)
            ]
            results.commands = [one for done in pool("faults", tasks) for one in done]
        if "kills" in chosen:
            planned = enumerate(kills.plans(first_seed, lives))
            killing = [functools.partial(kills.live, number, plans) for number, plans in planned]
            results.kills = [one for done in pool("kills", killing) for one in done]
        if "examples" in chosen:
            checking = [functools.partial(run_check, name, examples) for name in CHECKS]
            results.checks = _in_processes(2, "examples", checking)
        results.seconds = time.monotonic() - began
        results.save(file)
    results = Results.load(file)
    click.echo(document(results))
    if write:
        replace_marked(ROOT / "docs" / "chaos.md", NAME, document(results))
    lost = results.lost()
    if lost:
        click.echo(f"What failed commands and tests printed is in {file}.", err=True)
        sys.exit(1)


def _in_processes(processes: int, name: str, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Run tasks in processes of their own, some at a time; their results in order."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = [pool.submit(task) for task in tasks]
        for count, _ in enumerate(as_completed(futures), 1):
            click.echo(f"{name}: {count} of {len(tasks)}", err=True)
        return [future.result() for future in futures]


def _arguments() -> str:
    """What was given on the command line and makes a difference to the results."""
    context = click.get_current_context()
    words: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in ("file", "saved", "write"):
            value = context.params[name]
            for one in value if isinstance(value, tuple) else [value]:
                words += [parameter.opts[0]] if one is True else [parameter.opts[0], str(one)]
    return " ".join(words)


def _machine() -> Machine:
    with tempfile.TemporaryDirectory() as folder:
        return this_machine(StackFactory(Path(folder) / "stacks")("").environment)


if __name__ == "__main__":
    main()
