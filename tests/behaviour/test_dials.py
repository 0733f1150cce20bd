"""The lifecycle on the engine, on two readings of what Mailgun's documentation leaves open.

Each dial at each of its settings is tested in tests/providers.
"""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.emulator.dials import allowed_settings
from tests.behaviour.lifecycle import HTML_FOOTER, OTHER_FOOTER, TEXT_FOOTER, run_lifecycle
from tests.behaviour.mail import MailFactory, puts
from tests.engine.result import Result

DOMAIN = "dials.example.com"
TRACKING = f"/v3/domains/{DOMAIN}/tracking"
SECTIONS = [f"PUT {TRACKING}/{section}" for section in ("click", "open", "unsubscribe")]
OTHERS = {name: settings[-1] for name, settings in allowed_settings().items()}


@pytest.mark.behaviour(37)
@pytest.mark.parametrize("dials", [{}, OTHERS], ids=["defaults", "others"])
def test_lifecycle(mail: MailFactory, emulator: Emulator, dials: dict[str, str]) -> None:
    """No permanent difference and no PUT too many."""
    emulator.set_dials(**dials)
    emulator.add_domain(DOMAIN)
    # Links of a domain with a custom host stay there: its prefix cannot be changed.
    is_custom = emulator.domain(DOMAIN).tracking_host != f"email.{DOMAIN}"
    host = emulator.domain(DOMAIN).tracking_host if is_custom else f"links.{DOMAIN}"
    moved = [] if is_custom else [f"PUT /v4/domains/{DOMAIN}"]
    emulator.set_certificate(host, "expired")

    def look(stage: str, _result: Result) -> None:
        changing = sorted(puts(emulator))
        emulator.forget_requests()
        now = emulator.domain(DOMAIN)
        if stage == "create":
            assert changing == sorted([f"PUT /v2/x509/{host}", *moved, *SECTIONS])
            assert now.click["active"] == "htmlonly"
            assert now.unsubscribe["html_footer"] == HTML_FOOTER
            assert now.unsubscribe["text_footer"] == TEXT_FOOTER
            assert now.certificates[host].status == "active"
        elif stage in ("update", "destroy"):
            assert changing == SECTIONS if stage == "update" else set(changing) <= set(SECTIONS)
        else:
            assert changing == []
        if stage == "update":
            assert now.click["active"] is True
            assert now.unsubscribe["html_footer"] == OTHER_FOOTER
            assert now.unsubscribe["text_footer"] == ""

    run_lifecycle(mail(), DOMAIN, "email" if is_custom else "links", look=look)
    end = emulator.domain(DOMAIN)
    assert not any((end.open["active"], end.click["active"], end.unsubscribe["active"]))
    assert end.certificates[host].status == "active"
