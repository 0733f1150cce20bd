"""The exact requests that each command makes, for both resources together."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls

FOOTER = '<a href="%unsubscribe_url%">stop</a>'
TRACKING = "/v3/domains/mg.example.com/tracking"
DOMAIN = "/v4/domains/mg.example.com"
STATUS = "GET /v2/x509/email.mg.example.com/status"
PROGRAM = """
tracking = DomainTracking("mg", "mg.example.com", click={click!r}, open={open!r},
                          unsubscribe={{"active": True, "html_footer": {footer!r}}},
                          web_scheme={scheme!r}, https_by={https_by!r})
TrackingCertificate("cert", tracking.tracking_domain)
"""
FIRST = {"click": "htmlonly", "open": True, "footer": FOOTER, "scheme": "http", "https_by": None}


def asked(emulator: Emulator) -> list[str]:
    """The requests since the last time; those of one method that are sent together are sorted."""
    found = calls(emulator)
    emulator.forget_requests()
    ordered: list[str] = []
    while found:
        kind = found[0].partition(" ")[0]
        run = next((i for i, call in enumerate(found) if not call.startswith(kind)), len(found))
        ordered += sorted(found[:run])
        del found[:run]
    return ordered


@pytest.mark.behaviour(11, 16, 17, 22)
def test_each_command_makes_no_call_too_many(mail: MailFactory, emulator: Emulator) -> None:
    """Create, no change, update, refresh and delete send exactly these."""
    stack = mail(PROGRAM.format(**FIRST))
    reads = [f"GET {TRACKING}", f"GET {DOMAIN}"]
    writes = [f"PUT {TRACKING}/{kind}" for kind in ("click", "open", "unsubscribe")]
    # The certificate's check does not read the domain again: the domain's own check has.
    issue = [STATUS, "POST /v2/x509/email.mg.example.com", STATUS]

    stack.preview()
    assert asked(emulator) == reads
    stack.up()
    assert asked(emulator) == reads + writes + issue

    stack.up(skip_preview=False)
    assert asked(emulator) == []

    stack.write(PROGRAM.format(**{**FIRST, "click": True}))
    stack.up(skip_preview=False)
    assert asked(emulator) == [f"PUT {TRACKING}/click"]

    stack.write(
        PROGRAM.format(
            click=False, open=False, footer=f"{FOOTER}!", scheme="https", https_by="mailgun"
        )
    )
    stack.up(skip_preview=False)
    # To turn https on takes a look in the preview, one in the check and one in the update.
    assert asked(emulator) == [
        *[STATUS] * 3,
        f"GET {TRACKING}",
        *[f"GET {DOMAIN}"] * 3,
        f"PUT {TRACKING}/click",
        f"PUT {TRACKING}/open",
        f"PUT {TRACKING}/unsubscribe",
        f"PUT {DOMAIN}",
    ]
    forms = {"click": {"active": False}, "web_scheme": "https"}
    assert emulator.domain("mg.example.com").click == forms["click"]
    assert emulator.domain("mg.example.com").web_scheme == forms["web_scheme"]

    stack.refresh()
    assert asked(emulator) == sorted([STATUS, *reads])

    state = emulator.domain("mg.example.com")
    stack.destroy()
    assert asked(emulator) == [f"GET {TRACKING}", f"PUT {TRACKING}/unsubscribe"]
    assert emulator.domain("mg.example.com").open == state.open
