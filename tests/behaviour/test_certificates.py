"""Certificates that are not simply active, on the engine; tests/providers has every case."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, calls, puts

NAMES = ("active", "working", "failed", "expired", "unknown")
PROGRAM = """
for name in ("active", "working", "failed", "expired", "unknown"):
    TrackingCertificate(name, f"email.{name}.example.com")
"""


@pytest.fixture
def stack(mail: MailFactory, emulator: Emulator) -> MailStack:
    """A stack with certificates that were active, and are not all so any more."""
    for name in NAMES:
        emulator.add_domain(f"{name}.example.com")
    stack = mail(PROGRAM)
    stack.up()
    emulator.set_certificate("email.working.example.com", "processing")
    emulator.set_certificate("email.failed.example.com", "error", error="rejected")
    emulator.set_certificate("email.expired.example.com", "expired")
    emulator.add_fault(
        method="GET",
        path="/v2/x509/email.unknown.example.com/status",
        status=200,
        body={"status": "validating", "error": None},
    )
    emulator.forget_requests()
    return stack


@pytest.mark.behaviour(60, 61)
def test_a_refresh_takes_each_status_over_once(stack: MailStack, emulator: Emulator) -> None:
    """None fails it, and none is a change for as long as it stays the same."""
    changed = dict.fromkeys(NAMES, "update") | {"active": "same"}
    found = stack.refresh()
    assert {name: found.step(name) for name in NAMES} == changed
    unchanged = stack.refresh("--expect-no-changes")
    assert {name: unchanged.step(name) for name in NAMES} == dict.fromkeys(NAMES, "same")
    rows = {name: " ".join(unchanged.diagnostics(name)) for name in NAMES}
    assert rows["active"] == ""
    assert "being issued since 20" in rows["working"]
    assert "issuance has been failing since 20" in rows["failed"]
    assert "expired on 20" in rows["expired"]
    assert "the status validating since 20" in rows["unknown"]
    assert all("by the next `pulumi up`" in rows[name] for name in NAMES[1:])
    # They are still to be done, also right after a refresh.
    preview = stack.preview("--refresh")
    assert {name: preview.step(name) for name in NAMES} == changed
    assert puts(emulator) == []


@pytest.mark.behaviour(60)
def test_a_renewed_certificate_is_no_change(stack: MailStack, emulator: Emulator) -> None:
    """Night after night, though the state says that it has expired."""
    stack.write('TrackingCertificate("expired", "email.expired.example.com")')
    stack.refresh("--target", "**::expired")
    emulator.set_certificate("email.expired.example.com")
    for _ in range(2):
        emulator.forget_requests()
        preview = stack.preview("--target", "**::expired", "--expect-no-changes")
        assert "Mailgun has renewed it" in " ".join(preview.diagnostics("expired"))
        assert calls(emulator) == ["GET /v2/x509/email.expired.example.com/status"]


@pytest.mark.behaviour(62)
def test_replace_and_taint_ask_for_a_new_certificate(stack: MailStack, emulator: Emulator) -> None:
    """Mailgun decides whether there is one, and the row says why not."""
    stack.refresh()
    emulator.clear_faults()
    stack.set_constants({"_api.issuance.FIRST_INTERVAL_SECONDS": 0.2})
    [active, working, failed] = [
        one["urn"]
        for name in ("active", "working", "failed")
        for one in stack.export()["deployment"]["resources"]
        if one["urn"].endswith(f"::{name}")
    ]
    stack.write(
        """
        for name in ("active", "working", "failed"):
            TrackingCertificate(name, f"email.{name}.example.com", timeout=1)
        """
    )
    emulator.forget_requests()
    result = stack.up("--target-replace", active, check=False)
    assert result.step("active") == "replace"
    assert puts(emulator) == ["PUT /v2/x509/email.active.example.com"]
    [_, refused, adopted] = result.diagnostics("active")
    assert refused.startswith("Mailgun did not issue a new certificate: ")
    assert "still valid until" in refused
    assert adopted.startswith("adopted; valid until ")

    emulator.forget_requests()
    result = stack.up("--target-replace", working, check=False)
    assert puts(emulator) == ["PUT /v2/x509/email.working.example.com"]
    [error] = result.diagnostics("working", "error")
    assert error.startswith("CertificateTimeout: ")
    assert "Mailgun refused to start over" in error

    emulator.forget_requests()
    stack.run("state", "taint", failed, "--yes")
    stack.up("--target", failed)
    assert puts(emulator) == ["PUT /v2/x509/email.failed.example.com"]
    assert stack.resource("failed")["outputs"]["status"] == "active"


@pytest.mark.behaviour(63)
def test_the_way_out_after_a_prefix_was_changed_by_hand(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The error names it, and it works, over http and https; refreshing alone does not help."""
    schemes = {"mg": "http", "two": "https"}
    program = """
        for name, scheme in {schemes}.items():
            domain = f"{{name}}.example.com"
            certificate = TrackingCertificate(name, f"email.{{domain}}"{more})
            DomainTracking(name, domain, web_prefix="email", web_scheme=scheme,
                opts=pulumi.ResourceOptions(depends_on=[certificate]))
        """
    stack = mail(program.format(more="", schemes=schemes))
    stack.up()
    for name in schemes:
        emulator.drift(f"{name}.example.com", web_prefix="go")
    for _ in range(2):
        result = stack.up("--refresh", "--continue-on-error", check=False)
        for name in schemes:
            [error] = result.diagnostics(f"TrackingCertificate::{name}", "error")
            assert f"the tracking domain of {name}.example.com is go.{name}.example.com" in error
            assert "set move_domain=True on this TrackingCertificate" in error
            assert "`pulumi up --refresh`" in error
    stack.write(program.format(more=", move_domain=True", schemes=schemes))
    stack.up("--refresh")
    for name, scheme in schemes.items():
        domain = emulator.domain(f"{name}.example.com")
        assert (domain.tracking_host, domain.web_scheme) == (f"email.{name}.example.com", scheme)
    stack.preview("--refresh", "--expect-no-changes")
