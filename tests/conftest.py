"""Fixtures for all tests."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator

import pytest

from tests.engine.processes import marked
from tests.engine.stack import ROOT, StackFactory

# jsonschema would import it, and that takes 2 s in each worker: for formats that no test checks.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

MARK = "STARTED_BY_TEST_SESSION"
SECONDS_TO_LEAVE = 60.0
"""What still ends by itself after the last test gets this long."""


@pytest.fixture(scope="session", autouse=True)
def _no_process_stays_behind() -> Iterator[None]:
    """Fails after the last test where anything that a test started still runs, and ends it."""
    session = uuid.uuid4().hex
    os.environ[MARK] = session
    yield
    left = [
        process for process in marked(MARK, session) if not process.gone_within(SECONDS_TO_LEAVE)
    ]
    for process in left:
        process.end()
    assert not left, "left behind: " + "; ".join(f"{one.pid} {one.command}" for one in left)


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> StackFactory:
    """Makes Pulumi stacks on the real engine: `new_stack(PROGRAM)`, each with its own backend."""
    return StackFactory(tmp_path_factory.mktemp("stacks"))


@pytest.fixture
def engine_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's `pulumi` is on PATH, for tests with `mailgun_stack`."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(ROOT / ".engine" / "bin"), os.environ["PATH"]]))
