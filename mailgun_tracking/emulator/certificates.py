"""The certificate of a tracking host, and the certificate authority that signs it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .errors import InvalidSetting, check_seconds, reject_unknown

Status = Literal["processing", "active", "expired", "error"]
STATUSES: tuple[Status, ...] = ("processing", "active", "expired", "error")

ISSUER_NAME = "Emulated Let's Encrypt"
EARLIEST = datetime(1950, 1, 1, tzinfo=timezone.utc)
"""X.509 has no dates before this."""
GENERATION_FAILED = "TLS x509 key pair generation failed, please contact support"


class Issuer(Protocol):
    """A certificate authority to use instead of the emulated one.

    It may take its time: the emulator calls it in a separate thread for each certificate.
    """

    def issue(self, host: str) -> str:
        """Get a certificate for `host`.

        Returns:
            The chain as PEM, starting with the certificate of `host`.

        Raises:
            IssuanceFailed: with the error that the certificate's status shows.
        """


class EmulatedAuthority:
    """A certificate authority in memory; each emulator has its own."""

    def __init__(self) -> None:
        """Defer key generation to the first use, since most runs never issue anything."""
        self._key: ec.EllipticCurvePrivateKey | None = None
        self._certificate: x509.Certificate | None = None

    def issue(self, host: str, not_before: datetime, not_after: datetime) -> str:
        """Sign a certificate and return the chain as PEM.

        Args:
            host: the only name in the certificate.
            not_before: the start of its validity; X.509 only stores whole seconds.
            not_after: the end of its validity.
        """
        authority_key, authority = self._authority()
        leaf = (
            x509.CertificateBuilder()
            .subject_name(_common_name(host) if len(host) <= 64 else x509.Name([]))
            .issuer_name(authority.subject)
            .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(not_before, EARLIEST))
            .not_valid_after(max(not_after, EARLIEST))
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
class CertificateSpec:
    """A state that a test puts a certificate into.

    Raises:
        InvalidSetting: a field has an invalid value.
    """

    status: Status
    error: str | None = None
    """The error, if the status is `error`; None means Mailgun's usual one."""
    lifetime_seconds: float | None = None
    """How long an active or expired certificate is valid in total; None means the setting."""
    age_seconds: float = 0
    """How long ago an active certificate was issued."""
    ready_after_seconds: float | None = None
    """When a processing certificate becomes active; None means never."""

    def __post_init__(self) -> None:
        """Validate the fields."""
        if self.status not in STATUSES:
            raise InvalidSetting(
                f"status must be one of {', '.join(STATUSES)} or none, not {self.status!r}"
            )
        if self.error is not None and not isinstance(self.error, str):
            raise InvalidSetting(f"error must be a string, not {self.error!r}")
        for name in ("lifetime_seconds", "age_seconds", "ready_after_seconds"):
            value = getattr(self, name)
            if value is not None:
                check_seconds(name, value)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CertificateSpec | None:
        """Read a state from JSON; the status null or "none" means no certificate at all.

        Raises:
            InvalidSetting: a field is unknown or has an invalid value.
        """
        reject_unknown("certificate field", data, [field.name for field in dataclasses.fields(cls)])
        given = {name: value for name, value in data.items() if value is not None}
        return None if given.get("status", "none") == "none" else cls(**given)


@dataclasses.dataclass(frozen=True)
class CertificateSnapshot:
    """A certificate at one moment."""

    status: Status
    error: str | None
    pem: str | None
    not_before: datetime | None
    not_after: datetime | None
    generation: int
    """How many certificates were issued for this host so far."""


@dataclasses.dataclass
class Certificate:
    """What the emulator stores for a tracking host: its last certificate and how it was issued."""

    host: str
    phase: Literal["processing", "issued", "failed"]
    error: str | None = None
    pem: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    generation: int = 0
    ready_at: datetime | None = None
    """When issuance completes, for the state file; None if that is not known."""
    deadline: float = math.inf
    """The same on the monotonic clock, which is the one that counts."""
    fails_with: str | None = None
    lifetime_seconds: float = 0.0
    renews: bool = True
    """Whether it may be renewed; False if a test asked for an expired one."""
    is_being_renewed: bool = False

    def store(self, pem: str) -> None:
        """Store a newly issued chain."""
        leaf = x509.load_pem_x509_certificate(pem.encode("ascii"))
        self.phase, self.error, self.pem = "issued", None, pem
        self.not_before, self.not_after = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        self.generation += 1
        self.is_being_renewed = False
        self.ready_at, self.deadline, self.fails_with = None, math.inf, None

    def fail(self, text: str) -> None:
        """Record that issuance failed; an older certificate is kept."""
        self.phase, self.error = "failed", text
        self.ready_at, self.deadline, self.fails_with = None, math.inf, None

    def status(self, now: datetime) -> Status:
        """Return the status that Mailgun would report at `now`."""
        if self.phase == "processing":
            return "processing"
        if self.phase == "failed":
            return "error"
        return "active" if self.not_after is not None and now < self.not_after else "expired"

    def is_due_for_renewal(self, now: datetime) -> bool:
        """Return whether less than a third of the lifetime is left."""
        if self.phase != "issued" or not self.renews or not self.not_before or not self.not_after:
            return False
        return self.not_after - now < (self.not_after - self.not_before) / 3

    def snapshot(self, now: datetime) -> CertificateSnapshot:
        """Return a copy that later changes do not affect."""
        return CertificateSnapshot(
            status=self.status(now),
            error=self.error,
            pem=self.pem,
            not_before=self.not_before,
            not_after=self.not_after,
            generation=self.generation,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the certificate as JSON, for the state file."""
        data: dict[str, Any] = dataclasses.asdict(self)
        del data["deadline"], data["is_being_renewed"]
        for name in ("not_before", "not_after", "ready_at"):
            data[name] = data[name].isoformat() if data[name] else None
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any], now: datetime, monotonic: float) -> Certificate:
        """Restore a certificate from the output of `as_json`, and resume its issuance.

        Raises:
            KeyError, TypeError, ValueError: the data does not come from `as_json`.
        """
        values = dict(data)
        for name in ("not_before", "not_after", "ready_at"):
            if values[name] is not None:
                values[name] = datetime.fromisoformat(values[name])
        certificate = cls(**values)
        if certificate.ready_at is not None:
            remaining = (certificate.ready_at - now).total_seconds()
            certificate.deadline = monotonic + max(0.0, remaining)
        return certificate


def validity(now: datetime, lifetime_seconds: float) -> tuple[datetime, datetime]:
    """Return the validity of a certificate issued at `now`, in whole seconds.

    The end is rounded up, so that a certificate is valid for at least its lifetime.
    """
    end = now + timedelta(seconds=lifetime_seconds)
    if end.microsecond:
        end = end.replace(microsecond=0) + timedelta(seconds=1)
    return now.replace(microsecond=0), end
