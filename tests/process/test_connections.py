"""The process's connections to Mailgun, and what becomes of calls that fail."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import psutil
import pytest

from mailgun_tracking.emulator import Emulator, serving
from tests.behaviour.mail import MailFactory, calls, puts
from tests.process.test_leaving import provider_of, started_up

TRACKING = "/v3/domains/mg.example.com/tracking"


@pytest.mark.behaviour(26, 30)
def test_both_classes_share_connections_that_send_without_delay(
    mail: MailFactory, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call after another, of settings and of certificates, takes one connection again."""
    made: list[int] = []
    connection_made = serving._Protocol.connection_made

    def note(self: Any, transport: asyncio.Transport) -> None:
        sock = transport.get_extra_info("socket")
        made.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        connection_made(self, transport)

    monkeypatch.setattr(serving._Protocol, "connection_made", note)
    emulator.drift("mg.example.com", click="htmlonly")
    emulator.set_certificate("email.mg.example.com", "processing", ready_after_seconds=6)
    stack = mail(
        """
        tracking = DomainTracking("mg", "mg.example.com", click="htmlonly")
        TrackingCertificate("cert", tracking.tracking_domain)
        """
    )
    with started_up(stack) as running:
        running.wait_until(
            lambda: "GET /v2/x509/email.mg.example.com/status" in calls(emulator),
            "the certificate is waited for",
            timeout=60,
        )
        # At most two calls were under way together: the first two GETs of the domain.
        connections = [
            one
            for one in psutil.Process(provider_of(running).pid).net_connections("tcp")
            if one.raddr and one.raddr.port == emulator.port and one.status == "ESTABLISHED"
        ]
        assert 1 <= len(connections) <= 2
        result = running.wait()
    assert result.code == 0, result.output
    assert len(calls(emulator)) > len(made)
    assert 1 <= len(made) <= 2
    assert all(made)


@pytest.mark.behaviour(29)
def test_a_call_that_is_tried_again_is_told_of_in_its_row(
    mail: MailFactory, emulator: Emulator
) -> None:
    """From the third try on, once in 15 s; it goes on until Mailgun answers again."""
    emulator.add_fault(method="PUT", path=f"{TRACKING}/click", status=503, times=4)
    result = mail('DomainTracking("mg", "mg.example.com", click="htmlonly")').up()
    told = [line for line in result.diagnostics("mg") if "trying again" in line]
    assert len(told) == 1
    assert "(503): trying again in" in told[0]
    assert puts(emulator) == [f"PUT {TRACKING}/click"] * 5
    assert emulator.domain("mg.example.com").click == {"active": "htmlonly"}


@pytest.mark.behaviour(11, 29)
def test_what_is_refused_from_the_first_call_on_fails_soon(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Where nothing ever answered, up warns in check and fails after 10 s, not after 2 minutes."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        stack = mail(
            'DomainTracking("mg", "mg.example.com", click=True)',
            env={"MAILGUN_BASE_URL": f"http://127.0.0.1:{port}"},
        )
        result = stack.up(check=False, timeout=60)
    assert result.code != 0
    assert len(result.diagnostics(severity="warning") + result.diagnostics("mg", "warning")) == 1
    assert f"no answer from http://127.0.0.1:{port}" in result.diagnostics("mg", "error")[0]
    assert calls(emulator) == []
