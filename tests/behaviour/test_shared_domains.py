"""Domains that more than one hand changes: within one up, between two, or under another name."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory


@pytest.mark.behaviour(20, 36)
def test_a_first_up_moves_a_domain_that_is_on_https(mail: MailFactory, emulator: Emulator) -> None:
    """It ends on https, though the certificate had to move the domain over http in between.

    What the certificate's check has read of the domain is no longer so when the settings follow.
    """
    emulator.set_certificate("email.mg.example.com", "active")
    emulator.drift("mg.example.com", web_scheme="https")
    stack = mail('HttpsTracking("mg", "mg.example.com", web_prefix="track", click=True)')
    stack.up()
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("track", "https")
    assert domain.certificates["track.mg.example.com"].status == "active"
    states = [
        one["outputs"]["web_scheme"]
        for one in stack.export()["deployment"]["resources"]
        if one["type"].endswith("DomainTracking")
    ]
    assert states == ["https"]


@pytest.mark.behaviour(6, 15)
def test_ignoring_changes_of_everything(mail: MailFactory, emulator: Emulator) -> None:
    """Nothing changes any more, and what check has computed does not become managed."""
    program = (
        'DomainTracking("mg", "mg.example.com", click={click}, '
        'opts=pulumi.ResourceOptions(ignore_changes=["*"]))'
    )
    stack = mail(program.format(click=True))
    stack.up()
    managed = stack.resource("mg")["outputs"]["managed"]
    emulator.forget_requests()
    stack.write(program.format(click=False))
    assert stack.up().step("mg") == "same"
    assert stack.resource("mg")["outputs"]["managed"] == managed == ["click.active"]
    assert emulator.requests == []
    assert emulator.domain("mg.example.com").click == {"active": True}


@pytest.mark.behaviour(6, 15)
def test_ignoring_what_is_not_mentioned(mail: MailFactory, emulator: Emulator) -> None:
    """It does not become managed by that."""
    stack = mail(
        """
        ignored = ["web_prefix", "web_scheme", "cname", "tracking_domain", "managed"]
        opts = pulumi.ResourceOptions(ignore_changes=ignored)
        DomainTracking("mg", "mg.example.com", click=True, opts=opts)
        """
    )
    stack.up()
    emulator.forget_requests()
    stack.up("--expect-no-changes")
    assert stack.resource("mg")["outputs"]["managed"] == ["click.active"]
    assert emulator.requests == []
