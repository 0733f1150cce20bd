"""Stacks whose programs run at the same time in one process, with Pulumi's Automation API."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.engine.stack import TIMEOUT_SECONDS, engine_environment

SCRIPT = Path(__file__).with_name("automation_script.py")
DOMAINS = {"default": "mg.example.com", "brand-b": "b.example.com"}


@pytest.fixture
def run_stacks(tmp_path: Path) -> Any:
    """Runs the script with a list of stacks; returns what it says of each."""

    def run(stacks: list[dict[str, str]], url: str) -> list[dict[str, Any]]:
        environment = {
            **engine_environment(tmp_path / "home"),
            "PULUMI_BACKEND_URL": tmp_path.as_uri(),
            "MAILGUN_BASE_URL": url,
        }
        done = subprocess.run(
            [sys.executable, str(SCRIPT), json.dumps(stacks)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for key in KEYS:
            assert key not in done.stdout + done.stderr
        results: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return results

    return run


@pytest.mark.behaviour(75)
def test_nothing_of_one_reaches_the_other(run_stacks: Any, emulator: Emulator) -> None:
    """Each one's resources and lookups use its own key, and it has its own settings."""
    emulator.add_domain("b.example.com", account="brand-b")
    stacks = [
        {"name": name, "key": key, "domain": DOMAINS[account]}
        for name, (key, account) in zip(("one", "other"), KEYS.items(), strict=True)
    ]
    results = run_stacks(stacks, f"{emulator.url}/{{region}}")

    for stack, result in zip(stacks, results, strict=True):
        assert result["outputs"] == {"host": f"email.{stack['domain']}", "click": True}
        assert result["again"] == ["same"]
        assert emulator.domain(stack["domain"]).web_scheme == "https"
        assert emulator.domain(stack["domain"]).click["active"] is False
    used = {
        (domain, request.account)
        for request in emulator.requests
        for domain in DOMAINS.values()
        if domain in request.path
    }
    assert used == {(domain, account) for account, domain in DOMAINS.items()}
    assert not [r for r in emulator.requests if r.status in (401, 403)]


@pytest.mark.behaviour(11, 75)
def test_each_preview_warns_that_mailgun_is_not_available(run_stacks: Any) -> None:
    """Also the second one of a process."""
    stacks = [
        {"name": name, "key": "key", "domain": "mg.example.com", "only": "lookup"}
        for name in ("one", "other")
    ]
    for result in run_stacks(stacks, "http://127.0.0.1:9"):
        [warning] = result["warnings"]
        assert "Mailgun is not available" in warning
