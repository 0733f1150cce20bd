"""A tracking host's certificate: its life, and the emulated authority that signs it."""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Status = Literal["processing", "active", "expired", "error"]
STATUSES: tuple[Status, ...] = ("processing", "active", "expired", "error")

ISSUER_NAME = "Emulated Let's Encrypt"
GENERATION_FAILED = "TLS x509 key pair generation failed, please contact support"


class IssuanceFailed(Exception):
    """An authority did not issue; the text is what Mailgun's status then shows as `error`."""


class Issuer(Protocol):
    """An authority that may take its time, such as a real one behind ACME.

    The emulator calls it in a thread of its own, one for each generation.
    """

    def issue(self, host: str) -> str:
        """Get a certificate for `host`.

        Returns:
            The chain as PEM, the host's own certificate first.

        Raises:
            IssuanceFailed: with the text to show.
        """


class EmulatedAuthority:
    """A certificate authority in memory, made anew for each emulator."""

    def __init__(self) -> None:
        """Make no key yet: most runs never issue."""
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._certificate: x509.Certificate | None = None

    def issue(self, host: str, not_before: datetime, not_after: datetime) -> str:
        """Sign a certificate for `host` and give it with the authority's own, as PEM.

        Args:
            host: the only name in it.
            not_before: when it becomes valid; X.509 keeps whole seconds.
            not_after: the last moment of its validity.
        """
        authority_key, authority = self._authority()
        leaf = (
            x509.CertificateBuilder()
            .subject_name(_common_name(host) if len(host) <= 64 else x509.Name([]))
            .issuer_name(authority.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        return "".join(
            certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
            for certificate in (leaf, authority)
        )

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        if self._key is None or self._certificate is None:
            key = ec.generate_private_key(ec.SECP256R1())
            now = datetime.now(timezone.utc)
            name = _common_name(ISSUER_NAME)
            self._certificate = (
                x509.CertificateBuilder()
                .subject_name(name)
                .issuer_name(name)
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=3650))
                .not_valid_after(now + timedelta(days=3650))
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .sign(key, hashes.SHA256())
            )
            self._key = key
        return self._key, self._certificate


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclasses.dataclass(frozen=True)
class CertificateSnapshot:
    """A certificate as it stands at one moment."""

    status: Status
    error: str | None
    pem: str | None
    not_before: datetime | None
    not_after: datetime | None
    generation: int
    """How many certificates were issued for this host."""


@dataclasses.dataclass
class Certificate:
    """What the emulator keeps about a host: the last certificate and the last generation."""

    host: str
    phase: Literal["processing", "issued", "failed"]
    error: str | None = None
    pem: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    generation: int = 0
    ready_at: datetime | None = None
    """When a generation ends, for the state file; None if only its issuer knows."""
    deadline: float = math.inf
    """The same by the monotonic clock, which is what decides."""
    fails_with: str | None = None
    lifetime_seconds: float = 0.0
    renews: bool = True
    """Whether Mailgun would renew it; not if it is to be seen expired."""
    is_being_renewed: bool = False

    def take(self, pem: str) -> None:
        """Keep a chain that was just issued."""
        leaf = x509.load_pem_x509_certificate(pem.encode("ascii"))
        self.phase, self.error, self.pem = "issued", None, pem
        self.not_before, self.not_after = (
            leaf.not_valid_before_utc,
            leaf.not_valid_after_utc,
        )
        self.generation += 1
        self.is_being_renewed = False
        self.ready_at, self.deadline, self.fails_with = None, math.inf, None

    def fail(self, text: str) -> None:
        """End a generation without a certificate; an older one stays."""
        self.phase, self.error = "failed", text
        self.ready_at, self.deadline, self.fails_with = None, math.inf, None

    def status(self, now: datetime) -> Status:
        """Give the status that Mailgun would show at `now`."""
        if self.phase == "processing":
            return "processing"
        if self.phase == "failed":
            return "error"
        return "active" if self.not_after is not None and now < self.not_after else "expired"

    def is_due_for_renewal(self, now: datetime) -> bool:
        """Say whether less than a third of the lifetime is left."""
        if self.phase != "issued" or not self.renews or not self.not_before or not self.not_after:
            return False
        return self.not_after - now < (self.not_after - self.not_before) / 3

    def snapshot(self, now: datetime) -> CertificateSnapshot:
        """Give a copy that no longer changes."""
        return CertificateSnapshot(
            status=self.status(now),
            error=self.error,
            pem=self.pem,
            not_before=self.not_before,
            not_after=self.not_after,
            generation=self.generation,
        )

    def as_json(self) -> dict[str, Any]:
        """Give all of it for the state file."""
        kept: dict[str, Any] = dataclasses.asdict(self)
        del kept["deadline"], kept["is_being_renewed"]
        for name in ("not_before", "not_after", "ready_at"):
            kept[name] = kept[name].isoformat() if kept[name] else None
        return kept

    @classmethod
    def from_json(cls, kept: dict[str, Any], now: datetime, monotonic: float) -> Certificate:
        """Read what `as_json` wrote; a generation goes on where it stood.

        Raises:
            KeyError, TypeError, ValueError: it is not what `as_json` writes.
        """
        values = dict(kept)
        for name in ("not_before", "not_after", "ready_at"):
            if values[name] is not None:
                values[name] = datetime.fromisoformat(values[name])
        certificate = cls(**values)
        if certificate.ready_at is not None:
            remaining = (certificate.ready_at - now).total_seconds()
            certificate.deadline = monotonic + max(0.0, remaining)
        return certificate


def validity(now: datetime, lifetime_seconds: float) -> tuple[datetime, datetime]:
    """Give the first and last moment of a certificate issued at `now`, in whole seconds.

    The end is rounded up, so that a certificate is valid for at least its lifetime.
    """
    end = now + timedelta(seconds=lifetime_seconds)
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    return now.replace(microsecond=0), end
