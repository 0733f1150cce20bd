"""Domains: reading, listing, creating, deleting, and moving their tracking host."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator, InvalidSetting
from tests.emulator.conftest import DOMAIN, HOST, Api, multipart


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
    response = api.put_domain(web_scheme="https")
    assert response.status_code == 200
    assert response.json()["message"] == "Domain has been updated"
    assert response.json()["domain"]["web_scheme"] == "https"
    assert api.tracking()["web_scheme"] == "https"
    assert emulator.domain(DOMAIN).certificates == {}


def test_a_new_web_prefix_moves_the_host_but_not_its_certificate(
    emulator: Emulator, api: Api
) -> None:
    api.post(f"/v2/x509/{HOST}")
    details = api.put_domain(web_prefix="Links").json()
    assert details["domain"]["web_prefix"] == "links"
    assert _cname(details)["name"] == "links.mg.example.com"
    assert api.get(f"/v2/x509/{HOST}/status").status_code == 404
    assert api.get("/v2/x509/links.mg.example.com/status").status_code == 404
    assert set(emulator.domain(DOMAIN).certificates) == {HOST}
    api.put_domain(web_prefix="email")
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
        {"wildcard": "TRUE"},
        {"require_tls": "1"},
        {"message_ttl": "soon"},
        {"message_ttl": "0"},
        {"message_ttl": "-1"},
        {"message_ttl": "1e3"},
        {"message_ttl": " 60"},
        {"message_ttl": "1_000"},
        {"message_ttl": "\u0663"},
        {"message_ttl": "2147483648"},
        {"message_ttl": "9" * 5000},
    ],
)
def test_an_invalid_value_is_rejected_and_changes_nothing(
    emulator: Emulator, api: Api, form: dict[str, str]
) -> None:
    before = emulator.domain(DOMAIN)
    assert api.put_domain(**form, archive_to="https://example.com/mail").status_code == 400
    assert emulator.domain(DOMAIN) == before
    assert "archive_to" not in api.get(f"/v4/domains/{DOMAIN}").json()["domain"]


def test_the_other_options_of_a_domain_are_kept(api: Api) -> None:
    form = {"spam_action": "tag", "wildcard": "yes", "require_tls": "true", "message_ttl": "60"}
    api.put_domain(**form, mailfrom_host="bounce.example.com")
    domain = api.get(f"/v4/domains/{DOMAIN}").json()["domain"]
    kept = [domain[name] for name in form]
    assert kept == ["tag", True, True, 60]


def test_domains_are_listed_in_pages(emulator: Emulator, api: Api) -> None:
    for number in (1, 3, 0, 2):
        emulator.add_domain(f"d{number}.example.com")
    everything = api.get("/v4/domains").json()
    names = [item["name"] for item in everything["items"]]
    assert names == [*(f"d{number}.example.com" for number in (2, 0, 3, 1)), DOMAIN]
    assert everything["total_count"] == len(names) == 5
    page = api.get("/v4/domains?limit=2&skip=3").json()
    assert ([item["name"] for item in page["items"]], page["total_count"]) == (names[3:5], 5)
    assert api.get("/v4/domains?skip=99").json() == {"items": [], "total_count": 5}


def _listed(api: Api, **query: str) -> list[str]:
    found = api.get("/v4/domains", params=query).json()
    assert found["total_count"] == len(found["items"])
    return [item["name"] for item in found["items"]]


def test_the_list_is_filtered_and_sorted(emulator: Emulator, api: Api) -> None:
    for name in ("b.example.com", "a.example.net", "c.example.com"):
        emulator.add_domain(name)
    by_name = ["a.example.net", "b.example.com", "c.example.com", DOMAIN]
    assert _listed(api, sort="name") == _listed(api, sort="name:asc") == by_name
    assert _listed(api, sort="name:desc") == by_name[::-1]
    assert _listed(api, search="Example.COM", sort="name") == by_name[1:]
    assert _listed(api, search="a.example.net") == ["a.example.net"]
    assert _listed(api, search="*.example.com") == []
    assert _listed(api, state="active", sort="name") == by_name
    assert _listed(api, state="unverified") == _listed(api, state="disabled") == []
    page = api.get("/v4/domains?search=.com&sort=name&limit=1&skip=1").json()
    assert ([item["name"] for item in page["items"]], page["total_count"]) == (["c.example.com"], 3)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "skip=-1",
        "skip=x",
        "skip=99999999999",
        "sort=created_at",
        "sort=name:up",
        "state=verified",
        "state=Active",
    ],
)
def test_an_invalid_filter_is_rejected(api: Api, query: str) -> None:
    assert api.get(f"/v4/domains?{query}").status_code == 400


@pytest.mark.parametrize("query", ["authority=example.com", "include_subaccounts=true"])
def test_a_filter_that_only_mailgun_has_is_not_implemented(api: Api, query: str) -> None:
    response = api.get(f"/v4/domains?{query}")
    assert response.status_code == 501
    assert query.partition("=")[0] in response.json()["message"]


def test_a_domain_is_read_without_dns_records_and_with_more_fields(api: Api) -> None:
    path = f"/v4/domains/{DOMAIN}"
    whole = api.get(path).json()
    assert api.get(path, params={"h:with_dns": "true", "h:extended": "false"}).json() == whole
    assert api.get(path, params={"h:with_dns": "false"}).json() == {"domain": whole["domain"]}
    extended = api.get(path, params={"h:extended": "true"}).json()
    more = {"dkim_host": f"mx._domainkey.{DOMAIN}", "mailfrom_host": DOMAIN, "pod": "emulated"}
    assert extended == {**whole, "domain": {**whole["domain"], **more}}
    api.put_domain(mailfrom_host="bounce.example.com")
    extended = api.get(path, params={"h:extended": "true"}).json()
    assert extended["domain"]["mailfrom_host"] == "bounce.example.com"
    for name in ("h:with_dns", "h:extended"):
        assert api.get(path, params={name: "perhaps"}).status_code == 400


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_domain_is_verified(emulator: Emulator, api: Api, version: str) -> None:
    """Mailgun looks at DNS again, and responds with what it has found."""
    path = f"/{version}/domains/{DOMAIN}/verify"
    emulator.set(cname_check="invalid")
    found = api.put(path).json()
    assert found["message"] == "Domain DNS records have been updated"
    assert _cname(found)["valid"] == "unknown"
    emulator.set(cname_check="off")
    found = api.put(path, data={}).json()
    assert _cname(found)["valid"] == "valid"
    del found["message"]
    assert found == api.get(f"/v4/domains/{DOMAIN}").json()
    assert api.put(f"/{version}/domains/no.example/verify").status_code == 404


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
    assert api.delete("/v3/domains/new.example.com").status_code == 404


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
    form = multipart({"web_scheme": "https"})
    changed = api.put(f"/v3/domains/{DOMAIN}", files=form).json()
    assert changed["domain"]["web_scheme"] == "https"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({}, {"type": "custom", "state": "active", "is_disabled": False}),
        ({"type": "sandbox"}, {"type": "sandbox", "state": "active", "is_disabled": False}),
        ({"state": "unverified"}, {"type": "custom", "state": "unverified", "is_disabled": False}),
        (
            {"state": "disabled", "disabled_reason": "Too many bounces"},
            {"type": "custom", "state": "disabled", "is_disabled": True},
        ),
    ],
)
def test_what_mailgun_decides_about_a_domain_is_shown(
    emulator: Emulator, api: Api, status: dict[str, str], shown: dict[str, Any]
) -> None:
    """In every response with the domain; no request changes it."""
    emulator.drift(DOMAIN, **status)
    emulator.add_domain("added.example.com", **status)
    path = f"/v4/domains/{DOMAIN}"
    domains = [
        api.get(path).json()["domain"],
        api.put(path, files=multipart({"type": "custom", "state": "active"})).json()["domain"],
        *api.get("/v4/domains").json()["items"],
    ]
    assert len(domains) == 4
    for domain in domains:
        assert {name: domain[name] for name in shown} == shown
        assert domain.get("disabled", {}).get("reason") == status.get("disabled_reason")


@pytest.mark.parametrize(
    "status", [{"state": "Active"}, {"type": "trial"}, {"is_disabled": True}, {"state": ""}]
)
def test_mailgun_decides_nothing_else(emulator: Emulator, status: dict[str, Any]) -> None:
    before = emulator.domain(DOMAIN)
    with pytest.raises(InvalidSetting):
        emulator.drift(DOMAIN, click=True, **status)
    assert emulator.domain(DOMAIN) == before
