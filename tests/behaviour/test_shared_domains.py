"""Domains that more than one hand changes: within one up, between two, or under another name."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts, wait_for_expiry


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


@pytest.mark.behaviour(2, 17)
def test_another_region_behind_the_same_address_turns_nothing_off(
    mail: MailFactory, emulator: Emulator
) -> None:
    """One address serves both regions, so the replacement lands on the same domain."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)')
    stack.environment["MAILGUN_BASE_URL"] = emulator.url
    stack.up()
    emulator.forget_requests()
    assert stack.up(env={"MAILGUN_REGION": "eu"}).step("mg") == "replace"
    assert puts(emulator) == []
    assert emulator.domain("mg.example.com").click == {"active": True}


@pytest.mark.behaviour(6, 14)
def test_a_replacement_promises_nothing_of_what_is_turned_off(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A field that is let go of stays as it is, but not where its resource goes with it."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True, open=True)')
    stack.up()
    stack.write('DomainTracking("mg", "two.example.com", open=True)')
    result = stack.up()
    assert result.step("mg") == "replace"
    assert "no longer managed" not in result.output
    assert emulator.domain("mg.example.com").click == {"active": False}


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


@pytest.mark.behaviour(20, 36)
def test_a_certificate_puts_https_back_after_its_move(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Also where nothing else of the program would."""
    emulator.set_certificate("email.mg.example.com", "active")
    emulator.drift("mg.example.com", web_scheme="https")
    mail('TrackingCertificate("mg", "track.mg.example.com", move_domain=True)').up()
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("track", "https")


@pytest.mark.behaviour(20, 36)
def test_a_move_that_timed_out_says_where_the_domain_stands(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The certificate may still come, so the domain stays, and the next up ends on https."""
    emulator.set_certificate("email.mg.example.com", "active")
    emulator.drift("mg.example.com", web_scheme="https")
    emulator.set(issuing_seconds=3600)
    stack = mail('HttpsTracking("mg", "mg.example.com", web_prefix="track", timeout=1)')
    [error] = stack.up(check=False).diagnostics("TrackingCertificate::mg", "error")
    assert error.endswith(
        "mg.example.com stands at track.mg.example.com now, over http: run up again, or "
        "`pulumi refresh` before you take the move back; it was on https: a DomainTracking with "
        'web_scheme="https" turns that on again, once the certificate is there'
    )
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("track", "http")
    emulator.set_certificate("track.mg.example.com", "active")
    stack.up()
    assert emulator.domain("mg.example.com").web_scheme == "https"


@pytest.mark.behaviour(20, 22, 36)
def test_an_expired_certificate_never_moves_a_domain(mail: MailFactory, emulator: Emulator) -> None:
    """Somebody has moved the domain since: up says so, where no preview showed a move."""
    emulator.set(certificate_lifetime_seconds=4)
    stack = mail('HttpsTracking("mg", "mg.example.com", web_prefix="track")')
    stack.up()
    emulator.set(certificate_lifetime_seconds=90 * 86400)
    wait_for_expiry(emulator, "track.mg.example.com")
    emulator.drift("mg.example.com", web_prefix="email", web_scheme="https")
    emulator.set_certificate("email.mg.example.com", "active")
    # A host that is not the tracking domain any more is not known, whatever was there.
    for verb, path in (("GET", "/status"), ("POST", "")):
        emulator.add_fault(
            method=verb,
            path=f"/v2/x509/track.mg.example.com{path}",
            status=404,
            body={"Description": "not found"},
            times=1,
        )
    emulator.forget_requests()
    result = stack.up(check=False)
    [error] = result.diagnostics("TrackingCertificate::mg", "error")
    assert error.endswith(
        "the tracking domain of mg.example.com is email.mg.example.com: give that one; "
        "if somebody moved it since the last up, run `pulumi refresh`"
    )
    assert puts(emulator) == ["POST /v2/x509/track.mg.example.com"]
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("email", "https")


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
