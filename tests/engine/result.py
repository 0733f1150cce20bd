"""What one `pulumi` command did: its exit status, its texts, and the engine's own events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Event = dict[str, Any]

_STACK = "pulumi:pulumi:Stack"
_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_STEP_STARTS = "resourcePreEvent"
_STEP_DONE = "resOutputsEvent"
_STEP_FAILED = "resOpFailedEvent"


class PulumiFailed(AssertionError):
    """A command ended otherwise than the test wanted; holds all that it printed."""


def read_events(log: Path) -> list[Event]:
    """The events in a log that may still be written: a last line that is not whole yet is left."""
    if not log.exists():
        return []
    # Not `splitlines`: the texts in an event may have line separators of Unicode in them.
    *lines, _ = log.read_text().split("\n")
    return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Result:
    """One finished `pulumi` command.

    `name` in the methods below is a resource's name in the program, or any longer end of its URN.
    """

    command: list[str]
    code: int
    """The exit status; negative when a signal ended the engine."""
    stdout: str
    stderr: str
    events: list[Event] = field(repr=False, default_factory=list)
    seconds: float = 0.0

    @property
    def output(self) -> str:
        """Everything that was printed."""
        return self.stdout + self.stderr

    @property
    def changes(self) -> dict[str, int]:
        """How many resources each operation befell, as the summary counts them, less the stack.

        Empty where the engine gave no summary, which is so when the program itself failed.
        """
        summaries = [event["summaryEvent"] for event in self.events if "summaryEvent" in event]
        if not summaries:
            return {}
        counts = dict(summaries[-1].get("resourceChanges") or {})
        steps = [*self._steps(_STEP_STARTS), *self._steps(_STEP_DONE)]
        for operation in {step["op"] for step in steps if step["type"] == _STACK}:
            if operation in counts:
                counts[operation] -= 1
        return {operation: count for operation, count in counts.items() if count}

    def step(self, name: str) -> str:
        """The operation on a resource: "create", "update", "same", "replace", "delete", "refresh" …

        A replacement's several steps count as "replace". In a refresh it is what was found: "same",
        "update" or "delete". In `destroy --run-program` it is the last one, "delete".
        """
        steps = self.steps(name)
        return "replace" if "replace" in steps else steps[-1]

    def steps(self, name: str) -> list[str]:
        """Every operation on a resource, in order; fails where there was none."""
        found = [step["op"] for step in self._steps_of(name)]
        if not found:
            known = sorted({step["urn"] for step in self._steps(_STEP_STARTS)})
            raise PulumiFailed(f"no step for {name!r} among {known}\n{self.output}")
        return found

    def failed(self, name: str) -> bool:
        """Whether an operation on this resource failed."""
        return any(_is(step["urn"], name) for step in self._steps(_STEP_FAILED))

    def diff(self, name: str, operation: str | None = None) -> dict[str, tuple[Any, Any]]:
        """The inputs that differ: from the path ("click.active") to the values before and after.

        Of a refresh: what the new inputs say against the old ones. A side that has no such
        property is None. Secrets read "[secret]".

        :param operation: look at this step only: with `--refresh` there are "refresh" and "update".
        """
        changed: dict[str, tuple[Any, Any]] = {}
        for step in self._steps_of(name, operation):
            old = dict(_leaves((step["old"] or {}).get("inputs") or {}))
            new = dict(_leaves((step["new"] or {}).get("inputs") or {}))
            for path in sorted(old.keys() | new.keys()):
                if old.get(path) != new.get(path):
                    changed[path] = (old.get(path), new.get(path))
        return changed

    def detailed_diff(self, name: str, operation: str | None = None) -> dict[str, str]:
        """The engine's own property diff: from the path to "add", "delete", "update" …

        :param operation: look at this step only, as for `diff`.
        """
        found: dict[str, str] = {}
        for step in self._steps_of(name, operation):
            for path, change in (step.get("detailedDiff") or {}).items():
                found[path] = change["diffKind"]
        return found

    def inputs(self, name: str) -> dict[str, Any]:
        """The resource's inputs after the last step on it, secrets as "[secret]"."""
        return dict((self._last_state(name)).get("inputs") or {})

    def resource_outputs(self, name: str) -> dict[str, Any]:
        """The resource's outputs after the last step on it, secrets as "[secret]"."""
        return dict((self._last_state(name)).get("outputs") or {})

    def diagnostics(self, name: str | None = None, severity: str | None = None) -> list[str]:
        """The messages in a resource's row, without colours, in order.

        :param name: the resource; None for those of no resource, which stand in the stack's row.
        :param severity: only "info", "info#err", "warning" or "error"; None for all of them.
        """
        return [
            message["message"].strip()
            for message in self._messages()
            if (_is(message["urn"], name) if name is not None else not message["urn"])
            and (severity is None or message["severity"] == severity)
        ]

    def all_diagnostics(self) -> list[str]:
        """The messages of every row, without the engine's debug messages."""
        return [message["message"].strip() for message in self._messages()]

    def policy_violations(self) -> list[str]:
        """`policy: message` for each violation that a policy pack found."""
        found = (event["policyEvent"] for event in self.events if "policyEvent" in event)
        return [f"{one['policyName']}: {_COLOUR.sub('', one['message']).strip()}" for one in found]

    def _messages(self) -> Iterator[dict[str, Any]]:
        for event in self.events:
            message = event.get("diagnosticEvent")
            if message and message["severity"] != "debug":
                text = _COLOUR.sub("", message["message"])
                yield {**message, "urn": message.get("urn", ""), "message": text}

    def _steps(self, kind: str) -> Iterator[dict[str, Any]]:
        for event in self.events:
            if kind in event:
                yield event[kind]["metadata"]

    def _steps_of(self, name: str, operation: str | None = None) -> list[dict[str, Any]]:
        done = [step for step in self._steps(_STEP_DONE) if _is(step["urn"], name)]
        started = [step for step in self._steps(_STEP_STARTS) if _is(step["urn"], name)]
        # A step of a refresh starts as "refresh", and may end as what it found.
        over = {step["op"] for step in done} | ({"refresh"} if done else set())
        steps = [step for step in started if step["op"] not in over] + done
        return [step for step in steps if operation in (None, step["op"])]

    def _last_state(self, name: str) -> dict[str, Any]:
        for step in reversed(self._steps_of(name)):
            if step["new"]:
                return dict(step["new"])
        raise PulumiFailed(f"no new state of {name!r}\n{self.output}")


def _is(urn: str, name: str) -> bool:
    """Whether a URN is that of the resource, given its whole name or a longer end of the URN."""
    return urn == name or urn.endswith(f"::{name}") or ("::" in name and urn.endswith(name))


def _leaves(properties: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(properties, dict) and properties:
        for key, value in properties.items():
            if key != "__provider":
                yield from _leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, properties
