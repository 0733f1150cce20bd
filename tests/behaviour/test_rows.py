"""Reasons that are not properties are shown in the resource's own row."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts
from tests.engine.result import Result


def rows(result: Result, *names: str) -> dict[str, list[str]]:
    """The messages in each resource's row; none of them may be in the stack's."""
    found = {name: result.diagnostics(name) for name in names}
    elsewhere = [*result.diagnostics(), *result.diagnostics("mail-dev")]
    assert not [text for texts in found.values() for text in texts if text in elsewhere]
    return found


def still_processing(emulator: Emulator, name: str, looks: int) -> None:
    """A certificate that some reads show as processing, and that is active from then on."""
    host = f"email.{name}.example.com"
    emulator.set_certificate(host, "active")
    emulator.add_fault(
        method="GET",
        path=f"/v2/x509/{host}/status",
        status=200,
        body={"status": "processing", "error": "Waiting for x509 key pair generation"},
        times=looks,
    )


@pytest.mark.behaviour(14, 23)
def test_what_happened_to_a_certificate_is_in_its_row(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Adopted, joined, still processing, renewed by Mailgun, forgotten on delete."""
    for name in ("active", "joined", "working", "new"):
        emulator.add_domain(f"{name}.example.com")
    emulator.set_certificate("email.active.example.com", lifetime_seconds=30 * 86400)
    emulator.set_certificate("email.working.example.com", "processing")
    still_processing(emulator, "joined", looks=2)
    stack = mail(
        """
        for name in ("active", "joined", "new"):
            TrackingCertificate(name, f"email.{name}.example.com")
        TrackingCertificate("working", "email.working.example.com", wait=False)
        """
    )
    stack.set_constants({"_api.issuance.FIRST_INTERVAL_SECONDS": 0.3})
    up = stack.up()
    until = up.resource_outputs("active")["not_after"][:10]
    assert rows(up, "active", "joined", "working", "new") == {
        "active": [f"adopted; valid until {until}"],
        "joined": ["issuance was already in progress; waited for it"],
        "working": ["issuance in progress; not waiting (wait=False)"],
        "new": [],
    }
    assert puts(emulator) == ["POST /v2/x509/email.new.example.com"]

    emulator.set_certificate("email.new.example.com", "error", error="rejected")
    stack.refresh()
    emulator.set_certificate("email.new.example.com", "active")
    emulator.set_certificate("email.working.example.com", "active")
    preview = stack.preview()
    assert preview.changes == {"update": 2, "same": 2}
    found = rows(preview, "working", "new", "active")
    since = stack.resource("working")["outputs"]["status_since"]
    failed = stack.resource("new")["outputs"]["status_since"]
    assert found == {
        "working": [
            f"email.working.example.com: being issued since {since}; will be checked again"
        ],
        "new": [
            f"email.new.example.com: issuance has been failing since {failed} (rejected); "
            "will be retried"
        ],
        "active": [],
    }
    emulator.forget_requests()
    up = stack.up()
    renewed = up.resource_outputs("new")["not_before"][:10]
    assert f"renewed by Mailgun on {renewed}" in rows(up, "new")["new"]
    assert puts(emulator) == []

    destroyed = stack.destroy()
    for name, (told,) in rows(destroyed, "active", "joined", "working", "new").items():
        assert told.startswith(
            f"removed the certificate for email.{name}.example.com from the state only"
        )
    assert puts(emulator) == []
    now = emulator.domain("new.example.com").certificates["email.new.example.com"]
    assert now.status == "active"


@pytest.mark.behaviour(6, 14)
def test_what_happens_to_settings_is_in_their_rows(mail: MailFactory, emulator: Emulator) -> None:
    """No longer managed, left on because somebody changed it, no longer at Mailgun."""
    stack = mail(
        """
        DomainTracking("mg", "mg.example.com", click="htmlonly", open=True)
        DomainTracking("two", "two.example.com", click=True)
        DomainTracking("eu", "eu.example.com", region="eu", open=True)
        """
    )
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 1.0})
    stack.up()
    stack.write(
        """
        DomainTracking("mg", "mg.example.com", open=True)
        DomainTracking("two", "two.example.com", click=True)
        DomainTracking("eu", "eu.example.com", region="eu", open=True)
        """
    )
    emulator.forget_requests()
    assert rows(stack.up(), "mg", "two") == {
        "mg": ["click of mg.example.com is no longer managed; left at htmlonly"],
        "two": [],
    }
    assert calls(emulator) == []

    emulator.drift("two.example.com", click="htmlonly")
    emulator.remove_domain("eu.example.com", region="eu")
    told = rows(stack.destroy(), "mg", "two", "eu")
    assert told["mg"] == [
        "open tracking of mg.example.com turned off",
        "links in mail already sent use email.mg.example.com; "
        "keep its CNAME record for as long as that mail is read",
    ]
    left = "click tracking of two.example.com left on; changed outside this stack: click.active"
    assert left in told["two"]
    assert told["eu"][-1:] == ["eu.example.com no longer exists at Mailgun; nothing was turned off"]
    assert puts(emulator) == ["PUT /v3/domains/mg.example.com/tracking/open"]
    assert emulator.domain("two.example.com").click["active"] == "htmlonly"
    assert emulator.domain("mg.example.com").click["active"] == "htmlonly"


@pytest.mark.behaviour(24)
def test_a_certificate_that_fails_is_requested_once_by_each_up(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The reason is shown each time."""
    emulator.set(issuance_fails="DNS problem: SERVFAIL looking up CAA")
    stack = mail('TrackingCertificate("mg", "email.mg.example.com")')
    for method in ("POST", "PUT"):
        emulator.forget_requests()
        [error] = stack.up(check=False).diagnostics("mg", "error")
        assert "DNS problem: SERVFAIL looking up CAA" in error
        assert puts(emulator) == [f"{method} /v2/x509/email.mg.example.com"]
