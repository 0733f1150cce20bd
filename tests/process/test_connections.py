"""The process's connections to Mailgun, and calls that fail."""

from __future__ import annotations

import socket

import psutil
import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls
from tests.process.test_leaving import provider_of, started_up

TRACKING = "/v3/domains/mg.example.com/tracking"


@pytest.mark.behaviour(26)
def test_both_resources_share_connections(mail: MailFactory, emulator: Emulator) -> None:
    """One call after another, for settings and for certificates, reuses one connection."""
    emulator.drift("mg.example.com", click="htmlonly")
    emulator.set_certificate("email.mg.example.com", "processing")
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
            timeout=90,
        )
        # At most two calls were under way together: the first two GETs of the domain.
        connections = [
            one
            for one in psutil.Process(provider_of(running).pid).net_connections("tcp")
            if one.raddr and one.raddr.port == emulator.port and one.status == "ESTABLISHED"
        ]
        assert 1 <= len(connections) <= 2
        emulator.set_certificate("email.mg.example.com", "active")
        result = running.wait()
    assert result.code == 0, result.output


@pytest.mark.behaviour(11, 29)
def test_what_is_refused_from_the_first_call_on_fails_soon(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Where nothing ever responded, up warns in check and fails before the deadline of a call."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        stack = mail(
            'DomainTracking("mg", "mg.example.com", click=True)',
            env={"MAILGUN_BASE_URL": f"http://127.0.0.1:{port}"},
        )
        stack.set_constants({"_api.client.FIRST_CONTACT_SECONDS": 0.5})
        result = stack.up(check=False)
    assert result.code != 0
    assert len([row for row in result.all_diagnostics() if "continues without it" in row]) == 1
    assert f"no response from http://127.0.0.1:{port}" in result.diagnostics("mg", "error")[0]
    assert calls(emulator) == []
