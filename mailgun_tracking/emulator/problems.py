"""The error for what cannot be set."""

from __future__ import annotations


class InvalidSetting(ValueError):
    """A dial, setting, fault or domain was given something that it cannot have."""
