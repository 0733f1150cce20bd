"""Footers, as Mailgun documents them: with one of three variables, or none at all."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts


@pytest.mark.behaviour(49)
def test_every_kind_of_footer_can_be_declared(mail: MailFactory, emulator: Emulator) -> None:
    """Only one that is not empty and has no link is warned of, and that is taken as well."""
    stack = mail(
        """
        DomainTracking(
            "mg",
            "mg.example.com",
            unsubscribe={
                "active": True,
                "html_footer": "<a href='%tag_unsubscribe_url%'>no more news</a>",
                "text_footer": "Leave: %mailing_list_unsubscribe_url%",
            },
        )
        emptied = {"active": True, "html_footer": "", "text_footer": ""}
        DomainTracking("two", "two.example.com", unsubscribe=emptied)
        DomainTracking(
            "eu", "eu.example.com", region="eu", unsubscribe={"html_footer": "<p>Bye</p>"}
        )
        """
    )
    preview = stack.preview()
    up = stack.up()
    for result in (preview, up):
        [warning] = [text for text in result.all_diagnostics() if "no unsubscribe link" in text]
        assert warning in result.diagnostics("eu", "warning")
    sent = [request for request in emulator.requests if request.method == "PUT"]
    forms = {request.path.split("/")[3]: request.form for request in sent}
    assert forms["two.example.com"] == {"active": "true", "html_footer": "", "text_footer": ""}
    assert forms["eu.example.com"] == {"html_footer": "<p>Bye</p>"}
    now = emulator.domain("two.example.com").unsubscribe
    assert now == {"active": True, "html_footer": "", "text_footer": ""}

    emulator.forget_requests()
    again = stack.up("--refresh", "--expect-no-changes")
    assert again.all_diagnostics() == []
    assert puts(emulator) == []
