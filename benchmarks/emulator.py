"""The Mailgun emulator as a separate process, so that its CPU time is not counted as Pulumi's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import psutil
import requests

ISSUING_SECONDS = 10.0
_LAST = "MAILGUN_EMULATOR_URL"
"""The last variable that the emulator prints when it has started."""


class EmulatorProcess:
    """The emulator with the domains d0.example.com, d1.example.com and so on.

    Use it as a context manager.

    Args:
        domains: how many domains it has.
        root: the folder that contains the package.
    """

    def __init__(self, domains: int, root: Path) -> None:
        names = [f"--domain=d{i}.example.com" for i in range(domains)]
        self._command = [sys.executable, "-m", "mailgun_tracking.emulator", *names]
        self._command.append(f"--issuing={ISSUING_SECONDS}")
        self._root = root

    def __enter__(self) -> EmulatorProcess:
        self._process = subprocess.Popen(  # noqa: S603 - a module of this package
            self._command,
            cwd=self._root,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.environment: dict[str, str] = {}
        for line in self._process.stdout:
            name, value = re.sub(r"^export |['\"\n]", "", line).split("=", 1)
            self.environment[name] = value
            if name == _LAST:
                break
        self._token = self.environment.pop("MAILGUN_EMULATOR_TOKEN")
        self._usage = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def reset(self, latency: float) -> None:
        """Restore the initial state, and set the latency of all further answers in seconds."""
        self._control("POST", "reset")
        self._control("PATCH", "settings", {"latency_seconds": latency})

    def take_request_count(self) -> int:
        """How many requests were received since the last call of this method."""
        received = self._control("GET", "requests")
        self._control("DELETE", "requests")
        assert isinstance(received, list)
        return len(received)

    def cpu_seconds(self) -> float:
        """The CPU time that the process has used so far."""
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    def _control(self, method: str, path: str, body: object = None) -> object:
        url = f"{self.environment['MAILGUN_BASE_URL']}/_emulator/{path}"
        with requests.Session() as session:
            session.trust_env = False  # it is on this machine: no proxy
            session.headers["Authorization"] = f"Bearer {self._token}"
            response = session.request(method, url, json=body, timeout=30)
        response.raise_for_status()
        return response.json() if response.content else None
