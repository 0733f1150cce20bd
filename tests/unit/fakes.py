"""Time that tests make, and a Mailgun that answers from a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailgun_tracking import errors
from mailgun_tracking.models import CertificateState, CertificateStatus, Target
from mailgun_tracking.provider import Call
from mailgun_tracking.settings import Settings

_T = TypeVar("_T")

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
        """Seconds that were waited since the start."""
        return self.now - 1000.0


class Stop(threading.Event):
    """The engine's wish to stop; waiting for it takes a fake clock's time and none else.

    Args:
        clock: what passes while it is waited for.
        during: called within each wait; it may set the event.
    """

    def __init__(self, clock: Clock, during: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.clock = clock
        self.during = during

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "nobody would ever end this wait"
        self.during()
        if not self.is_set():
            self.clock.sleep(timeout)
        return self.is_set()


def next_of(answers: list[_T]) -> _T:
    """The next answer of a script; the last one stays."""
    return answers.pop(0) if len(answers) > 1 else answers[0]


class Scripted:
    """A client whose methods answer from scripts, and that notes who called.

    Args:
        answers: by method, its answers one after the other, of which the last one stays; an
            exception is raised.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            name: list(answer) if isinstance(answer, list) else [answer]
            for name, answer in answers.items()
        }
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.answers:
            raise AttributeError(f"nobody should call {name}")

        def method(*args: Any, **_options: Any) -> Any:
            self.calls.append((name, *args))
            answer = next_of(self.answers[name])
            if isinstance(answer, Exception):
                raise answer
            return answer

        return method


class Row:
    """A resource's row that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, message: str, *, warning: bool = False) -> None:
        self.lines.append(f"warning: {message}" if warning else message)

    def wait(self, message: str) -> None:
        self.lines.append(f"wait: {message}")


def call_about(
    client: object,
    domain: str = "mg.example.com",
    *,
    region: str = "us",
    subaccount: str = "",
    settings: Settings | None = None,
) -> Call:
    """A call of the engine about a domain, on a client of the test's."""
    target = Target("default", region, subaccount, domain)
    nothing: dict[str, object] = {}
    settings = settings or Settings(nothing.get, {"MAILGUN_API_KEY": "key-0123456789"})
    return Call(target, cast(Any, Row()), cast(Any, client), settings)


def lines_of(call: Call) -> list[str]:
    """What a call's row was told."""
    return cast(Row, call.row).lines


Refusal = type[errors.MailgunError]


class Certificates:
    """Mailgun's certificate endpoints: looks and asks are answered from two scripts.

    Args:
        looks: what GET says, one after the other: a status, or the error that it raises.
        asks: what POST and PUT do: accepted where None, else the error that they raise.
    """

    def __init__(
        self,
        looks: Iterable[CertificateState | Refusal],
        asks: Iterable[Refusal | None] = (None,),
    ) -> None:
        self.looks = list(looks)
        self.asks = list(asks)
        self.calls: list[str] = []
        self.accepted = 0

    def get_certificate(self, tracking_domain: str) -> CertificateStatus:
        self.calls.append("GET")
        assert self.looks, f"a look too many: {self.calls}"
        answer = self.looks.pop(0)
        if isinstance(answer, str):
            return CertificateStatus(answer, f"it is {answer}" if answer != "active" else None)
        raise answer(f"cannot read {tracking_domain}")

    def generate_certificate(self, tracking_domain: str) -> None:
        self._ask("POST", tracking_domain)

    def regenerate_certificate(self, tracking_domain: str) -> None:
        self._ask("PUT", tracking_domain)

    def _ask(self, method: str, tracking_domain: str) -> None:
        self.calls.append(method)
        assert self.asks, f"a {method} too many: {self.calls}"
        answer = self.asks.pop(0)
        if answer is not None:
            raise answer(f"cannot ask for {tracking_domain}")
        self.accepted += 1


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
