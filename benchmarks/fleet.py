"""Measures how long `mailgun-tracking fleet` takes: `make bench-fleet`."""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.emulator import EmulatorProcess  # noqa: E402
from benchmarks.marked import replace_marked  # noqa: E402
from benchmarks.measure import children_cpu_seconds, this_machine  # noqa: E402
from benchmarks.options import whole_numbers  # noqa: E402
from benchmarks.tables import describe, table  # noqa: E402
from mailgun_tracking.fleet.assignment import DEFAULT_SIZE  # noqa: E402
from tests.engine.stack import engine_environment  # noqa: E402

NAME = "fleets"
"""What the markers call the table."""
COMMANDS = {
    "`up` (create)": ["up", "--yes"],
    "`preview`": ["preview", "--expect-no-changes"],
    "`up` (change)": ["up", "--yes"],
    "`refresh`": ["refresh", "--yes"],
}
"""What each case runs, in this order, by the heading of its column."""
PROGRAM = "from mailgun_tracking.fleet import declare\n\ndeclare()\n"


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    cpu_seconds: float
    wall_seconds: float
    requests: int


@dataclass(frozen=True)
class Measured:
    """A fleet of so many domains, in stacks of this size.

    Attributes:
        costs: those of each of the `COMMANDS`.
    """

    domains: int
    size: int
    costs: Sequence[Cost]

    @property
    def stacks(self) -> int:
        """How many stacks it has."""
        return -(-self.domains // self.size)


def measure(domains: int, size: int, folder: Path) -> Measured:
    """Run all commands on a new fleet.

    Args:
        domains: how many domains it has.
        size: how many of them are in a stack.
        folder: an empty folder, for the fleet and its states.
    """
    (folder / "backend").mkdir()
    (folder / "Pulumi.yaml").write_text("name: mail\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    costs: list[Cost] = []
    with EmulatorProcess(domains, ROOT) as emulator:
        environment = engine_environment(folder) | emulator.environment
        # A user has not set these.
        for name in ("GOGC", "GOMEMLIMIT"):
            del environment[name]

        def run(*arguments: str) -> Cost:
            emulator.take_request_count()
            cpu_before, begun = children_cpu_seconds(), time.monotonic()
            done = subprocess.run(  # noqa: S603 - the one on the tests' PATH
                ["mailgun-tracking", "fleet", *arguments],  # noqa: S607
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            wall_seconds = time.monotonic() - begun
            if done.returncode:
                raise click.ClickException(done.stdout)
            cpu_seconds = children_cpu_seconds() - cpu_before
            return Cost(cpu_seconds, wall_seconds, emulator.take_request_count())

        for heading, command in COMMANDS.items():
            write_domains(folder, domains, changed="change" in heading)
            if not costs:
                run("assign", "--size", str(size))
            costs.append(run(*command))
            took = f"{costs[-1].cpu_seconds:.1f} processor seconds, {costs[-1].wall_seconds:.0f} s"
            click.echo(f"{domains} domains in stacks of {size}: {heading}: {took}", err=True)
    return Measured(domains, size, costs)


def write_domains(folder: Path, domains: int, *, changed: bool) -> None:
    """Write the file of the domains, before or after one setting of each has changed."""
    rows = [f"d{number}.example.com,true,{not changed},true\n" for number in range(domains)]
    text = "".join(["domain,open,click,unsubscribe\n", *rows])
    (folder / "domains.csv").write_text(text, encoding="utf-8")


def document(measured: Sequence[Measured]) -> str:
    """The tables for docs/benchmarks.md, with a sentence on how the cost of a domain grows."""
    texts: dict[str, Callable[[Measured, Cost], str]] = {
        "Processor seconds; in brackets, milliseconds for each domain": lambda one, cost: (
            f"{cost.cpu_seconds:.1f} ({_cpu_ms(one, cost):.0f})"
        ),
        "Wall seconds": lambda _, cost: f"{cost.wall_seconds:.0f}",
        "Requests for each domain": lambda one, cost: f"{cost.requests / one.domains:.3g}",
    }
    lines = []
    for title, text in texts.items():
        rows = [
            [f"{one.domains:,}", str(one.stacks), *(text(one, cost) for cost in one.costs)]
            for one in measured
        ]
        lines += [f"{title}:", "", *table(["domains", "stacks", *COMMANDS], rows), ""]
    fleets = [one for one in measured if one.stacks > 1]
    return "\n".join(lines + ([growth(fleets)] if len(fleets) > 1 else []))


def growth(fleets: Sequence[Measured]) -> str:
    """How the cost of a domain grows from the smallest fleet to the largest one."""
    first, *_, last = sorted(fleets, key=lambda one: one.domains)
    costs = zip(COMMANDS, first.costs, last.costs, strict=True)
    ratios = [f"{name} {_cpu_ms(last, b) / _cpu_ms(first, a):.2f}" for name, a, b in costs]
    return (
        f"Processor seconds of a domain of {last.domains:,}, as a multiple of those of a domain of "
        f"{first.domains:,}: {', '.join(ratios)}."
    )


def _cpu_ms(one: Measured, cost: Cost) -> float:
    return cost.cpu_seconds * 1000 / one.domains


@click.command()
@click.option("--one-stack", default=1000, show_default=True, help="Domains of the single stack.")
@click.option(
    "--fleets",
    default="300,1000,3000",
    show_default=True,
    callback=whole_numbers,
    help="Domains of each fleet.",
)
@click.option(
    "--size", default=DEFAULT_SIZE, show_default=True, help="Domains of a fleet's stacks."
)
@click.option("--write", is_flag=True, help="Put the results into docs/benchmarks.md.")
def main(one_stack: int, fleets: list[int], size: int, write: bool) -> None:
    """Measure fleets beside a single stack, on the real engine and against the emulator."""
    # The programs are run without writing bytecode; an installed package has it already.
    compileall.compile_dir(ROOT / "mailgun_tracking", quiet=1)
    measured = []
    for domains, of in [(one_stack, one_stack), *((fleet, size) for fleet in fleets)]:
        with tempfile.TemporaryDirectory(prefix="mailgun-tracking-bench-") as folder:
            measured.append(measure(domains, of, Path(folder)))
    with tempfile.TemporaryDirectory() as home:
        machine = this_machine(engine_environment(Path(home)))
    text = f"{describe(date.today().isoformat(), machine)}\n\n{document(measured)}"
    click.echo(text)
    if write:
        replace_marked(ROOT / "docs" / "benchmarks.md", NAME, text)


if __name__ == "__main__":
    main()
