"""Runs stacks with inline programs in threads of this process, and prints what became of them.

Its argument is a list of stacks as JSON: ``name``, ``key``, ``domain``, and ``only``, where the
program only makes lookups and is only previewed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pulumi
from pulumi import automation

from mailgun_tracking import HttpsTracking, get_domain_tracking_output, get_tracking_domain_output
from mailgun_tracking._api import client


def program_of(stack: Mapping[str, str]) -> Callable[[], None]:
    """The program of a stack."""

    def lookups() -> None:
        for _ in range(2):
            pulumi.export("host", get_tracking_domain_output(stack["domain"]).tracking_domain)

    def program() -> None:
        https = HttpsTracking("mg", stack["domain"], click=True)
        pulumi.export("host", get_tracking_domain_output(stack["domain"]).tracking_domain)
        after = https.tracking.urn.apply(lambda _urn: stack["domain"])
        pulumi.export("click", get_domain_tracking_output(after).click["active"])

    return lookups if "only" in stack else program


def run(stack: Mapping[str, str], start: Barrier) -> dict[str, Any]:
    """Deploy a stack and destroy it, or preview it."""
    made = automation.create_stack(
        stack_name=stack["name"], project_name="mail", program=program_of(stack)
    )
    made.set_config("mailgun:apiKey", automation.ConfigValue(stack["key"], secret=True))
    start.wait()
    if "only" in stack:
        events: list[automation.EngineEvent] = []
        made.preview(on_event=events.append)
        said = [event.diagnostic_event for event in events if event.diagnostic_event]
        return {"warnings": [one.message for one in said if one.severity == "warning"]}
    outputs = made.up().outputs
    changes = made.preview().change_summary
    made.destroy()
    return {
        "outputs": {name: output.value for name, output in outputs.items()},
        "again": list(changes),
    }


def main() -> None:
    """Run the stacks of the command line."""
    stacks = json.loads(sys.argv[1])
    client.FIRST_CONTACT_SECONDS = 0.0
    start = Barrier(len(stacks))
    with ThreadPoolExecutor(len(stacks)) as threads:
        results = list(threads.map(lambda stack: run(stack, start), stacks))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
