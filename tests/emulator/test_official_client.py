"""Mailgun's official Python client works with the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator import official
from tests.emulator.conftest import DOMAIN, HOST, KEY

client_module = pytest.importorskip(
    "mailgun.client", reason="the official client needs Python 3.11 and the package mailgun"
)


@pytest.fixture
def client(emulator: Emulator) -> Iterator[Any]:
    """The client, created as in its own examples except for the URL."""
    with client_module.Client(auth=("api", KEY), api_url=emulator.url) as client:
        yield client


def _checked(emulator: Emulator, response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    last = emulator.requests[-1]
    official.check(last.method, last.path, response.status_code, response.json())
    body: dict[str, Any] = response.json()
    return body


def test_tracking_settings(emulator: Emulator, client: Any) -> None:
    read = _checked(emulator, client.domains_tracking.get(domain=DOMAIN))
    assert read["tracking"]["click"]["active"] is False
    response = client.domains_tracking_open.put(
        domain=DOMAIN, data={"active": "yes", "skip_verification": "false"}
    )
    assert _checked(emulator, response)["open"]["active"] is True
    response = client.domains_tracking_click.put(domain=DOMAIN, data={"active": "htmlonly"})
    assert _checked(emulator, response)["click"]["active"] == "htmlonly"
    footers = {
        "active": "yes",
        "html_footer": '\n<br>\n<p><a href="%unsubscribe_url%">UnSuBsCrIbE</a></p>\n',
        "text_footer": "\n\nTo unsubscribe here click: <%unsubscribe_url%>\n\n",
    }
    response = client.domains_tracking_unsubscribe.put(domain=DOMAIN, data=footers)
    section = _checked(emulator, response)["unsubscribe"]
    assert {name: section[name] for name in footers} == {**footers, "active": True}
    domain = emulator.domain(DOMAIN)
    assert (domain.open["active"], domain.click["active"]) == (True, "htmlonly")
    assert {r.user_agent for r in emulator.requests} == {"mailgun-api-python/1.10.0"}


def test_certificates(emulator: Emulator, client: Any) -> None:
    started = _checked(emulator, client.x509.create(domain=HOST), 202)
    assert started["location"] == f"/v2/x509/{HOST}/status"
    status = _checked(emulator, client.x509_status.get(domain=HOST))
    assert status["status"] == "active"
    emulator.set_certificate(HOST, "expired")
    _checked(emulator, client.x509.put(domain=HOST), 202)
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"


def test_domains(emulator: Emulator, client: Any) -> None:
    listed = _checked(emulator, client.domainlist.get())
    assert emulator.requests[-1].path == "/v4/domains"
    assert [item["name"] for item in listed["items"]] == [DOMAIN]
    read = _checked(emulator, client.domains.get(domain=DOMAIN))
    assert read["domain"]["web_scheme"] == "http"
    # It sends a urlencoded form, which Mailgun is said to ignore.
    response = client.domains.put(domain=DOMAIN, data={"web_scheme": "https"})
    assert _checked(emulator, response)["domain"]["web_scheme"] == "http"
    emulator.set_dials(domain_put_urlencoded="applied")
    response = client.domains.put(domain=DOMAIN, data={"web_scheme": "https"})
    assert _checked(emulator, response)["domain"]["web_scheme"] == "https"
    _checked(emulator, client.domains.delete(domain=DOMAIN))
    assert [domain.region for domain in emulator.domains()] == ["eu", "eu"]
