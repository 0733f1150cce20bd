"""Mailgun's official Go client works with the emulator, and what that client cannot do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator.client_process import ROOT, ClientError, ClientProcess
from tests.emulator.conftest import DOMAIN, KEY

PROGRAM = ROOT / ".engine/bin/mailgun-go-client"
HTML_FOOTER = '\n<br>\n<p><a href="%unsubscribe_url%">Leave</a></p>\n'
TEXT_FOOTER = "\n\nTo leave click: <%unsubscribe_url%>\n\n"


@pytest.fixture
def client(emulator: Emulator) -> Iterator[ClientProcess]:
    """The client, set up as in its own examples except for the URL."""
    with ClientProcess(PROGRAM, str(PROGRAM), emulator.url, KEY) as client:
        yield client


def test_tracking_settings(emulator: Emulator, client: ClientProcess) -> None:
    """Every section is set and read back."""
    read = client("GetDomainTracking", DOMAIN)
    assert [read[name]["active"] for name in ("open", "click", "unsubscribe")] == [False] * 3
    for text, active in (("yes", True), ("no", False), ("true", True), ("false", False)):
        client("UpdateClickTracking", DOMAIN, text)
        assert emulator.domain(DOMAIN).click == {"active": active}
        assert client("GetDomainTracking", DOMAIN)["click"]["active"] is active
    client("UpdateOpenTracking", DOMAIN, "true")
    assert emulator.domain(DOMAIN).open == {"active": True, "place_at_the_top": False}
    client("UpdateUnsubscribeTracking", DOMAIN, "true", HTML_FOOTER, TEXT_FOOTER)
    footers = {"active": True, "html_footer": HTML_FOOTER, "text_footer": TEXT_FOOTER}
    assert emulator.domain(DOMAIN).unsubscribe == footers
    read = client("GetDomainTracking", DOMAIN)
    assert (read["open"]["active"], read["unsubscribe"]) == (True, footers)
    (agent,) = {request.user_agent for request in emulator.requests}
    assert str(agent).startswith("mailgun-go/")


def test_domains(emulator: Emulator, client: ClientProcess) -> None:
    """A domain is created, listed, read, changed and deleted."""
    name = "new.example.com"
    created = client("CreateDomain", name, "https", "click")["domain"]
    assert (created["name"], created["web_prefix"]) == (name, "click")
    assert emulator.domain(name).web_scheme == "https"
    assert emulator.domain(name).tracking_host == f"click.{name}"
    assert {domain["name"] for domain in client("ListDomains", "1")} == {DOMAIN, name}
    pages = [{"limit": "1"}, {"limit": "1", "skip": "1"}, {"limit": "1", "skip": "2"}]
    assert [request.query for request in emulator.requests[-3:]] == pages
    client("UpdateDomain", name, "http", "links")
    read = client("GetDomain", name)
    assert (read["domain"]["web_scheme"], read["domain"]["web_prefix"]) == ("http", "links")
    assert f"links.{name}" in [record.get("name") for record in read["sending_dns_records"]]
    assert emulator.domain(name).tracking_host == f"links.{name}"
    assert client("VerifyDomain", name)["domain"]["web_prefix"] == "links"
    assert emulator.requests[-1].path == f"/v4/domains/{name}/verify"
    client("DeleteDomain", name)
    assert name not in [domain.name for domain in emulator.domains()]
    with pytest.raises(ClientError, match="Domain not found") as caught:
        client("GetDomain", name)
    assert caught.value.status == 404


def test_htmlonly_cannot_be_read(emulator: Emulator, client: ClientProcess) -> None:
    """The client sets it, but its type of `active` is bool: the response is an error to it."""
    client("UpdateClickTracking", DOMAIN, "htmlonly")
    assert emulator.domain(DOMAIN).click == {"active": "htmlonly"}
    with pytest.raises(ClientError, match="cannot unmarshal string into") as caught:
        client("GetDomainTracking", DOMAIN)
    assert (emulator.requests[-1].status, caught.value.status) == (200, -1)
    emulator.set_dials(htmlonly_reads_as="true")
    assert client("GetDomainTracking", DOMAIN)["click"]["active"] is True


def test_open_pixel_cannot_be_placed(emulator: Emulator, client: ClientProcess) -> None:
    """The client neither sends nor reads `place_at_the_top`, and leaves it as it is."""
    emulator.drift(DOMAIN, open={"place_at_the_top": True})
    client("UpdateOpenTracking", DOMAIN, "yes")
    assert emulator.requests[-1].form == {"active": "yes"}
    assert emulator.domain(DOMAIN).open == {"active": True, "place_at_the_top": True}
    assert "place_at_the_top" not in client("GetDomainTracking", DOMAIN)["open"]


def test_footers_cannot_be_left_out(emulator: Emulator, client: ClientProcess) -> None:
    """The client always sends both footers, so turning off with empty ones deletes them."""
    client("UpdateUnsubscribeTracking", DOMAIN, "no", "", "")
    emptied = {"active": False, "html_footer": "", "text_footer": ""}
    assert emulator.domain(DOMAIN).unsubscribe == emptied


def test_subaccounts_cannot_be_reached(emulator: Emulator, client: ClientProcess) -> None:
    """The client sends the header of a subaccount with messages only, not with these calls."""
    emulator.add_domain("sub.example.com", subaccount="sub-1")
    client("SetOnBehalfOfSubaccount", "sub-1")
    assert [domain["name"] for domain in client("ListDomains", "100")] == [DOMAIN]
    assert {request.on_behalf_of for request in emulator.requests} == {None}


def test_there_are_no_certificates(client: ClientProcess) -> None:
    """The client has no call for them."""
    names = client("methods")
    assert "GetDomainTracking" in names
    assert [name for name in names if "x509" in name.lower() or "cert" in name.lower()] == []
