"""`.get()` reads what others manage."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailFactory, puts


@pytest.mark.behaviour(1, 19)
def test_get_reads_without_managing(mail: MailFactory, emulator: Emulator) -> None:
    """By its id, in any region, subaccount and account; destroy changes nothing."""
    emulator.drift("mg.example.com", open=True, click="htmlonly", web_prefix="go")
    emulator.drift("eu.example.com", region="eu", unsubscribe=True, web_scheme="https")
    emulator.drift("sub.example.com", click=True)
    emulator.add_domain("b.example.com", account="brand-b", open=True)
    emulator.set_certificate("go.mg.example.com")
    emulator.set_certificate("email.eu.example.com", "expired", region="eu")
    stack = mail(
        """
        mg = DomainTracking.get("mg", "mg.example.com")
        eu = DomainTracking.get("eu", pulumi.Output.from_input("eu/eu.example.com"))
        sub = DomainTracking.get("sub", "us/sub-1/sub.example.com")
        b = DomainTracking.get("b", "b.example.com", account="brand-b")
        active = TrackingCertificate.get("active", mg.tracking_domain)
        expired = TrackingCertificate.get("expired", "eu/email.eu.example.com")
        pulumi.export("click", mg.click["active"])
        pulumi.export("top", mg.open.place_at_the_top)
        pulumi.export("host", mg.cname.name)
        pulumi.export("eu", eu.cname)
        pulumi.export("https", eu.web_scheme)
        pulumi.export("footer", eu.unsubscribe.html_footer)
        pulumi.export("sub", sub.click["active"])
        pulumi.export("b", b.open.active)
        pulumi.export("names", active.names)
        pulumi.export("statuses", [active.status, expired.status])
        """,
        env={"MAILGUN_API_KEY_BRAND_B": next(k for k, owner in KEYS.items() if owner == "brand-b")},
    )
    preview = stack.preview()
    assert preview.step("mg") == "read"
    stack.up(skip_preview=False)
    assert stack.outputs() == {
        "click": "htmlonly",
        "top": False,
        "host": "go.mg.example.com",
        "eu": {"name": "email.eu.example.com", "value": "eu.mailgun.org"},
        "https": "https",
        "footer": emulator.domain("eu.example.com", region="eu").unsubscribe["html_footer"],
        "sub": True,
        "b": True,
        "names": ["go.mg.example.com"],
        "statuses": ["active", "expired"],
    }
    emulator.drift("mg.example.com", click=False)
    stack.up()
    assert stack.outputs()["click"] is False
    stack.refresh()
    stack.destroy()
    assert puts(emulator) == []
    assert emulator.domain("mg.example.com").open["active"] is True


@pytest.mark.behaviour(19)
def test_getting_what_does_not_exist_is_an_error(mail: MailFactory, emulator: Emulator) -> None:
    """In one line, with what to do."""
    stack = mail('DomainTracking.get("no", "eu.example.com")')
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 0.0})
    refused = stack.up(check=False)
    assert refused.code != 0
    assert "eu.example.com is in region eu" in refused.output
    assert "Traceback" not in refused.output
    assert puts(emulator) == []
