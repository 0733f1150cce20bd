"""What `pulumi` displays: the step of each resource, and the messages in its row."""

from __future__ import annotations

import re

from tests.engine.result import Result

_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_HIDDEN = ("", "Stack", "pulumi-python")
_VARIABLE = (
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?"), "DATE"),
    (re.compile(r"(waiting for .*), \d+ s"), r"\1, N s"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
)


def displayed(result: Result, *names: str) -> str:
    """Return the steps and messages of a command, without what differs between runs.

    :param names: include only the resources of these names; by default all.
    """
    steps: dict[str, str] = {}
    messages: dict[str, list[str]] = {}
    for event in result.events:
        if "resourcePreEvent" in event:
            step = event["resourcePreEvent"]["metadata"]
            # A replacement has several steps; only the one named so is shown.
            if steps.get(step["urn"]) != "replace":
                steps[step["urn"]] = step["op"]
        elif "resOpFailedEvent" in event:
            urn = event["resOpFailedEvent"]["metadata"]["urn"]
            steps[urn] = f"{steps.get(urn, '')} failed"
        elif "diagnosticEvent" in event:
            message = event["diagnosticEvent"]
            if message["severity"] != "debug":
                text = f"  {message['severity']}: {_plain(message['message'])}"
                messages.setdefault(message.get("urn", ""), []).append(text)
    lines = []
    for urn in sorted({*steps, *messages}, key=lambda urn: urn.rpartition("::")[::-1]):
        path, _, name = urn.rpartition("::")
        kind, step = path.rpartition(":")[2], steps.get(urn, "nothing done")
        shown = kind not in _HIDDEN and (not names or name in names)
        if shown and (step != "same" or urn in messages):
            lines += [f"{kind} {name}: {step}", *messages.get(urn, [])]
    return "\n".join(lines)


def _plain(text: str) -> str:
    text = _COLOUR.sub("", text).strip()
    for pattern, replacement in _VARIABLE:
        text = pattern.sub(replacement, text)
    return text
