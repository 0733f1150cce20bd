"""Runs the programs of `go_client` and `js_client`, which call Mailgun's own clients."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


class ClientError(Exception):
    """The client reports an error."""

    def __init__(self, text: str, status: int) -> None:
        """Store the text, and the status of the response; -1 if that was not the error."""
        super().__init__(text)
        self.status = status


class ClientProcess:
    """Mailgun's own client in another language: `client("GetDomain", "mg.example.com")`."""

    def __init__(self, installed: Path, *command: str) -> None:
        """Start it.

        Args:
            installed: a file that `make test-clients` installs.
            command: the command.
        """
        for needed in (installed, command[0]):
            if shutil.which(needed) is None and not Path(needed).exists():
                pytest.fail(f"{needed} is missing. `make test-clients` installs Mailgun's clients.")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Some clients would use a proxy for the loopback interface too.
            env={**os.environ, "no_proxy": "*"},
            encoding="utf-8",
        )

    def __enter__(self) -> ClientProcess:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """End it by closing its input."""
        self._process.communicate()

    def __call__(self, call: str, *arguments: Any) -> Any:
        """Make a call and return its result.

        Raises:
            ClientError: the client reports an error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([call, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the client has ended with status {self._process.wait()}"
        answer = json.loads(line)
        if "error" in answer:
            raise ClientError(answer["error"], answer["status"])
        return answer.get("result")
