"""Footers: what Mailgun puts a link into, none at all, and what it makes of them."""

from __future__ import annotations

import pytest

from mailgun_tracking import DomainTracking, UnsubscribeTrackingArgs
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.providers.engine import Engine, killed_at

DOMAIN = "mg.example.com"
VARIABLES = ("%unsubscribe_url%", "%tag_unsubscribe_url%", "%mailing_list_unsubscribe_url%")


def program(**footers: str) -> None:
    DomainTracking("mg", DOMAIN, unsubscribe=UnsubscribeTrackingArgs(active=True, **footers))


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
        f"html_footer of {DOMAIN} has no unsubscribe link; "
        f"it contains none of {', '.join(VARIABLES)}"
    )
    assert warning in engine.preview(lambda: without("<p>bye</p>")).rows["mg"]
    assert warning in engine.up(lambda: without("<p>bye</p>")).rows["mg"]
    assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == "<p>bye</p>"
    assert engine.up(lambda: without("<p>bye</p>")).rows == {}
    assert engine.preview(lambda: without("<p>Bye!</p>")).rows["mg"] == [warning]


def answers(emulator: Emulator, **footers: str) -> None:
    """The next change of footers is accepted, with these in the response."""
    section = {**emulator.domain(DOMAIN).unsubscribe, **footers}
    emulator.add_fault(
        method="PUT",
        path="*/unsubscribe",
        status=200,
        body={"message": "Domain tracking settings have been updated", "unsubscribe": section},
        times=1,
    )


@pytest.mark.behaviour(52)
def test_a_footer_that_mailgun_does_not_take_is_an_error(
    engine: Engine, emulator: Emulator
) -> None:
    """Also where somebody has changed it since, so that state does not have what it was before."""
    engine.up(lambda: program(html_footer="<p>%unsubscribe_url%</p>"))
    emulator.drift(DOMAIN, unsubscribe={"html_footer": "<p>Third: %unsubscribe_url%</p>"})
    answers(emulator)
    run = engine.up(lambda: program(html_footer="<b>%unsubscribe_url%</b>"), check=False)
    assert "still reports the old one" in run.errors["mg"]
    engine.up(lambda: program(html_footer="<b>%unsubscribe_url%</b>"))
    assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == "<b>%unsubscribe_url%</b>"


@pytest.mark.behaviour(37, 52)
def test_a_footer_that_mailgun_tidies_up_is_no_difference(
    engine: Engine, emulator: Emulator
) -> None:
    """Until it becomes something else: then it is sent again, and with it nothing but that."""
    engine.up(lambda: program(html_footer="<p>%unsubscribe_url%</p>"))
    tidy = {"html_footer": "<b>%unsubscribe_url%</b>"}

    def tidied() -> None:
        program(html_footer="<B>%unsubscribe_url%</B>")

    answers(emulator, **tidy)
    engine.up(tidied)
    emulator.drift(DOMAIN, unsubscribe=tidy)
    emulator.forget_requests()
    assert engine.up(tidied, refresh=True).steps == {"mg": "same"}
    assert puts(emulator) == []
    emulator.drift(DOMAIN, unsubscribe={"html_footer": "other"})
    engine.up(tidied, refresh=True)
    [sent] = [request.form for request in emulator.requests if request.method == "PUT"]
    assert sent == {"html_footer": "<B>%unsubscribe_url%</B>"}


@pytest.mark.behaviour(52, 77)
@pytest.mark.parametrize("how", ["killed update", "killed create", "unclear update"])
def test_a_tidied_footer_of_a_run_that_did_not_finish_is_recognized(
    engine: Engine, emulator: Emulator, how: str
) -> None:
    """Sending it once more changes nothing at Mailgun, which is no error then."""

    def tidied() -> None:
        program(html_footer="<B>%unsubscribe_url%</B>")

    if "update" in how:
        engine.up(lambda: program(html_footer="<p>%unsubscribe_url%</p>"))
    if "killed" in how:
        with killed_at(MailgunClient, "update_tracking"):
            engine.up(tidied)
    else:
        emulator.add_fault(method="PUT", status=503, headers={"retry-after": "200"})
        assert engine.up(tidied, check=False).failed
        emulator.clear_faults()
    tidy = {"html_footer": "<b>%unsubscribe_url%</b>"}
    emulator.drift(DOMAIN, unsubscribe=tidy)
    # A second run that is killed makes no difference.
    answers(emulator, **tidy)
    with killed_at(MailgunClient, "update_tracking"):
        engine.up(tidied)
    answers(emulator, **tidy)
    engine.up(tidied)
    assert engine.preview(tidied).steps == {"mg": "same"}


@pytest.mark.behaviour(52, 77)
def test_a_footer_that_is_ignored_after_a_kill_is_an_error(
    engine: Engine, emulator: Emulator
) -> None:
    """Mailgun has what it had before the run that was killed."""
    engine.up(lambda: program(html_footer="<p>%unsubscribe_url%</p>"))
    for _ in range(2):
        answers(emulator)
        with killed_at(MailgunClient, "update_tracking"):
            engine.up(lambda: program(html_footer="<b>%unsubscribe_url%</b>"))
    answers(emulator)
    run = engine.up(lambda: program(html_footer="<b>%unsubscribe_url%</b>"), check=False)
    assert "still reports the old one" in run.errors["mg"]


@pytest.mark.behaviour(39, 52)
def test_a_change_of_a_footer_looks_at_its_section_first(
    engine: Engine, emulator: Emulator
) -> None:
    """What it finds there is sent in the same request; other sections are left alone."""

    def clicks(text: str) -> None:
        footers = UnsubscribeTrackingArgs(active=True, html_footer="", text_footer=text)
        DomainTracking("mg", DOMAIN, click=True, unsubscribe=footers)

    engine.up(lambda: clicks(""))
    emulator.drift(DOMAIN, click=False, unsubscribe={"active": False})
    emulator.forget_requests()
    engine.up(lambda: clicks("Leave: %unsubscribe_url%"))
    [sent] = [request.form for request in emulator.requests if request.method == "PUT"]
    assert sent == {"active": "true", "text_footer": "Leave: %unsubscribe_url%"}
    assert emulator.domain(DOMAIN).click["active"] is False
