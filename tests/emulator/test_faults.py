"""Faults: which requests they apply to, the response, and whether the request takes effect."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from mailgun_tracking.emulator import Emulator, Fault, InvalidSetting
from mailgun_tracking.emulator.spoiling import KINDS, Spoil, Spoiler
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


def test_a_response_that_is_cut_off_took_effect(emulator: Emulator, api: Api) -> None:
    emulator.add_fault(cut_off=True, times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        _raw(api, "PUT", CLICK, data={"active": "true"})
    assert emulator.domain(DOMAIN).click["active"] is True
    assert _raw(api, "GET", TRACKING).status_code == 200


def test_a_response_that_drips_is_whole_in_the_end(emulator: Emulator, api: Api) -> None:
    """A client that gives up does not hold the server up."""
    emulator.add_fault(drip_seconds=0.0005, times=1)
    start = time.monotonic()
    response = api.get(TRACKING)
    assert time.monotonic() - start >= 0.0005 * len(response.content)
    emulator.add_fault(drip_seconds=3600, times=1)
    with pytest.raises(requests.ConnectionError):
        api.session.get(emulator.url + TRACKING, timeout=0.1)
    assert api.tracking()["click"]["active"] is False


NOT_CARRIED_OUT = {
    *("408", "425", "429", "429-reset", "429-retry-after", "500", "502", "503"),
    *("503-retry-after", "507", "reset", "html", "hang"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_spoils_the_response(emulator: Emulator, api: Api, kind: str) -> None:
    """A PUT takes effect or not, as the kind's name says; it is answered otherwise than usual."""
    emulator.spoil(1, kinds=[kind])
    try:
        response = api.session.put(
            emulator.url + CLICK,
            data={"active": "true"},
            timeout=0.1 if kind == "hang" else 10,
            stream=True,
        )
        status = response.status_code
        # Of a response that drips, one byte is enough.
        text = next(response.iter_content(1)) if kind == "drip" else response.content
    except requests.RequestException:
        assert kind in ("reset", "answer-lost", "cut-off", "hang")
    else:
        assert str(status) == kind[:3] or status == 200
        assert status != 200 or kind == "slow" or b'"click"' not in text
        assert ("Retry-After" in response.headers) == kind.endswith("retry-after")
        assert ("X-RateLimit-Reset" in response.headers) == (kind == "429-reset")
    assert emulator.spoiled == {kind: 1}
    assert emulator.domain(DOMAIN).click["active"] is (kind not in NOT_CARRIED_OUT)


def test_the_same_seed_spoils_the_same_requests_in_any_order() -> None:
    """What becomes of a request depends on how many like it came before, not on others."""

    def faults(seed: int, paths: list[str]) -> dict[str, list[Fault | None]]:
        spoiler = Spoiler(Spoil(0.3, seed, kinds=["500", "502", "reset"]))
        found: dict[str, list[Fault | None]] = {}
        for path in paths:
            found.setdefault(path, []).append(spoiler.next_fault("GET", path))
        assert sum(spoiler.counts.values()) == sum(
            fault is not None for one in found.values() for fault in one
        )
        return found

    paths = [f"/{number}" for number in range(30)] * 30
    first = faults(1, paths)
    assert faults(1, sorted(paths)) == first
    assert faults(2, paths) != first
    spoiled = sum(fault is not None for one in first.values() for fault in one)
    assert 0.25 < spoiled / len(paths) < 0.35


def test_spoiling_begins_and_ends(emulator: Emulator, api: Api) -> None:
    """In Python and over the control API; what was asked for comes before what is random."""
    body = {"share": 1, "seed": 3, "kinds": ["500"]}
    assert api.control("GET", "spoil").json() == {}
    assert api.control("PUT", "spoil", body).json() == {**body, "spoiled": {}}
    assert _raw(api, "GET", TRACKING).status_code == 500
    emulator.add_fault(status=404, times=1)
    assert _raw(api, "GET", TRACKING).status_code == 404
    assert api.control("GET", "spoil").json()["spoiled"] == emulator.spoiled == {"500": 1}
    assert api.control("DELETE", "spoil").status_code == 200
    assert _raw(api, "GET", TRACKING).status_code == 200
    for end in (emulator.reset, emulator.clear_faults, lambda: emulator.spoil(0)):
        emulator.spoil(1, kinds=["502"])
        assert _raw(api, "GET", TRACKING).status_code == 502
        end()
        assert _raw(api, "GET", TRACKING).status_code == 200
        assert emulator.spoiled == {}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"share": 1.1},
        {"share": -0.1},
        {"share": True},
        {"share": "0.3"},
        {"share": 0.3, "seed": 0.5},
        {"share": 0.3, "kinds": []},
        {"share": 0.3, "kinds": "500"},
        {"share": 0.3, "kinds": ["501"]},
        {"share": 0.3, "kind": ["500"]},
    ],
)
def test_invalid_spoiling_is_rejected(api: Api, fields: dict[str, Any]) -> None:
    assert api.control("PUT", "spoil", fields).status_code == 400


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
        {"cut_off": "yes"},
        {"drip_seconds": -1},
    ],
)
def test_invalid_faults_are_rejected(emulator: Emulator, api: Api, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting):
        emulator.add_fault(**fields)
    assert api.control("POST", "faults", fields).status_code == 400
    assert api.control("GET", "faults").json() == []
