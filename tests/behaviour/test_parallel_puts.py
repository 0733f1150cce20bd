"""A Mailgun that loses one of two PUTs of a domain that are under way at once."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory

FOOTER = '<a href="%unsubscribe_url%">stop</a>'


@pytest.mark.behaviour(70)
def test_an_up_ends_as_the_program_says(mail: MailFactory, emulator: Emulator) -> None:
    """With several sections in one resource, and with several resources of one domain."""
    emulator.set_dials(parallel_puts="lost")
    # Whatever is sent without waiting for a response is under way at once.
    emulator.set(latency_seconds=0.3)
    stack = mail(
        f"""
        DomainTracking("one", "mg.example.com", click="htmlonly", open=True, unsubscribe=True,
                       web_prefix="links")
        DomainTracking("top", "two.example.com", open={{"place_at_the_top": True}})
        DomainTracking("footer", "two.example.com", unsubscribe={{"html_footer": {FOOTER!r}}})
        HttpsTracking("https", "two.example.com", web_prefix="links", click=True)
        """
    )
    stack.up()

    one, two = emulator.domain("mg.example.com"), emulator.domain("two.example.com")
    assert (one.click["active"], one.open["active"]) == ("htmlonly", True)
    assert (one.unsubscribe["active"], one.web_prefix) == (True, "links")
    assert two.open["place_at_the_top"] is True
    assert two.unsubscribe["html_footer"] == FOOTER
    assert two.click["active"] is True
    assert (two.web_prefix, two.web_scheme) == ("links", "https")
    stack.preview("--refresh", "--expect-no-changes")

    stack.destroy()
    one, two = emulator.domain("mg.example.com"), emulator.domain("two.example.com")
    assert not any((one.open["active"], one.click["active"], one.unsubscribe["active"]))
    assert two.click["active"] is False
