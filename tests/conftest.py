"""Fixtures for all tests."""

from __future__ import annotations

import pytest

from tests.engine.stack import StackFactory


@pytest.fixture(scope="session")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> StackFactory:
    """Makes Pulumi stacks on the real engine: `new_stack(PROGRAM)`, each with its own backend."""
    return StackFactory(tmp_path_factory.mktemp("stacks"))
