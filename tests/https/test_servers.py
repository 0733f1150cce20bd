"""What happens where BIND or Pebble is not installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.https.conftest import needing
from tests.https.servers import named_program, pebble_program


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
