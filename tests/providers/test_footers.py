"""Footers: what Mailgun puts a link into, none at all, and what it makes of them."""

from __future__ import annotations

import pytest

from mailgun_tracking import DomainTracking
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
VARIABLES = ("%unsubscribe_url%", "%tag_unsubscribe_url%", "%mailing_list_unsubscribe_url%")


def program(**footers: str) -> None:
    DomainTracking("mg", DOMAIN, unsubscribe={"active": True, **footers})


@pytest.mark.behaviour(49)
@pytest.mark.parametrize("dial", ["present", "missing"])
@pytest.mark.parametrize("html", ["", "<p>%unsubscribe_url%</p>"])
@pytest.mark.parametrize("text", ["", "Leave: %unsubscribe_url%"])
def test_an_empty_footer_is_sent_once_and_kept(
    engine: Engine, emulator: Emulator, html: str, text: str, dial: str
) -> None:
    """Also where it is not in the responses; one that somebody fills in is emptied again."""
    emulator.set_dials(empty_footer=dial)
    engine.up(lambda: program(html_footer=html, text_footer=text))
    assert engine.state["mg"].outputs["unsubscribe"].get("html_footer", "") == html
    emulator.forget_requests()
    engine.refresh()
    assert engine.up(lambda: program(html_footer=html, text_footer=text)).steps == {"mg": "same"}
    assert puts(emulator) == []
    emulator.drift(DOMAIN, unsubscribe={"html_footer": "other", "text_footer": "other"})
    engine.up(lambda: program(html_footer=html, text_footer=text), refresh=True)
    now = emulator.domain(DOMAIN).unsubscribe
    assert now == {"active": True, "html_footer": html, "text_footer": text}


@pytest.mark.behaviour(49)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_footer_with_any_of_the_variables_is_fine(engine: Engine, variable: str) -> None:
    run = engine.up(lambda: program(html_footer=f"<p>{variable}</p>", text_footer=variable))
    assert run.rows == {"mg": run.rows["mg"][:1]}


@pytest.mark.behaviour(49)
def test_a_footer_without_a_link_is_warned_of_while_it_is_new(
    engine: Engine, emulator: Emulator
) -> None:
    """It is taken all the same, and kept without another word."""

    def without(footer: str) -> None:
        program(html_footer=footer, text_footer="Leave: %unsubscribe_url%")

    warning = (
        f"html_footer of {DOMAIN} has no link to unsubscribe; "
        f"it contains none of {', '.join(VARIABLES)}"
    )
    assert warning in engine.preview(lambda: without("<p>bye</p>")).rows["mg"]
    assert warning in engine.up(lambda: without("<p>bye</p>")).rows["mg"]
    assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == "<p>bye</p>"
    assert engine.up(lambda: without("<p>bye</p>")).rows == {}
    assert engine.preview(lambda: without("<p>Bye!</p>")).rows["mg"] == [warning]
