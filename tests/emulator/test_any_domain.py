"""`any_domain`: what looking at a domain makes, and what it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailgun_tracking.emulator import DomainTaken, Emulator
from tests.emulator.conftest import KEY, OTHER_KEY, Api, multipart

NAME = "a.example.com"
TRACKING = f"/v3/domains/{NAME}/tracking"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


@pytest.fixture
def emulator(file: Path) -> Iterator[Emulator]:
    with _any_domain(file) as emulator:
        yield emulator


def _any_domain(file: Path) -> Emulator:
    keys = {KEY: "default", OTHER_KEY: "brand-b"}
    return Emulator(keys=keys, any_domain=True, state_file=file)


@pytest.mark.behaviour(47)
def test_a_delete_holds_until_a_post(
    emulator: Emulator, api: Api, file: Path, new_api: Callable[..., Api]
) -> None:
    api.tracking(NAME)
    assert api.delete(f"/v3/domains/{NAME}").status_code == 200

    def is_gone(api: Api) -> bool:
        responses = [
            api.get(TRACKING),
            api.get(f"/v4/domains/{NAME.upper()}"),
            api.put(f"{TRACKING}/click", data={"active": "true"}),
            api.get(f"/v2/x509/email.{NAME}/status"),
            api.post(f"/v2/x509/email.{NAME}"),
            api.delete(f"/v3/domains/{NAME}"),
        ]
        listed = api.get("/v4/domains").json()["items"]
        return listed == [] and {response.status_code for response in responses} == {404}

    assert is_gone(api)
    assert api.get(f"/eu{TRACKING}").status_code == 200
    emulator.close()
    with _any_domain(file) as restarted:
        assert is_gone(new_api(restarted))
        assert new_api(restarted).post("/v4/domains", data={"name": NAME}).status_code == 200
        assert new_api(restarted).tracking(NAME)["click"]["active"] is False
        restarted.remove_domain(NAME)
        assert is_gone(new_api(restarted))
        restarted.add_domain(NAME)
        assert new_api(restarted).get(TRACKING).status_code == 200
        restarted.remove_domain(NAME)
        restarted.reset()
        assert new_api(restarted).get(TRACKING).status_code == 200


@pytest.mark.parametrize("path", [TRACKING, f"/v4/domains/{NAME}", f"/v2/x509/email.{NAME}/status"])
def test_a_post_takes_over_what_only_a_look_made(api: Api, path: str) -> None:
    api.get(path)
    seen = api.get(f"/v4/domains/{NAME}").json()["domain"]
    made = api.post("/v4/domains", data={"name": NAME, "web_scheme": "https"})
    assert made.status_code == 200
    assert made.json()["domain"] == {**seen, "web_scheme": "https"}
    again = api.post("/v4/domains", data={"name": NAME})
    assert again.json() == {"message": "This domain name is already taken"}


def test_a_post_takes_it_over_from_another_account(
    emulator: Emulator, api: Api, new_api: Callable[..., Api]
) -> None:
    theirs = new_api(emulator, OTHER_KEY)
    theirs.tracking(NAME)
    assert api.get(TRACKING).status_code == 404
    assert api.post("/v4/domains", data={"name": NAME}).status_code == 200
    assert api.get(TRACKING).status_code == 200
    assert theirs.get(TRACKING).status_code == 404


def test_a_refused_post_takes_nothing_over(emulator: Emulator, api: Api) -> None:
    api.tracking(NAME)
    assert api.post("/v4/domains", data={"name": NAME, "web_prefix": "a.b"}).status_code == 400
    assert api.post("/v4/domains", data={"name": NAME}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "form"),
    [
        ("PUT", f"{TRACKING}/click", {"active": "true"}),
        ("PUT", f"/v4/domains/{NAME}", {"web_scheme": "https"}),
        ("PUT", f"/v4/domains/{NAME}/verify", {}),
        ("POST", f"/v2/x509/email.{NAME}", {}),
        ("POST", "/v4/domains", {"name": NAME}),
    ],
)
@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("restart", [True, False])
def test_what_more_than_a_look_made_is_taken(
    emulator: Emulator,
    api: Api,
    file: Path,
    new_api: Callable[..., Api],
    method: str,
    path: str,
    form: dict[str, str],
    looked: bool,
    restart: bool,
) -> None:
    if looked:
        api.tracking(NAME)
    assert api.call(method, path, files=multipart(form)).status_code in (200, 202)
    if restart:
        emulator.close()
        with _any_domain(file) as restarted:
            response = new_api(restarted).post("/v4/domains", data={"name": NAME})
    else:
        response = api.post("/v4/domains", data={"name": NAME})
        with pytest.raises(DomainTaken):
            emulator.add_domain(NAME)
    assert response.status_code == 400
