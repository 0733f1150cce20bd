"""Which stack each domain is in: `stacks.csv`, and the rule that keeps it stable."""

from __future__ import annotations

import csv
import io
import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ..errors import FleetError
from .domain_file import csv_rows, read_text

FILE = "stacks.csv"
HEADER = ["domain", "stack"]
DEFAULT_SIZE = 150
"""How many domains a stack is filled up to."""

_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")

_ASSIGNED_NAME = re.compile(r"fleet-\d{3,}")

Assignment = Mapping[str, str]
"""The stack of each domain."""


def in_order(stack: str) -> list[object]:
    """A key to sort stacks by: numbers in their names count as numbers."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", stack)]


def is_assigned_name(stack: str) -> bool:
    """Whether a stack's name is one that `assign` gives."""
    return bool(_ASSIGNED_NAME.fullmatch(stack))


def assign(current: Assignment, domains: Collection[str], size: int = DEFAULT_SIZE) -> Assignment:
    """Give each domain without a stack the first one with room. A domain that has one keeps it.

    Args:
        current: may have domains that are not among `domains`; these are dropped.
        domains: the domains of the file.
        size: how many domains a stack has room for.
    """
    wanted = set(domains)
    return _fill({d: stack for d, stack in current.items() if d in wanted}, wanted, size)


def recut(current: Assignment, domains: Collection[str], size: int) -> Assignment:
    """Cut the domains into stacks of another size, moving no more than that takes.

    As many stacks as are needed stay, and each keeps the domains that it has room for.
    """
    stacks = sorted({current[d] for d in domains if d in current}, key=in_order)
    room = Counter(dict.fromkeys(stacks[: math.ceil(len(domains) / size)], size))
    kept = {}
    for domain in sorted(domains):
        stack = current.get(domain, "")
        if room[stack] > 0:
            room[stack] -= 1
            kept[domain] = stack
    return _fill(kept, domains, size)


def _fill(kept: Assignment, domains: Collection[str], size: int) -> Assignment:
    new = sorted(domain for domain in domains if domain not in kept)
    return {**kept, **dict(zip(new, _room(Counter(kept.values()), size), strict=False))}


def _room(held: Counter[str], size: int) -> Iterator[str]:
    """A stack for each further domain: those with room first, then new ones."""
    for stack in sorted(held, key=in_order):
        yield from itertools.repeat(stack, size - held[stack])
    for number in itertools.count(1):
        if (stack := f"fleet-{number:03}") not in held:
            yield from itertools.repeat(stack, size)


def read_assignment(folder: Path) -> Assignment:
    """Read `stacks.csv`; without the file, no domain has a stack.

    Lines may be in any order, and the same one may stand twice, as after a merge of two branches.

    Raises:
        FleetError: it cannot be read, or a domain has two stacks.
    """
    if not (folder / FILE).exists():
        return {}
    text = read_text(folder / FILE)
    for line, content in enumerate(text.splitlines(), 1):
        if content.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            raise FleetError(f"{FILE}, line {line}", "a merge conflict", advice="keep both sides")
    rows = csv_rows(FILE, text)
    _, header = next(rows, (1, HEADER))
    if header != HEADER:
        raise FleetError(f"{FILE}, line 1", f"must be {','.join(HEADER)}")
    found: dict[str, tuple[str, int]] = {}
    for line, (domain, stack) in rows:
        where = f"{FILE}, line {line}"
        if not _STACK_NAME.fullmatch(stack):
            raise FleetError(where, f"{domain} has no stack whose name Pulumi allows")
        before, line_before = found.setdefault(domain, (stack, line))
        if before != stack:
            reason = f"{domain} has another stack in line {line_before}"
            raise FleetError(where, reason, advice="delete one of them")
    return {domain: stack for domain, (stack, _) in found.items()}


def write_assignment(folder: Path, assignment: Assignment) -> None:
    """Write `stacks.csv`, sorted by domain, whole or not at all.

    Raises:
        FleetError: it cannot be written.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *sorted(assignment.items())])
    file = (folder / FILE).resolve()
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text.getvalue(), encoding="utf-8", newline="\n")
        os.replace(beside, file)
    except OSError as error:
        raise FleetError(f"cannot write {folder / FILE}", str(error.strerror)) from None
