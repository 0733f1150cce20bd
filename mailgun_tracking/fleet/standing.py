"""How the states of a fleet stand against its files; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .moving import units
from .project import Project


@dataclass(frozen=True)
class Standing:
    """How the state of a stack stands against the files.

    Attributes:
        stack: its name.
        exists: whether the stack exists.
        domains: how many domains it has in the files.
        missing: the domains of the files that are not in its state.
        left: the domains of its state that have left the files.
        misplaced: the domains of its state that the files give to other stacks, with these.
        pending: how many creations a run that was killed left as pending.
    """

    stack: str
    exists: bool
    domains: int
    missing: Sequence[str]
    left: Sequence[str]
    misplaced: Mapping[str, str]
    pending: int

    @property
    def is_well(self) -> bool:
        """Whether it has what the files say."""
        return not (self.missing or self.left or self.misplaced)


def standing(stack: str, state: Mapping[str, Any] | None, project: Project) -> Standing:
    """Compare the state of a stack, None if it does not exist, with the files."""
    places = project.places
    wanted = project.stacks.get(stack, ())
    resources = (state or {}).get("resources") or []
    held = {domain for unit in units(resources, project) for domain in unit.domains}
    return Standing(
        stack=stack,
        exists=state is not None,
        domains=len(wanted),
        missing=[domain for domain in wanted if domain not in held],
        left=sorted(held - places.keys()),
        misplaced={d: places[d] for d in sorted(held & places.keys()) if places[d] != stack},
        pending=len((state or {}).get("pending_operations") or []),
    )
