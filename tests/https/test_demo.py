"""`make https-demo`, as people see it."""

from __future__ import annotations

import subprocess
import sys

from tests.engine.stack import ROOT
from tests.https.servers import Bind, Pebble


def test_the_demo_shows_what_it_proves(bind: Bind, pebble: Pebble) -> None:
    """Each step says what holds, and none that something does not."""
    command = [sys.executable, str(ROOT / "examples" / "https_demo.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.strip() for line in done.stdout.splitlines() if "  ok: " in line] == [
        "ok: it starts from nothing",
        "ok: pulumi up succeeded",
        "ok: it points at Mailgun",
        "ok: both are so",
        "ok: it redirects, and browsers keep to https",
        "ok: pulumi up succeeded",
    ]
    assert "strict-transport-security: max-age=" in done.stdout
    assert "NOT SO" not in done.stdout
