"""How many examples hypothesis tries: few in the tests, many in `make chaos`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

EXAMPLES_VARIABLE = "CHAOS_EXAMPLES"
"""How many examples to try of each kind, and always other ones."""


def examples(few: int) -> settings:
    """Settings for a test that tries so many examples by itself, always the same ones."""
    many = os.environ.get(EXAMPLES_VARIABLE)
    return settings(
        max_examples=int(many) if many else few,
        derandomize=not many,
        database=None,
        deadline=None,
        # Looking for the simplest example would take minutes.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
