"""The text of errors, and what they are caught as."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from mailgun_tracking.errors import InvalidInput, MailgunError, TrackingError


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "cannot read"),
        ({"reason": "gone"}, "cannot read: gone"),
        ({"reason": "gone", "status": 404}, "cannot read: gone (404)"),
        ({"status": 404}, "cannot read (404)"),
        ({"advice": "look"}, "cannot read; look"),
        ({"reason": "gone", "status": 404, "advice": "look"}, "cannot read: gone (404); look"),
        ({"domain": "mg.example.com"}, "cannot read"),
    ],
)
def test_an_error_is_one_line(facts: dict[str, Any], text: str) -> None:
    assert str(MailgunError("cannot read", **facts)) == text


def test_advice_is_added_once() -> None:
    error = MailgunError("cannot read", advice="look")
    for advice in ("look", "run", "run"):
        error.advise(advice)
    assert error.advice == "look; run"


def test_pulumi_shows_no_traceback_of_it() -> None:
    """Its language host shows a `RunError` as its message."""
    assert issubclass(TrackingError, pulumi.RunError)


def test_an_invalid_input_is_a_value_error() -> None:
    assert issubclass(InvalidInput, ValueError)
