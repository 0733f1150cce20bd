"""`mailgun-tracking fleet preview`, `up`, `refresh`, `destroy` and `status` on the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.engine.stack import ROOT
from tests.fleet.fleets import Fleet

FIVE = [f"mg{number}.example.com" for number in range(1, 6)]
ENTRY = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": ENTRY}
NOTE = """
import os
from pathlib import Path

limit = Path(os.environ["MAILGUN_TRACKING_SHARED_LIMIT"])
Path("seen").write_text(f"{os.environ['MAILGUN_REQUESTS_PER_MINUTE']} {limit.is_dir()}")
"""
RESULTS = ["created", "changed", "deleted", "unchanged", "not done", "failed"]
REPORT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["command", "done", "counts", "stacks", "domains"],
    "properties": {
        "command": {"enum": ["preview", "up", "refresh", "destroy"]},
        "done": {"type": "boolean"},
        "counts": {
            "type": "object",
            "additionalProperties": False,
            "required": RESULTS,
            "properties": {one: {"type": "integer"} for one in RESULTS},
        },
        "stacks": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["stack", "done", "error", "warnings", "seconds"],
                "properties": {
                    "stack": ENTRY,
                    "done": {"type": "boolean"},
                    "error": {"type": "string"},
                    "warnings": TEXTS,
                    "seconds": {"type": "number", "minimum": 0},
                },
            },
        },
        "domains": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["stack", "result", "changes", "notes", "reason"],
                "oneOf": [{"required": ["domain"]}, {"required": ["resource"]}],
                "properties": {
                    "domain": ENTRY,
                    "resource": ENTRY,
                    "stack": ENTRY,
                    "result": {"enum": RESULTS},
                    "changes": TEXTS,
                    "notes": TEXTS,
                    "reason": {"type": "string"},
                },
            },
        },
    },
}


def report(text: str) -> dict[str, Any]:
    """A JSON report, which is as documented."""
    found = json.loads(text)
    jsonschema.validate(found, REPORT)
    return dict(found)


def fleet_of(folder: Path, emulator: Emulator, domains: list[str], size: int) -> Fleet:
    """A fleet whose domains have click tracking, with stacks of a size."""
    fleet = Fleet(folder, emulator)
    fleet.write("domains.yaml", "".join(f"{domain}: {{click: true}}\n" for domain in domains))
    fleet.run("assign", "--size", str(size))
    return fleet


def test_the_documented_report() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    found = report(page.partition("## mailgun-tracking fleet up")[2].split("```")[1].lstrip("json"))
    assert found["domains"]


@pytest.mark.behaviour(121, 122, 126)
def test_one_of_five_fails(tmp_path: Path) -> None:
    """The others are done, the summary names stack, domain and reason; the next run mends it."""
    with Emulator(domains=FIVE) as emulator:
        fleet = fleet_of(tmp_path, emulator, FIVE, 1)
        fleet.pulumi("stack", "init", "mine")
        path = "/v3/domains/mg3.example.com/tracking/click"
        emulator.add_fault(method="PUT", path=path, status=400, body={"message": "no clicks"})
        failed = fleet.run("up", "--yes", "--jobs", "2", code=1)
        assert "fleet-003: failed in " in failed.stderr
        assert "4 created\n" in failed.stdout
        assert "1 failed\n  mg3.example.com (fleet-003): " in failed.stdout
        assert "no clicks (400)" in failed.stdout
        assert "5 stacks, 4 done\n" in failed.stdout
        assert len(puts(emulator)) == 5

        emulator.clear_faults()
        fleet.write("__main__.py", fleet.read("__main__.py") + NOTE)
        chosen = ("--domain", "mg3.example.com", "--requests-per-minute", "5000")
        done = fleet.run("up", "--yes", "--json", *chosen)
        assert fleet.read("seen") == "5000 True"
        found = report(done.stdout)
        assert found["counts"]["created"] == 1
        assert [one["stack"] for one in found["stacks"]] == ["fleet-003"]
        assert '"name": "mine",\n    "current": true' in fleet.pulumi("stack", "ls", "--json")
        for text in (failed.output, done.output):
            assert emulator.key not in text


@pytest.mark.behaviour(121, 125)
def test_every_command(tmp_path: Path) -> None:
    """From the first preview to the removal of the stacks."""
    domains = FIVE[:3]
    with Emulator(domains=domains) as emulator:
        fleet = fleet_of(tmp_path, emulator, domains, 2)
        assert fleet.run("status", code=1).stdout.splitlines() == [
            "fleet-001: 2 domains; does not exist yet",
            "fleet-002: 1 domain; does not exist yet",
        ]
        assert "needed" in fleet.run("up", code=2).stderr
        preview = fleet.run("preview", "--stack", "fleet-001")
        assert preview.stdout.startswith(
            "2 to create\n  mg1.example.com, mg2.example.com: DOMAIN already "
        )
        assert "; will change click false => true\n" in preview.stdout
        assert " s (2 to create)\n" in preview.stderr
        assert puts(emulator) == []
        assert fleet.run("up", "--yes").stdout.startswith("3 created\n")

        emulator.drift("mg1.example.com", click=False)
        drifted = fleet.run("refresh", "--yes", "--slice", "1/2").stdout
        change = "mg1.example.com: click.active true → false\n"
        assert drifted == f"1 changed at Mailgun\n  {change}1 unchanged\n1 stack, 1 done\n"
        expected = fleet.run("preview", "--expect-no-changes", "--stack", "fleet-001", code=1)
        assert expected.stdout.startswith(
            "1 to change\n  mg1.example.com: click.active false → true"
        )

        # A domain leaves, and with it all that its stack has.
        fleet.write("domains.yaml", "".join(f"{d}: {{click: true}}\n" for d in domains[:2]))
        fleet.run("assign")
        left = "fleet-002: 0 domains; 1 no longer in the file (mg3.example.com)"
        assert fleet.run("status", code=1).stdout.splitlines() == ["fleet-001: 2 domains", left]
        emptied = fleet.run("up", "--yes").stdout
        assert emptied.startswith(
            "1 changed\n  mg1.example.com: click.active false → true\n1 deleted"
        )
        assert fleet.run("status").stdout.splitlines()[1] == "fleet-002: 0 domains"

        # What stacks.csv gives to another stack would be deleted here.
        kept = fleet.read("stacks.csv")
        fleet.write(
            "stacks.csv", kept.replace("mg2.example.com,fleet-001", "mg2.example.com,other")
        )
        emulator.forget_requests()
        refused = fleet.run("up", "--yes", code=2).stderr
        assert "mg2.example.com is in fleet-001, and stacks.csv says other; update " in refused
        assert "is in fleet-001" in fleet.run("up", "--yes", "--stack", "other", code=2).stderr
        assert emulator.requests == []
        fleet.write("stacks.csv", kept)

        assert fleet.run("destroy", "--yes", "--remove").stdout.startswith("2 deleted\n")
        assert fleet.pulumi("stack", "ls", "--json").strip() == "[]"
        assert not emulator.domain("mg1.example.com").click["active"]


@pytest.mark.behaviour(125)
def test_files_that_change_during_a_run(tmp_path: Path) -> None:
    """What no preview showed is not done; `git switch` may take a file away at any time."""
    with Emulator(domains=FIVE[:1]) as emulator:
        fleet = fleet_of(tmp_path, emulator, FIVE[:1], 1)
        switch = "open('domains.yaml', 'a').write('mg2.example.com: {}\\n')\n"
        fleet.write("__main__.py", switch + fleet.read("__main__.py"))
        failed = fleet.run("up", "--yes", code=1)
        error = "the files of the fleet have changed since the run began; run it again"
        assert error in failed.stdout
        assert "Traceback" not in failed.output
        assert puts(emulator) == []


def test_without_a_backend(tmp_path: Path) -> None:
    """Where nobody has logged in, the error says how to."""
    with Emulator(domains=FIVE[:1]) as emulator:
        fleet = fleet_of(tmp_path, emulator, FIVE[:1], 1)
        del fleet.environment["PULUMI_BACKEND_URL"]
        error = fleet.run("preview", code=2).stderr
        assert error.startswith("Error: cannot list the stacks: ")
        assert error.endswith("; run `pulumi login` first\n")
