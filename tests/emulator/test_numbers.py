"""Numbers out of range are refused wherever they come in, and nothing of the request applies."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import requests

from mailgun_tracking.emulator import Emulator, Fault, InvalidSetting, Settings
from mailgun_tracking.emulator.errors import MAX_SECONDS
from tests.emulator.conftest import DOMAIN, HOST, Api

pytestmark = pytest.mark.behaviour(47)

BAD: list[Any] = [math.inf, -math.inf, math.nan, -1, -0.001, 1e300, 10**400, True, False, "1", [1]]
SECONDS = ["latency_seconds", "issuing_seconds", "certificate_lifetime_seconds"]
SPEC = ["lifetime_seconds", "age_seconds", "ready_after_seconds"]


def _state(emulator: Emulator, api: Api) -> object:
    faults = api.control("GET", "faults").json()
    return (emulator.settings, emulator.dials, emulator.domains(), faults)


def _control(api: Api, method: str, path: str, body: object) -> int:
    """Send JSON, including numbers that only Python's parser takes."""
    response = requests.request(
        method,
        f"{api.emulator.url}/_emulator/{path}",
        data=json.dumps(body),
        headers={"Authorization": f"Bearer {api.emulator.control_token}"},
        timeout=10,
    )
    return response.status_code


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", SECONDS)
def test_settings(emulator: Emulator, api: Api, name: str, value: Any) -> None:
    before = _state(emulator, api)
    for make in (Emulator, Settings, emulator.set):
        with pytest.raises(InvalidSetting, match=name):
            make(**{"plan_has_certificates": False, name: value})
    changes = {"plan_has_certificates": False, "cname_valid_after": {HOST: 9}, name: value}
    assert _control(api, "PATCH", "settings", changes) == 400
    assert _state(emulator, api) == before
    assert api.post(f"/v2/x509/{HOST}").status_code == 202


@pytest.mark.parametrize("value", [*BAD, None])
def test_delays_of_cname_records(emulator: Emulator, api: Api, value: Any) -> None:
    before = _state(emulator, api)
    changes = {"issuing_seconds": 5, "cname_valid_after": {"email.a.example.com": 1, HOST: value}}
    with pytest.raises(InvalidSetting, match=f"cname_valid_after of {HOST}"):
        emulator.set(**changes)
    assert _control(api, "PATCH", "settings", changes) == 400
    assert _state(emulator, api) == before


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", SPEC)
def test_certificates(emulator: Emulator, api: Api, name: str, value: Any) -> None:
    before = _state(emulator, api)
    for status in ("processing", "active", "expired"):
        spec = {"status": status, name: value}
        with pytest.raises(InvalidSetting, match=name):
            emulator.set_certificate(HOST, **spec)
        assert _control(api, "POST", f"certificates/{HOST}", spec) == 400
    assert _state(emulator, api) == before


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", ["delay_seconds", "times", "after", "status"])
def test_faults(emulator: Emulator, api: Api, name: str, value: Any) -> None:
    before = _state(emulator, api)
    with pytest.raises(InvalidSetting, match=name):
        Fault(**{"drop_connection": True, name: value})
    assert _control(api, "POST", "faults", {"drop_connection": True, name: value}) == 400
    assert _state(emulator, api) == before
    assert api.tracking()


@pytest.mark.parametrize("value", [math.inf, math.nan, {"a": [math.nan]}, {1, 2}])
def test_bodies_of_faults(emulator: Emulator, api: Api, value: Any) -> None:
    """Neither `GET faults` nor the response could show them."""
    with pytest.raises(InvalidSetting, match="body must be valid as JSON"):
        emulator.add_fault(status=500, body=value)
    text = b'{"status": 500, "body": 1e999}'
    authorization = {"Authorization": f"Bearer {emulator.control_token}"}
    url = f"{emulator.url}/_emulator/faults"
    assert requests.post(url, data=text, headers=authorization, timeout=10).status_code == 400
    assert api.control("GET", "faults").json() == []


def test_the_largest_numbers_work(emulator: Emulator, api: Api) -> None:
    emulator.set(**dict.fromkeys(SECONDS, MAX_SECONDS), cname_valid_after={HOST: MAX_SECONDS})
    emulator.set(latency_seconds=0, certificate_lifetime_seconds=MAX_SECONDS)
    for status in ("processing", "active", "expired"):
        emulator.set_certificate(HOST, status, None, None, *[MAX_SECONDS] * 3)
        assert api.certificate()["status"] in (status, "expired")
    emulator.set_certificate(HOST, "active", lifetime_seconds=1, age_seconds=MAX_SECONDS)
    assert api.certificate()["status"] == "expired"
    emulator.add_fault(path="/nothing", delay_seconds=MAX_SECONDS, times=10**9, after=10**9)
    assert api.control("GET", "faults").status_code == 200
    assert emulator.domain(DOMAIN).certificates[HOST].status == "expired"


@pytest.mark.parametrize("change", [{"account": 5}, {"subaccount": ["a"]}, {"click": math.nan}])
def test_a_refused_domain_is_not_added(emulator: Emulator, api: Api, change: Any) -> None:
    before = _state(emulator, api)
    assert _control(api, "POST", "domains", {"name": "new.example.com", **change}) == 400
    assert _state(emulator, api) == before
