"""Which account, region and subaccount a resource is in."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._provider import operation
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"


@pytest.mark.behaviour(1, 2)
@pytest.mark.parametrize(
    ("domain", "where", "id_"),
    [
        ("MG.Example.com.", {}, DOMAIN),
        ("Bücher.example", {}, "xn--bcher-kva.example"),
        ("eu.example.com", {"region": "EU"}, "eu/eu.example.com"),
        ("sub.example.com", {"subaccount": "sub-1"}, "us/sub-1/sub.example.com"),
        (
            "eusub.example.com",
            {"region": "eu", "subaccount": "sub-1"},
            "eu/sub-1/eusub.example.com",
        ),
    ],
)
def test_ids(
    engine: Engine, emulator: Emulator, domain: str, where: dict[str, Any], id_: str
) -> None:
    """Explicit defaults and another spelling are no change."""
    emulator.add_domain("xn--bcher-kva.example")
    emulator.add_domain("eusub.example.com", region="eu", subaccount="sub-1")
    engine.up(lambda: DomainTracking("mg", domain, click=True, **where))
    assert engine.state["mg"].id == id_
    outputs = engine.state["mg"].outputs
    effective = {name: outputs[name] for name in ("account", "region", "subaccount")}
    assert effective == {
        "account": "default",
        "region": where.get("region", "us").lower(),
        "subaccount": where.get("subaccount", ""),
    }
    emulator.forget_requests()

    def spelled_out() -> None:
        DomainTracking("mg", domain.lower().removesuffix("."), click=True, **effective)

    assert engine.up(spelled_out).steps == {"mg": "same"}
    assert calls(emulator) == []


@pytest.mark.behaviour(2)
def test_read_update_and_delete_go_by_the_state(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the configuration says by now; that previews as a replacement."""
    emulator.add_domain("eusub.example.com", region="eu", subaccount="sub-1")
    emulator.add_domain(DOMAIN, region="eu")

    def program() -> None:
        DomainTracking("mg", DOMAIN, click=True, subaccount="")
        DomainTracking("eusub", "eusub.example.com", open=True)
        TrackingCertificate("certificate", "email.eusub.example.com")

    monkeypatch.setenv("MAILGUN_REGION", "eu")
    monkeypatch.setenv("MAILGUN_SUBACCOUNT", "sub-1")
    engine.up(program)
    assert emulator.domain(DOMAIN, region="eu").click["active"] is True
    assert emulator.domain(DOMAIN, region="us").click["active"] is False

    monkeypatch.delenv("MAILGUN_REGION")
    emulator.forget_requests()
    assert set(engine.refresh().steps.values()) == {"same"}
    assert {request.region for request in emulator.requests} == {"eu"}
    preview = engine.preview(program, check=False)
    assert preview.steps["mg"] == "replace"
    assert "is in region eu" in preview.refused["eusub"][0]

    emulator.forget_requests()
    engine.destroy()
    assert {request.region for request in emulator.requests} == {"eu"}
    assert {(r.path, r.on_behalf_of) for r in emulator.requests if r.method == "PUT"} == {
        ("/v3/domains/eusub.example.com/tracking/open", "sub-1"),
        (f"/v3/domains/{DOMAIN}/tracking/click", None),
    }
    assert emulator.domain(DOMAIN, region="eu").click["active"] is False


@pytest.mark.behaviour(4)
def test_without_configuration_the_environment_counts(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`MAILGUN_API_KEY`, `MAILGUN_REGION`, `MAILGUN_SUBACCOUNT` and `MAILGUN_BASE_URL`."""
    emulator.add_domain("eusub.example.com", region="eu", subaccount="sub-1")
    monkeypatch.setenv("MAILGUN_REGION", "eu")
    monkeypatch.setenv("MAILGUN_SUBACCOUNT", "sub-1")
    engine.config["mailgun:region"] = "us"
    engine.up(lambda: DomainTracking("eusub", "eusub.example.com", open=True))
    assert engine.state["eusub"].id == "eu/sub-1/eusub.example.com"
    assert emulator.domain("eusub.example.com", region="eu").open["active"] is True


@pytest.mark.behaviour(3, 17)
def test_the_same_account_under_another_name_turns_nothing_off(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replacement is on the same domain, so the old resource leaves it alone."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    monkeypatch.setenv("MAILGUN_API_KEY_MAIN", emulator.key)
    emulator.forget_requests()
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, account="main"))
    assert run.steps == {"mg": "replace"}
    assert puts(emulator) == []
    assert emulator.domain(DOMAIN).click["active"] is True


@pytest.mark.behaviour(2, 17)
def test_another_region_behind_the_same_address_turns_nothing_off(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One address serves both regions, so the replacement is on the same domain."""

    def program() -> None:
        DomainTracking("mg", DOMAIN, click=True)

    monkeypatch.setenv("MAILGUN_BASE_URL", emulator.url)
    engine.up(program)
    emulator.forget_requests()
    monkeypatch.setenv("MAILGUN_REGION", "eu")
    assert engine.up(program).steps == {"mg": "replace"}
    assert puts(emulator) == []


@pytest.mark.behaviour(2)
def test_another_region_replaces_and_turns_off_what_was(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one is created where it now belongs, the old one deleted where it was."""
    emulator.add_domain(DOMAIN, region="eu")

    def program() -> None:
        DomainTracking("mg", DOMAIN, click=True)

    engine.up(program)
    engine.config["mailgun-tracking:region"] = "eu"
    emulator.forget_requests()
    assert engine.up(program).steps == {"mg": "replace"}
    assert engine.state["mg"].id == f"eu/{DOMAIN}"
    assert [(r.region, r.form) for r in emulator.requests if r.method == "PUT"] == [
        ("eu", {"active": "true"}),
        ("us", {"active": "false"}),
    ]


@pytest.mark.behaviour(19)
@pytest.mark.parametrize(
    ("resource", "id_", "expected"),
    [
        (DomainTracking, "no.example.com", "(404)"),
        (DomainTracking, "eu.example.com", "eu.example.com is in region eu"),
        (DomainTracking, "asia/eu.example.com", "write DOMAIN, REGION/DOMAIN or"),
        (TrackingCertificate, f"email.{DOMAIN}", "has no certificate"),
    ],
)
def test_reading_by_id_what_does_not_exist_is_an_error(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    resource: Any,
    id_: str,
    expected: str,
) -> None:
    """As `get` does, with what to do about it."""
    monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)
    run = engine.get(lambda: resource("mg", id_.rpartition("/")[2]), id_)
    assert expected in run.errors["mg"]
    assert puts(emulator) == []
