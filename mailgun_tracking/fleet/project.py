"""A fleet as its files say: the project, its domains, and the stack of each."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import FleetError
from .assignment import FILE as STACKS_FILE
from .assignment import in_order, read_assignment
from .domain_file import YAML_FILE, read_domain_file, read_text

PROJECT_FILE = "Pulumi.yaml"
DIGEST_VARIABLE = "MAILGUN_TRACKING_FLEET"
"""In the environment of the engines that a fleet command runs: the digest of its project."""


@dataclass(frozen=True)
class Project:
    """A fleet.

    Attributes:
        folder: where its files are.
        name: the project's name.
        domains: the settings of each domain, as in the file.
        stacks: the domains of each stack that `stacks.csv` has, as far as they are in the file.
        unassigned: the domains without a stack.
        gone: the domains that `stacks.csv` has, and the file has not.
        file: the name of the file of domains.
        digest: differs if anything else is in the file, or in `stacks.csv`.
    """

    folder: Path
    name: str
    domains: Mapping[str, Mapping[str, Any]]
    stacks: Mapping[str, tuple[str, ...]]
    unassigned: tuple[str, ...]
    gone: tuple[str, ...] = ()
    file: str = YAML_FILE
    digest: str = ""

    @functools.cached_property
    def places(self) -> Mapping[str, str]:
        """The stack of each domain that is in both files."""
        return {domain: stack for stack, domains in self.stacks.items() for domain in domains}

    def require_assigned(self) -> None:
        """Refuse to go on where only one of the two files has a domain.

        A file that has lost domains by mistake would turn off their tracking.

        Raises:
            FleetError: with what to do.
        """
        if self.unassigned:
            first, *more = self.unassigned
            names = f"{first} and {len(more)} more have" if more else f"{first} has"
            raise FleetError(
                f"{names} no stack",
                advice=f"run `mailgun-tracking fleet assign`, and commit {STACKS_FILE}",
            )
        if self.gone:
            first, *more = self.gone
            names = f"{first} and {len(more)} more are" if more else f"{first} is"
            they = "they are" if more else "it is"
            raise FleetError(
                f"{names} in {STACKS_FILE}, but not in {self.file}",
                advice=f"run `mailgun-tracking fleet assign` if {they} to go, "
                f"and commit {STACKS_FILE}",
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
    content = repr((domains.text, sorted(assignment.items())))
    return Project(
        folder,
        name,
        domains,
        {stack: tuple(names) for stack, names in stacks.items()},
        tuple(unassigned),
        tuple(sorted(assignment.keys() - domains.keys())),
        domains.name,
        hashlib.sha256(content.encode()).hexdigest(),
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
