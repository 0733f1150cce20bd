"""Domains that more than one hand changes: within one up, between two, or under another name."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts


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


@pytest.mark.behaviour(20)
def test_a_prefix_does_not_move_under_https_that_somebody_else_turned_on(
    mail: MailFactory, emulator: Emulator
) -> None:
    """An update of the prefix reads the domain: state does not know what was done since."""
    program = 'DomainTracking("mg", "mg.example.com", web_prefix="{prefix}")'
    stack = mail(program.format(prefix="email"))
    stack.up()
    emulator.drift("mg.example.com", web_scheme="https")
    emulator.forget_requests()
    stack.write(program.format(prefix="track"))
    result = stack.up(check=False)
    [error] = result.diagnostics("mg", "error")
    assert "cannot move mg.example.com, which is on https, to track.mg.example.com" in error
    assert puts(emulator) == []
    assert emulator.domain("mg.example.com").web_prefix == "email"


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


@pytest.mark.behaviour(3, 17)
def test_the_same_account_under_another_name_turns_nothing_off(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The replacement lands on the same domain, so the old resource leaves it alone."""
    program = 'DomainTracking("mg", "mg.example.com", click=True{more})'
    stack = mail(program.format(more=""), env={"MAILGUN_API_KEY_MAIN": emulator.key})
    stack.up()
    emulator.forget_requests()
    stack.write(program.format(more=', account="main"'))
    assert stack.up().step("mg") == "replace"
    assert puts(emulator) == []
    assert emulator.domain("mg.example.com").click == {"active": True}


@pytest.mark.behaviour(20, 36)
def test_a_domain_is_moved_back_where_there_is_no_certificate_to_be_had(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The error says so; the domain is as it was, on https at its old host."""
    emulator.set_certificate("email.mg.example.com", "active")
    emulator.drift("mg.example.com", web_scheme="https")
    emulator.set(issuance_fails="CAA record for mg.example.com prevents issuance")
    stack = mail('HttpsTracking("mg", "mg.example.com", web_prefix="track")')
    result = stack.up(check=False)
    [error] = result.diagnostics("TrackingCertificate::mg", "error")
    assert error.endswith("mg.example.com was moved back to email.mg.example.com")
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("email", "https")
