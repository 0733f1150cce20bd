"""A Mailgun, or something in front of it, that fails: what is retried, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.behaviour.test_errors import NO_RETRIES

PAGE: dict[str, Any] = {
    "body": "<html>Just a moment</html>",
    "headers": {"Content-Type": "text/html"},
}
UNREADABLE: list[dict[str, Any]] = [
    PAGE,
    {"body": ""},
    {"body": '{"tracking": {"cli'},
    {"body": {"status": "ok"}},
]
COUNT = 4


@pytest.mark.behaviour(80)
def test_a_response_that_cannot_be_read_is_retried(mail: MailFactory, emulator: Emulator) -> None:
    """In check, create, update and delete; so is a status that tells nothing."""
    for number in range(COUNT):
        emulator.add_domain(f"d{number}.example.com", click=False)
    program = f"""
        for i in range({COUNT}):
            DomainTracking(f"d{{i}}", f"d{{i}}.example.com", click=True)
        """
    stack = mail(program)
    statuses = [408, 425, 507, 524]

    def spoil() -> None:
        """Each domain's first requests, those that change something as well."""
        for number in range(COUNT):
            path = f"/v*/domains/d{number}.example.com*"
            emulator.add_fault(method="GET", path=path, status=200, times=2, **UNREADABLE[number])
            emulator.add_fault(method="PUT", path=path, status=statuses[number], times=1)
            emulator.add_fault(
                method="PUT", path=path, status=200, carried_out=True, times=1, **UNREADABLE[number]
            )

    spoil()
    up = stack.up("--parallel", "8")
    assert up.changes["create"] == COUNT
    assert "Mailgun is not available" not in up.output
    assert all(emulator.domain(f"d{number}.example.com").click["active"] for number in range(COUNT))
    emulator.clear_faults()
    spoil()
    stack.destroy("--parallel", "8")
    assert not any(
        emulator.domain(f"d{number}.example.com").click["active"] for number in range(COUNT)
    )


@pytest.mark.behaviour(80)
def test_what_is_never_answered_clearly_is_called_unclear(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A check that cannot read a response warns; an error lists what may have been changed."""
    stack = mail(
        """
        mg = DomainTracking("mg", "mg.example.com", open=True, click=True)
        DomainTracking("two", "two.example.com", open=True,
                       opts=pulumi.ResourceOptions(depends_on=[mg]))
        """,
        env=NO_RETRIES,
    )
    emulator.add_fault(path="/v*/domains/two.example.com*", method="GET", status=200, **PAGE)
    emulator.add_fault(path="/v4/domains", method="GET", status=200, **PAGE)
    preview = stack.preview()
    assert preview.changes["create"] == 2
    [warning] = preview.diagnostics("two", "warning")
    assert warning.startswith("Mailgun is not available; the preview continues without it: ")
    assert "it is not JSON; try again later" in warning

    emulator.add_fault(path="/v3/*/click", method="PUT", status=524, carried_out=True)
    [error] = stack.up(check=False).diagnostics("mg", "error")
    assert "despite the error, Mailgun may have changed click.active" in error
    assert "the other changes were rolled back" in error
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.click["active"]) == (False, True)


def requested(emulator: Emulator, name: str) -> list[str]:
    """The requests for the certificate of a domain that Mailgun received."""
    host = f"/v2/x509/email.{name}.example.com"
    return [call.partition(" ")[0] for call in puts(emulator) if call.endswith(host)]


@pytest.mark.behaviour(81)
def test_a_request_for_a_certificate_is_not_sent_twice(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Where its answer was lost, Mailgun is asked first whether it arrived."""
    names = ["failing", "lost", "html", "unheard", "limited", "busy"]
    for name in names:
        emulator.add_domain(f"{name}.example.com")

    def spoil(name: str, method: str = "POST", **how: Any) -> None:
        path = f"/v2/x509/email.{name}.example.com"
        emulator.add_fault(method=method, path=path, times=1, **how)

    spoil("failing", status=502, carried_out=True)
    emulator.set(issuance_fails="DNS problem")
    stack = mail('TrackingCertificate("failing", "email.failing.example.com")')
    stack.set_constants({"_api.issuance.FIRST_INTERVAL_SECONDS": 0.2})
    [error] = stack.up(check=False).diagnostics("failing", "error")
    assert error.startswith("CertificateFailed: ")
    assert requested(emulator, "failing") == ["POST"]

    emulator.set(issuance_fails=None)
    spoil("lost", drop_connection=True, carried_out=True)
    spoil("html", status=202, carried_out=True, **PAGE)
    spoil("unheard", status=503)
    for name in ("limited", "busy"):
        emulator.set_certificate(f"email.{name}.example.com", "expired")
    too_many = {"message": "Too many requests"}
    spoil("limited", "PUT", status=429, body=too_many)
    progress = {"Description": "a job is already in progress"}
    spoil("busy", "PUT", status=429, body=progress, headers={"Retry-After": "1"})
    stack.write(
        f"""
        for name in {names[1:]}:
            TrackingCertificate(name, f"email.{{name}}.example.com", timeout=30)
        """
    )
    stack.up()
    assert [requested(emulator, name) for name in names[1:]] == [
        ["POST"],
        ["POST"],
        ["POST", "POST"],
        ["PUT", "PUT"],
        ["PUT", "PUT"],
    ]
