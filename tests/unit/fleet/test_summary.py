"""The summary of a fleet's run, as text."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.cli.fleet_summary import Command, as_json, finished, summary
from mailgun_tracking.fleet.outcome import Outcome, Row

ALIKE = [
    Row(f"mg{n:03}.test", True, "fleet-001", "created", notes=(f"mg{n:03}.test exists",))
    for n in range(150)
]
OUTCOMES = [
    Outcome("fleet-001", ALIKE, seconds=61.4),
    Outcome(
        "fleet-002",
        [
            Row("a.test", True, "fleet-002", "changed", ("click.active true → false", "open")),
            Row("b.test", True, "fleet-002", "changed", ("click.active true → false", "open")),
            Row("c.test", True, "fleet-002", "changed", ("click.active true → false",)),
            Row("d.test", True, "fleet-002", "deleted"),
            Row("e.test", True, "fleet-002", "unchanged"),
            Row("f.test", True, "fleet-002", "unchanged", notes=("f.test was recreated",)),
            Row("g.test", True, "fleet-002", "failed", reason="g.test: no clicks (400)"),
            Row("topic", False, "fleet-002", "created"),
        ],
    ),
    Outcome(
        "fleet-003",
        [Row("h.test", True, "fleet-003", "not done")],
        "no passphrase",
        has_begun=False,
    ),
    Outcome(
        "fleet-004",
        [Row("i.test", True, "fleet-004", "not done")],
        "no passphrase",
        has_begun=False,
    ),
]


@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
@pytest.mark.behaviour(122)
def test_summary(command: Command, snapshot: SnapshotAssertion) -> None:
    assert summary(OUTCOMES, command, is_preview=command == "preview") == snapshot


@pytest.mark.parametrize("command", ["preview", "up", "refresh"])
def test_finished(command: Command, snapshot: SnapshotAssertion) -> None:
    is_preview = command == "preview"
    assert [finished(one, command, is_preview=is_preview) for one in OUTCOMES] == snapshot


@pytest.mark.parametrize("is_preview", [True, False])
@pytest.mark.behaviour(122)
def test_what_goes_away_is_named_in_full(is_preview: bool) -> None:
    names = [f"{letter}.test" for letter in "abcde"]
    rows = [
        Row(name, True, "s", "changed", (f"deletes Record {name}",), takes_away=True)
        for name in names
    ]
    lines = summary([Outcome("s", rows)], "up", is_preview=is_preview).splitlines()
    assert lines[1] == "  a.test, b.test, c.test, d.test, e.test: deletes Record DOMAIN"
    assert "a.test, b.test, c.test and 2 more: " in summary([Outcome("s", rows)], "destroy")


@pytest.mark.behaviour(122)
def test_warnings() -> None:
    """Once for the stacks that have the same."""
    outcomes = [
        Outcome("fleet-001", warnings=("no zone", "old plugin")),
        Outcome("fleet-002", error="no disk", warnings=("no zone",)),
    ]
    assert summary(outcomes, "up").splitlines() == [
        "fleet-001, fleet-002: warning: no zone",
        "fleet-001: warning: old plugin",
        "fleet-002: no disk",
        "2 stacks, 1 done",
    ]
    found = [stack["warnings"] for stack in as_json(outcomes, "up")["stacks"]]
    assert found == [["no zone", "old plugin"], ["no zone"]]
