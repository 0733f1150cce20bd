"""`mailgun-tracking fleet up` on a terminal: preview, question, progress bar."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.fleet.test_run import fleet_of

DOMAINS = ["mg1.example.com", "mg2.example.com"]


@pytest.mark.behaviour(122)
def test_it_previews_and_asks(tmp_path: Path) -> None:
    with Emulator(domains=DOMAINS) as emulator:
        fleet = fleet_of(tmp_path, emulator, DOMAINS, 1)
        ours, terminal = pty.openpty()
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", "from mailgun_tracking.cli import main; main()"),
                *("fleet", "up", "--stack", "fleet-002"),
            ],
            cwd=fleet.folder,
            env={**fleet.environment, "TERM": "xterm"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        shown = ""
        while "[y/N]: " not in shown:
            shown += os.read(ours, 10_000).decode()
        assert "1 to create\r\n  mg2.example.com: mg2.example.com already exists" in shown
        assert "Update 1 stack? " in shown
        assert puts(emulator) == []
        os.write(ours, b"y\n")
        shown = ""
        try:
            while more := os.read(ours, 10_000):
                shown += more.decode()
        except OSError:
            # So Linux says that the other side is closed.
            pass
        assert process.wait() == 0
        assert re.search(r"Domains  \[#+\]  1/1", shown)
        assert "1 created\r\n" in shown
        assert len(puts(emulator)) == 1
        os.close(ours)
