"""The provider's process on an SDK, a gRPC or a Python that has changed."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.lifecycle import run_lifecycle
from tests.behaviour.mail import MailFactory, puts
from tests.process.breaking import NO_WAY, SECOND_WAYS, break_provider, broken_in
from tests.process.broken.sitecustomize import PIECES

BROKEN = [(name,) for name in PIECES] + [NO_WAY, tuple(PIECES)]
TRACKING = "PUT /v3/domains/mg.example.com/tracking"


@pytest.mark.behaviour(25)
@pytest.mark.parametrize("pieces", BROKEN, ids="+".join)
def test_a_stack_lives_its_life_without(
    mail: MailFactory, emulator: Emulator, pieces: tuple[str, ...]
) -> None:
    """Whatever is missing, settings and certificates are managed as ever, with the same calls."""
    stack = mail()
    break_provider(stack, *pieces)
    run_lifecycle(stack, "mg.example.com", "links")
    assert broken_in(stack) == set(pieces)

    domain = emulator.domain("mg.example.com")
    assert domain.click == {"active": False}
    assert domain.unsubscribe["active"] is False
    assert sorted(puts(emulator)) == sorted(
        [
            *(f"{TRACKING}/{kind}" for kind in ("click", "open", "unsubscribe") for _ in range(2)),
            f"{TRACKING}/click",
            f"{TRACKING}/unsubscribe",
            "PUT /v4/domains/mg.example.com",
            "POST /v2/x509/links.mg.example.com",
        ]
    )


@pytest.mark.behaviour(14, 25)
@pytest.mark.parametrize("pieces", [("log_has_no_address",), ("requests_have_another_name",)])
def test_a_reason_is_shown_on_the_stack_where_its_row_is_not_known(
    mail: MailFactory, emulator: Emulator, pieces: tuple[str, ...]
) -> None:
    """Without the engine's log, or the URN, what there is to say is still said."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)')
    told = "mg.example.com exists: click "

    whole = stack.preview()
    assert any(line.startswith(told) for line in whole.diagnostics("mg"))

    break_provider(stack, *pieces)
    broken = stack.preview()
    assert broken_in(stack) == set(pieces)
    assert not broken.diagnostics("mg")
    assert told in broken.output
    assert puts(emulator) == []


@pytest.mark.behaviour(25)
@pytest.mark.parametrize("pieces", [*SECOND_WAYS, NO_WAY], ids="+".join)
def test_a_failure_is_shown_without(
    mail: MailFactory, emulator: Emulator, pieces: tuple[str, ...]
) -> None:
    """An error stays what it says, with no frames around it."""
    stack = mail('TrackingCertificate("cert", "email.mg.example.com")')
    break_provider(stack, *pieces)
    emulator.set(plan_has_certificates=False)
    result = stack.up(check=False)
    assert result.code != 0
    assert "402" in result.output
    assert "Traceback" not in result.output
    assert puts(emulator) == ["POST /v2/x509/email.mg.example.com"]
