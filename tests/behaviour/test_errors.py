"""What `pulumi up` shows for each way in which a call may fail: one reviewed text each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.tracking_certificate import LIMITS
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailFactory
from tests.engine.stack import ROOT

NO_RETRIES = {"PYTHONPATH": f"{ROOT / 'tests/behaviour/no_retries'}:{ROOT}"}
OFFICIAL = ROOT / "tests/emulator/mailgun-openapi.yaml"

NOT_FOUND = {"message": "Domain not found"}
INVALID_KEY = {"message": "Invalid private key"}
EXPIRED = {"status": "expired", "error": "x509 certificate has expired"}
HTML = "<html><body><h1>Your proxy says no</h1></body></html>"
STILL_VALID = {"Description": "x509 certificate is still valid until 2009-11-10 23:00:00 +0000 UTC"}


@dataclass(frozen=True)
class Cause:
    """One way to fail: how Mailgun responds to what the program declares.

    In `answers` and `declares` stands ``@`` for the cause's own domain.
    """

    name: str
    answers: list[dict[str, Any]] = field(default_factory=list)
    declares: str = 'DomainTracking(name, "@", click=True)'
    exists: bool = True
    certificate: str | None = None

    @property
    def domain(self) -> str:
        return f"{self.name}.example.com"


def put(section: str, status: int, body: object, **more: Any) -> dict[str, Any]:
    path = f"/v3/domains/@/tracking/{section}" if section != "domain" else "/v4/domains/@"
    return {"method": "PUT", "path": path, "status": status, "body": body, **more}


def look(status: int, body: object, **more: Any) -> dict[str, Any]:
    return {
        "method": "GET",
        "path": "/v2/x509/email.@/status",
        "status": status,
        "body": body,
        **more,
    }


def ask(method: str, status: int, body: object) -> dict[str, Any]:
    return {"method": method, "path": "/v2/x509/email.@", "status": status, "body": body}


EVERYTHING = (
    'DomainTracking(name, "@", click=True, open=True, unsubscribe=True, web_prefix="links")'
)
CERTIFICATE = 'TrackingCertificate(name, "email.@")'
HTTPS = 'DomainTracking(name, "@", web_scheme="https")'

CAUSES = [
    # Each documented status of each endpoint.
    Cause(
        "get-tracking-401",
        [{"method": "GET", "path": "/v3/domains/@/tracking", "status": 401, "body": INVALID_KEY}],
    ),
    Cause(
        "get-tracking-404",
        [{"method": "GET", "path": "/v3/domains/@/tracking", "status": 404, "body": NOT_FOUND}],
    ),
    *[
        Cause(f"put-{section}-{status}", [put(section, status, body)], EVERYTHING)
        for section in ("click", "open", "unsubscribe", "domain")
        for status, body in ((401, INVALID_KEY), (404, NOT_FOUND))
    ],
    Cause("get-status-404", declares='TrackingCertificate(name, "other.@")'),
    Cause(
        "post-400",
        [ask("POST", 400, {"Reason": "invalid CNAME record"})],
        'TrackingCertificate(name, "email.@", wait=False)',
    ),
    Cause(
        "post-402",
        [ask("POST", 402, {"Reason": "upgrade your account to enable this feature"})],
        CERTIFICATE,
    ),
    Cause("post-404", [ask("POST", 404, {"Description": "x509 cert not found"})], CERTIFICATE),
    Cause(
        "post-409",
        [ask("POST", 409, {"Description": "generation has been initiated"})],
        CERTIFICATE,
    ),
    Cause(
        "put-400",
        [ask("PUT", 400, {"Reason": "invalid CNAME record"})],
        'TrackingCertificate(name, "email.@", timeout=1)',
        certificate="expired",
    ),
    Cause(
        "put-402",
        [ask("PUT", 402, {"Reason": "upgrade your account to enable this feature"})],
        CERTIFICATE,
        certificate="expired",
    ),
    Cause(
        "put-404",
        [
            ask("PUT", 404, {"Description": "x509 cert not found"}),
            ask("POST", 404, {"Description": "x509 cert not found"}),
        ],
        CERTIFICATE,
        certificate="expired",
    ),
    Cause("put-409", [ask("PUT", 409, STILL_VALID)], CERTIFICATE, certificate="expired"),
    Cause(
        "put-429",
        [ask("PUT", 429, {"Description": "a job is already in progress"})],
        'TrackingCertificate(name, "email.@", timeout=1)',
        certificate="expired",
    ),
    # Where a domain may not be found.
    Cause("domain-nowhere", exists=False),
    Cause(
        "domain-in-no-subaccount",
        exists=False,
        declares='DomainTracking(name, "@", click=True, subaccount="sub-1")',
    ),
    Cause("certificate-of-no-domain", exists=False, declares=CERTIFICATE),
    # Other responses of Mailgun, or of something in front of it.
    Cause("plain-400", [put("click", 400, {"message": "Invalid value for parameter active"})]),
    Cause("plain-401", [put("click", 401, "Forbidden")]),
    Cause("plain-402", [put("click", 402, {"message": "upgrade your account"})]),
    Cause("plain-403", [put("click", 403, {"message": "not your domain"})]),
    Cause("html-403", [put("click", 403, HTML, headers={"Content-Type": "text/html"})]),
    Cause("html-502", [put("click", 502, HTML, headers={"Content-Type": "text/html"})]),
    *[
        Cause(f"server-{status}", [put("click", status, {"message": "out of order"})])
        for status in (500, 502, 503, 504)
    ],
    Cause(
        "rate-limit",
        [put("click", 429, {"message": "slow down"}, headers={"Retry-After": "1"})],
        'DomainTracking(name, "@", click=True, account="brand-b")',
    ),
    Cause("certificate-401", [look(401, INVALID_KEY)], CERTIFICATE),
    Cause("certificate-500", [look(500, {"message": "out of order"})], CERTIFICATE),
    Cause("teapot", [ask("POST", 418, {"message": "I am a teapot"})], CERTIFICATE),
    Cause("redirect", [put("click", 302, "", headers={"Location": "https://login.example.net/"})]),
    Cause("not-json", [put("click", 200, "OK")]),
    Cause("not-mailgun", [put("click", 200, {"click": "yes, please"})]),
    Cause("hung-up", [put("click", 200, {}) | {"drop_connection": True}]),
    Cause(
        "silence", [{"method": "PUT", "path": "/v3/domains/@/tracking/click", "delay_seconds": 60}]
    ),
    # How issuance may end.
    Cause("issuance-failed", declares=CERTIFICATE),
    Cause(
        "issuance-timeout",
        declares='TrackingCertificate(name, "email.@", timeout=1)',
        certificate="processing",
    ),
    Cause(
        "certificate-unreadable",
        [look(200, {"status": "active", "error": None, "certificate": "PEM"})],
        CERTIFICATE,
    ),
    Cause("https-without", declares=HTTPS),
    Cause("https-expired", declares=HTTPS, certificate="expired"),
    Cause("https-processing", declares=HTTPS, certificate="processing"),
]


def shown(texts: list[str], emulator: Emulator) -> str:
    """A resource's errors, without what differs from run to run."""
    text = "\n".join(texts).replace(str(emulator.port), "PORT")
    assert emulator.key not in text
    assert "Traceback" not in text
    assert 'File "' not in text
    # All but the first certificate that fails name the limits.
    text = text.replace(f"; {LIMITS}", "")
    # How a dropped connection shows depends on what had been sent by then.
    dropped = r"\((Connection reset by peer|Remote end closed connection without response)\)"
    return re.sub(dropped, "(connection dropped)", text)


def documented() -> Iterator[tuple[str, str, int]]:
    """Every error that the official file documents, with the path as a regular expression."""
    paths = yaml.safe_load(OFFICIAL.read_text())["paths"]
    for path, methods in paths.items():
        if path not in ("/v4/domains", "/v3/domains/{name}"):
            for method, described in methods.items():
                for status in described["responses"]:
                    if int(status) >= 400:
                        yield method.upper(), re.sub(r"{.*?}", "[^/]+", path), int(status)


@pytest.mark.behaviour(14)
def test_errors_of_create(
    mail: MailFactory,
    emulator: Emulator,
    snapshot: SnapshotAssertion,
    subtests: pytest.Subtests,
) -> None:
    """Each error is one readable line in the resource's own row: what, for whom, why, what next."""
    emulator.set(issuance_fails="DNS problem: SERVFAIL looking up CAA")
    program = ""
    for cause in CAUSES:
        if cause.exists:
            account = "brand-b" if "brand-b" in cause.declares else None
            emulator.add_domain(cause.domain, account=account)
        if cause.certificate:
            emulator.set_certificate(f"email.{cause.domain}", cause.certificate)
        for answer in cause.answers:
            path = answer["path"].replace("@", cause.domain)
            emulator.add_fault(**{**answer, "path": path})
        program += cause.declares.replace("name", repr(cause.name)).replace("@", cause.domain)
        program += "\n"
    before = {cause.domain: emulator.domain(cause.domain) for cause in CAUSES if cause.exists}
    keys = {"MAILGUN_API_KEY_BRAND_B": next(key for key in KEYS if KEYS[key] == "brand-b")}
    stack = mail(program, env={**NO_RETRIES, **keys})
    result = stack.up("--continue-on-error", "--parallel", "64", check=False)

    for cause in CAUSES:
        with subtests.test(cause.name):
            texts = result.diagnostics(cause.name, "error")
            assert len(texts) == 1
            assert "\n" not in texts[0]
            assert cause.domain in texts[0]
            assert shown(texts, emulator) == snapshot(name=cause.name)
    with subtests.test("state"):
        for domain, was in before.items():
            now = emulator.domain(domain)
            assert (now.click, now.open, now.web_prefix, now.web_scheme) == (
                was.click,
                was.open,
                was.web_prefix,
                was.web_scheme,
            ), domain
        resources = stack.export()["deployment"]["resources"]
        assert [r["type"] for r in resources if "dynamic" in r["type"]] == []
    with subtests.test("documented"):
        seen = [(r.method, r.path, r.status) for r in emulator.requests]
        missing = [
            (method, path, status)
            for method, path, status in documented()
            if not any((m, s) == (method, status) and re.fullmatch(path, p) for m, p, s in seen)
        ]
        # The domain's own GET is sent by check, before everything else: see tests/providers.
        assert [m for m in missing if m[:2] != ("GET", "/v4/domains/[^/]+")] == []


TRACKING = 'DomainTracking("it", "mg.example.com", click=True)'


def test_a_bug_shows_its_traceback(mail: MailFactory, emulator: Emulator, tmp_path: Path) -> None:
    """An unexpected exception keeps its frames, for a report; the key is not in them."""
    (tmp_path / "sitecustomize.py").write_text(
        "from mailgun_tracking._api.client import MailgunClient\n"
        "def update_tracking(self, *_: object) -> None:\n"
        "    raise ZeroDivisionError('a bug')\n"
        "MailgunClient.update_tracking = update_tracking\n"
    )
    result = mail(TRACKING, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}).up(check=False)
    [error] = result.diagnostics("it", "error")
    assert "this is a bug in mailgun-tracking; please report it with this traceback" in error
    assert "Traceback (most recent call last):" in error
    assert 'sitecustomize.py", line 3, in update_tracking' in error
    assert "ZeroDivisionError: a bug" in error
    assert emulator.key not in result.output
    assert emulator.domain("mg.example.com").click["active"] is False
