"""The lifecycle, whichever way Mailgun does what its documentation leaves open."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking.emulator import Dials, Emulator
from tests.behaviour.mail import puts
from tests.providers.engine import Engine

DOMAIN = "dials.example.com"
HTML_FOOTER = '<hr>\n<p><a href="%unsubscribe_url%">No more of this</a></p>\n'
TEXT_FOOTER = "--\nNo more of this: <%unsubscribe_url%>\n\n"
OTHER_FOOTER = '<p>\n<a href="%unsubscribe_url%">Stop</a>\n</p>'
SECTIONS = {
    f"PUT /v3/domains/{DOMAIN}/tracking/{section}" for section in ("click", "open", "unsubscribe")
}
DAY = 86400


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


def first(prefix: str) -> None:
    tracking = DomainTracking(
        "tracking",
        DOMAIN,
        click="htmlonly",
        open={"active": True, "place_at_the_top": True},
        unsubscribe={"active": True, "html_footer": HTML_FOOTER, "text_footer": TEXT_FOOTER},
        web_prefix=prefix,
    )
    TrackingCertificate("certificate", tracking.tracking_domain)


def second(prefix: str) -> None:
    tracking = DomainTracking(
        "tracking",
        DOMAIN,
        click=True,
        open={"active": False, "place_at_the_top": False},
        unsubscribe={"active": True, "html_footer": OTHER_FOOTER, "text_footer": ""},
        web_prefix=prefix,
    )
    TrackingCertificate("certificate", tracking.tracking_domain)


@pytest.mark.behaviour(37)
@pytest.mark.parametrize("dials", settings(), ids=named)
def test_lifecycle(engine: Engine, emulator: Emulator, dials: dict[str, str]) -> None:
    """No permanent difference and no PUT too many."""
    emulator.set_dials(**dials)
    emulator.add_domain(DOMAIN)
    # Links of a domain with a custom host stay there: its prefix cannot be changed.
    is_custom = emulator.domain(DOMAIN).tracking_host != f"email.{DOMAIN}"
    prefix = "email" if is_custom else "links"
    host = emulator.domain(DOMAIN).tracking_host if is_custom else f"links.{DOMAIN}"
    # The way out of an attempt that failed is POST on one Mailgun, and PUT on another.
    emulator.set_certificate(host, "error")

    def sent() -> set[str]:
        changing = puts(emulator)
        emulator.forget_requests()
        assert len(set(changing)) == len(changing)
        return set(changing)

    def assert_no_difference() -> None:
        same = dict.fromkeys(("tracking", "certificate"), "same")
        assert engine.up(program).steps == same
        assert engine.preview(program, refresh=True).steps == same
        assert engine.refresh().steps == same
        assert sent() == set()

    program = functools.partial(first, prefix)
    engine.up(program)
    moved = set() if is_custom else {f"PUT /v4/domains/{DOMAIN}"}
    asked = {f"PUT /v2/x509/{host}"}
    if emulator.dials.put_after_error == "conflict":
        asked.add(f"POST /v2/x509/{host}")
    assert sent() == SECTIONS | asked | moved
    now = emulator.domain(DOMAIN)
    assert now.click["active"] == "htmlonly"
    assert (now.open["active"], now.open["place_at_the_top"]) == (True, True)
    assert now.unsubscribe["html_footer"] == HTML_FOOTER
    assert now.unsubscribe["text_footer"] == TEXT_FOOTER
    assert (now.web_prefix, now.tracking_host) == (prefix, host)
    assert now.certificates[host].status == "active"
    assert_no_difference()

    program = functools.partial(second, prefix)
    assert engine.up(program).steps == {"tracking": "update", "certificate": "same"}
    assert sent() == SECTIONS
    now = emulator.domain(DOMAIN)
    assert now.click["active"] is True
    assert (now.open["active"], now.open["place_at_the_top"]) == (False, False)
    assert now.unsubscribe["html_footer"] == OTHER_FOOTER
    assert now.unsubscribe["text_footer"] == ""
    assert_no_difference()

    # In the last third of its lifetime Mailgun may renew a certificate by itself.
    emulator.set_certificate(host, lifetime_seconds=90 * DAY, age_seconds=75 * DAY)
    engine.refresh()
    assert_no_difference()

    engine.destroy()
    assert sent() <= SECTIONS
    end = emulator.domain(DOMAIN)
    assert not any((end.open["active"], end.click["active"], end.unsubscribe["active"]))
    assert end.unsubscribe["html_footer"] == OTHER_FOOTER
    assert end.certificates[host].status == "active"
