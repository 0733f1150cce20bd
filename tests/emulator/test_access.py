"""Access: keys, accounts, regions, subaccounts, paths and methods."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.emulator.conftest import DOMAIN, HOST, KEY, OTHER_KEY, Api

TRACKING = f"/v3/domains/{DOMAIN}/tracking"
EVERYWHERE = [
    ("GET", TRACKING),
    ("PUT", f"{TRACKING}/click"),
    ("PUT", f"{TRACKING}/open"),
    ("PUT", f"{TRACKING}/unsubscribe"),
    ("GET", f"/v2/x509/{HOST}/status"),
    ("POST", f"/v2/x509/{HOST}"),
    ("PUT", f"/v2/x509/{HOST}"),
    ("GET", f"/v4/domains/{DOMAIN}"),
    ("PUT", f"/v4/domains/{DOMAIN}"),
    ("PUT", f"/v4/domains/{DOMAIN}/verify"),
    ("GET", "/v4/domains"),
    ("GET", "/v5/accounts/subaccounts"),
    ("POST", "/v4/domains"),
    ("DELETE", f"/v3/domains/{DOMAIN}"),
]


def _basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
@pytest.mark.parametrize(
    "header",
    [None, _basic("api:wrong"), _basic(f"user:{KEY}"), _basic("api:"), f"Bearer {KEY}", "Basic %%"],
    ids=["none", "wrong key", "wrong user", "empty key", "bearer", "malformed"],
)
def test_a_valid_key_is_required(
    emulator: Emulator, api: Api, method: str, path: str, header: str | None
) -> None:
    before = emulator.domains()
    api.session.auth = None
    response = api.call(method, path, headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.json() == {"message": "Invalid private key"}
    assert emulator.requests[-1].account is None
    assert emulator.domains() == before


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
@pytest.mark.parametrize("role", ["admin", "developer", "basic", "analyst", "support", "sending"])
def test_a_role_may_read_or_write_or_neither(
    emulator: Emulator, api: Api, method: str, path: str, role: str
) -> None:
    """It is that of an account's keys; other accounts are not concerned."""
    emulator.set(roles={"default": role, "brand-b": "admin"})
    before = emulator.domains()
    may = role in ("admin", "developer") or (role != "sending" and method == "GET")
    response = api.call(method, path)
    assert (response.status_code != 403) is may
    if not may:
        assert response.json() == {"message": "Forbidden"}
        assert emulator.domains() == before


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_domains_of_other_accounts_are_not_found(
    emulator: Emulator, new_api: Callable[..., Api], method: str, path: str
) -> None:
    before = emulator.domains()
    response = new_api(emulator, OTHER_KEY).call(method, path)
    if path == "/v4/domains":
        assert response.status_code == 400 if method == "POST" else response.json()["items"] == []
    elif path == "/v5/accounts/subaccounts":
        assert response.status_code == 200
    else:
        assert response.status_code == 404
        text = "x509 cert not found" if "x509" in path else "Domain not found"
        assert list(response.json().values()) == [text]
    assert emulator.requests[-1].account == "brand-b"
    assert emulator.domains() == before


def test_each_account_has_its_own_domains(emulator: Emulator, new_api: Callable[..., Api]) -> None:
    emulator.add_domain("b.example.com", account="brand-b", click="htmlonly")
    theirs = new_api(emulator, OTHER_KEY)
    assert theirs.tracking("b.example.com")["click"]["active"] == "htmlonly"
    assert [item["name"] for item in theirs.get("/v4/domains").json()["items"]] == ["b.example.com"]
    assert theirs.post("/v4/domains", data={"name": DOMAIN}).status_code == 400


def test_regions_do_not_share_domains(emulator: Emulator, api: Api) -> None:
    api.put(f"/eu{TRACKING}/click", data={"active": "yes"})
    assert emulator.domain(DOMAIN, region="eu").click["active"] is True
    assert emulator.domain(DOMAIN).click["active"] is False
    emulator.add_domain("only-eu.example.com", region="eu")
    assert api.get("/us/v3/domains/only-eu.example.com/tracking").status_code == 404
    assert api.get("/eu/v3/domains/only-eu.example.com/tracking").status_code == 200
    assert [(r.region, r.path) for r in emulator.requests] == [
        ("eu", f"{TRACKING}/click"),
        ("us", "/v3/domains/only-eu.example.com/tracking"),
        ("eu", "/v3/domains/only-eu.example.com/tracking"),
    ]


def test_paths_without_a_region_use_the_default_region(
    new_api: Callable[..., Api],
) -> None:
    with Emulator(domains=["a.example.com", "us/b.example.com"], region="eu") as emulator:
        api = new_api(emulator, emulator.key)
        record = api.get("/v4/domains/a.example.com").json()["sending_dns_records"][-1]
        assert record["value"] == "eu.mailgun.org"
        assert api.get("/v4/domains/b.example.com").status_code == 404
        assert api.get("/us/v4/domains/b.example.com").status_code == 200
        assert emulator.domain("a.example.com").region == "eu"


def test_a_subaccount_needs_the_header(emulator: Emulator, api: Api) -> None:
    path = "/eu/v3/domains/sub.example.com/tracking"
    header = {"X-Mailgun-On-Behalf-Of": "sub-1"}
    assert api.get(path).status_code == 404
    assert api.get(path, headers=header).status_code == 200
    assert emulator.requests[-1].on_behalf_of == "sub-1"
    assert api.get(f"/eu{TRACKING}", headers=header).status_code == 404
    listed = api.get("/eu/v4/domains", headers=header).json()["items"]
    assert [(item["name"], item["subaccount_id"]) for item in listed] == [
        ("sub.example.com", "sub-1")
    ]
    assert [i["name"] for i in api.get("/eu/v4/domains").json()["items"]] == [DOMAIN]


def test_subaccounts_are_listed_page_by_page() -> None:
    """Ten at a time unless more are asked for, as Mailgun's documentation has it."""
    ids = [f"sub-{number:02}" for number in range(12)]
    path = "/v5/accounts/subaccounts"
    with Emulator(subaccounts=ids) as emulator:
        api = Api(emulator, emulator.key)
        first = api.get(path).json()
        assert [one["id"] for one in first["subaccounts"]] == ids[:10]
        assert {one["status"] for one in first["subaccounts"]} == {"open"}
        assert first["total"] == 12
        rest = api.get(f"{path}?limit=1000&skip=10&sort=asc").json()["subaccounts"]
        assert [one["id"] for one in rest] == ids[10:]
        [found] = api.get(f"{path}?filter=07&sort=desc").json()["subaccounts"]
        assert found["name"] == "sub-07"
        for query in ("limit=0", "limit=1001", "skip=-1", "sort=name"):
            assert api.get(f"{path}?{query}").status_code == 400
        for query in ("enabled=true", "closed=true"):
            assert api.get(f"{path}?{query}").status_code == 501
        on_behalf = api.get(path, headers={"X-Mailgun-On-Behalf-Of": "sub-01"})
        assert on_behalf.status_code == 403


def test_a_subaccount_exists_once_it_has_a_domain(tmp_path: Path) -> None:
    """No domain is out of reach: of the start, added, or kept from the last run."""

    def statuses(emulator: Emulator) -> list[int]:
        api = Api(emulator, emulator.key)
        return [
            api.get(
                f"/v4/domains/{name}.example.com", headers={"X-Mailgun-On-Behalf-Of": subaccount}
            ).status_code
            for name, subaccount in (("a", "sub-1"), ("b", "sub-2"))
        ]

    state = tmp_path / "state.json"
    with Emulator(["us/sub-1/a.example.com"], state_file=state) as emulator:
        assert statuses(emulator) == [200, 403]
        emulator.add_domain("b.example.com", subaccount="sub-2")
        assert statuses(emulator) == [200, 200]
        emulator.remove_domain("a.example.com")
    with Emulator(state_file=state) as emulator:
        assert statuses(emulator) == [404, 200]
        listed = Api(emulator, emulator.key).get("/v5/accounts/subaccounts").json()
        assert [one["id"] for one in listed["subaccounts"]] == ["sub-1", "sub-2"]
        emulator.reset()
        assert statuses(emulator) == [403, 403]


def test_an_unknown_subaccount_is_forbidden(api: Api) -> None:
    response = api.get(TRACKING, headers={"X-Mailgun-On-Behalf-Of": "sub-2"})
    assert response.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v3",
        "/v3/domains/",
        f"{TRACKING}/",
        f"{TRACKING}/clicks",
        "/v2/x509",
        "/asia/v4",
        f"/v3/v4/domains/{DOMAIN}",
        f"/v3{TRACKING}",
        f"/v4/v2/x509/{HOST}/status",
    ],
)
def test_an_unknown_path_is_not_found(api: Api, path: str) -> None:
    """The last ones are those of a client with a version in its base URL."""
    assert api.get(path).status_code == 404


@pytest.mark.behaviour(47)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/routes"),
        ("DELETE", "/v3/routes/123"),
        ("GET", "/v1/dkim/keys"),
        ("POST", f"/v3/{DOMAIN}/messages"),
        ("GET", f"/eu/v3/{DOMAIN}/templates/one/versions"),
        ("PUT", f"/v3/domains/{DOMAIN}/dkim_authority"),
        ("GET", f"/v4/domains/{DOMAIN}/keys"),
        ("POST", "/v5/accounts/subaccounts/sub-1/disable"),
    ],
)
def test_what_only_mailgun_has_is_not_implemented(api: Api, method: str, path: str) -> None:
    """It does not look as if Mailgun did not have it."""
    response = api.call(method, path)
    assert response.status_code == 501
    name = path.removeprefix("/eu")
    assert response.json()["message"].startswith(f"The emulator does not have {method} {name}, ")


@pytest.mark.behaviour(47)
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", TRACKING, "GET"),
        ("GET", f"{TRACKING}/click", "PUT"),
        ("PATCH", f"{TRACKING}/open", "PUT"),
        ("DELETE", f"/v2/x509/{HOST}", "POST, PUT"),
        ("PUT", f"/v2/x509/{HOST}/status", "GET"),
        ("DELETE", "/v4/domains", "GET, POST"),
        # Mailgun's file has it under /v3 only.
        ("DELETE", f"/v4/domains/{DOMAIN}", "GET, PUT"),
        ("GET", f"/v4/domains/{DOMAIN}/verify", "PUT"),
    ],
)
def test_a_wrong_method_is_not_allowed(api: Api, method: str, path: str, allowed: str) -> None:
    response = api.call(method, path)
    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == allowed.split(", ")


def test_keys_appear_nowhere(emulator: Emulator, api: Api) -> None:
    """Not in the control API, not in recorded requests, not in a repr."""
    api.get(TRACKING)
    api.session.auth = ("api", "a-wrong-key")
    api.get(TRACKING)
    texts = [repr(emulator), repr(emulator.requests), repr(emulator.domains())]
    for path in ("requests", "state", "dials", "settings", "faults"):
        texts.append(api.control("GET", path).text)
    secrets = [KEY, OTHER_KEY, "a-wrong-key", emulator.control_token]
    secrets += [base64.b64encode(f"api:{key}".encode()).decode() for key in secrets]
    assert not [(key, text) for key in secrets for text in texts if key in text]
    assert TRACKING in texts[1]
