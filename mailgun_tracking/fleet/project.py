"""A fleet as its files say: the project, its domains, and the stack of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import FleetError
from .assignment import in_order, read_assignment
from .domain_file import read_domain_file, read_text

PROJECT_FILE = "Pulumi.yaml"


@dataclass(frozen=True)
class Project:
    """A fleet.

    Attributes:
        folder: where its files are.
        name: the project's name.
        domains: the settings of each domain, as in the file.
        stacks: the domains of each stack that `stacks.csv` has, as far as they are in the file.
        unassigned: the domains without a stack.
    """

    folder: Path
    name: str
    domains: Mapping[str, Mapping[str, Any]]
    stacks: Mapping[str, tuple[str, ...]]
    unassigned: tuple[str, ...]

    def require_assigned(self) -> None:
        """Refuse to go on where a domain has no stack.

        Raises:
            FleetError: with what to do.
        """
        if self.unassigned:
            first, *more = self.unassigned
            names = f"{first} and {len(more)} more have" if more else f"{first} has"
            raise FleetError(
                f"{names} no stack",
                advice="run `mailgun-tracking fleet assign`, and commit stacks.csv",
            )


def read_project(folder: Path, stack: str | None = None) -> Project:
    """Read the files of a fleet.

    Args:
        folder: where they are.
        stack: only check the settings of this stack's domains; those of others are checked when
            they are read.

    Raises:
        FleetError: a file is missing, or something in it cannot be used.
    """
    name = _project_name(folder)
    domains = read_domain_file(folder)
    assignment = read_assignment(folder)
    stacks: dict[str, list[str]] = {
        stack: [] for stack in sorted(set(assignment.values()), key=in_order)
    }
    unassigned: list[str] = []
    for domain in sorted(domains):
        place = assignment.get(domain)
        (unassigned if place is None else stacks[place]).append(domain)
    for domain in domains if stack is None else stacks.get(stack, ()):
        domains[domain]
    return Project(
        folder,
        name,
        domains,
        {stack: tuple(names) for stack, names in stacks.items()},
        tuple(unassigned),
    )


def _project_name(folder: Path) -> str:
    file = folder / PROJECT_FILE
    if not file.exists():
        raise FleetError(f"there is no {PROJECT_FILE} in {folder}")
    try:
        name = yaml.safe_load(read_text(file))["name"]
    except (yaml.YAMLError, TypeError, KeyError):
        name = None
    if not isinstance(name, str):
        raise FleetError(PROJECT_FILE, "it does not say the name of the project")
    return name
