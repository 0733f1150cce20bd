"""What a preview says of domains and of https that will make `up` fail, on the engine.

tests/providers has every case.
"""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts


@pytest.mark.behaviour(46, 71)
def test_what_is_special_about_a_new_domain(mail: MailFactory, emulator: Emulator) -> None:
    """In the row of each resource; once the resource is in state, nothing is asked or said."""
    emulator.drift("mg.example.com", state="unverified")
    emulator.drift("two.example.com", state="disabled", disabled_reason="Too many bounces")
    stack = mail(
        """
        DomainTracking("mg", "mg.example.com", click=True)
        TrackingCertificate("two", "email.two.example.com")
        """
    )
    preview = stack.preview()
    assert preview.diagnostics("mg")[0] == "mg.example.com is not verified at Mailgun yet"
    assert preview.diagnostics("two") == [
        "two.example.com is disabled at Mailgun: Too many bounces"
    ]
    stack.up()
    emulator.forget_requests()
    again = stack.preview("--expect-no-changes")
    assert again.diagnostics("mg") == again.diagnostics("two") == []
    assert calls(emulator) == []

    stack.write('TrackingCertificate("typo", "email.mgg.example.com")')
    [row] = stack.preview().diagnostics("typo")
    assert row.startswith("mgg.example.com does not exist at Mailgun yet")


@pytest.mark.behaviour(71)
def test_https_of_a_sandbox_domain(mail: MailFactory, emulator: Emulator) -> None:
    """The component's preview fails, and nothing is created; settings alone are no problem."""
    emulator.drift("mg.example.com", type="sandbox")
    stack = mail('HttpsTracking("mg", "mg.example.com", click=True)')
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert "mg.example.com is a sandbox domain" in refused.output
    assert "Traceback" not in refused.output
    assert puts(emulator) == []
    stack.write('DomainTracking("mg", "mg.example.com", click=True)')
    stack.up()
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(72)
def test_https_without_a_certificate_to_come(mail: MailFactory, emulator: Emulator) -> None:
    """Only where the program does not declare the certificate first."""
    stack = mail(
        """
        DomainTracking("bare", "mg.example.com", web_scheme="https")
        certificate = TrackingCertificate("certificate", "email.two.example.com")
        DomainTracking("certified", "two.example.com", web_scheme="https",
                       opts=pulumi.ResourceOptions(depends_on=certificate))
        """
    )
    preview = stack.preview()
    [warning] = preview.diagnostics("bare", "warning")
    assert warning.startswith("`pulumi up` will fail: cannot change web_scheme of mg.example.com")
    assert preview.diagnostics("certified", "warning") == []

    emulator.add_domain("component.example.com")
    stack.write('HttpsTracking("mg", "component.example.com", click=True, web_prefix="links")')
    assert [d for d in stack.preview().all_diagnostics() if "will fail" in d] == []
    assert puts(emulator) == []
