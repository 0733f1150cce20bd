"""Time that tests control, and a Mailgun that answers from a script."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailgun_tracking import errors
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.operation import Operation
from mailgun_tracking._provider.resource_log import ResourceLog

NOON = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


class Clock:
    """Seconds that pass only when somebody waits for them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return self.now - 1000.0


class Stop(threading.Event):
    """The engine's request to stop; waiting for it takes only a fake clock's time.

    Args:
        clock: passes while it is waited for.
        during: called within each wait; it may set the event.
    """

    def __init__(self, clock: Clock, during: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.clock = clock
        self.during = during

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "this wait would never end"
        self.during()
        if not self.is_set():
            self.clock.sleep(timeout)
        return self.is_set()


class Scripted:
    """A client whose methods answer from scripts, and that records its calls.

    Args:
        clock: passes where the client waits; without it, waiting fails the test.
        script: by method, its answers one after another; the last one is repeated, and an
            exception is raised.
    """

    def __init__(self, clock: Clock | None = None, **script: Any) -> None:
        self.clock = clock
        self.script = {
            name: list(answers) if isinstance(answers, list) else [answers]
            for name, answers in script.items()
        }
        self.calls: list[tuple[Any, ...]] = []
        self.allowed: set[str] = set()

    def sleep(self, seconds: float) -> None:
        assert self.clock is not None, "nothing should wait"
        self.clock.sleep(seconds)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.script:
            raise AttributeError(f"nothing should call {name}")

        def method(*args: Any, **_options: Any) -> Any:
            self.calls.append((name, *args))
            answers = self.script[name]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method


class RecordingLog(ResourceLog):
    """A resource's row that keeps its messages."""

    def __init__(self, urn: str = "") -> None:
        super().__init__(urn, Clock())
        self.messages: list[str] = []

    def info(self, message: str) -> None:
        self.messages.append(message)

    def warn(self, message: str) -> None:
        self.messages.append(f"warning: {message}")


def operation_on(
    client: object,
    domain: str = "mg.example.com",
    *,
    region: str = "us",
    subaccount: str = "",
    other_region: object = None,
    settings: Settings | None = None,
    urn: str = "",
) -> Operation:
    """An operation on a domain, with a fake client.

    Args:
        client: the client for the domain's region.
        domain: the domain.
        region: its region.
        subaccount: its subaccount.
        other_region: the client for the other region; a `Scripted` without answers by default.
        settings: where keys and base URLs come from; one key by default.
        urn: the resource's URN.
    """
    target = Target("default", region, subaccount, domain)
    settings = settings or Settings(environment={"MAILGUN_API_KEY": "key-0123456789"})

    def connect(target: Target) -> MailgunClient:
        found = client if target.region == region else other_region or Scripted()
        return cast(MailgunClient, found)

    return Operation(target, RecordingLog(urn), settings, connect)


def messages_of(operation: Operation) -> list[str]:
    """The messages in the row of `operation_on`."""
    assert isinstance(operation.log, RecordingLog)
    return operation.log.messages


def cancelled_after_sending() -> errors.Cancelled:
    """What a call raises that is interrupted after its request may have arrived."""
    error = errors.Cancelled("cancelled")
    error.is_unclear = True
    return error


def make_pem(
    *names: str,
    start: datetime = NOON,
    days: int = 90,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> str:
    """A self-signed certificate, of a new key by default; without names no subjectAltName."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "R11"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Let's Encrypt"),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(0xBEEF)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
