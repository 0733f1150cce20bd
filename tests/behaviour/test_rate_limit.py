"""Mailgun's rate limit, and the user's own budget: commands wait, say why, and succeed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory
from tests.engine.result import Result

COUNT = 40
PROGRAM = f"""
for i in range({COUNT}):
    DomainTracking(f"d{{i}}", f"d{{i}}.example.com", click=True)
"""
REACHED = "Mailgun's rate limit is reached: continuing in "


def add_domains(emulator: Emulator) -> None:
    """Add the program's domains."""
    for i in range(COUNT):
        emulator.add_domain(f"d{i}.example.com", click="htmlonly")


def rows(result: Result) -> list[str]:
    """The messages in all rows of the program's resources."""
    return [text for i in range(COUNT) for text in result.diagnostics(f"d{i}")]


def too_many(emulator: Emulator) -> int:
    """How many requests got a 429."""
    return sum(request.status == 429 for request in emulator.requests)


@pytest.mark.behaviour(14, 53)
def test_every_command_gets_through_a_rate_limit(mail: MailFactory, emulator: Emulator) -> None:
    """And no row of the preview is missing."""
    add_domains(emulator)
    emulator.set(requests_per_minute=30, rate_window_seconds=2)
    stack = mail(PROGRAM)
    stack.set_constants(
        {
            "_provider.read_ahead.REPORT_SECONDS": 0.1,
            # All checks may have ended before the first 429: their rows come last.
            "_provider.plugin_process.LAST_MESSAGES_SECONDS": 90.0,
        }
    )

    preview = stack.preview()
    for i in range(COUNT):
        told = f"d{i}.example.com already exists; will change click htmlonly => true"
        assert told in preview.diagnostics(f"d{i}")
    commands: list[Callable[[], Result]] = [
        lambda: preview,
        lambda: stack.up("--parallel", "64"),
        stack.refresh,
        lambda: stack.refresh("--parallel", "512"),
        lambda: stack.destroy("--parallel", "64"),
    ]
    for command in commands:
        result = command()
        assert any(text.startswith(REACHED) for text in rows(result))
        assert too_many(emulator) > 0
        emulator.forget_requests()
    assert not any(domain.click["active"] for domain in emulator.domains())


@pytest.mark.behaviour(54)
def test_a_budget_keeps_below_the_rate_limit(mail: MailFactory, emulator: Emulator) -> None:
    """There is not one request too many, and the rows say what is waited for."""
    add_domains(emulator)
    # Twice as many, because a request may arrive later than it was sent.
    emulator.set(requests_per_minute=60, rate_window_seconds=1.5)
    stack = mail(PROGRAM, config={"mailgun-tracking:requestsPerMinute": "30"})
    stack.set_constants(
        {"_api.rate_limit.BUDGET_SECONDS": 1.5, "_provider.read_ahead.REPORT_SECONDS": 0.1}
    )
    told = "your budget of 30 requests per minute is used up: continuing in "
    for result in (stack.preview(), stack.up("--parallel", "64"), stack.destroy()):
        assert any(text.startswith(told) for text in rows(result))
    assert too_many(emulator) == 0
    assert not any(domain.click["active"] for domain in emulator.domains())


@pytest.mark.behaviour(54)
def test_a_budget_that_is_no_number_fails_the_preview(
    mail: MailFactory, emulator: Emulator
) -> None:
    stack = mail(
        'DomainTracking("mg", "mg.example.com", click=True)',
        config={"mailgun-tracking:requestsPerMinute": "many"},
    )
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert "the configured requests per minute cannot be used" in refused.output
    assert "Traceback" not in refused.output
    assert emulator.requests == []
