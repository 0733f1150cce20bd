"""The lifecycle, on every reading of what Mailgun's documents leave open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from mailgun_tracking.emulator import Dials, Emulator
from tests.behaviour.lifecycle import HTML_FOOTER, OTHER_FOOTER, TEXT_FOOTER, run_lifecycle
from tests.behaviour.mail import MailFactory, puts
from tests.engine.result import Result

DOMAIN = "dials.example.com"
HOST = f"links.{DOMAIN}"
TRACKING = f"/v3/domains/{DOMAIN}/tracking"
SECTIONS = [f"PUT {TRACKING}/{kind}" for kind in ("click", "open", "unsubscribe")]


def settings() -> Iterator[dict[str, str]]:
    """All dials at their defaults, and then each one at each of its other settings."""
    yield {}
    hints = get_type_hints(Dials)
    for dial in dataclasses.fields(Dials):
        for setting in get_args(hints[dial.name]):
            if setting != dial.default:
                yield {dial.name: setting}


def named(setting: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in setting.items()) or "defaults"


@pytest.mark.behaviour(37)
@pytest.mark.parametrize("dials", settings(), ids=named)
def test_lifecycle(mail: MailFactory, emulator: Emulator, dials: dict[str, str]) -> None:
    """No permanent difference and no PUT too many, whichever way Mailgun answers."""
    emulator.set_dials(**dials)
    emulator.add_domain(DOMAIN)
    started_on = dials.get("new_domain_tracking") == "on"
    assert emulator.domain(DOMAIN).click["active"] is started_on
    # An attempt that failed is what POST and PUT have to find the way out of, ...
    emulator.set_certificate(HOST, "error")

    def look(stage: str, result: Result) -> None:
        changing = sorted(puts(emulator))
        emulator.forget_requests()
        now = emulator.domain(DOMAIN)
        if stage == "create":
            assert changing == sorted(
                [f"PUT /v2/x509/{HOST}", f"PUT /v4/domains/{DOMAIN}", *SECTIONS]
            )
            assert now.click == {"active": "htmlonly"}
            assert now.open == {"active": True, "place_at_the_top": True}
            assert now.unsubscribe["html_footer"] == HTML_FOOTER
            assert now.unsubscribe["text_footer"] == TEXT_FOOTER
            assert now.web_prefix == "links"
            assert now.certificates[HOST].status == "active"
            # ... and one in its last third is what Mailgun may renew by itself.
            month = 30 * 86400
            emulator.set_certificate(
                HOST, "active", lifetime_seconds=3 * month, age_seconds=2.5 * month
            )
        elif stage in ("update", "destroy"):
            assert changing == SECTIONS if stage == "update" else set(changing) <= set(SECTIONS)
        else:
            assert changing == []
        if stage == "update":
            assert now.click == {"active": True}
            assert now.open == {"active": False, "place_at_the_top": False}
            assert now.unsubscribe["html_footer"] == OTHER_FOOTER
            assert now.unsubscribe["text_footer"] == TEXT_FOOTER

    run_lifecycle(mail(), DOMAIN, "links", look=look)
    end = emulator.domain(DOMAIN)
    assert not any((end.open["active"], end.click["active"], end.unsubscribe["active"]))
    assert end.unsubscribe["html_footer"] == OTHER_FOOTER
    assert end.certificates[HOST].status == "active"
