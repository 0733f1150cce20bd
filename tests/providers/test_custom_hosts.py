"""A domain whose links use a custom tracking host, and not `web_prefix.domain`."""

from __future__ import annotations

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate, get_tracking_certificate
from mailgun_tracking import get_tracking_domain as look_up
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.errors import CertificateNotFound
from tests.behaviour.mail import puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
HOSTS = ["links.example.com", "a.b.mg.example.com", "go.mg.example.com", "lnk.example"]


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest, emulator: Emulator) -> str:
    """A custom host: beside the domain, below it at two depths, and one of its own."""
    emulator.drift(DOMAIN, custom_host=request.param)
    return str(request.param)


@pytest.mark.behaviour(59)
def test_it_is_the_tracking_domain_everywhere(
    engine: Engine, emulator: Emulator, host: str
) -> None:
    """Its certificate is what https needs; no other host's is asked for."""

    def program() -> None:
        tracking = DomainTracking("mg", DOMAIN, click=True)
        TrackingCertificate("certificate", tracking.tracking_domain)
        DomainTracking("https", DOMAIN, web_scheme="https")

    assert engine.preview(program).outputs["mg"]["tracking_domain"] == host
    run = engine.up(program)
    assert run.outputs["mg"]["tracking_domain"] == host
    assert run.outputs["mg"]["cname"] == {"name": host, "value": "mailgun.org"}
    assert run.outputs["mg"]["web_prefix"] == "email"
    assert puts(emulator) == [
        f"PUT /v3/domains/{DOMAIN}/tracking/click",
        f"POST /v2/x509/{host}",
        f"PUT /v4/domains/{DOMAIN}",
    ]
    assert emulator.domain(DOMAIN).web_scheme == "https"
    found = look_up(DOMAIN)
    assert (found.tracking_domain, found.cname_name) == (host, host)
    same = {"mg": "same", "certificate": "same", "https": "same"}
    assert engine.refresh().steps == same
    assert engine.preview(program, refresh=True).steps == same


@pytest.mark.behaviour(20, 59)
def test_https_is_refused_without_its_certificate(
    engine: Engine, emulator: Emulator, host: str
) -> None:
    """A certificate for a host that no link uses is not enough."""
    emulator.set_certificate(f"email.{DOMAIN}")
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, web_scheme="https"), check=False)
    assert f"{host} has no certificate" in run.errors["mg"]
    assert puts(emulator) == []


@pytest.mark.behaviour(59)
@pytest.mark.parametrize("exists", [False, True])
def test_a_prefix_is_refused_in_the_preview(engine: Engine, exists: bool, host: str) -> None:
    """The links would stay where they are. The prefix that the domain has is no change."""
    if exists:
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    run = engine.preview(lambda: DomainTracking("mg", DOMAIN, web_prefix="track"), check=False)
    assert f"use the custom tracking host {host}" in run.refused["mg"][0]
    engine.up(lambda: DomainTracking("mg", DOMAIN, web_prefix="email"))


@pytest.mark.behaviour(59)
def test_a_prefix_is_refused_where_the_host_was_set_since(
    engine: Engine, emulator: Emulator
) -> None:
    """The state does not have it yet; nothing is sent."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    emulator.drift(DOMAIN, custom_host="links.example.com")
    emulator.forget_requests()
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, web_prefix="go"), check=False)
    assert "use the custom tracking host links.example.com" in run.errors["mg"]
    assert puts(emulator) == []


@pytest.mark.behaviour(59)
def test_a_host_that_appears_is_drift_and_goes_into_the_state(
    engine: Engine, emulator: Emulator
) -> None:
    """By a refresh, as with everything else that somebody changes."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    emulator.drift(DOMAIN, custom_host="links.example.com")
    engine.refresh()
    assert engine.state["mg"].outputs["tracking_domain"] == "links.example.com"
    emulator.drift(DOMAIN, custom_host="")
    engine.refresh()
    assert engine.state["mg"].outputs["tracking_domain"] == f"email.{DOMAIN}"


@pytest.mark.behaviour(59)
def test_a_domain_is_not_moved_away_from_it(engine: Engine, emulator: Emulator, host: str) -> None:
    """`move_domain` would change the prefix, and no link."""
    moving = f"track.{DOMAIN}"
    run = engine.preview(
        lambda: TrackingCertificate("certificate", moving, move_domain=True), check=False
    )
    assert host in run.refused["certificate"][0]
    run = engine.up(lambda: TrackingCertificate("certificate", moving), check=False)
    assert f"use its custom tracking host {host}" in run.errors["certificate"]
    assert puts(emulator) == [f"POST /v2/x509/{moving}"]


@pytest.mark.behaviour(59)
def test_its_domain_is_found_for_errors_and_refresh(
    engine: Engine, emulator: Emulator, host: str
) -> None:
    """It is not what follows the first label."""
    with pytest.raises(CertificateNotFound):
        get_tracking_certificate(host)
    emulator.set(cname_check="invalid")
    run = engine.up(lambda: TrackingCertificate("certificate", host, wait=False), check=False)
    assert f"{host} needs a CNAME record that points directly at mailgun.org" in str(run.errors)
    emulator.set(cname_check="off")
    engine.up(lambda: TrackingCertificate("certificate", host))
    emulator.set_certificate(host, None)
    assert engine.refresh().steps == {"certificate": "delete"}


@pytest.mark.behaviour(41)
def test_two_labels_that_no_domain_uses(engine: Engine) -> None:
    """The commonest mistake, a sending domain in place of its tracking domain."""
    run = engine.preview(lambda: TrackingCertificate("certificate", "example.com"), check=False)
    assert "for example email.example.com" in run.refused["certificate"][0]
