"""`make https-demo`."""

from __future__ import annotations

import subprocess
import sys

from tests.engine.stack import ROOT
from tests.https.servers import Bind, Pebble


def test_every_step_of_the_demo_passes(bind: Bind, pebble: Pebble) -> None:
    """Each step prints what it checked, and none fails."""
    command = [sys.executable, str(ROOT / "examples" / "https_demo.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.strip() for line in done.stdout.splitlines() if "  ok: " in line] == [
        "ok: it starts from scratch",
        "ok: pulumi up succeeded",
        "ok: it points to Mailgun",
        "ok: HTTPS is enabled",
        "ok: it redirects, and HSTS keeps browsers on https",
        "ok: pulumi up succeeded",
    ]
    assert "strict-transport-security: max-age=" in done.stdout
