"""What a preview refuses, and what it says about Mailgun, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._api import client
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
Resource = Callable[..., Any]


@pytest.mark.behaviour(11)
@pytest.mark.parametrize(
    ("resource", "domain", "inputs"),
    [
        (
            DomainTracking,
            "mg..example.com",
            {
                "open": {"actve": True},
                "click": "html",
                "unsubscribe": {"html_footer": "Bye", "text_footer": 3, "active": "yes"},
                "web_scheme": "ftp",
                "web_prefix": "a.b",
                "https_by": "cloudflare",
                "region": "asia",
                "account": "not a name",
                "subaccount": "a/b",
            },
        ),
        (
            DomainTracking,
            7,
            {"open": "on", "click": {"active": "htmlOnly"}, "unsubscribe": [1]},
        ),
        (TrackingCertificate, "example", {"wait": "yes", "timeout": 0}),
        (TrackingCertificate, "example.com", {}),
        (TrackingCertificate, DOMAIN, {}),
        (TrackingCertificate, "email.eu.example.com", {}),
        (DomainTracking, "eu.example.com", {"open": True}),
        (DomainTracking, "sub.example.com", {"open": True, "subaccount": "sub-2"}),
    ],
    ids=[
        "settings",
        "types",
        "certificate",
        "no prefix",
        "sending domain",
        "certificate in eu",
        "settings in eu",
        "subaccount",
    ],
)
def test_an_invalid_input_is_refused_by_its_name(
    engine: Engine,
    emulator: Emulator,
    snapshot: SnapshotAssertion,
    resource: Resource,
    domain: object,
    inputs: dict[str, Any],
) -> None:
    """All of them at once, each with what is valid."""
    run = engine.preview(lambda: resource("bad", domain, **inputs), check=False)
    assert run.refused["bad"] == snapshot
    assert puts(emulator) == []


@pytest.mark.behaviour(5, 11)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAILGUN_API_KEY", "wrong"),
        ("MAILGUN_API_KEY", ""),
        ("MAILGUN_SUBACCOUNT", "sub-2"),
        ("MAILGUN_REGION", "eu"),
        ("MAILGUN_REGION", "mars"),
        ("MAILGUN_BASE_URL", "http://api.example.com"),
        ("MAILGUN_BASE_URL", "http://127.0.0.1:9"),
    ],
    ids=lambda text: text.removeprefix("MAILGUN_") or "none",
)
@pytest.mark.parametrize(
    ("resource", "domain"),
    [(DomainTracking, DOMAIN), (TrackingCertificate, f"email.{DOMAIN}")],
    ids=["settings", "certificate"],
)
def test_a_wrong_setting_is_an_error_that_says_so(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    snapshot: SnapshotAssertion,
    resource: Resource,
    domain: str,
    variable: str,
    value: str,
) -> None:
    """Before anything is changed."""
    monkeypatch.setattr(client, "FIRST_CONTACT_SECONDS", 0.0)
    monkeypatch.setenv(variable, value)
    run = engine.up(lambda: resource("it", domain), check=False)
    assert (run.refused or run.errors)["it"] == snapshot
    assert puts(emulator) == []


@pytest.mark.behaviour(11)
def test_without_the_network_there_is_one_warning(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many resources there are, and the preview goes on; up fails."""
    monkeypatch.setenv("MAILGUN_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(client, "FIRST_CONTACT_SECONDS", 0.0)

    def program() -> None:
        for number in range(6):
            DomainTracking(f"d{number}", f"d{number}.example.com", open=True)
            TrackingCertificate(f"c{number}", f"email.d{number}.example.com")

    preview = engine.preview(program)
    assert set(preview.steps.values()) == {"create"}
    assert len(preview.steps) == 12
    [[warning]] = preview.rows.values()
    assert warning.startswith("Mailgun is not available; the preview continues without it: ")
    assert engine.up(program, check=False).errors["d0"].startswith("Unreachable: ")


@pytest.mark.behaviour(11)
@pytest.mark.parametrize("scheme", ["http", "gopher"])
def test_values_that_are_not_known_yet_pass(
    engine: Engine, emulator: Emulator, scheme: str
) -> None:
    """Whole and in part; up refuses what turns out to be invalid."""

    def program(**later: Any) -> None:
        mg = DomainTracking(
            "mg",
            later.get("domain", UNKNOWN),
            open=later.get("open", UNKNOWN),
            click={"active": later.get("click", UNKNOWN)},
            unsubscribe=later.get("unsubscribe", UNKNOWN),
            web_scheme=later.get("scheme", UNKNOWN),
            web_prefix=later.get("prefix", UNKNOWN),
            region=later.get("region", UNKNOWN),
        )
        TrackingCertificate("certificate", mg.tracking_domain, timeout=later.get("t", UNKNOWN))

    preview = engine.preview(program)
    assert preview.steps == {"mg": "create", "certificate": "create"}
    assert calls(emulator) == []

    run = engine.up(
        lambda: program(
            domain=DOMAIN,
            open={"active": True},
            click="htmlonly",
            unsubscribe={"active": True},
            scheme=scheme,
            prefix="email",
            region="us",
            t=60,
        ),
        check=False,
    )
    assert (run.refused.get("mg", {}).keys() == {"web_scheme"}) == (scheme == "gopher")
    now = emulator.domain(DOMAIN)
    assert (now.open["active"], now.click["active"]) == (
        (False, False) if scheme == "gopher" else (True, "htmlonly")
    )


@pytest.mark.behaviour(46)
def test_a_domain_that_does_not_exist_is_told(engine: Engine) -> None:
    """A typo must not pass a preview in silence."""
    run = engine.preview(lambda: DomainTracking("mg", "mgg.example.com", click=True))
    [row] = run.rows["mg"]
    assert row.startswith("mgg.example.com does not exist at Mailgun yet")
