"""pytester, which runs pytest on tests that use the plugin; and the engine."""

from __future__ import annotations

import os

import pytest

from tests.engine.stack import ROOT

pytest_plugins = ["pytester"]


@pytest.fixture
def engine_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pulumi` is on PATH, as with users of the kit."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(ROOT / ".engine" / "bin"), os.environ["PATH"]]))
