"""Ctrl-C and the death of the engine, as Mailgun sees them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, calls, puts
from tests.engine.processes import Process
from tests.engine.stack import Running

COUNT = 20
CERTIFICATES = f"""
for i in range({COUNT}):
    TrackingCertificate(f"c{{i}}", f"email.d{{i}}.example.com")
"""
POSTS = sorted(f"POST /v2/x509/email.d{i}.example.com" for i in range(COUNT))
SECONDS_TO_LEAVE = 60.0
"""It takes a few seconds, and longer on a busy machine; without it the wait would not end."""


def add_domains(emulator: Emulator, count: int = COUNT) -> None:
    """Add domains d0, d1 and so on."""
    for i in range(count):
        emulator.add_domain(f"d{i}.example.com", click=False, open=False, unsubscribe=False)


def provider_of(running: Running) -> Process:
    """The provider's process below an engine, the only one of the command."""
    (found,) = [
        process
        for process in running.processes()
        if "pulumi.dynamic" in process.command and "resource-pulumi-python" not in process.command
    ]
    return found


@contextmanager
def started_up(stack: MailStack, *args: str) -> Iterator[Running]:
    """An up under way; all that it started ends with the block."""
    with stack.start("up", "--yes", "--skip-preview", *args) as running:
        try:
            yield running
        finally:
            for process in running.processes():
                process.end()


def kill_engine(running: Running) -> tuple[Process, datetime]:
    """Kill the engine; the provider's process, and when that was. Other processes are ended."""
    provider = provider_of(running)
    others = [process for process in running.processes() if process.pid != provider.pid]
    running.process.kill()
    killed = datetime.now(timezone.utc)
    running.process.wait()
    for process in others:
        if "pulumi-resource" not in process.command:
            process.end()
    return provider, killed


def changes_after(emulator: Emulator, moment: datetime) -> list[str]:
    """The requests after a moment that may change something."""
    return [
        f"{request.method} {request.path}"
        for request in emulator.requests
        if request.method != "GET" and request.at > moment
    ]


def wait_for_waiting(running: Running, emulator: Emulator) -> None:
    """Wait until each certificate was requested, and polled at least once after that."""
    running.wait_until(
        lambda: len(calls(emulator)) >= 4 * COUNT and sorted(puts(emulator)) == POSTS,
        "all certificates are waited for",
        timeout=90,
    )


@contextmanager
def up_that_waits(mail: MailFactory, emulator: Emulator) -> Iterator[tuple[MailStack, Running]]:
    """An up that waits for all certificates, which never come."""
    add_domains(emulator)
    emulator.set(issuing_seconds=3600)
    stack = mail(CERTIFICATES)
    with started_up(stack, "--parallel", "64") as running:
        wait_for_waiting(running, emulator)
        yield stack, running


def assert_adopts(stack: MailStack, emulator: Emulator, *args: str) -> None:
    """The next up adopts all certificates, without requesting one."""
    for i in range(COUNT):
        emulator.set_certificate(f"email.d{i}.example.com", "active")
    emulator.forget_requests()
    result = stack.up("--parallel", "64", *args)
    assert puts(emulator) == []
    assert result.changes == {"create": COUNT}
    assert all(result.diagnostics(f"c{i}")[0].startswith("adopted;") for i in range(COUNT))


@pytest.mark.behaviour(27)
def test_ctrl_c_ends_the_wait_for_20_certificates(mail: MailFactory, emulator: Emulator) -> None:
    """The command ends, says that issuance goes on, and the next up picks it up."""
    with up_that_waits(mail, emulator) as (stack, running):
        provider = provider_of(running)
        pressed = datetime.now(timezone.utc)
        running.signal(signal.SIGINT)
        result = running.wait(timeout=SECONDS_TO_LEAVE)
        assert provider.gone_within(SECONDS_TO_LEAVE)
    assert result.code != 0
    for i in range(COUNT):
        (told,) = result.diagnostics(f"c{i}", "error")
        assert "Mailgun is still issuing the certificate" in told
    assert changes_after(emulator, pressed) == []
    assert_adopts(stack, emulator)


@pytest.mark.behaviour(28)
def test_the_process_leaves_with_a_killed_engine_while_20_certificates_wait(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Nothing is changed at Mailgun any more, and the next up adopts what was requested."""
    with up_that_waits(mail, emulator) as (stack, running):
        provider, killed = kill_engine(running)
        try:
            assert provider.gone_within(SECONDS_TO_LEAVE)
        finally:
            provider.end()
    assert changes_after(emulator, killed) == []

    stack.cancel()
    assert_adopts(stack, emulator)


@pytest.mark.behaviour(28)
def test_the_process_leaves_with_a_killed_engine_while_changes_are_under_way(
    mail: MailFactory, emulator: Emulator
) -> None:
    """What was not sent by then is never sent."""
    add_domains(emulator)
    # Never answered before the end of the test, and not carried out later.
    emulator.add_fault(method="PUT", status=503, delay_seconds=600)
    stack = mail(
        f"""
        previous = None
        for i in range({COUNT}):
            previous = DomainTracking(
                f"d{{i}}", f"d{{i}}.example.com", click=True, open=True, unsubscribe=True,
                opts=pulumi.ResourceOptions(depends_on=previous and [previous]),
            )
        """
    )
    with started_up(stack) as running:
        running.wait_until(lambda: len(puts(emulator)) == 1, "the first change", timeout=90)
        provider, killed = kill_engine(running)
        try:
            assert provider.gone_within(SECONDS_TO_LEAVE)
        finally:
            provider.end()
    assert len(puts(emulator)) == 1
    assert changes_after(emulator, killed) == []

    emulator.clear_faults()
    stack.cancel()
    stack.up()
    assert all(
        domain.open["active"] and domain.unsubscribe["active"]
        for domain in emulator.domains()
        if domain.name.startswith("d")
    )


@pytest.mark.behaviour(28)
def test_the_process_leaves_with_a_killed_engine_while_it_is_idle(
    mail: MailFactory, emulator: Emulator
) -> None:
    """No call has to be under way for it to notice."""
    stack = mail(
        """
        import time
        made = DomainTracking("mg", "mg.example.com", click="htmlonly")
        made.click.apply(lambda _click: time.sleep(300))
        """
    )
    with started_up(stack) as running:
        running.wait_until(
            lambda: any("resOutputsEvent" in one and "::mg" in str(one) for one in running.events),
            "the resource exists",
            timeout=90,
        )
        asked = calls(emulator)
        provider, killed = kill_engine(running)
        try:
            assert provider.gone_within(SECONDS_TO_LEAVE)
        finally:
            provider.end()
    assert calls(emulator) == asked
    assert changes_after(emulator, killed) == []
