"""The control API, which offers over HTTP what `Emulator` offers in Python."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from mailgun_tracking.emulator import Emulator
from tests.emulator.conftest import DOMAIN, HOST, Api

TRACKING = f"/v3/domains/{DOMAIN}/tracking"


def test_requests_are_listed_and_cleared(emulator: Emulator, api: Api) -> None:
    api.put(f"/eu{TRACKING}/click", data={"active": "true"}, headers={"User-Agent": "a test"})
    [request] = api.control("GET", "requests").json()
    assert request.pop("at").endswith("+00:00")
    assert request == {
        "method": "PUT",
        "path": f"{TRACKING}/click",
        "region": "eu",
        "status": 200,
        "form": {"active": "true"},
        "query": {},
        "account": "default",
        "on_behalf_of": None,
        "user_agent": "a test",
    }
    api.control("DELETE", "requests")
    assert api.control("GET", "requests").json() == emulator.requests == []


def test_the_state_includes_certificates(emulator: Emulator, api: Api) -> None:
    emulator.set_certificate(HOST, "expired")
    state = api.control("GET", "state").json()
    assert state["region"] == "us"
    names = [(d["region"], d["subaccount"], d["name"]) for d in state["domains"]]
    assert names == [
        ("eu", None, DOMAIN),
        ("eu", "sub-1", "sub.example.com"),
        ("us", None, DOMAIN),
    ]
    mine = state["domains"][-1]
    assert mine["click"]["active"] is False
    assert mine["certificates"][HOST]["status"] == "expired"
    assert mine["certificates"][HOST]["generation"] == 1


def test_domains_are_changed(emulator: Emulator, api: Api) -> None:
    changes = {"click": "htmlonly", "open": {"place_at_the_top": True}, "web_prefix": "links"}
    assert api.control("PATCH", f"domains/us/{DOMAIN}", changes).status_code == 200
    domain = emulator.domain(DOMAIN)
    assert domain.click["active"] == "htmlonly"
    assert domain.open["active"] is False
    assert domain.open["place_at_the_top"] is True
    assert domain.tracking_host == "links.mg.example.com"
    assert emulator.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"clicks": True},
        {"click": {"colour": "blue"}},
        {"click": "maybe"},
        {"open": {"active": True, "place_at_the_top": 1}},
        {"unsubscribe": {"html_footer": True}},
        {"web_scheme": "ftp"},
        {"web_prefix": "a.b"},
        {"click": True, "web_scheme": 1},
    ],
)
def test_an_invalid_change_is_rejected_as_a_whole(
    emulator: Emulator, api: Api, changes: dict[str, Any]
) -> None:
    before = emulator.domain(DOMAIN)
    response = api.control("PATCH", f"domains/us/{DOMAIN}", changes)
    assert response.status_code == 400
    assert response.json()["message"]
    assert emulator.domain(DOMAIN) == before


def test_domains_are_added_and_removed(emulator: Emulator, api: Api) -> None:
    new = {"name": "x.example.com", "region": "eu", "account": "brand-b", "click": True}
    assert api.control("POST", "domains", new).status_code == 200
    assert emulator.domain("x.example.com", "eu").account == "brand-b"
    assert api.control("POST", "domains", new).status_code == 400
    assert api.control("DELETE", "domains/eu/x.example.com").status_code == 200
    assert api.control("DELETE", "domains/eu/x.example.com").status_code == 404


def test_dials_and_settings_are_changed(emulator: Emulator, api: Api) -> None:
    assert api.control("PATCH", "dials", {"renewal": "on"}).json()["renewal"] == "on"
    assert emulator.dials.renewal == "on"
    changes = {"issuing_seconds": 5, "cname_check": "invalid", "issuance_fails": "no"}
    settings = api.control("PATCH", "settings", changes).json()
    assert settings == {
        "latency_seconds": 0,
        "issuing_seconds": 5,
        "certificate_lifetime_seconds": 7776000,
        "cname_check": "invalid",
        "plan_has_certificates": True,
        "issuance_fails": "no",
        "cname_target": None,
        "cname_valid_after": {},
        "requests_per_minute": None,
        "rate_window_seconds": 60,
        "roles": {},
    }
    assert api.control("GET", "settings").json() == settings
    assert emulator.settings.issuance_fails == "no"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("dials", {"renewal": "maybe"}),
        ("settings", {"latency": 1}),
        ("settings", {"latency_seconds": -1}),
        ("settings", {"latency_seconds": "1"}),
        ("settings", {"issuing_seconds": True}),
        ("settings", {"cname_check": "maybe"}),
        ("settings", {"plan_has_certificates": 1}),
        ("settings", {"issuance_fails": 1}),
        ("settings", {"cname_valid_after": {HOST: "soon"}}),
        ("settings", {"requests_per_minute": 0}),
        ("settings", {"requests_per_minute": 1.5}),
        ("settings", {"requests_per_minute": True}),
        ("settings", {"rate_window_seconds": -1}),
        ("settings", {"roles": {"default": "owner"}}),
        ("settings", {"roles": "admin"}),
        ("settings", [1]),
    ],
)
def test_invalid_dials_and_settings_are_rejected(
    emulator: Emulator, api: Api, path: str, body: object
) -> None:
    before = (emulator.dials, emulator.settings)
    assert api.control("PATCH", path, body).status_code == 400
    assert (emulator.dials, emulator.settings) == before


@pytest.mark.parametrize("status", ["processing", "active", "expired", "error"])
def test_certificates_are_put_into_a_state(emulator: Emulator, api: Api, status: str) -> None:
    body = {"status": status, "region": "eu", "error": "some reason"}
    assert api.control("POST", f"certificates/{HOST}", body).status_code == 200
    found = emulator.domain(DOMAIN, "eu").certificates[HOST]
    assert (found.status, found.error) == (status, "some reason" if status == "error" else None)
    api.control("POST", f"certificates/{HOST}", {"status": "none", "region": "eu"})
    assert emulator.domain(DOMAIN, "eu").certificates == {}


@pytest.mark.parametrize(
    ("host", "body", "status"),
    [
        (HOST, {"status": "fine"}, 400),
        (HOST, {"status": "active", "lifetime_seconds": "long"}, 400),
        (HOST, {"status": "active", "colour": "blue"}, 400),
        (HOST, {"status": "active", "region": "asia"}, 400),
        ("email.no.example", {"status": "active"}, 404),
    ],
)
def test_an_invalid_state_is_rejected(
    emulator: Emulator, api: Api, host: str, body: dict[str, Any], status: int
) -> None:
    before = emulator.domains()
    assert api.control("POST", f"certificates/{host}", body).status_code == status
    assert emulator.domains() == before


def test_reset_restores_the_initial_state(emulator: Emulator, api: Api) -> None:
    before = emulator.domain(DOMAIN)
    emulator.drift(DOMAIN, click=True)
    emulator.remove_domain(DOMAIN, "eu")
    emulator.set(latency_seconds=0.01, cname_valid_after={HOST: 3600})
    emulator.set_dials(booleans="yes_no")
    emulator.add_fault(method="DELETE", status=500)
    api.tracking()
    assert api.control("POST", "reset").status_code == 200
    assert emulator.requests == []
    assert emulator.domain(DOMAIN) == before
    assert len(emulator.domains()) == 3
    assert emulator.settings.latency_seconds == 0
    assert emulator.dials.booleans == "json"
    assert api.control("GET", "faults").json() == []
    assert api.post(f"/v2/x509/{HOST}").status_code == 202


@pytest.mark.parametrize(("method", "path"), [("GET", "nothing"), ("PUT", "dials")])
def test_other_paths_are_not_found(api: Api, method: str, path: str) -> None:
    assert api.control(method, path).status_code in (404, 405)


def test_a_body_that_is_not_json_is_rejected(api: Api) -> None:
    for body in (b"{", b"", b"\xff", b"[" * 100_000, b'{"x": NaN}', b'{"x": -Infinity}'):
        response = requests.patch(
            f"{api.emulator.url}/_emulator/dials",
            data=body,
            headers={"Authorization": f"Bearer {api.emulator.control_token}"},
            timeout=10,
        )
        assert response.status_code == 400, body[:20]
        assert "not valid JSON" in response.json()["message"]
