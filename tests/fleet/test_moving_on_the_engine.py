"""Domains that move to other stacks, on the real engine: nothing at Mailgun changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.fleet.fleets import Fleet

DOMAINS = [f"mg{number}.example.com" for number in range(1, 7)]
PROGRAM = """
from functools import partial

from pulumi.dynamic import CreateResult, Resource, ResourceProvider

from mailgun_tracking.fleet import declare, make_domain


class Record(Resource, module="dns", name="Record"):
    pass


class RecordProvider(ResourceProvider):
    def create(self, props):
        return CreateResult(props["name"], props)


def cname(domain, record, opts):
    return Record(RecordProvider(), domain, {"name": record.name}, opts)


declare(lambda domain, settings: make_domain(domain, settings, cname=partial(cname, domain)))
"""


@pytest.mark.behaviour(119, 120)
def test_a_recut_and_a_rename(tmp_path: Path) -> None:
    """Two stacks become three, of which one has another name; also after a kill half-way."""
    with Emulator(domains=DOMAINS) as emulator:
        fleet = Fleet(tmp_path, emulator, PROGRAM)
        https = [f"{domain},true,{number % 2 == 0}\n" for number, domain in enumerate(DOMAINS)]
        fleet.write("domains.csv", "".join(["domain,click,https\n", *https]))
        fleet.run("assign", "--size", "3")
        for stack in ("fleet-001", "fleet-002"):
            fleet.write(f"Pulumi.{stack}.yaml", "config:\n  mailgun-tracking:region: us\n")
            fleet.pulumi("stack", "init", "--stack", stack, "--no-select")
            fleet.pulumi("up", "--stack", stack, "--yes", "--skip-preview")
        before = sorted(fleet.resources("fleet-001") + fleet.resources("fleet-002"))
        assert len(before) == 3 * 1 + 3 * 5
        old_state = fleet.state("fleet-001").read_text()
        emulator.forget_requests()

        fleet.run("assign", "--size", "2", "--recut")
        fleet.write("stacks.csv", fleet.read("stacks.csv").replace("fleet-001", "brand-a"))
        moved = fleet.run("move", "--yes").stdout
        assert moved.splitlines()[3:] == [
            "done: fleet-001 → brand-a: 2 domains: mg1.example.com, mg2.example.com",
            "done: fleet-001 → fleet-003: 1 domain: mg3.example.com",
            "done: fleet-002 → fleet-003: 1 domain: mg6.example.com",
            "fleet-001 is empty now: "
            "`mailgun-tracking fleet destroy --stack fleet-001 --remove` removes it",
        ]
        # As if it had been killed between the two states that it saves.
        fleet.state("fleet-001").write_text(old_state)
        again = fleet.run("move", "--yes").output
        assert "done: fleet-001 → fleet-003: 1 domain (there already): mg3.example.com" in again

        stacks = ("brand-a", "fleet-002", "fleet-003")
        for stack in stacks:
            fleet.pulumi("preview", "--stack", stack, "--expect-no-changes")
        assert sorted(one for stack in stacks for one in fleet.resources(stack)) == before
        assert fleet.resources("fleet-001") == []
        fleet.run("destroy", "--stack", "fleet-001", "--remove", "--yes")
        assert "fleet-001" not in fleet.pulumi("stack", "ls", "--json")
        assert puts(emulator) == []
