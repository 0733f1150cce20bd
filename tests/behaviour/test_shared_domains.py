"""Two stacks about one domain, and two updates of one stack."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts

UP = ("up", "--yes", "--skip-preview")


@pytest.mark.behaviour(95)
def test_two_stacks(mail: MailFactory, emulator: Emulator) -> None:
    """At the same time, of different fields; then of one field, about which they disagree."""
    one = mail('DomainTracking("mg", "mg.example.com", open=True)')
    two = mail('DomainTracking("mg", "mg.example.com", click=True, unsubscribe=True)')
    with one.start(*UP) as first, two.start(*UP) as second:
        assert (first.wait().code, second.wait().code) == (0, 0)
    mg = emulator.domain("mg.example.com")
    active = [part["active"] for part in (mg.open, mg.click, mg.unsubscribe)]
    assert active == [True, True, True]
    for stack in (one, two):
        stack.preview("--refresh", "--expect-no-changes")

    one.write('DomainTracking("mg", "mg.example.com", open=True, click="htmlonly")')
    one.up()
    assert emulator.domain("mg.example.com").click["active"] == "htmlonly"
    drift = two.preview("--refresh")
    assert drift.diff("mg") == {"click.active": ("htmlonly", True)}


@pytest.mark.behaviour(95)
def test_two_updates_of_one_stack(mail: MailFactory, emulator: Emulator) -> None:
    """Pulumi refuses the second while the first is under way, before it sends anything."""
    host = "email.mg.example.com"
    emulator.set_certificate(host, "processing")
    stack = mail(f'TrackingCertificate("certificate", "{host}", timeout=300)')
    with stack.start(*UP) as first:
        first.wait_until(
            lambda: f"GET /v2/x509/{host}/status" in calls(emulator), "it waits for the certificate"
        )
        stack.write('DomainTracking("mg", "mg.example.com", click=True)')
        refused = stack.up(check=False)
        emulator.set_certificate(host, "active")
        assert first.wait().code == 0
    assert "the stack is currently locked by 1 lock" in refused.output
    assert puts(emulator) == []
