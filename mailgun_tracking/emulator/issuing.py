"""Issues certificates: immediately, after a delay, or in a thread through another authority."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from .certificates import (
    GENERATION_FAILED,
    Certificate,
    CertificateSpec,
    EmulatedAuthority,
    Issuer,
    validity,
)
from .errors import IssuanceFailed
from .settings import Settings


class Issuing:
    """Starts and completes the issuance of certificates.

    The emulated authority needs no thread: issuance is completed when someone looks at a
    certificate after its time is up. The caller is responsible for locking and saving.
    """

    def __init__(
        self,
        issuer: Issuer | None,
        monotonic: Callable[[], float],
        errors: list[BaseException],
    ) -> None:
        """Choose the authority.

        Args:
            issuer: the authority to use; None means the emulated one.
            monotonic: the clock that decides when issuance completes.
            errors: collects unexpected errors of `issuer`, that is, all but IssuanceFailed.
        """
        self._errors = errors
        self._issuer = issuer
        self._authority = EmulatedAuthority()
        self._monotonic = monotonic

    @property
    def uses_issuer(self) -> bool:
        """Whether certificates come from an `Issuer` rather than the emulated authority."""
        return self._issuer is not None

    def complete_if_due(self, certificate: Certificate) -> bool:
        """Complete issuance if its time is up, and return whether that was so."""
        if certificate.phase != "processing" or self._monotonic() < certificate.deadline:
            return False
        if certificate.fails_with is not None:
            certificate.fail(certificate.fails_with)
        else:
            self.renew(certificate)
        return True

    def renew(self, certificate: Certificate) -> None:
        """Issue a new certificate immediately, by the emulated authority."""
        self._issue(certificate, datetime.now(timezone.utc), certificate.lifetime_seconds)

    def start(self, certificate: Certificate, settings: Settings) -> None:
        """Start issuance; later changes of the settings do not affect it."""
        certificate.phase, certificate.error = "processing", None
        certificate.fails_with = settings.issuance_fails
        certificate.lifetime_seconds = settings.certificate_lifetime_seconds
        certificate.renews = True
        self._complete_after(
            certificate, settings.issuing_seconds if self._issuer is None else None
        )

    def set_state(
        self, certificate: Certificate, spec: CertificateSpec, settings: Settings
    ) -> None:
        """Put a certificate into a state."""
        lifetime = spec.lifetime_seconds
        if lifetime is None:
            lifetime = settings.certificate_lifetime_seconds
        now = datetime.now(timezone.utc)
        certificate.lifetime_seconds = lifetime
        certificate.renews = spec.status != "expired"
        certificate.fails_with = None
        if spec.status == "active":
            self._issue(certificate, now - timedelta(seconds=spec.age_seconds), lifetime)
        elif spec.status == "expired":
            end = now - timedelta(hours=1)
            start = end - timedelta(seconds=max(lifetime, 1))
            certificate.store(self._authority.issue(certificate.host, start, end))
        elif spec.status == "error":
            certificate.fail(spec.error or GENERATION_FAILED)
        else:
            certificate.phase, certificate.error = "processing", None
            self._complete_after(certificate, spec.ready_after_seconds)

    def issue_in_thread(self, host: str, done: Callable[[str | None, str], None]) -> None:
        """Start a thread in which the `Issuer` works, if there is one.

        Args:
            host: the name of the certificate.
            done: called in that thread with the chain, or with None and the error.
        """
        issuer = self._issuer
        if issuer is None:
            return

        def work() -> None:
            try:
                pem = issuer.issue(host)
            except IssuanceFailed as failure:
                done(None, str(failure))
            except Exception as error:
                self._errors.append(error)
                done(None, GENERATION_FAILED)
            else:
                done(pem, "")

        threading.Thread(target=work, name=f"issue {host}", daemon=True).start()

    def _issue(self, certificate: Certificate, start: datetime, lifetime_seconds: float) -> None:
        not_before, not_after = validity(start, lifetime_seconds)
        certificate.store(self._authority.issue(certificate.host, not_before, not_after))

    def _complete_after(self, certificate: Certificate, seconds: float | None) -> None:
        if seconds is None:
            certificate.deadline, certificate.ready_at = math.inf, None
        else:
            certificate.deadline = self._monotonic() + seconds
            certificate.ready_at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
