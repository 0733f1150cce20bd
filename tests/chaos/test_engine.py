"""A small part of the faults and kills of `make chaos`, on the real engine."""

from __future__ import annotations

import pytest

from chaos import kills, life
from chaos.fleet import make_fleet
from chaos.kills import Plan


@pytest.mark.behaviour(87)
def test_nothing_is_lost_under_faults() -> None:
    """Create, change, refresh and destroy, with 30 % of all responses spoiled."""
    commands = life.live(1, domains=6, certificates=2)
    assert [one.name for one in commands] == list(life.COMMANDS)
    for command in commands:
        assert command.codes[-1] == 0, command.output
        assert command.lost == []
        assert sum(command.spoiled.values()) > 0


@pytest.mark.behaviour(88)
def test_nothing_is_lost_to_kills() -> None:
    """In a create, a move that waits for its certificates, and a destroy."""
    planned = [
        Plan("create", "engine", "again", 8, 0.01),
        # By then both domains have moved, over http.
        Plan("wait", "both", "revert", 20, 0.0),
        Plan("delete", "SIGINT", "again", 3, 0.0),
    ]
    done = kills.live(1, planned, make_fleet(1, 1, 1))
    assert [kill.plan for kill in done] == planned
    # A destroy may be over before it can be interrupted.
    assert [kill.hit for kill in done[:2]] == [True, True]
    for kill in done:
        assert kill.lost == [], kill.output
