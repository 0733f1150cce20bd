"""What the row of a certificate that waits says, and its error: what DNS has that is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider import resource_log
from mailgun_tracking._provider.operation import Operation
from mailgun_tracking._provider.process import process
from mailgun_tracking.tracking_certificate import TrackingCertificateProvider, waiting
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import LOCALHOST, MAILGUN, ZONE, Bind, free_ports

HOST = f"email.mg.{ZONE}"
TARGET = Target("default", "us", "", HOST)

pytestmark = pytest.mark.behaviour(107)


@pytest.fixture
def settings(
    mailgun: AcmeEmulator, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Settings]:
    """The environment's settings, with BIND as the name server."""
    monkeypatch.setenv("MAILGUN_API_KEY", mailgun.key)
    monkeypatch.setenv("MAILGUN_BASE_URL", f"{mailgun.url}/{{region}}")
    monkeypatch.setenv("MAILGUN_TRACKING_NAMESERVER", bind.address)
    process.reset()
    return Settings


def test_what_a_row_says(
    settings: Callable[[], Settings],
    bind: Bind,
    mailgun: AcmeEmulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The record that is there and the one that was wanted; CAA records; or just that it waits."""
    monkeypatch.setattr(resource_log, "SECONDS_BEFORE_PROGRESS", 0.0)
    monkeypatch.setattr(resource_log, "SECONDS_BETWEEN_MESSAGES", 0.0)
    issuance, _ = waiting(Operation.on(TARGET, settings=settings()), {})

    def row() -> str:
        issuance.say("waiting, 20 s")
        return capsys.readouterr().err.strip()

    assert row() == f"waiting, 20 s: {HOST} does not exist in DNS; wanted: CNAME {MAILGUN}"
    bind.put(HOST, "A", "104.21.3.4")
    proxied = "A 104.21.3.4, a proxy (Cloudflare)"
    assert row() == f"waiting, 20 s: {proxied}; wanted: CNAME {MAILGUN}"
    bind.put(HOST, "CNAME", f"{MAILGUN}.")
    bind.put(f"mg.{ZONE}", "CAA", '0 issue "other.test"')
    assert row() == (
        f"waiting, 20 s: mg.{ZONE} does not name letsencrypt.org: "
        'CAA 0 issue "other.test"; wanted: issue "letsencrypt.org", or no CAA record'
    )
    bind.remove(f"mg.{ZONE}")
    assert row() == "waiting, 20 s"
    # Its domain is looked up once, however often the row is written.
    asked = [request.path for request in mailgun.requests]
    assert asked == [f"/v4/domains/mg.{ZONE}"]
    monkeypatch.setenv("MAILGUN_TRACKING_NAMESERVER", f"{LOCALHOST}:{free_ports(1)[0]}")
    monkeypatch.setattr("mailgun_tracking._api.resolving.LOOK_SECONDS", 0.05)
    assert row() == "waiting, 20 s"


def test_nothing_is_looked_up_for_a_message_that_is_not_shown(
    settings: Callable[[], Settings], mailgun: AcmeEmulator
) -> None:
    """A certificate that comes at once costs no lookup."""
    issuance, _ = waiting(Operation.on(TARGET, settings=settings()), {})
    issuance.say("waiting, 2 s")
    assert list(mailgun.requests) == []


def test_what_an_error_says(settings: Callable[[], Settings], bind: Bind) -> None:
    """The error of a certificate that cannot be requested has the reason too."""
    bind.put(HOST, "A", "104.21.3.4")
    inputs = {"tracking_domain": HOST, "account": "default", "region": "us", "subaccount": ""}
    with pytest.raises(errors.CnameNotValid) as refused:
        TrackingCertificateProvider()._ensure(TARGET, {}, {**inputs, "wait": False})
    proxied = "A 104.21.3.4, a proxy (Cloudflare)"
    assert str(refused.value).endswith(f"found: {proxied}; wanted: CNAME {MAILGUN}")
