"""The suite for a real account, run against the emulator."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mailgun_tracking.emulator import Emulator
from tests.engine.stack import ROOT

HTML = '<p>\n<a href="%unsubscribe_url%">As it was</a></p>'


def run_suite(emulator: Emulator, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAILGUN_", "PYTEST_"))}
    given = {"MAILGUN_BASE_URL": f"{emulator.url}/{{region}}", "MAILGUN_API_KEY": emulator.key}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, **given, **more}, capture_output=True, text=True
    )


@pytest.mark.behaviour(37)
def test_live_suite(emulator: Emulator) -> None:
    """It passes, talks to no other address, and leaves the domain's settings as they were."""
    emulator.drift(
        "eu.example.com",
        region="eu",
        click="htmlonly",
        open={"active": True, "place_at_the_top": True},
        unsubscribe={"active": False, "html_footer": HTML},
        web_prefix="links",
    )
    before = emulator.domain("eu.example.com", region="eu")
    done = run_suite(
        emulator,
        "tests/live",
        MAILGUN_REGION="eu",
        LIVE_DOMAIN="eu.example.com",
        LIVE_CERTIFICATE="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    after = emulator.domain("eu.example.com", region="eu")
    assert (after.open, after.click, after.unsubscribe) == (
        before.open,
        before.click,
        before.unsubscribe,
    )
    assert (after.web_prefix, after.web_scheme) == ("links", "http")
    assert after.certificates["links.eu.example.com"].status == "active"
    tracking = "/v3/domains/eu.example.com/tracking"
    clicks = [r.form["active"] for r in emulator.requests if r.path == f"{tracking}/click"]
    # On already, so create sends nothing; then update, destroy, and as it was.
    assert clicks == ["true", "false", "htmlonly"]


@pytest.mark.behaviour(37)
def test_live_suite_needs_to_be_asked_for(emulator: Emulator) -> None:
    """It is not collected with the other tests, and without a domain it fails, not skips."""
    collected = run_suite(emulator, "--collect-only", "--ignore-glob=tests/[!l]*", "tests")
    assert "no tests collected" in collected.stdout
    done = run_suite(emulator, "tests/live")
    assert done.returncode == 1
    assert "LIVE_DOMAIN must be set" in done.stdout
    assert emulator.requests == []
