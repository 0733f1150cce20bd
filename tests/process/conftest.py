"""Fixtures for the tests of the provider's process."""

from __future__ import annotations

from tests.behaviour.conftest import emulator, mail, one_emulator

__all__ = ["emulator", "mail", "one_emulator"]
