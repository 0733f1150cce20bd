"""The state file: what is kept across a restart, and what is never saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking.emulator import DomainSnapshot, Emulator, StateFileError
from tests.emulator.conftest import DOMAIN, HOST, KEY, Api

Restart = Callable[..., Emulator]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "state.json"


def _emulator(file: Path, **arguments: Any) -> Emulator:
    arguments.setdefault("domains", [DOMAIN])
    return Emulator(keys={KEY: "default"}, state_file=file, subaccounts=("sub-1",), **arguments)


def test_everything_survives_a_restart(file: Path, new_api: Callable[..., Api]) -> None:
    before: list[DomainSnapshot]
    with _emulator(file) as emulator:
        api = new_api(emulator)
        api.put(f"/v3/domains/{DOMAIN}/tracking/click", data={"active": "htmlonly"})
        api.put(f"/v3/domains/{DOMAIN}/tracking/unsubscribe", data={"html_footer": "ü\r\n"})
        api.put_domain(web_prefix="links", spam_action="tag")
        api.post("/v2/x509/links.mg.example.com")
        emulator.set_certificate(HOST, "expired")
        emulator.set_certificate("x.mg.example.com", "error", error="why")
        emulator.add_domain("sub.example.com", "eu", None, "sub-1")
        details = api.get(f"/v4/domains/{DOMAIN}").json()
        before = emulator.domains()
    with _emulator(file) as emulator:
        assert emulator.domains() == before
        api = new_api(emulator)
        assert api.get(f"/v4/domains/{DOMAIN}").json() == details
        assert api.certificate("links.mg.example.com")["status"] == "active"


def test_issuing_resumes_after_a_restart(file: Path, new_api: Callable[..., Api]) -> None:
    with _emulator(file, issuing_seconds=3600) as emulator:
        new_api(emulator).post(f"/v2/x509/{HOST}")
    with _emulator(file) as emulator:
        assert new_api(emulator).certificate()["status"] == "processing"
    content = json.loads(file.read_text())
    saved = content["domains"][0]["certificates"][HOST]
    saved["ready_at"] = saved["ready_at"].replace(saved["ready_at"][:4], "2001")
    file.write_text(json.dumps(content))
    with _emulator(file) as emulator:
        assert new_api(emulator).certificate()["status"] == "active"
    assert json.loads(file.read_text())["domains"][0]["certificates"][HOST]["phase"] == "issued"


def test_issuing_that_never_completes_does_not_after_a_restart(file: Path) -> None:
    with _emulator(file) as emulator:
        emulator.set_certificate(HOST, "processing")
    with _emulator(file) as emulator:
        assert emulator.domain(DOMAIN).certificates[HOST].status == "processing"


def test_only_new_initial_domains_are_added_after_a_restart(file: Path) -> None:
    with _emulator(file) as emulator:
        emulator.remove_domain(DOMAIN)
    with _emulator(file, domains=[DOMAIN, "new.example.com"]) as emulator:
        assert [domain.name for domain in emulator.domains()] == ["new.example.com"]


def test_a_field_that_is_missing_in_the_file_has_its_default(file: Path) -> None:
    """As in a file from before the field was added."""
    with _emulator(file) as emulator:
        emulator.drift(DOMAIN, open={"active": True, "place_at_the_top": True})
    content = json.loads(file.read_text())
    del content["domains"][0]["open"]["place_at_the_top"]
    file.write_text(json.dumps(content))
    with _emulator(file) as emulator:
        section = emulator.domain(DOMAIN).open
    assert (section["active"], section["place_at_the_top"]) == (True, False)


def test_each_change_is_saved_immediately(file: Path, new_api: Callable[..., Api]) -> None:
    with _emulator(file) as emulator:
        api = new_api(emulator)

        def saved() -> dict[str, Any]:
            content: dict[str, Any] = json.loads(file.read_text())["domains"][0]
            return content

        api.put(f"/v3/domains/{DOMAIN}/tracking/open", data={"active": "true"})
        assert saved()["open"]["active"] is True
        emulator.drift(DOMAIN, web_scheme="https")
        assert saved()["web_scheme"] == "https"
        api.post(f"/v2/x509/{HOST}")
        assert saved()["certificates"][HOST]["phase"] == "processing"
        api.certificate()
        assert saved()["certificates"][HOST]["phase"] == "issued"
        assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_no_key_is_in_the_file(file: Path, new_api: Callable[..., Api]) -> None:
    with _emulator(file) as emulator:
        new_api(emulator).post(
            "/v4/domains", data={"name": "n.example.com", "smtp_password": "pw1"}
        )
    text = file.read_text()
    assert "n.example.com" in text
    assert KEY not in text
    assert "pw1" not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "seeded": 1, "domains": []}',
        '{"version": 1, "seeded": [], "domains": [{"name": "x"}]}',
    ],
)
def test_an_invalid_file_is_rejected_and_not_changed(tmp_path: Path, text: str) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)
    with pytest.raises(StateFileError, match=r"other\.json"):
        _emulator(other)
    assert other.read_text() == text
