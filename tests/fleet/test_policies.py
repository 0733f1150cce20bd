"""`--policy-pack` of `mailgun-tracking fleet preview` and `up`, on the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.fleet.fleets import Fleet

DOMAINS = ["mg1.example.com", "mg2.example.com", "mg3.example.org"]
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack

from mailgun_tracking.policies import rules

PolicyPack(
    "mail",
    rules(),
    initial_config={
        "all": EnforcementLevel.DISABLED,
        "allowed-domains": {
            "enforcementLevel": EnforcementLevel.MANDATORY,
            "domains": ["*.example.com"],
        },
        "click-tracking": {"enforcementLevel": EnforcementLevel.ADVISORY, "mode": "htmlonly"},
    },
)
"""


@pytest.mark.behaviour(121, 122)
def test_policies(tmp_path: Path) -> None:
    """What a mandatory rule refuses has failed, in preview and up; the rest is done."""
    with Emulator(domains=DOMAINS) as emulator:
        fleet = Fleet(tmp_path, emulator)
        fleet.write("domains.yaml", "".join(f"{domain}: {{click: true}}\n" for domain in DOMAINS))
        fleet.run("assign", "--size", "1")
        (tmp_path / "policies").mkdir()
        fleet.write("policies/PulumiPolicy.yaml", "runtime: python\n")
        fleet.write("policies/__main__.py", PACK)
        fleet.write("off.json", json.dumps({"all": "disabled"}))
        pack = ("--policy-pack", str(tmp_path / "policies"))

        refused = (
            "allowed-domains: A stack must manage only domains of the list; "
            "mg3.example.org is none of *.example.com; "
        )
        advice = "; click-tracking: Click tracking must be as the setting `mode` says; "

        preview = fleet.run("preview", *pack, code=1).stdout
        assert preview.startswith("2 to create\n  mg1.example.com, mg2.example.com: ")
        assert advice in preview
        assert "1 failed\n  mg3.example.org (fleet-003): " in preview
        assert refused in preview
        assert preview.endswith("3 stacks, 2 done\n")

        done = fleet.run("up", "--yes", *pack, code=1).stdout
        assert done.startswith("2 created\n")
        assert refused in done
        assert not any("mg3" in request for request in puts(emulator))

        chosen = ("--stack", "fleet-003", "--policy-pack-config", str(tmp_path / "off.json"))
        assert fleet.run("up", "--yes", *pack, *chosen).stdout.startswith("1 created\n")
