"""A Mailgun, or something in front of it, that fails: what is retried, and what is told."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory
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
