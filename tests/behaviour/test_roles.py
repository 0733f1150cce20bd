"""Keys whose role does not allow everything: what the error says, and what still works."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts

PROGRAM = 'DomainTracking("mg", "mg.example.com", click={click})'
REFUSALS = ("forbidden", "unauthorized")
"""Mailgun may answer either way."""


@pytest.mark.behaviour(55)
def test_a_key_that_reads_may_not_write(mail: MailFactory, emulator: Emulator) -> None:
    """It is enough for previews and refreshes; create, update and destroy say which role to use."""
    emulator.set(roles={"default": "analyst"})
    stack = mail(PROGRAM.format(click=True))
    stack.preview()
    told = (
        "it can read but not write, like a key with the role Basic, Analyst or Support; "
        "use one with the role Admin or Developer"
    )
    for refusal in REFUSALS:
        emulator.set_dials(role_refusal=refusal)
        [error] = stack.up(check=False).diagnostics("mg", "error")
        assert told in error
        assert "the key is from MAILGUN_API_KEY in the environment" in error

    emulator.set(roles={})
    stack.up()
    emulator.set(roles={"default": "support"})
    stack.refresh()
    stack.write(PROGRAM.format(click='"htmlonly"'))
    emulator.forget_requests()
    emulator.set_dials(role_refusal="forbidden")
    [error] = stack.up(check=False).diagnostics("mg", "error")
    assert told in error
    assert puts(emulator) == ["PUT /v3/domains/mg.example.com/tracking/click"]
    emulator.set_dials(role_refusal="unauthorized")
    [error] = stack.destroy(check=False).diagnostics("mg", "error")
    assert told in error
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(55)
def test_a_domain_sending_key_fails_the_preview(mail: MailFactory, emulator: Emulator) -> None:
    stack = mail(PROGRAM.format(click=True))
    emulator.set(roles={"default": "sending"})
    for refusal in REFUSALS:
        emulator.set_dials(role_refusal=refusal)
        refused = stack.preview(check=False)
        assert refused.code != 0
        assert "it may be a domain sending key, which can only send mail" in refused.output
        assert "use an account API key with the role Admin or Developer" in refused.output
        assert "Traceback" not in refused.output


@pytest.mark.behaviour(55)
def test_a_key_that_may_not_list_removes_nothing(mail: MailFactory, emulator: Emulator) -> None:
    """Everything else works with it."""
    emulator.add_fault(method="GET", path="/v4/domains", status=403, body={"message": "Forbidden"})
    stack = mail(
        """
        DomainTracking("mg", "mg.example.com", click=True)
        DomainTracking("two", "two.example.com", click=True)
        """
    )
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 1.0})
    stack.up(skip_preview=False)
    emulator.remove_domain("mg.example.com")
    [error] = stack.refresh(check=False).diagnostics("mg", "error")
    assert "it can read domains but not list them; use one with the role Admin" in error
    assert "nothing was removed from the state" in error
    assert stack.resource("mg")["id"] == "mg.example.com"
