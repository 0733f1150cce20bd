"""Which stacks a command of ``mailgun-tracking fleet`` is about."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from ..fleet.assignment import in_order, is_assigned_name
from ..fleet.project import Project
from .fleet import in_folder
from .import_plan import counted

SECONDS_OF_SILENCE = 20.0
"""How long it is quiet, where stderr is no terminal, before a line says what is going on."""

_F = TypeVar("_F", bound=Callable[..., Any])
_R = TypeVar("_R")


def options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Several options in one decorator."""
    return lambda function: functools.reduce(
        lambda decorated, option: option(decorated), reversed(options), function
    )


def _slice(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise click.BadParameter("write it as 3/10, for the third tenth of the stacks")
    return int(number), int(of)


WHICH = [
    in_folder,
    click.option("--stack", "stacks", multiple=True, metavar="NAME", help="Only this stack."),
    click.option(
        "--domain", "domains", multiple=True, metavar="NAME", help="Only the stack of this domain."
    ),
    click.option(
        "--slice",
        "part",
        metavar="N/OF",
        callback=_slice,
        help="Only a part of the stacks: 3/10 is the third tenth.",
    ),
]
"""The options that all of them have."""


@dataclass(frozen=True)
class Choice:
    """The stacks that were asked for.

    Attributes:
        stacks: their names.
        domains: domains whose stacks were asked for.
        part: which part of the stacks, and of how many; None for all.
    """

    stacks: tuple[str, ...]
    domains: tuple[str, ...]
    part: tuple[int, int] | None

    def of(self, project: Project, existing: Sequence[str]) -> list[str]:
        """The names of the stacks, in order; those that `stacks.csv` does not have are the last.

        Of these, only the ones that `fleet assign` may have named are chosen without being asked
        for: what they have left is deleted, and others may have a stack in the project.

        Args:
            project: what the files say.
            existing: the stacks that exist.

        Raises:
            click.UsageError: there is no such stack or domain.
        """
        # A stack without domains may still have what it had when it had some.
        left = [stack for stack in existing if not project.stacks.get(stack)]
        known = [*(s for s in project.stacks if project.stacks[s]), *sorted(left, key=in_order)]
        wanted = set(self.stacks)
        for domain in self.domains:
            if domain not in project.places:
                raise click.UsageError(f"{domain} is not among the domains of the fleet")
            wanted.add(project.places[domain])
        if unknown := sorted(wanted.difference(known)):
            raise click.UsageError(f"there is no stack {', '.join(unknown)}")
        foreign = [stack for stack in left if not is_assigned_name(stack)]
        if wanted:
            known = [stack for stack in known if stack in wanted]
        elif foreign:
            known = [stack for stack in known if stack not in foreign]
            names = ", ".join(sorted(foreign, key=in_order))
            click.echo(
                f"left out: {names} (not in stacks.csv; to run one, name it with --stack)", err=True
            )
        number, of = self.part or (1, 1)
        return known[number - 1 :: of]


def in_parallel(
    label: str, function: Callable[[str], _R], stacks: Sequence[str], jobs: int
) -> list[_R]:
    """What a function returns for each stack. The first error ends it.

    Args:
        label: what is being done; said at the start, and whenever it has been quiet for long.
        function: is called in several threads.
        stacks: the stacks.
        jobs: how many threads.
    """
    results: list[_R] = []
    if not stacks:
        return results
    label = f"{label} {counted(len(stacks), 'stack')}"
    click.echo(label, err=True)
    last = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            for result in pool.map(function, stacks):
                results.append(result)
                if time.monotonic() - last > SECONDS_OF_SILENCE:
                    last = time.monotonic()
                    click.echo(f"{label}: {len(results)} done", err=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return results
