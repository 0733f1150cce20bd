"""What somebody who runs `pulumi` sees of it: a line for each step, and below it what was said."""

from __future__ import annotations

import re

from tests.engine.result import Result

_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_NOT_SHOWN = ("", "Stack", "pulumi-python")
_CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?"), "DATE"),
    (re.compile(r"(waiting for .*), \d+ s"), r"\1, N s"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
)


def seen(result: Result, *names: str) -> str:
    """The steps of a command and what stands in the resources' rows, less what changes each time.

    :param names: only the resources of these names; all of them by default.
    """
    steps: dict[str, str] = {}
    said: dict[str, list[str]] = {}
    for event in result.events:
        if "resourcePreEvent" in event:
            step = event["resourcePreEvent"]["metadata"]
            # A replacement has several; the one that says so counts.
            if steps.get(step["urn"]) != "replace":
                steps[step["urn"]] = step["op"]
        elif "resOpFailedEvent" in event:
            urn = event["resOpFailedEvent"]["metadata"]["urn"]
            steps[urn] = f"{steps.get(urn, '')} failed"
        elif "diagnosticEvent" in event:
            message = event["diagnosticEvent"]
            if message["severity"] != "debug":
                text = f"  {message['severity']}: {_plain(message['message'])}"
                said.setdefault(message.get("urn", ""), []).append(text)
    lines = []
    for urn in sorted({*steps, *said}, key=lambda urn: urn.rpartition("::")[::-1]):
        path, _, name = urn.rpartition("::")
        kind, step = path.rpartition(":")[2], steps.get(urn, "nothing done")
        shown = kind not in _NOT_SHOWN and (not names or name in names)
        if shown and (step != "same" or urn in said):
            lines += [f"{kind} {name}: {step}", *said.get(urn, [])]
    return "\n".join(lines)


def _plain(text: str) -> str:
    text = _COLOUR.sub("", text).strip()
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return text
