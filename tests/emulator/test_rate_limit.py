"""The rate limit: windows of each account, and what a request too many gets."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from mailgun_tracking.emulator import Emulator, rate_limit
from tests.emulator.conftest import DOMAIN, HOST, OTHER_KEY, Api

TRACKING = f"/v3/domains/{DOMAIN}/tracking"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time of the rate limit."""
    clock = SimpleNamespace(now=1000.75)
    monkeypatch.setattr(rate_limit, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


def test_there_is_none_by_default(api: Api) -> None:
    assert {api.get(TRACKING).status_code for _ in range(500)} == {200}


def test_one_request_too_many_in_a_window(
    emulator: Emulator, api: Api, clock: SimpleNamespace
) -> None:
    """Says when the next window starts, and changes nothing."""
    emulator.set(requests_per_minute=2)
    assert [api.get(TRACKING).status_code for _ in range(2)] == [200, 200]
    clock.now += 30
    refused = api.put(f"{TRACKING}/click", data={"active": "true"})
    assert refused.status_code == 429
    assert {name: value for name, value in refused.headers.items() if "ratelimit" in name} == {
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1060",
    }
    assert "Retry-After" not in refused.headers
    assert emulator.domain(DOMAIN).click["active"] is False
    clock.now += 29.9
    assert api.get(TRACKING).status_code == 429
    clock.now += 0.1
    assert api.get(TRACKING).status_code == 200
    assert [request.status for request in emulator.requests] == [200, 200, 429, 429, 200]


def test_regions_share_it_and_accounts_do_not(
    emulator: Emulator, api: Api, new_api: Callable[..., Api], clock: SimpleNamespace
) -> None:
    emulator.set(requests_per_minute=1)
    assert api.get(f"/eu{TRACKING}").status_code == 200
    assert api.get(f"/v2/x509/{HOST}/status").status_code == 429
    assert new_api(emulator, OTHER_KEY).get("/v4/domains").status_code == 200


def test_a_wrong_key_and_the_control_api_do_not_count(
    emulator: Emulator, api: Api, new_api: Callable[..., Api], clock: SimpleNamespace
) -> None:
    emulator.set(requests_per_minute=1)
    assert new_api(emulator, "wrong").get(TRACKING).status_code == 401
    api.control("GET", "state")
    assert api.get(TRACKING).status_code == 200


def test_the_window_can_be_shorter(emulator: Emulator, api: Api, clock: SimpleNamespace) -> None:
    api.control("PATCH", "settings", {"requests_per_minute": 1, "rate_window_seconds": 0.5})
    assert [api.get(TRACKING).status_code for _ in range(2)] == [200, 429]
    clock.now += 0.5
    assert api.get(TRACKING).status_code == 200


def test_a_reset_starts_afresh(emulator: Emulator, api: Api, clock: SimpleNamespace) -> None:
    emulator.set(requests_per_minute=1)
    assert [api.get(TRACKING).status_code for _ in range(2)] == [200, 429]
    emulator.reset()
    emulator.set(requests_per_minute=1)
    assert api.get(TRACKING).status_code == 200
