"""What became of a fleet's domains, as text and as JSON; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from ..fleet.outcome import RESULTS, Outcome, Result, Row
from .import_plan import counted

Command = Literal["preview", "up", "refresh", "destroy"]

NAMES_SHOWN = 3
"""How many of the domains that are alike are named."""
_IN_PREVIEW: Mapping[Result, str] = {
    "created": "to create",
    "changed": "to change",
    "deleted": "to delete",
}
_IN_REFRESH: Mapping[Result, str] = {
    "changed": "changed at Mailgun",
    "deleted": "gone at Mailgun",
}


def _words(command: Command, *, is_preview: bool) -> Mapping[Result, str]:
    """What results are called, where that is not their own name."""
    if command == "refresh":
        return _IN_REFRESH
    return _IN_PREVIEW if is_preview else {}


def summary(outcomes: Sequence[Outcome], command: Command, *, is_preview: bool = False) -> str:
    """The outcomes of a run, by domain: the domains that are alike in one line."""
    words = _words(command, is_preview=is_preview)
    by_result: defaultdict[Result, list[Row]] = defaultdict(list)
    for outcome in outcomes:
        for row in outcome.rows:
            by_result[row.result].append(row)
    lines = []
    for result in RESULTS:
        rows = sorted(by_result[result], key=lambda row: row.name)
        if rows:
            lines.append(f"{len(rows)} {words.get(result, result)}")
            lines += [f"  {line}" for line in _groups(rows, command)]
    said: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        for warning in outcome.warnings:
            said[f"warning: {warning}"].append(outcome.stack)
    for outcome in outcomes:
        if outcome.error:
            said[outcome.error].append(outcome.stack)
    lines += [f"{names_of(stacks)}: {text}" for text, stacks in said.items()]
    done = sum(outcome.is_done for outcome in outcomes)
    lines.append(f"{counted(len(outcomes), 'stack')}, {done} done")
    return "\n".join(lines)


def finished(outcome: Outcome, command: Command, *, is_preview: bool = False) -> str:
    """A line for a stack that has ended."""
    words = _words(command, is_preview=is_preview)
    counts = Counter(row.result for row in outcome.rows)
    parts = [
        f"{counts[result]} {words.get(result, result)}" for result in RESULTS if counts[result]
    ]
    state = "done" if outcome.is_done else "failed"
    return f"{outcome.stack}: {state} in {outcome.seconds:.0f} s ({', '.join(parts) or 'nothing'})"


def as_json(outcomes: Sequence[Outcome], command: Command) -> dict[str, Any]:
    """The report, in the form that the reference of the command line documents."""
    rows = [row for outcome in outcomes for row in outcome.rows]
    counts = Counter(row.result for row in rows)
    return {
        "command": command,
        "done": all(outcome.is_done for outcome in outcomes),
        "counts": {result: counts[result] for result in RESULTS},
        "stacks": [
            {
                "stack": outcome.stack,
                "done": outcome.is_done,
                "error": outcome.error,
                "warnings": list(outcome.warnings),
                "seconds": round(outcome.seconds, 1),
            }
            for outcome in outcomes
        ],
        "domains": [
            {
                "domain" if row.is_domain else "resource": row.name,
                "stack": row.stack,
                "result": row.result,
                "changes": list(row.changes),
                "notes": list(row.notes),
                "reason": row.reason,
            }
            for row in rows
        ],
    }


def _groups(rows: Sequence[Row], command: Command) -> Iterator[str]:
    """A line for the rows that are alike, but for the name of the domain."""
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        said = tuple(
            text.replace(row.name, "DOMAIN")
            for text in (*row.changes, *row.notes, row.reason)
            if text
        )
        groups[said].append(row)
    for texts, alike in groups.items():
        # What goes away is named in full, unless all of it does.
        is_full = command != "destroy" and any(row.takes_away for row in alike)
        names = names_of([_name(row) for row in alike], len(alike) if is_full else NAMES_SHOWN)
        text = "; ".join(texts)
        if len(alike) == 1:
            text = text.replace("DOMAIN", alike[0].name)
        # Of what is unchanged, only what there is to say.
        if text or alike[0].result != "unchanged":
            yield f"{names}: {text}" if text else names


def _name(row: Row) -> str:
    return f"{row.name} ({row.stack})" if row.result == "failed" else row.name


def names_of(names: Sequence[str], limit: int = NAMES_SHOWN) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - limit
    shown = ", ".join(names[:limit])
    return f"{shown} and {more} more" if more > 0 else shown
