"""What is managed is what the program mentions, as Mailgun has it."""

from __future__ import annotations

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
TRACKING = f"PUT /v3/domains/{DOMAIN}/tracking"
HTML = "<p><a href='%unsubscribe_url%'>bye</a></p>"
TEXT = "Leave: %unsubscribe_url%"


@pytest.mark.behaviour(6, 8)
def test_only_the_fields_that_the_program_mentions_are_managed(
    engine: Engine, emulator: Emulator
) -> None:
    """All others may be changed by hand: no difference, no call, and destroy leaves them."""
    emulator.drift(DOMAIN, open=True, click="htmlonly")

    def program() -> None:
        DomainTracking(
            "mg",
            DOMAIN,
            open={"place_at_the_top": True},
            unsubscribe={"active": True, "html_footer": HTML},
        )

    engine.up(program)
    assert {r.path.rpartition("/")[2]: r.form for r in emulator.requests if r.method == "PUT"} == {
        "open": {"place_at_the_top": "true"},
        "unsubscribe": {"active": "true", "html_footer": HTML},
    }
    outputs = engine.state["mg"].outputs
    managed = ["open.place_at_the_top", "unsubscribe.active", "unsubscribe.html_footer"]
    assert outputs["managed"] == managed
    assert outputs["click"]["active"] == "htmlonly"
    assert outputs["open"]["active"] is True

    emulator.drift(DOMAIN, open=False, click=True, unsubscribe={"text_footer": TEXT})
    assert engine.preview(program, refresh=True).steps == {"mg": "same"}
    engine.refresh()
    outputs = engine.state["mg"].outputs
    assert outputs["open"]["active"] is False
    assert outputs["click"]["active"] is True
    assert outputs["unsubscribe"] == {"active": True, "html_footer": HTML}
    assert outputs["managed"] == managed

    emulator.forget_requests()
    engine.destroy()
    assert puts(emulator) == [f"{TRACKING}/unsubscribe"]
    now = emulator.domain(DOMAIN)
    assert (now.open["active"], now.open["place_at_the_top"]) == (False, True)
    assert now.click["active"] is True
    assert now.unsubscribe["active"] is False
    assert now.unsubscribe["html_footer"] == HTML
    assert now.unsubscribe["text_footer"] == TEXT


@pytest.mark.behaviour(6, 14)
def test_letting_go_of_a_field_makes_no_call_and_says_so(
    engine: Engine, emulator: Emulator
) -> None:
    """The field is left alone from then on, by destroy too."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, open=True, click="htmlonly", web_prefix="email"))
    emulator.forget_requests()

    def less() -> None:
        DomainTracking("mg", DOMAIN, open=True)

    run = engine.up(less)
    assert run.steps == {"mg": "update"}
    assert run.rows["mg"] == [
        f"click of {DOMAIN} is no longer managed; left at htmlonly",
        f"web_prefix of {DOMAIN} is no longer managed; left at email",
    ]
    assert engine.state["mg"].outputs["managed"] == ["open.active"]
    assert engine.up(less).steps == {"mg": "same"}
    assert calls(emulator) == []
    engine.destroy()
    assert puts(emulator) == [f"{TRACKING}/open"]
    assert emulator.domain(DOMAIN).click["active"] == "htmlonly"


@pytest.mark.behaviour(6, 14)
def test_a_replacement_does_not_say_that_fields_are_released(
    engine: Engine, emulator: Emulator
) -> None:
    """They are turned off with the old resource."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, open=True))
    run = engine.up(lambda: DomainTracking("mg", "two.example.com", open=True))
    assert run.steps == {"mg": "replace"}
    assert "no longer managed" not in str(run.rows)
    assert emulator.domain(DOMAIN).click["active"] is False


@pytest.mark.behaviour(7)
def test_state_holds_what_mailgun_said_and_not_what_it_was_told(
    engine: Engine, emulator: Emulator
) -> None:
    """Though Mailgun reads back something else, the next up and refresh see no difference."""
    emulator.set_dials(htmlonly_reads_as="true", footer_newlines="crlf", put_answers="message_only")

    def program() -> None:
        DomainTracking(
            "mg",
            DOMAIN,
            click="htmlonly",
            unsubscribe={"text_footer": "Leave:\n%unsubscribe_url%\n"},
        )

    engine.up(program)
    said = engine.state["mg"].outputs
    assert said["click"]["active"] is True
    assert said["unsubscribe"]["text_footer"] == "Leave:\r\n%unsubscribe_url%\r\n"
    assert engine.refresh().steps == {"mg": "same"}
    assert engine.state["mg"].outputs == said
    emulator.forget_requests()
    assert engine.up(program).steps == {"mg": "same"}
    assert calls(emulator) == []
    assert emulator.domain(DOMAIN).click["active"] == "htmlonly"

    # Nor does it hold a change that Mailgun refused.
    emulator.add_fault(method="PUT", path="*/click", status=400, times=1)
    assert engine.up(lambda: DomainTracking("mg", DOMAIN, click=False), check=False).failed
    assert engine.state["mg"].outputs["click"]["active"] is True


@pytest.mark.behaviour(10)
def test_a_different_spelling_is_no_difference(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a look at Mailgun, which need not even be there."""

    def program(domain: str, line_end: str) -> None:
        footer = f"<p>%unsubscribe_url%</p>{line_end}"
        DomainTracking("mg", domain, open=True, unsubscribe={"html_footer": footer})

    engine.up(lambda: program(DOMAIN, "\n"))
    monkeypatch.setenv("MAILGUN_BASE_URL", "http://127.0.0.1:9")
    assert engine.preview(lambda: program("MG.example.com.", "\r\n")).steps == {"mg": "same"}
    assert engine.preview(lambda: program(DOMAIN, "!")).steps == {"mg": "update"}


@pytest.mark.behaviour(10, 11)
def test_a_resource_that_exists_is_checked_without_a_look(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change previews though Mailgun cannot be reached, which is not even noticed."""

    def program(click: bool | str) -> None:
        mg = DomainTracking("mg", DOMAIN, click=click)  # type: ignore[arg-type]
        TrackingCertificate("certificate", mg.tracking_domain)

    engine.up(lambda: program(True))
    monkeypatch.setenv("MAILGUN_BASE_URL", "http://127.0.0.1:9")
    preview = engine.preview(lambda: program("htmlonly"))
    assert preview.steps == {"mg": "update", "certificate": "same"}
    assert preview.rows == {}
    assert emulator.domain(DOMAIN).click["active"] is True


@pytest.mark.behaviour(13)
def test_two_resources_may_share_a_domain_but_no_field(engine: Engine, emulator: Emulator) -> None:
    """Both are named, however the domain is spelled."""

    def conflict() -> None:
        DomainTracking("one", DOMAIN, open=True, click=True)
        DomainTracking("other", "MG.example.com.", click="htmlonly")

    refused = engine.preview(conflict, check=False).refused
    assert list(refused) == ["other"]
    assert "both one and other" in refused["other"][0]

    def apart() -> None:
        DomainTracking("one", DOMAIN, open=True, click=True)
        DomainTracking("other", DOMAIN, unsubscribe=True)
        DomainTracking("top", DOMAIN, open={"place_at_the_top": True})
        DomainTracking("two", "two.example.com", open=True, click=True)

    engine.up(apart)
    assert set(engine.up(apart).steps.values()) == {"same"}
    now = emulator.domain(DOMAIN)
    assert (now.open["active"], now.open["place_at_the_top"]) == (True, True)
    assert (now.click["active"], now.unsubscribe["active"]) == (True, True)
