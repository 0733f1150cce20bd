"""The emulator of the benchmark."""

from __future__ import annotations

import requests

from benchmarks.emulator import EmulatorProcess
from tests.docs.markdown import ROOT


def test_it_counts_requests() -> None:
    """It has the domains, and its environment is that of a program."""
    with EmulatorProcess(2, ROOT) as emulator, requests.Session() as session:
        session.trust_env = False
        session.auth = ("api", emulator.environment["MAILGUN_API_KEY"])
        emulator.reset(0)
        for number in range(2):
            url = f"{emulator.environment['MAILGUN_BASE_URL']}/v4/domains/d{number}.example.com"
            assert session.get(url, timeout=30).status_code == 200
        assert emulator.take_request_count() == 2
        assert emulator.take_request_count() == 0
        assert emulator.cpu_seconds() > 0
