"""Mailgun's official JavaScript client works with the emulator, and what that client cannot do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator.client_process import ROOT, ClientError, ClientProcess
from tests.emulator.conftest import DOMAIN, HOST, KEY

FOLDER = ROOT / "tests/emulator/js_client"
GET = "domains.domainTracking.getTracking"
UPDATE = "domains.domainTracking.updateTracking"


@pytest.fixture(params=["axios", "fetch"])
def client(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[ClientProcess]:
    """The client with each of its transports, set up as in its own examples except for the URL."""
    command = ("node", str(FOLDER / "main.js"), emulator.url, KEY, request.param)
    with ClientProcess(FOLDER / "node_modules/mailgun.js/package.json", *command) as client:
        yield client


def test_tracking_settings(emulator: Emulator, client: ClientProcess) -> None:
    """Every section is set, `htmlonly` included, and read back."""
    read = client(GET, DOMAIN)
    assert [read[name]["active"] for name in ("open", "click", "unsubscribe")] == [False] * 3
    for setting in (True, False, "htmlonly"):
        updated = client(UPDATE, DOMAIN, "click", {"active": setting})
        assert updated["click"] == {"active": setting}
        assert emulator.domain(DOMAIN).click == {"active": setting}
        assert client(GET, DOMAIN)["click"] == {"active": setting}
    opened = {"active": True, "place_at_the_top": True}
    assert client(UPDATE, DOMAIN, "open", opened)["open"] == opened
    assert emulator.domain(DOMAIN).open == opened
    footers = {"active": True, "html_footer": "<p>%unsubscribe_url%</p>", "text_footer": "Leave"}
    assert client(UPDATE, DOMAIN, "unsubscribe", footers)["unsubscribe"] == footers
    assert emulator.domain(DOMAIN).unsubscribe == footers
    read = client(GET, DOMAIN)
    assert (read["open"], read["unsubscribe"]) == (opened, footers)
    (agent,) = {request.user_agent for request in emulator.requests}
    assert str(agent).startswith(("axios/", "node"))


def test_certificates(emulator: Emulator, client: ClientProcess) -> None:
    """A certificate is issued, read, and replaced once it has expired, not while it is valid."""
    started = client("domains.domainTracking.generate", HOST)
    assert (started["status"], started["location"]) == (202, f"/v2/x509/{HOST}/status")
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"
    assert client("domains.domainTracking.get", HOST)["status"] == "active"
    with pytest.raises(ClientError) as caught:
        client("domains.domainTracking.regenerate", HOST)
    assert caught.value.status == 409
    emulator.set_certificate(HOST, "expired")
    assert client("domains.domainTracking.get", HOST)["status"] == "expired"
    assert client("domains.domainTracking.regenerate", HOST)["status"] == 202
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"


def test_domains(emulator: Emulator, client: ClientProcess) -> None:
    """A domain is created, listed, read, changed and deleted."""
    name = "new.example.com"
    settings = {"name": name, "web_scheme": "https", "web_prefix": "click", "wildcard": False}
    created = client("domains.create", settings)
    assert {field: created[field] for field in settings} == settings
    assert emulator.domain(name).web_scheme == "https"
    assert emulator.domain(name).tracking_host == f"click.{name}"
    assert {domain["name"] for domain in client("domains.list")} == {DOMAIN, name}
    assert len(client("domains.list", {"limit": 1, "skip": 1})) == 1
    assert [domain["name"] for domain in client("domains.list", {"search": "new"})] == [name]
    assert client("domains.list", {"state": "unverified"}) == []
    changed = client("domains.update", name, {"web_scheme": "http", "web_prefix": "links"})
    assert (changed["web_scheme"], changed["web_prefix"]) == ("http", "links")
    assert emulator.domain(name).tracking_host == f"links.{name}"
    read = client("domains.get", name)
    assert (read["web_scheme"], read["web_prefix"]) == ("http", "links")
    assert f"links.{name}" in [record.get("name") for record in read["sending_dns_records"]]
    assert client("domains.get", name, {"with_dns": False})["sending_dns_records"] is None
    assert client("domains.verify", name)["web_prefix"] == "links"
    assert emulator.requests[-1].path == f"/v4/domains/{name}/verify"
    client("domains.destroy", name)
    assert name not in [domain.name for domain in emulator.domains()]
    with pytest.raises(ClientError, match="Domain not found") as caught:
        client("domains.get", name)
    assert caught.value.status == 404


def test_subaccounts(emulator: Emulator, client: ClientProcess) -> None:
    """The client reaches the domains of a subaccount."""
    emulator.add_domain("sub.example.com", subaccount="sub-1")
    client("setSubaccount", "sub-1")
    assert [domain["name"] for domain in client("domains.list")] == ["sub.example.com"]
    client("resetSubaccount")
    assert [domain["name"] for domain in client("domains.list")] == [DOMAIN]


def test_web_prefix_has_no_call_of_its_own(emulator: Emulator, client: ClientProcess) -> None:
    """The emulator lacks the endpoint of a deprecated call; `domains.update` does the same."""
    with pytest.raises(ClientError, match="does not have PUT") as caught:
        client("domains.updateWebPrefix", DOMAIN, {"webPrefix": "click"})
    assert caught.value.status == 501
    assert emulator.domain(DOMAIN).web_prefix == "email"


def test_footers_cannot_be_emptied(emulator: Emulator, client: ClientProcess) -> None:
    """The client leaves out empty values, so Mailgun keeps what it has."""
    before = emulator.domain(DOMAIN).unsubscribe
    emptied = {"active": True, "html_footer": "", "text_footer": ""}
    client(UPDATE, DOMAIN, "unsubscribe", emptied)
    assert emulator.requests[-1].form == {"active": "yes"}
    assert emulator.domain(DOMAIN).unsubscribe == {**before, "active": True}


def test_line_feeds_of_footers_cannot_be_kept(emulator: Emulator, client: ClientProcess) -> None:
    """Node's FormData sends every line feed as CR LF; Mailgun gets the footer with those."""
    client(UPDATE, DOMAIN, "unsubscribe", {"text_footer": "To leave:\n<%unsubscribe_url%>\n"})
    footer = "To leave:\r\n<%unsubscribe_url%>\r\n"
    assert emulator.domain(DOMAIN).unsubscribe["text_footer"] == footer
    assert client(GET, DOMAIN)["unsubscribe"]["text_footer"] == footer


def test_x509_errors_cannot_be_read(emulator: Emulator, client: ClientProcess) -> None:
    """The client takes the text of an error from `message`; x509 has `Description` or `Reason`."""
    with pytest.raises(ClientError, match=r"^Not Found: $"):
        client("domains.domainTracking.get", HOST)
    emulator.set(plan_has_certificates=False)
    with pytest.raises(ClientError, match=r"^Payment Required: $"):
        client("domains.domainTracking.generate", HOST)
