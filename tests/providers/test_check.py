"""What a preview refuses, and what it says about Mailgun, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._api import client
from mailgun_tracking._provider import base
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.tracking_host import TrackingHost
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine, Run

DOMAIN = "mg.example.com"
HTML = {"Content-Type": "text/html"}
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
                "unsubscribe": {"html_footer": True, "text_footer": 3, "active": "yes"},
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
        (DomainTracking, "sub.example.com", {"open": True, "subaccount": "sub-9"}),
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
        ("MAILGUN_SUBACCOUNT", "sub-9"),
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
    assert any(text.startswith("web_scheme: ") for text in run.refused.get("mg", [])) == (
        scheme == "gopher"
    )
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


@pytest.mark.behaviour(46)
def test_so_is_that_of_a_certificate(engine: Engine) -> None:
    run = engine.preview(lambda: TrackingCertificate("mg", "email.mgg.example.com"))
    [row] = run.rows["mg"]
    assert row.startswith("mgg.example.com does not exist at Mailgun yet")


SPECIAL = {
    "sandbox": ({"type": "sandbox"}, "is a sandbox domain"),
    "unverified": ({"state": "unverified"}, "is not verified at Mailgun yet"),
    "disabled": ({"state": "disabled"}, "is disabled at Mailgun"),
    "reason": (
        {"state": "disabled", "disabled_reason": "Too many\nbounces"},
        "is disabled at Mailgun: Too many bounces",
    ),
}


@pytest.mark.behaviour(71)
@pytest.mark.parametrize(("status", "told"), SPECIAL.values(), ids=SPECIAL)
def test_a_domain_that_cannot_be_used_as_usual_is_told_once(
    engine: Engine, emulator: Emulator, status: dict[str, str], told: str
) -> None:
    """In the row of a resource that is new, also where the account's list answers."""
    emulator.drift(DOMAIN, **status)
    emulator.add_fault(method="GET", path=f"/v4/domains/{DOMAIN}", delay_seconds=1)

    def program() -> None:
        DomainTracking("two", "two.example.com", click=True)
        DomainTracking("mg", DOMAIN, click=True)
        TrackingHost("host", DOMAIN, web_scheme="http")

    preview = engine.preview(program)
    assert preview.rows["mg"][0] == f"{DOMAIN} {told}"
    assert [len(preview.rows[name]) for name in ("two", "host")] == [1, 1]
    assert told not in str([preview.rows[name] for name in ("two", "host")])
    engine.up(program)
    assert engine.preview(program).rows == {}


@pytest.mark.behaviour(71)
@pytest.mark.parametrize("status", ["unverified", "disabled"])
def test_so_is_the_domain_of_a_certificate(engine: Engine, emulator: Emulator, status: str) -> None:
    emulator.drift(DOMAIN, state=status)
    for host in (f"email.{DOMAIN}", f"links.{DOMAIN}"):
        run = engine.preview(partial(TrackingCertificate, "mg", host))
        assert len(run.rows["mg"]) == 1
        assert run.rows["mg"][0].startswith(f"{DOMAIN} is ")


@pytest.mark.behaviour(71)
@pytest.mark.parametrize(
    ("resource", "domain", "inputs", "refused"),
    [
        (DomainTracking, DOMAIN, {"web_scheme": "https"}, "web_scheme"),
        (DomainTracking, DOMAIN, {"web_scheme": "https", "https_by": "proxy"}, "web_scheme"),
        (TrackingHost, DOMAIN, {"web_scheme": "https"}, "web_scheme"),
        (TrackingCertificate, f"email.{DOMAIN}", {}, "tracking_domain"),
        (TrackingCertificate, f"links.{DOMAIN}", {"move_domain": True}, "tracking_domain"),
    ],
)
def test_https_of_a_sandbox_domain_is_refused(
    engine: Engine,
    emulator: Emulator,
    resource: Resource,
    domain: str,
    inputs: dict[str, Any],
    refused: str,
) -> None:
    """It has no tracking domain of its own; plain http is not refused."""
    emulator.drift(DOMAIN, type="sandbox")
    run = engine.preview(lambda: resource("mg", domain, **inputs), check=False)
    [text] = run.refused["mg"]
    assert text.startswith(f"{refused}: {DOMAIN} is a sandbox domain")
    assert not engine.preview(lambda: DomainTracking("mg", DOMAIN, web_scheme="http")).failed


@pytest.mark.behaviour(71)
@pytest.mark.parametrize("resource", [DomainTracking, TrackingHost])
def test_so_is_that_of_one_in_state(engine: Engine, emulator: Emulator, resource: Resource) -> None:
    emulator.drift(DOMAIN, type="sandbox")
    engine.up(lambda: resource("mg", DOMAIN, web_scheme="http"))
    run = engine.preview(lambda: resource("mg", DOMAIN, web_scheme="https"), check=False)
    [text] = run.refused["mg"]
    assert text.startswith("web_scheme: ")
    # Whatever it is that serves the links over https already, it goes on.
    emulator.drift(DOMAIN, web_scheme="https")
    engine.refresh()
    assert not engine.preview(lambda: resource("mg", DOMAIN, web_scheme="https")).failed


WILL_FAIL = f"`pulumi up` will fail: cannot change web_scheme of {DOMAIN} to https: "


class TestHttpsWithoutACertificate:
    """The preview of what turns https on, or moves it, tells that `up` will refuse it."""

    @staticmethod
    def rows(run: Run) -> list[str]:
        return [row for row in run.rows.get("mg", []) if "pulumi up" in row]

    @pytest.mark.behaviour(72)
    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            (None, f"email.{DOMAIN} has no certificate; add a TrackingCertificate"),
            ("expired", f"the certificate for email.{DOMAIN} is expired; add a "),
        ],
    )
    @pytest.mark.parametrize("resource", [DomainTracking, TrackingHost])
    @pytest.mark.parametrize("is_new", [True, False])
    def test_is_told(
        self,
        engine: Engine,
        emulator: Emulator,
        resource: Resource,
        status: str | None,
        reason: str,
        is_new: bool,
    ) -> None:
        emulator.set_certificate(f"email.{DOMAIN}", status)
        if not is_new:
            engine.up(lambda: resource("mg", DOMAIN))

        def program() -> None:
            resource("mg", DOMAIN, web_scheme="https")

        [row] = self.rows(engine.preview(program))
        assert row.startswith(WILL_FAIL + reason)
        assert engine.up(program, check=False).errors["mg"].startswith("CertificateMissing: ")

    @pytest.mark.behaviour(72)
    def test_is_told_of_a_move(self, engine: Engine, emulator: Emulator) -> None:
        emulator.set_certificate(f"email.{DOMAIN}")
        engine.up(lambda: DomainTracking("mg", DOMAIN, web_scheme="https"))
        run = engine.preview(lambda: DomainTracking("mg", DOMAIN, web_prefix="links"))
        [row] = self.rows(run)
        assert f"cannot move the https links of {DOMAIN} to links.{DOMAIN}" in row

    @pytest.mark.behaviour(11, 72)
    @pytest.mark.parametrize("is_new", [True, False])
    def test_is_not_told_of_one_that_the_program_declares(
        self, engine: Engine, emulator: Emulator, is_new: bool
    ) -> None:
        """However its host is spelled; nor is Mailgun asked for it."""
        if not is_new:
            engine.up(lambda: DomainTracking("mg", DOMAIN))

        def program() -> None:
            TrackingCertificate("certificate", f"Email.{DOMAIN}.")
            DomainTracking("mg", DOMAIN, web_scheme="https")

        assert self.rows(engine.preview(program)) == []
        assert not [call for call in calls(emulator) if "x509" in call]
        engine.up(program)
        assert emulator.domain(DOMAIN).web_scheme == "https"
        emulator.forget_requests()
        assert engine.preview(program).rows == {}
        assert calls(emulator) == []

    @pytest.mark.behaviour(72)
    def test_is_not_told_where_one_is_declared_for_a_host_that_is_not_known_yet(
        self, engine: Engine
    ) -> None:
        def program() -> None:
            TrackingCertificate("certificate", UNKNOWN)
            DomainTracking("mg", DOMAIN, web_scheme="https")

        assert self.rows(engine.preview(program)) == []

    @pytest.mark.behaviour(72)
    @pytest.mark.parametrize(
        "settings",
        [
            {"web_scheme": "https", "https_by": "proxy"},
            {"web_scheme": "http"},
            {"web_prefix": "links"},
            {"web_scheme": "https", "web_prefix": UNKNOWN},
            {"web_scheme": UNKNOWN},
            {"web_scheme": "https", "https_by": UNKNOWN},
        ],
    )
    def test_is_not_told_where_none_is_needed(
        self, engine: Engine, settings: dict[str, Any]
    ) -> None:
        """Or where that is not known yet."""
        assert self.rows(engine.preview(lambda: DomainTracking("mg", DOMAIN, **settings))) == []

    @pytest.mark.behaviour(11, 72)
    def test_is_not_told_without_a_response(
        self, engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is the one warning, and the preview goes on."""
        engine.up(lambda: DomainTracking("mg", DOMAIN))
        monkeypatch.setattr(base, "CHECK_DEADLINE_SECONDS", 0.0)
        emulator.add_fault(method="GET", path="/v2/x509/*", status=503)
        run = engine.preview(lambda: DomainTracking("mg", DOMAIN, web_scheme="https"))
        assert run.steps == {"mg": "update"}
        [row] = run.rows["mg"]
        assert row.startswith("Mailgun is not available; the preview continues without it: ")


@pytest.mark.behaviour(56)
@pytest.mark.parametrize("resource", [DomainTracking, TrackingCertificate])
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "body": "<html><h1>Not Found</h1></html>", "headers": HTML},
        {"status": 404, "body": "404 page not found"},
        {"status": 404, "body": {"message": "no Route matched with those values"}},
        {"status": 404, "body": {"message": "Not Found"}},
        {"status": 404, "body": {"detail": "Not Found"}},
        {"status": 404, "body": []},
        {"status": 200, "body": "<html><h1>It works!</h1></html>", "headers": HTML},
        {"status": 200, "body": {"status": "ok"}},
        {"status": 302, "body": "", "headers": {"Location": "https://login.example.net/"}},
    ],
    ids=lambda answer: f"{answer['status']} {answer['body']}",
)
def test_a_server_that_is_not_mailgun_fails_it(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    resource: Resource,
    answer: dict[str, Any],
) -> None:
    """It does not pass for a domain that does not exist yet."""
    monkeypatch.setattr(client, "FIRST_CONTACT_SECONDS", 0.5)
    emulator.add_fault(**answer)
    run = engine.preview(lambda: resource("it", f"email.{DOMAIN}"), check=False)
    assert emulator.url in run.refused["it"][0]
    assert "base URL" in run.refused["it"][0]
    assert "it" not in run.rows
