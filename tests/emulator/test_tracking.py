"""Tracking settings: what a PUT accepts, what it changes, and what is read back."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator import official
from tests.emulator.conftest import DOMAIN, Api, multipart

TRACKING = f"/v3/domains/{DOMAIN}/tracking"


def test_the_fields_of_a_new_domain(api: Api) -> None:
    assert api.tracking() == {
        "open": {"active": False, "place_at_the_top": False},
        "click": {"active": False},
        "unsubscribe": {
            "active": False,
            "html_footer": '<br>\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>\n',
            "text_footer": "To unsubscribe click: <%unsubscribe_url%>\n\n",
        },
        "web_scheme": "http",
    }


@pytest.mark.parametrize("encoding", ["multipart", "urlencoded"])
@pytest.mark.parametrize(
    ("section", "field", "sent", "read"),
    [
        ("click", "active", "true", True),
        ("click", "active", "yes", True),
        ("click", "active", "htmlonly", "htmlonly"),
        ("open", "active", "yes", True),
        ("open", "active", "true", True),
        ("open", "place_at_the_top", "yes", True),
        ("unsubscribe", "active", "true", True),
        ("unsubscribe", "html_footer", "<p>ü %unsubscribe_url%</p>\n", None),
        ("unsubscribe", "text_footer", "", None),
    ],
)
def test_a_put_only_changes_the_field_that_it_sends(
    emulator: Emulator, api: Api, encoding: str, section: str, field: str, sent: str, read: Any
) -> None:
    expected = api.tracking()
    expected[section][field] = sent if read is None else read
    form: dict[str, Any] = (
        {"files": {field: (None, sent)}} if encoding == "multipart" else {"data": {field: sent}}
    )
    response = api.put(f"{TRACKING}/{section}", **form)
    assert response.json()["message"] == "Domain tracking settings have been updated"
    assert response.json()[section] == expected[section]
    assert api.tracking() == expected
    assert emulator.requests[-2].form == {field: sent}


@pytest.mark.parametrize("text", ["false", "no"])
@pytest.mark.parametrize("section", ["click", "open", "unsubscribe"])
def test_sections_can_be_turned_off(emulator: Emulator, api: Api, section: str, text: str) -> None:
    settings: dict[str, Any] = {section: True}
    emulator.drift(DOMAIN, **settings)
    assert (
        api.put(f"{TRACKING}/{section}", data={"active": text}).json()[section]["active"] is False
    )


@pytest.mark.behaviour(47)
@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("click", "active", "maybe"),
        ("click", "active", ""),
        ("click", "active", "1"),
        ("click", "active", "HtmlOnly"),
        ("click", "active", "Yes"),
        ("open", "active", "htmlonly"),
        ("open", "active", "TRUE"),
        ("open", "active", " true"),
        ("unsubscribe", "active", "NO"),
        ("open", "place_at_the_top", "on"),
        ("unsubscribe", "active", "htmlonly"),
    ],
)
def test_an_invalid_value_is_rejected_and_changes_nothing(
    emulator: Emulator, api: Api, section: str, field: str, value: str
) -> None:
    """Not even the valid fields in the same form."""
    before = emulator.domain(DOMAIN)
    form = {"html_footer": "new", "place_at_the_top": "true", field: value}
    response = api.put(f"{TRACKING}/{section}", data=form)
    assert response.status_code == 400
    assert field in response.json()["message"]
    assert emulator.domain(DOMAIN) == before


def test_an_unknown_field_is_ignored_but_recorded(emulator: Emulator, api: Api) -> None:
    response = api.put(f"{TRACKING}/click", data={"active": "true", "colour": "blue"})
    assert response.json()["click"]["active"] is True
    assert emulator.requests[-1].form == {"active": "true", "colour": "blue"}


@pytest.mark.behaviour(47)
@pytest.mark.parametrize(
    "path",
    [*(f"{TRACKING}/{name}" for name in ("click", "open", "unsubscribe")), f"/v4/domains/{DOMAIN}"],
)
def test_a_put_needs_a_form(emulator: Emulator, api: Api, path: str) -> None:
    """Mailgun's file requires a body; the fields in it are optional."""
    before = emulator.domain(DOMAIN)
    assert official.document()["paths"][official.template_of("PUT", path)]["put"]["requestBody"][
        "required"
    ]
    for form in ({}, {"data": b""}, {"files": {"active": ("active.txt", b"true")}}):
        response = api.put(path, **form)
        assert (response.status_code, response.json()) == (400, {"message": "the form is missing"})
    assert emulator.domain(DOMAIN) == before
    assert api.put(path, files=multipart({"colour": "blue"})).status_code == 200
    assert emulator.domain(DOMAIN) == before


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"active": True}},
        {"data": '{"active": true}', "headers": {"Content-Type": "text/plain"}},
        {"data": b"active=true"},
        {"data": b"active=%ff", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"data": b"active=true", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"data": b"active=true", "headers": {"Content-Type": "multipart/form-data"}},
    ],
    ids=["json", "text", "untyped", "not UTF-8", "malformed multipart", "no boundary"],
)
@pytest.mark.parametrize("path", [f"{TRACKING}/click", f"/v4/domains/{DOMAIN}"])
def test_a_body_that_is_not_a_form_is_rejected(
    emulator: Emulator, api: Api, path: str, body: dict[str, Any]
) -> None:
    before = emulator.domain(DOMAIN)
    assert api.put(path, **body).status_code == 400
    assert emulator.domain(DOMAIN) == before


def test_fields_in_the_query_are_ignored(emulator: Emulator, api: Api) -> None:
    api.put(f"{TRACKING}/click?active=true", data={"colour": "blue"})
    assert emulator.domain(DOMAIN).click["active"] is False
    assert emulator.requests[-1].query == {"active": "true"}


def test_the_first_of_repeated_fields_is_used(emulator: Emulator, api: Api) -> None:
    api.put(f"{TRACKING}/click", data=[("active", "htmlonly"), ("active", "false")])
    assert emulator.domain(DOMAIN).click["active"] == "htmlonly"


def test_domain_names_are_case_insensitive(api: Api) -> None:
    api.put("/v3/domains/MG.Example.COM/tracking/click", data={"active": "yes"})
    assert api.tracking("mG.eXample.com")["click"]["active"] is True
