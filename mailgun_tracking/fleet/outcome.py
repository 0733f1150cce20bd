"""What became of a stack's domains, from the events of the engine; pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .moving import PROVIDER_TYPES, STACK_TYPE, units
from .project import Project

Event = Mapping[str, Any]

Result = Literal["created", "changed", "deleted", "unchanged", "not done", "failed"]
RESULTS: tuple[Result, ...] = (
    "created",
    "changed",
    "deleted",
    "unchanged",
    "not done",
    "failed",
)
"""In the order in which they are shown: what needs a person comes last."""

_RESULTS: Mapping[str, Result] = {
    "create": "created",
    "import": "created",
    "delete": "deleted",
    "keep": "deleted",
    "gone": "deleted",
    "same": "unchanged",
}
"""Of an operation of the engine; every other one has changed the resource.

Two are only told apart here: a deletion that keeps the resource outside of the state, and a refresh
that did not find it.
"""
_STEPS = {
    "create": "creates {}",
    "import": "imports {}",
    "delete": "deletes {}",
    "keep": "no longer manages {}, but keeps it",
    "gone": "{} is gone",
}
"""What an operation does to one resource of a domain."""
_ENDINGS = re.compile(r"(update|preview|refresh|destroy) (failed|canceled)|resource .* failed")
"""How the engine ends a command after an error that it has reported already."""
_PREFIXES = re.compile(r"error: |\S+ resource '[^']*' has a problem: |1 error occurred: \* ")
_PROGRESS = re.compile(r" \d+ s$")
"""How a row says that it waits, as for the rate limit: of no interest once that is over."""
_COLOR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_VALUES = {None: "unset", True: "true", False: "false"}
_CHOICES = ("htmlonly", "http", "https", "mailgun", "proxy")
"""What settings can be that have few values: none of these is a secret."""


@dataclass(frozen=True)
class Row:
    """What became of a domain.

    Attributes:
        name: the domain, or the name of a resource that is about none.
        is_domain: which of the two it is.
        stack: the stack.
        result: what became of it; in a preview, what would.
        changes: what differs, as ``click.active true → false``.
        notes: what the rows of its resources say.
        reason: why it failed; empty otherwise.
        takes_away: whether a resource goes away or is replaced.
    """

    name: str
    is_domain: bool
    stack: str
    result: Result
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    takes_away: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a stack.

    Attributes:
        stack: its name.
        rows: its domains.
        error: what was wrong with the stack as a whole; empty if nothing was.
        has_begun: whether the engine came as far as its first event.
        seconds: how long it took.
        warnings: of the program, the engine and the providers.
    """

    stack: str
    rows: Sequence[Row] = ()
    error: str = ""
    has_begun: bool = True
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether all of it was done."""
        unfinished = any(row.result in ("failed", "not done") for row in self.rows)
        return not self.error and not unfinished


def not_begun(stack: str, project: Project, error: str, seconds: float = 0.0) -> Outcome:
    """The outcome of a stack that the engine did not come to."""
    domains = project.stacks.get(stack, ())
    rows = [Row(domain, True, stack, "not done") for domain in domains]
    return Outcome(stack, rows, error, False, seconds)


class Events:
    """The events of one run of a stack, as they come in."""

    def __init__(self) -> None:
        self.has_begun = False
        self._resources: dict[str, dict[str, Any]] = {}
        self._components: set[str] = set()
        self._started: dict[str, str] = {}
        self._operations: defaultdict[str, set[str]] = defaultdict(set)
        self._changes: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._notes: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._failures: dict[str, str] = {}
        self._errors: dict[str, None] = {}
        self._warnings: dict[str, None] = {}

    @property
    def done(self) -> int:
        """How many domains are done, as far as that shows."""
        return sum(_type_of(urn).endswith(":DomainTracking") for urn in self._operations)

    def add(self, event: Event) -> None:
        """Take in the next event."""
        self.has_begun = True
        if message := event.get("diagnosticEvent"):
            self._add_message(message)
        if violation := event.get("policyEvent"):
            self._add_violation(violation)
        for kind in ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"):
            if kind in event:
                self._add_step(kind, event[kind]["metadata"])

    def outcome(self, stack: str, project: Project, error: str, seconds: float) -> Outcome:
        """What became of the stack, now that the engine has ended.

        Args:
            stack: its name.
            project: what the files say.
            error: what the engine's end says is wrong; empty if it exited with 0.
            seconds: how long it took.
        """
        named: dict[tuple[str, bool], list[str]] = {}
        for unit in units(self._resources.values(), project):
            resource = unit.urns[0].rpartition("::")[2]
            for name in unit.domains or {resource}:
                named.setdefault((name, bool(unit.domains)), []).extend(unit.urns)
        rows = [self._row(name, stack, urns) for name, urns in named.items()]
        if error:
            missing = (d for d in project.stacks.get(stack, ()) if (d, True) not in named)
            rows += [Row(domain, True, stack, "not done") for domain in missing]
        if error:
            has_failed = any(row.result == "failed" for row in rows)
            error = "; ".join(self._errors) or ("" if has_failed else error)
        rows.sort(key=lambda row: row.name)
        return Outcome(stack, rows, error, True, seconds, tuple(self._warnings))

    def _row(self, name: tuple[str, bool], stack: str, urns: Sequence[str]) -> Row:
        # A component is nothing by itself.
        own = [urn for urn in urns if urn not in self._components] or urns
        operations = {operation for urn in own for operation in self._operations[urn]}
        results = {_RESULTS.get(operation, "changed") for operation in operations}
        reasons = dict.fromkeys(self._failures[urn] for urn in urns if urn in self._failures)
        result: Result
        if reasons:
            result = "failed"
        elif any(urn in self._started and not self._operations[urn] for urn in urns):
            result = "not done"
        elif not results:
            result = "unchanged"
        else:
            result = next(iter(results)) if len(results) == 1 else "changed"
        changes = dict.fromkeys(step for urn in own for step in self._steps(urn, result))
        changes.update(dict.fromkeys(change for urn in urns for change in self._changes[urn]))
        notes = dict.fromkeys(note for urn in urns for note in self._notes[urn])
        takes_away = "deleted" in results or any(map(_is_replacement, operations))
        reason = "; ".join(reasons)
        return Row(*name, stack, result, tuple(changes), tuple(notes), reason, takes_away)

    def _steps(self, urn: str, result: Result) -> Iterator[str]:
        """What becomes of a resource, where that is not what becomes of its domain."""
        operations = self._operations[urn]
        if any(map(_is_replacement, operations)):
            yield f"replaces {_called(urn)}"
            return
        for operation, text in _STEPS.items():
            if operation in operations and _RESULTS[operation] != result:
                yield text.format(_called(urn))

    def _add_message(self, message: Mapping[str, Any]) -> None:
        urn, severity = message.get("urn", ""), message["severity"]
        if severity == "debug" or message.get("ephemeral"):
            return
        text = one_line(message["message"])
        kind = _type_of(urn) if urn else STACK_TYPE
        if kind.startswith((STACK_TYPE, PROVIDER_TYPES)):
            if kind != STACK_TYPE:
                text = f"{_called(urn)}: {text}"
            if severity == "warning":
                self._warnings[text] = None
            elif severity == "error" and not _ENDINGS.fullmatch(text):
                self._errors[text] = None
        elif severity == "error":
            self._failures.setdefault(urn, text)
            self._resources.setdefault(urn, {"urn": urn, "type": kind})
        elif not _PROGRESS.search(text):
            self._notes[urn][text] = None

    def _add_violation(self, violation: Mapping[str, Any]) -> None:
        """Of a policy: if it is mandatory, the domain has failed."""
        urn = violation.get("resourceUrn", "")
        # What the rule is for, what is wrong, and what to do are lines of their own.
        lines = _COLOR.sub("", violation["message"]).splitlines()
        said = "; ".join(line.strip().rstrip(".") for line in lines if line.strip())
        text = f"{violation['policyName']}: {said}"
        is_mandatory = violation["enforcementLevel"] == "mandatory"
        if not urn or _type_of(urn).startswith((STACK_TYPE, PROVIDER_TYPES)):
            (self._errors if is_mandatory else self._warnings)[text] = None
        elif is_mandatory:
            earlier = self._failures.get(urn)
            self._failures[urn] = f"{earlier}; {text}" if earlier else text
            self._resources.setdefault(urn, {"urn": urn, "type": _type_of(urn)})
        else:
            self._notes[urn][text] = None

    def _add_step(self, kind: str, step: Mapping[str, Any]) -> None:
        urn, operation = step["urn"], step["op"]
        if operation.startswith(("read", "discard")):
            return
        state = step["new"] or step["old"] or {}
        self._resources[urn] = {
            "urn": urn,
            "type": step["type"],
            "parent": state.get("parent"),
            "inputs": state.get("inputs") or {},
        }
        if not state.get("custom"):
            self._components.add(urn)
            if operation != "refresh":
                # One that registers no outputs has no other event.
                self._operations[urn].add(operation)
        if kind == "resourcePreEvent":
            self._started[urn] = operation
        elif kind == "resOutputsEvent":
            if operation == "delete":
                if self._started.get(urn) == "refresh":
                    operation = "gone"
                elif state.get("retainOnDelete"):
                    operation = "keep"
            self._operations[urn].add(operation)
            self._changes[urn].update(dict.fromkeys(_changes(step)))
        elif kind == "resOpFailedEvent":
            self._failures.setdefault(urn, f"{operation} failed")


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _called(urn: str) -> str:
    """A resource as people call it: the last part of its type, and its name."""
    return f"{_type_of(urn).rpartition(':')[2]} {urn.rpartition('::')[2]}"


def _is_replacement(operation: str) -> bool:
    return "replace" in operation


def one_line(text: str) -> str:
    """A message without colors; of a traceback, what is above and below its frames."""
    lines = [line.strip() for line in _COLOR.sub("", text).splitlines() if line.strip()]
    if any(line.startswith("Traceback ") for line in lines):
        lines = [lines[0], lines[-1]]
    return _PREFIXES.sub("", " ".join(lines), count=1)


def _changes(step: Mapping[str, Any]) -> Iterator[str]:
    """What an update changes. Only settings that have few values are shown with them."""
    old, new = ((step[side] or {}).get("inputs") or {} for side in ("old", "new"))
    for path in sorted(step.get("detailedDiff") or {}):
        if not re.match(r"managed\b|__", path):
            yield from _differences(path, *(_at(properties, path) for properties in (old, new)))


def _at(properties: Any, path: str) -> Any:
    for part in path.split("."):
        properties = properties.get(part) if isinstance(properties, Mapping) else None
    return properties


def _differences(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, Mapping) or isinstance(new, Mapping):
        sides = [side if isinstance(side, Mapping) else {} for side in (old, new)]
        for name in sorted({*sides[0], *sides[1]}):
            yield from _differences(f"{path}.{name}", *(side.get(name) for side in sides))
    elif all(value is None or isinstance(value, bool) or value in _CHOICES for value in (old, new)):
        if old != new:
            yield f"{path} {_VALUES.get(old, old)} → {_VALUES.get(new, new)}"
    else:
        yield path
