"""BIND or Pebble is not installed, or does not start."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.https.conftest import require
from tests.https.servers import Bind, named_program, pebble_program


@pytest.mark.parametrize(
    ("program", "name"), [(named_program, "named"), (pebble_program, "pebble")]
)
def test_a_missing_tool_skips_and_fails_in_ci(
    program: Callable[[], str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both cases, the message says how to get the tool."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"`{name}` is missing: run `make test-tools`"):
        require(program)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"`{name}` is missing: run `make test-tools`"):
        require(program)


def test_a_server_that_does_not_answer_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped whatever the error."""
    started: list[int] = []

    def fail(server: Bind) -> bool:
        assert server._process is not None
        started.append(server._process.pid)
        raise RuntimeError("no answer")

    monkeypatch.setattr(Bind, "_answers", fail)
    with pytest.raises(RuntimeError, match="no answer"):
        require(Bind(tmp_path / "bind").start)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)
