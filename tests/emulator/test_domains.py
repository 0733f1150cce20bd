"""Domains: reading, listing, creating, deleting, and moving their tracking host."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator.conftest import DOMAIN, HOST, Api


def _cname(details: dict[str, Any]) -> dict[str, Any]:
    found = [r for r in details["sending_dns_records"] if r["record_type"] == "CNAME"]
    assert len(found) == 1
    record: dict[str, Any] = found[0]
    return record


@pytest.mark.parametrize(
    ("prefix", "value"), [("", "mailgun.org"), ("/us", "mailgun.org"), ("/eu", "eu.mailgun.org")]
)
def test_the_cname_record_depends_on_the_region(api: Api, prefix: str, value: str) -> None:
    details = api.get(f"{prefix}/v4/domains/{DOMAIN}").json()
    assert details["domain"]["web_prefix"] == "email"
    assert details["domain"]["web_scheme"] == "http"
    record = _cname(details)
    assert (record["name"], record["value"], record["valid"]) == (HOST, value, "valid")
    assert details["receiving_dns_records"][0]["value"] == f"mxa.{value}"


def test_an_invalid_cname_record_is_shown_as_unknown(emulator: Emulator, api: Api) -> None:
    emulator.set(cname_check="invalid")
    record = _cname(api.get(f"/v4/domains/{DOMAIN}").json())
    assert (record["valid"], record["cached"]) == ("unknown", [])


def test_https_is_accepted_without_a_certificate(emulator: Emulator, api: Api) -> None:
    """As at Mailgun, where links in mail are then broken."""
    response = api.put(f"/v4/domains/{DOMAIN}", data={"web_scheme": "https"})
    assert response.status_code == 200
    assert response.json()["message"] == "Domain has been updated"
    assert response.json()["domain"]["web_scheme"] == "https"
    assert api.tracking()["web_scheme"] == "https"
    assert emulator.domain(DOMAIN).certificates == {}


def test_a_new_web_prefix_moves_the_host_but_not_its_certificate(
    emulator: Emulator, api: Api
) -> None:
    api.post(f"/v2/x509/{HOST}")
    details = api.put(f"/v4/domains/{DOMAIN}", files={"web_prefix": (None, "Links")}).json()
    assert details["domain"]["web_prefix"] == "links"
    assert _cname(details)["name"] == "links.mg.example.com"
    assert api.get(f"/v2/x509/{HOST}/status").status_code == 404
    assert api.get("/v2/x509/links.mg.example.com/status").status_code == 404
    assert set(emulator.domain(DOMAIN).certificates) == {HOST}
    api.put(f"/v4/domains/{DOMAIN}", data={"web_prefix": "email"})
    assert api.certificate()["status"] == "active"


@pytest.mark.parametrize(
    "form",
    [
        {"web_scheme": "ftp"},
        {"web_scheme": "HTTPS"},
        {"web_scheme": ""},
        {"web_prefix": "two.labels"},
        {"web_prefix": ""},
        {"web_prefix": "-dash"},
        {"web_prefix": "under_score"},
        {"web_prefix": "x" * 64},
        {"web_scheme": "https", "web_prefix": "not valid"},
        {"wildcard": "perhaps"},
        {"spam_action": "eat"},
        {"message_ttl": "soon"},
    ],
)
def test_an_invalid_value_is_rejected_and_changes_nothing(
    emulator: Emulator, api: Api, form: dict[str, str]
) -> None:
    before = emulator.domain(DOMAIN)
    assert api.put(f"/v4/domains/{DOMAIN}", data=form).status_code == 400
    assert emulator.domain(DOMAIN) == before


def test_the_other_options_of_a_domain_are_kept(api: Api) -> None:
    form = {"spam_action": "tag", "wildcard": "yes", "require_tls": "true", "message_ttl": "60"}
    api.put(f"/v4/domains/{DOMAIN}", data={**form, "mailfrom_host": "bounce.example.com"})
    domain = api.get(f"/v4/domains/{DOMAIN}").json()["domain"]
    kept = [domain[name] for name in form]
    assert kept == ["tag", True, True, 60]


def test_an_empty_put_changes_nothing(emulator: Emulator, api: Api) -> None:
    before = emulator.domain(DOMAIN)
    assert api.put(f"/v4/domains/{DOMAIN}").status_code == 200
    assert emulator.domain(DOMAIN) == before


def test_domains_are_listed_in_pages(emulator: Emulator, api: Api) -> None:
    for number in range(4):
        emulator.add_domain(f"d{number}.example.com")
    everything = api.get("/v4/domains").json()
    names = [item["name"] for item in everything["items"]]
    assert names == sorted(names)
    assert everything["total_count"] == len(names) == 5
    page = api.get("/v4/domains?limit=2&skip=3").json()
    assert ([item["name"] for item in page["items"]], page["total_count"]) == (names[3:5], 5)
    assert api.get("/v4/domains?skip=99").json() == {"items": [], "total_count": 5}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "skip=-1", "skip=x"])
def test_an_invalid_page_is_rejected(api: Api, query: str) -> None:
    assert api.get(f"/v4/domains?{query}").status_code == 400


def test_a_domain_is_created_and_deleted(emulator: Emulator, api: Api) -> None:
    form = {"name": "New.Example.com", "web_scheme": "https", "smtp_password": "secret-word"}
    created = api.post("/v4/domains", data=form).json()
    assert created["message"] == "Domain has been created"
    assert (created["domain"]["name"], created["domain"]["web_scheme"]) == (
        "new.example.com",
        "https",
    )
    assert emulator.requests[-1].form["smtp_password"] == "***"
    assert api.tracking("new.example.com")["click"]["active"] is False
    assert api.delete("/v3/domains/new.example.com").status_code == 200
    assert api.get("/v3/domains/new.example.com/tracking").status_code == 404
    assert api.delete("/v4/domains/new.example.com").status_code == 404


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"name": "one-label"},
        {"name": "a..b"},
        {"name": DOMAIN},
        {"name": "MG.example.com"},
        {"name": "new.example.com", "web_prefix": "a.b"},
    ],
)
def test_an_invalid_domain_is_rejected(emulator: Emulator, api: Api, form: dict[str, str]) -> None:
    before = emulator.domains()
    assert api.post("/v4/domains", data=form).status_code == 400
    assert emulator.domains() == before


def test_the_older_paths_of_mailguns_own_clients_work(api: Api) -> None:
    assert api.get("/v3/domains").json() == api.get("/v4/domains").json()
    assert api.get(f"/v3/domains/{DOMAIN}").json() == api.get(f"/v4/domains/{DOMAIN}").json()
    assert api.put(f"/v3/domains/{DOMAIN}", data={"web_scheme": "https"}).status_code == 200
