"""The web scheme and the web prefix: https never over a host without a certificate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from mailgun_tracking import DomainTracking
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
EMAIL, LINKS = f"email.{DOMAIN}", f"links.{DOMAIN}"


@dataclass(frozen=True)
class Case:
    """A domain as Mailgun has it, what the program wants of it, and what becomes of that."""

    name: str
    wants: dict[str, Any]
    refused: str | None = None
    """What the error mentions; None where there is none."""
    scheme: str = "http"
    certificates: dict[str, str] = field(default_factory=dict)
    """The status by host."""
    becomes: tuple[str, str] = ("http", "email")


HTTPS = {"web_scheme": "https"}
ACTIVE = {EMAIL: "active"}
CASES = [
    Case("none", HTTPS, f"{EMAIL} has no certificate"),
    Case("processing", HTTPS, "wait=True", certificates={EMAIL: "processing"}),
    Case("expired", HTTPS, "is expired", certificates={EMAIL: "expired"}),
    Case("error", HTTPS, "is error", certificates={EMAIL: "error"}),
    Case("active", HTTPS, certificates=ACTIVE, becomes=("https", "email")),
    Case("proxy", {**HTTPS, "https_by": "proxy"}, becomes=("https", "email")),
    Case("plain", {"web_scheme": "http"}, scheme="https"),
    Case("already", HTTPS, scheme="https", becomes=("https", "email")),
    Case(
        "click",
        {"click": True},
        scheme="https",
        certificates={EMAIL: "expired"},
        becomes=("https", "email"),
    ),
    Case("prefix", {"web_prefix": "links"}, becomes=("http", "links")),
    Case(
        "away",
        {"web_prefix": "links"},
        f"{LINKS} has no certificate",
        scheme="https",
        certificates=ACTIVE,
        becomes=("https", "email"),
    ),
    Case(
        "both",
        {"web_prefix": "links", **HTTPS},
        f"{LINKS} has no certificate",
        scheme="https",
        certificates=ACTIVE,
        becomes=("https", "email"),
    ),
    Case(
        "ready",
        {"web_prefix": "links"},
        scheme="https",
        certificates={**ACTIVE, LINKS: "active"},
        becomes=("https", "links"),
    ),
    Case(
        "down",
        {"web_prefix": "links", "web_scheme": "http"},
        scheme="https",
        becomes=("http", "links"),
    ),
    Case(
        "own",
        {"web_prefix": "links", "https_by": "proxy"},
        scheme="https",
        becomes=("https", "links"),
    ),
]
NOT_ASKED = ("proxy", "plain", "already", "click", "prefix", "down", "own")
"""Where no certificate matters."""


@pytest.mark.behaviour(20, 21)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_https_only_over_a_certificate(engine: Engine, emulator: Emulator, case: Case) -> None:
    """What turns https on, or moves it, needs an active certificate or your own proxy."""
    emulator.set_dials(x509_other_host="issues")
    emulator.drift(DOMAIN, web_scheme=case.scheme)
    for host, status in case.certificates.items():
        emulator.set_certificate(host, status)

    run = engine.up(lambda: DomainTracking("mg", DOMAIN, **case.wants), check=False)

    if case.refused is None:
        assert not run.failed
    else:
        assert run.errors["mg"].startswith("CertificateMissing: ")
        assert case.refused in run.errors["mg"]
        assert 'https_by="proxy"' in run.errors["mg"]
        assert puts(emulator) == []
    now = emulator.domain(DOMAIN)
    assert (now.web_scheme, now.web_prefix) == case.becomes
    asked = [call for call in calls(emulator) if "x509" in call]
    assert bool(asked) == (case.name not in NOT_ASKED)


@pytest.mark.behaviour(20)
@pytest.mark.parametrize("scheme", ["https", None], ids=["managed", "left alone"])
def test_a_domain_on_https_is_not_held_up(
    engine: Engine, emulator: Emulator, scheme: str | None
) -> None:
    """Everything else can be changed though the certificate has expired; only a move cannot."""

    def program(**settings: Any) -> None:
        DomainTracking("mg", DOMAIN, web_scheme=scheme, **settings)  # type: ignore[arg-type]

    emulator.set_certificate(EMAIL)
    emulator.drift(DOMAIN, web_scheme="https")
    engine.up(lambda: program(click=True))
    emulator.set_certificate(EMAIL, "expired")
    emulator.forget_requests()

    run = engine.up(lambda: program(click=False, web_prefix="links"), check=False)
    assert run.errors["mg"].startswith(
        f"CertificateMissing: cannot move the https links of {DOMAIN}"
    )
    assert puts(emulator) == []

    engine.up(lambda: program(click=False))
    assert puts(emulator) == [f"PUT /v3/domains/{DOMAIN}/tracking/click"]
    assert emulator.domain(DOMAIN).click["active"] is False
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=False, web_scheme="http"))
    assert emulator.domain(DOMAIN).web_scheme == "http"


@pytest.mark.behaviour(20)
def test_a_prefix_does_not_move_under_https_that_somebody_else_turned_on(
    engine: Engine, emulator: Emulator
) -> None:
    """An update of the prefix reads the domain, because state does not know what changed since."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, web_prefix="email"))
    emulator.drift(DOMAIN, web_scheme="https")
    emulator.forget_requests()
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, web_prefix="track"), check=False)
    assert "the https links of mg.example.com to track.mg.example.com" in run.errors["mg"]
    assert puts(emulator) == []
    assert emulator.domain(DOMAIN).web_prefix == "email"


@pytest.mark.behaviour(12)
def test_a_new_prefix_is_known_in_the_preview(engine: Engine, emulator: Emulator) -> None:
    """Also after somebody has moved the domain by hand."""
    host = {"name": LINKS, "value": "mailgun.org"}
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))

    preview = engine.preview(lambda: DomainTracking("mg", DOMAIN, click=True, web_prefix="links"))
    assert preview.steps == {"mg": "update"}
    assert preview.outputs["mg"]["tracking_domain"] == LINKS
    assert preview.outputs["mg"]["cname"] == host
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, web_prefix="links"))
    assert emulator.domain(DOMAIN).web_prefix == "links"

    emulator.drift(DOMAIN, web_prefix="byhand")
    engine.refresh()
    assert engine.state["mg"].inputs["web_prefix"] == "byhand"
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, web_prefix="links"))
    assert run.steps == {"mg": "update"}
    assert emulator.domain(DOMAIN).web_prefix == "links"
    assert "byhand.mg.example.com" in run.rows["mg"][-1]
