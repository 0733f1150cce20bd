"""A certificate that may move its domain, where Mailgun issues for the current host only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.identity import ownership_key
from mailgun_tracking._provider.process import process
from mailgun_tracking._provider.unfinished import Unfinished
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.providers.engine import Engine, killed_at

DOMAIN = "mg.example.com"
EMAIL, TRACK = f"email.{DOMAIN}", f"track.{DOMAIN}"


@pytest.fixture(autouse=True)
def _on_https(emulator: Emulator) -> None:
    emulator.set_certificate(EMAIL)
    emulator.drift(DOMAIN, web_scheme="https")


def moving(timeout: float = 60) -> None:
    TrackingCertificate("certificate", TRACK, move_domain=True, timeout=timeout)


@pytest.mark.behaviour(20, 36)
def test_https_is_on_again_after_the_move(engine: Engine, emulator: Emulator) -> None:
    """Also where nothing else in the program would turn it on."""
    run = engine.up(moving)
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("track", "https")
    assert f"moved the links of {DOMAIN} from {EMAIL} to {TRACK}" in run.rows["certificate"][0]


@pytest.mark.behaviour(20, 36)
def test_settings_that_follow_see_the_move(engine: Engine, emulator: Emulator) -> None:
    """What the certificate's check has read about the domain is no longer used then."""

    def program() -> None:
        moving()
        DomainTracking("mg", DOMAIN, web_prefix="track", click=True)

    engine.up(program)
    assert engine.state["mg"].outputs["web_scheme"] == "https"
    assert engine.preview(program, refresh=True).steps == {"certificate": "same", "mg": "same"}


@pytest.mark.behaviour(20, 36)
def test_a_move_that_timed_out_says_where_the_domain_is(
    engine: Engine, emulator: Emulator, tmp_path: Path
) -> None:
    """The certificate may still come, so the domain stays; the next up picks that up."""
    emulator.set(issuing_seconds=3600)
    run = engine.up(lambda: moving(timeout=0.01), check=False)
    error = run.errors["certificate"]
    assert error.startswith("CertificateTimeout: ")
    assert f"the links of {DOMAIN} now use {TRACK} over http" in error
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("track", "http")

    assert "`pulumi up` turns it on again" in error
    # What it said counts, with or without its note.
    shutil.rmtree(tmp_path / "mailgun-tracking")
    engine.refresh()
    emulator.set_certificate(TRACK)
    run = engine.preview(moving)
    assert run.steps == {"certificate": "update"}
    run = engine.up(moving)
    assert f"turned https on again for the links of {DOMAIN}" in str(run.rows["certificate"])
    assert emulator.domain(DOMAIN).web_scheme == "https"
    assert "took_https" not in engine.state["certificate"].outputs
    assert engine.preview(moving).steps == {"certificate": "same"}


@pytest.mark.behaviour(78)
def test_https_follows_a_move_that_does_not_wait(engine: Engine, emulator: Emulator) -> None:
    """The update that finds the certificate active turns it on, whoever declares it."""
    emulator.set(issuing_seconds=3600)

    def program() -> None:
        TrackingCertificate("certificate", TRACK, move_domain=True, wait=False)
        DomainTracking("mg", DOMAIN, web_scheme="https")

    engine.up(lambda: DomainTracking("mg", DOMAIN, web_scheme="https"))
    engine.up(program)
    assert emulator.domain(DOMAIN).web_scheme == "http"
    assert engine.preview(program).steps == {"certificate": "update", "mg": "same"}
    emulator.set_certificate(TRACK)
    assert engine.up(program).steps == {"certificate": "update", "mg": "same"}
    assert emulator.domain(DOMAIN).web_scheme == "https"
    assert engine.preview(program).steps == {"certificate": "same", "mg": "same"}


@pytest.mark.behaviour(78)
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_move_that_is_not_clear_goes_on(
    engine: Engine, emulator: Emulator, carried_out: bool
) -> None:
    """Whether or not Mailgun has moved the domain."""
    emulator.add_fault(
        method="PUT",
        path=f"/v4/domains/{DOMAIN}",
        status=503,
        headers={"retry-after": "200"},
        carried_out=carried_out,
    )
    run = engine.up(moving, check=False)
    assert f"the links of {DOMAIN} may now use {TRACK} over http" in run.errors["certificate"]
    emulator.clear_faults()
    engine.up(moving)
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("track", "https")


@pytest.mark.behaviour(78)
@pytest.mark.parametrize("is_active", [True, False])
def test_the_old_program_after_a_move_is_compared_with_mailgun(
    engine: Engine, emulator: Emulator, is_active: bool
) -> None:
    """https is turned on again where that works, or the error says what is missing."""

    def old() -> None:
        DomainTracking("mg", DOMAIN, web_scheme="https")

    engine.up(old)
    emulator.set(issuing_seconds=3600)

    def new() -> None:
        moving(timeout=0.01)
        old()

    engine.up(new, check=False)
    if is_active:
        emulator.set_certificate(TRACK)
    run = engine.up(old, check=False)
    assert f"{DOMAIN}; will change web_scheme http => https" in run.rows["mg"][0]
    if is_active:
        assert not run.failed
        assert "https in a move that did not finish" in run.rows["certificate"][0]
        assert emulator.domain(DOMAIN).web_scheme == "https"
        assert engine.preview(old).steps == {"mg": "same"}
    else:
        assert run.errors["mg"].startswith("CertificateMissing: ")


@pytest.mark.behaviour(78)
@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_https_is_only_given_back_to_the_host_of_the_move(
    engine: Engine, emulator: Emulator, is_elsewhere: bool
) -> None:
    """And only where the preview says so: somebody may have moved the links back since."""
    with killed_at(MailgunClient, "update_domain"):
        engine.up(moving)
    assert emulator.domain(DOMAIN).web_scheme == "http"
    if is_elsewhere:
        emulator.drift(DOMAIN, web_prefix="email")
    emulator.set_certificate(TRACK)
    host = EMAIL if is_elsewhere else TRACK

    def program() -> None:
        TrackingCertificate("certificate", host)

    told = f"{host}: its links lost https in a move that did not finish"
    assert (told in str(engine.preview(program).rows)) is not is_elsewhere
    engine.up(program)
    now = emulator.domain(DOMAIN)
    expected = ("email", "http") if is_elsewhere else ("track", "https")
    assert (now.web_prefix, now.web_scheme) == expected


@pytest.mark.behaviour(78)
@pytest.mark.parametrize("declares_https", [True, False])
def test_the_old_program_moves_back_with_https(
    engine: Engine, emulator: Emulator, declares_https: bool
) -> None:
    """After a move that was killed; its preview says so."""

    def program(host: str) -> None:
        TrackingCertificate("certificate", host, move_domain=True)
        if declares_https:
            DomainTracking("mg", DOMAIN, web_scheme="https")

    engine.up(lambda: program(EMAIL))
    with killed_at(MailgunClient, "update_domain"):
        engine.up(lambda: program(TRACK))
    left = emulator.domain(DOMAIN)
    assert (left.web_prefix, left.web_scheme) == ("track", "http")
    # The engine deletes a certificate before it replaces it.
    del engine.state["certificate"]

    told = f"{EMAIL}: its links lost https in a move that did not finish"
    assert told in str(engine.preview(lambda: program(EMAIL)).rows)
    engine.up(lambda: program(EMAIL))
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("email", "https")
    assert set(engine.preview(lambda: program(EMAIL)).steps.values()) == {"same"}


@pytest.mark.behaviour(78)
def test_a_note_that_is_left_turns_nothing_on(engine: Engine, emulator: Emulator) -> None:
    """The run was killed when the move was over, and somebody wants http since."""
    with killed_at(Unfinished, "forget_finished", done=False):
        engine.up(moving)
    emulator.drift(DOMAIN, web_scheme="http")
    emulator.set_certificate(TRACK, "expired")
    engine.refresh()
    run = engine.up(moving)
    assert run.steps == {"certificate": "update"}
    assert "https" not in str(run.rows)
    assert emulator.domain(DOMAIN).web_scheme == "http"


@pytest.mark.behaviour(77, 78)
def test_settings_do_not_forget_a_move_that_is_under_way(
    engine: Engine, emulator: Emulator
) -> None:
    """Without `depends_on` they are compared while the certificate's resource moves the domain."""

    def settings() -> None:
        DomainTracking("mg", DOMAIN, web_scheme="https")

    engine.up(settings)
    key = ownership_key(Target("default", "us", "", DOMAIN))

    def at_the_same_time() -> None:
        process.unfinished.note(key, ["web_scheme", "web_prefix"], "urn:of::the-certificate")
        settings()

    with killed_at(Unfinished, "forget_finished", done=False):
        assert engine.up(at_the_same_time).rows["mg"][0].endswith("has what the program says")
    emulator.drift(DOMAIN, web_scheme="http")
    assert engine.preview(settings).steps == {"mg": "update"}


@pytest.mark.behaviour(20, 36)
def test_a_move_in_vain_is_undone(engine: Engine, emulator: Emulator) -> None:
    """The error says so; the domain is as it was."""
    emulator.set(issuance_fails=f"CAA record for {DOMAIN} prevents issuance")
    run = engine.up(moving, check=False)
    back = f"the links of {DOMAIN} were moved back to {EMAIL}"
    assert run.errors["certificate"].endswith(back)
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("email", "https")


@pytest.mark.behaviour(20, 22, 36)
def test_an_expired_certificate_never_moves_its_domain(engine: Engine, emulator: Emulator) -> None:
    """Somebody has moved the domain since, and no preview showed a move."""
    engine.up(moving)
    emulator.set_certificate(TRACK, "expired")
    engine.refresh()
    emulator.drift(DOMAIN, web_prefix="email", web_scheme="https")
    # Of a host that is not the tracking domain any more Mailgun knows nothing.
    for method, path in (("GET", "/status"), ("POST", "")):
        emulator.add_fault(
            method=method,
            path=f"/v2/x509/{TRACK}{path}",
            status=404,
            body={"Description": "not found"},
        )
    emulator.forget_requests()
    run = engine.up(moving, check=False)
    assert f"the tracking domain of {DOMAIN} is {EMAIL}" in run.errors["certificate"]
    assert puts(emulator) == [f"POST /v2/x509/{TRACK}"]
    now = emulator.domain(DOMAIN)
    assert (now.web_prefix, now.web_scheme) == ("email", "https")


@pytest.mark.behaviour(41)
@pytest.mark.parametrize("move_domain", [None, True])
def test_a_sending_domain_is_never_a_tracking_domain(
    engine: Engine, emulator: Emulator, move_domain: bool | None
) -> None:
    """Otherwise the links of its parent, which is in the account too, would move there."""
    emulator.add_domain("example.com")
    run = engine.preview(
        lambda: TrackingCertificate("certificate", DOMAIN, move_domain=move_domain), check=False
    )
    assert run.refused["certificate"][0].endswith(EMAIL)
    assert puts(emulator) == []
