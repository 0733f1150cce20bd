"""Fixtures: time that passes only where somebody waits for it."""

from __future__ import annotations

import types

import pytest
import tenacity

from mailgun_tracking._api import client, rate_limit
from mailgun_tracking._provider import operation
from tests.unit.fakes import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of everything that waits."""
    clock = Clock()
    for module in (client, rate_limit, operation, tenacity):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=clock))
    return clock
