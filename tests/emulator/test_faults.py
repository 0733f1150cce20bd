"""Faults: which requests they apply to, the response, and whether the request takes effect."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from mailgun_tracking.emulator import Emulator, Fault, InvalidSetting
from tests.emulator.conftest import DOMAIN, Api

TRACKING = f"/v3/domains/{DOMAIN}/tracking"
CLICK = f"{TRACKING}/click"


def _raw(api: Api, method: str, path: str, **arguments: Any) -> requests.Response:
    """Call the API without validating the response, since a fault need not match the schema."""
    return api.session.request(method, api.emulator.url + path, timeout=10, **arguments)


def test_a_fault_replaces_the_response_and_the_effect(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(status=503, body="<html>away</html>", headers={"Retry-After": "7"})
    response = _raw(api, "PUT", CLICK, data={"active": "true"})
    assert (response.status_code, response.text) == (503, "<html>away</html>")
    assert response.headers["retry-after"] == "7"
    assert response.headers["content-type"].startswith("text/plain")
    assert emulator.domain(DOMAIN).click["active"] is False
    assert (emulator.requests[0].status, emulator.requests[0].form) == (503, {"active": "true"})


def test_a_fault_with_json_or_its_own_content_type(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(status=429, body={"message": "slow down"}, times=1)
    emulator.add_fault(status=502, body="<html>", headers={"Content-Type": "text/html"}, times=1)
    assert _raw(api, "GET", TRACKING).json() == {"message": "slow down"}
    assert _raw(api, "GET", TRACKING).headers["content-type"] == "text/html"
    emulator.add_fault(status=500)
    assert _raw(api, "GET", TRACKING).json() == {"message": "a fault injected by the emulator"}


def test_a_fault_with_after_and_times(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(status=500, after=1, times=2)
    assert [_raw(api, "GET", TRACKING).status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_fault_with_method_and_path_applies_in_every_region(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(method="PUT", path="/v3/domains/*/tracking/cl*", status=500)
    assert _raw(api, "GET", TRACKING).status_code == 200
    form = {"active": "true"}
    assert _raw(api, "PUT", f"{TRACKING}/open", data=form).status_code == 200
    assert _raw(api, "PUT", CLICK, data=form).status_code == 500
    assert _raw(api, "PUT", f"/eu{CLICK}", data=form).status_code == 500
    emulator.clear_faults()
    assert _raw(api, "PUT", CLICK, data=form).status_code == 200


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "/", True),
        ("/v3/*", "/v3/", True),
        ("/v3/*", "/v4/v3/", False),
        ("*/click", "/v3/domains/mg.example.com/tracking/click", True),
        ("*/click", "/v3/domains/mg.example.com/tracking/clicks", False),
        ("*/mg.example.com/*/click", "/v3/domains/mg.example.com/tracking/click", True),
        ("*/mg.example.com/*/click", "/v3/domains/mg-example.com/tracking/click", False),
        ("/a*b*b", "/ab", False),
        ("/a*b*b", "/abb", True),
        ("/a*bc*cd", "/a-bcd", False),
        ("/a**b", "/ab", True),
        ("/v3/domains/d9.*", "/v3/domains/d9.example.com", True),
        ("/v3/domains/d9.*", "/v3/domains/d99.example.com", False),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, matches: bool) -> None:
    assert Fault(path=pattern).matches("GET", path) is matches


def test_no_pattern_holds_the_server_up(emulator: Emulator, api: Api) -> None:
    """Each takes time in proportion to the path; what would take forever is refused."""
    emulator.add_fault(path="/" + "*a" * 20_000 + "b", status=500)
    path = "/" + "a" * 60_000
    assert not Fault(path="/" + "*a" * 20_000 + "b").matches("GET", path)
    assert _raw(api, "GET", TRACKING).status_code == 200
    for pattern in ("/(a+)+b", "/(.*)*b"):
        with pytest.raises(InvalidSetting):
            emulator.add_fault(path=pattern)


def test_the_first_matching_fault_applies(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(status=500, times=1)
    emulator.add_fault(status=502, times=1)
    assert [_raw(api, "GET", TRACKING).status_code for _ in range(3)] == [500, 502, 200]


@pytest.mark.parametrize("carried_out", [False, True])
def test_a_dropped_connection(emulator: Emulator, api: Api, carried_out: bool) -> None:
    """The client cannot know whether the request took effect."""
    emulator.add_fault(drop_connection=True, times=1, carried_out=carried_out)
    with pytest.raises(requests.ConnectionError):
        _raw(api, "PUT", CLICK, data={"active": "true"})
    assert emulator.domain(DOMAIN).click["active"] == carried_out
    assert [request.status for request in emulator.requests] == [None]
    assert api.tracking()["click"]["active"] == carried_out


def test_a_fault_may_only_replace_the_response(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(method="PUT", status=504, carried_out=True)
    assert _raw(api, "PUT", CLICK, data={"active": "true"}).status_code == 504
    assert emulator.domain(DOMAIN).click["active"] is True


def test_a_delay_does_not_change_the_response(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(delay_seconds=0.05, headers={"X-Slow": "yes"}, times=1)
    start = time.monotonic()
    response = api.put(CLICK, data={"active": "true"})
    assert time.monotonic() - start >= 0.05
    assert response.headers["x-slow"] == "yes"
    assert emulator.domain(DOMAIN).click["active"] is True


def test_faults_and_latency_do_not_affect_the_control_api(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(drop_connection=True)
    emulator.set(latency_seconds=3600)
    assert api.control("GET", "dials").status_code == 200
    assert api.control("DELETE", "faults").status_code == 200


def test_latency_delays_responses(emulator: Emulator, api: Api) -> None:
    emulator.set(latency_seconds=0.05)
    start = time.monotonic()
    api.tracking()
    assert time.monotonic() - start >= 0.05


def test_closing_drops_delayed_requests() -> None:
    with Emulator(domains=[DOMAIN], latency_seconds=3600) as emulator:
        failures: list[Exception] = []

        def ask(url: str = emulator.url + TRACKING) -> None:
            try:
                requests.get(url, auth=("api", "wrong"), timeout=60)
            except requests.ConnectionError as error:
                failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        while not emulator.requests:
            time.sleep(0.01)
    asking.join()
    assert len(failures) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"stats": 500},
        {"status": 199},
        {"status": 600},
        {"status": "500"},
        {"status": True},
        {"path": "("},
        {"path": "/v3/.*"},
        {"path": ".*/click"},
        {"path": "/v3/domains/[^/]+/tracking"},
        {"path": "/(a|b)"},
        {"path": "click"},
        {"path": ""},
        {"path": ["/v3"]},
        {"times": 0},
        {"times": True},
        {"times": 1.5},
        {"times": 10**12},
        {"after": -1},
        {"after": 10**12},
        {"delay_seconds": -1},
        {"headers": "Retry-After: 1"},
        {"headers": {"Retry-After": "1\r\nX: y"}},
        {"headers": {"Retry After": "1"}},
        {"headers": {"Retry-After": "\u2460"}},
        {"headers": {"Content-Length": "1"}},
        {"method": 1},
        {"drop_connection": 1},
        {"carried_out": "no"},
    ],
)
def test_invalid_faults_are_rejected(emulator: Emulator, api: Api, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting):
        emulator.add_fault(**fields)
    assert api.control("POST", "faults", fields).status_code == 400
    assert api.control("GET", "faults").json() == []
