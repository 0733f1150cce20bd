"""The provider process with an SDK, a gRPC or a Python that has changed."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.lifecycle import run_lifecycle
from tests.behaviour.mail import MailFactory, puts
from tests.process.breaking import break_provider, broken_in
from tests.process.broken.sitecustomize import PIECES

TRACKING = "PUT /v3/domains/mg.example.com/tracking"


@pytest.mark.behaviour(25)
def test_a_stack_lives_its_life_with_everything_broken(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Settings and certificates are managed as ever, with the same calls."""
    stack = mail()
    break_provider(stack, *PIECES)
    run_lifecycle(stack, "mg.example.com", "links")
    assert broken_in(stack) == set(PIECES)

    domain = emulator.domain("mg.example.com")
    assert domain.click["active"] is False
    assert domain.unsubscribe["active"] is False
    assert sorted(puts(emulator)) == sorted(
        [
            *(f"{TRACKING}/{section}" for section in ("click", "open", "unsubscribe")),
            *(f"{TRACKING}/{section}" for section in ("click", "open", "unsubscribe")),
            f"{TRACKING}/click",
            f"{TRACKING}/unsubscribe",
            "PUT /v4/domains/mg.example.com",
            "POST /v2/x509/links.mg.example.com",
        ]
    )


@pytest.mark.behaviour(14, 25)
@pytest.mark.parametrize("piece", ["log_has_no_address", "requests_have_another_name"])
def test_a_reason_is_shown_on_the_stack_where_its_row_is_not_known(
    mail: MailFactory, emulator: Emulator, piece: str
) -> None:
    """Without the engine's log, or without the URN."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)')
    break_provider(stack, piece)
    preview = stack.preview()
    assert broken_in(stack) == {piece}
    assert not preview.diagnostics("mg")
    assert "mg.example.com already exists" in preview.output
    assert puts(emulator) == []


@pytest.mark.behaviour(25)
def test_a_failure_is_shown_without_the_pools(mail: MailFactory, emulator: Emulator) -> None:
    """An error says what it did before, with no frames around it."""
    pieces = ("grpc_ignores_pools", "servicer_has_another_name")
    stack = mail('TrackingCertificate("cert", "email.mg.example.com")')
    break_provider(stack, *pieces)
    emulator.set(plan_has_certificates=False)
    result = stack.up(check=False)
    assert broken_in(stack) == set(pieces)
    assert result.code != 0
    assert "402" in result.output
    assert "Traceback" not in result.output


@pytest.mark.behaviour(25, 76)
@pytest.mark.parametrize("piece", ["status_has_no_details", "requests_have_another_name"])
def test_an_update_that_fails_is_rolled_back_where_nothing_can_be_kept(
    mail: MailFactory, emulator: Emulator, piece: str
) -> None:
    """The old program then has nothing to undo; what is not clear is asked by the next run."""
    program = 'DomainTracking("mg", "mg.example.com", open=False, click=False)'
    stack = mail(program)
    break_provider(stack, piece)
    stack.up()
    stack.write(program.replace("False", "True"))
    emulator.add_fault(
        method="PUT",
        path="/v3/domains/mg.example.com/tracking/click",
        status=503,
        headers={"retry-after": "200"},
        carried_out=True,
    )
    result = stack.up(check=False)
    assert broken_in(stack) == {piece}
    emulator.clear_faults()
    assert "Mailgun may have changed click.active; the other changes were rolled back" in (
        result.output
    )
    assert emulator.domain("mg.example.com").open["active"] is False

    stack.write(program)
    result = stack.up()
    assert result.step("mg") == "update"
    assert "will change click true => false" in result.output
    assert emulator.domain("mg.example.com").click["active"] is False
