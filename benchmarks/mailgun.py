"""Mailgun's emulator in a process of its own, whose work does not count as the engine's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import psutil
import requests

ISSUING_SECONDS = 10.0
CONTROL = "/_emulator"


class MailgunProcess:
    """The emulator, with domains d0.example.com and so on; use it as a context manager.

    Args:
        domains: how many domains there are.
        root: where the package stands.
    """

    def __init__(self, domains: int, root: Path) -> None:
        names = [f"--domain=d{i}.example.com" for i in range(domains)]
        self._command = [sys.executable, "-m", "mailgun_tracking.emulator", *names]
        self._command.append(f"--issuing={ISSUING_SECONDS}")
        self._root = root

    def __enter__(self) -> MailgunProcess:
        self._process = subprocess.Popen(  # noqa: S603 - this package
            self._command,
            cwd=self._root,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        printed = [self._process.stdout.readline() for _ in range(2)]
        self.environment = dict(
            re.sub(r"^export |['\"\n]", "", line).split("=", 1) for line in printed
        )
        self._cpu = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def reset(self, latency: float) -> None:
        """Go back to how it was at the start, and hold answers back from now on."""
        self._control("POST", "reset")
        self._control("PATCH", "settings", {"latency_seconds": latency})

    def take_calls(self) -> int:
        """How many requests came since the last time."""
        answer = self._control("GET", "requests")
        self._control("DELETE", "requests")
        assert isinstance(answer, list)
        return len(answer)

    def cpu_seconds(self) -> float:
        """The processor time that it has used."""
        times = self._cpu.cpu_times()
        return float(times.user + times.system)

    def _control(self, method: str, path: str, body: object = None) -> object:
        url = f"{self.environment['MAILGUN_BASE_URL']}{CONTROL}/{path}"
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, url, json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None
