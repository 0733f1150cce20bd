"""What happens where BIND or Pebble is not installed, or does not start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.https.conftest import needing
from tests.https.servers import Bind, named_program, pebble_program


@pytest.mark.parametrize(
    ("program", "advice"),
    [(named_program, "engine/install-bind"), (pebble_program, "engine/install pebble")],
)
def test_a_missing_tool_skips_and_in_ci_fails(
    program: Callable[[], str], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either way it is said what is missing, and how to get it."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=advice):
        needing(program)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=advice):
        needing(program)


def test_a_server_that_cannot_be_asked_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in asking it."""
    started: list[int] = []

    def ask(server: Bind) -> bool:
        assert server._process is not None
        started.append(server._process.pid)
        raise RuntimeError("asking is out of order")

    monkeypatch.setattr(Bind, "_answers", ask)
    with pytest.raises(RuntimeError, match="out of order"):
        needing(Bind(tmp_path / "bind").start)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)
