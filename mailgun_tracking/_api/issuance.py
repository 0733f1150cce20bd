"""Getting a certificate: adopt it, join its issuance, or request it; then wait until it is active.

What `Issuance.ensure` does, by what Mailgun says about the certificate:

==============  ==========================================  ====================================
status          first                                       then
==============  ==========================================  ====================================
active          nothing: adopted
processing      nothing: joined                             wait
404             POST; on 409 read it again                  wait
expired, error  PUT; on 404 read it again, then POST; on    wait
                409 read it again; on 429 joined
any             400: the CNAME is not valid (yet)           request again until the deadline
==============  ==========================================  ====================================

At most one POST or PUT is accepted per run, because Let's Encrypt counts failed validations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal, Protocol

from .. import errors
from .models import CertificateStatus, from_rfc3339

Step = Literal["adopted", "joined", "generated", "regenerated"]

FIRST_INTERVAL_SECONDS = 2.0
LONGEST_INTERVAL_SECONDS = 30.0


class CertificateClient(Protocol):
    """The certificate endpoints of `client.MailgunClient`."""

    def get_certificate(self, tracking_domain: str) -> CertificateStatus: ...
    def generate_certificate(self, tracking_domain: str) -> None: ...
    def regenerate_certificate(self, tracking_domain: str) -> None: ...


@dataclass(frozen=True)
class Issued:
    """The outcome for a certificate.

    Attributes:
        certificate: its last status: active, or processing without waiting.
        step: how it got there.
    """

    certificate: CertificateStatus
    step: Step


@dataclass(frozen=True)
class _Request:
    """What `Issuance.ensure` was asked for, and when."""

    host: str
    wait: bool
    timeout: float
    started: float


def _ignore(_message: str) -> None:
    return None


@dataclass(frozen=True)
class Issuance:
    """Gets a tracking domain an active certificate.

    Args:
        client: Mailgun.
        sleep: waits for some seconds; may raise to stop waiting.
        clock: monotonic seconds.
        say: receives a progress message before each wait.
    """

    client: CertificateClient
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    say: Callable[[str], None] = field(default=_ignore)

    def ensure(self, tracking_domain: str, *, wait: bool, timeout: float) -> Issued:
        """Adopt, join, generate or regenerate; then wait until the certificate is active.

        Args:
            tracking_domain: the host, ``web_prefix.domain``.
            wait: whether to wait at all; without it the status may be ``processing``.
            timeout: seconds to wait at most.

        Raises:
            CertificateFailed: Mailgun could not issue it.
            CertificateTimeout: it was not active in time.
            CnameNotValid: the CNAME was not valid at the deadline, or at once without waiting.
            MailgunError: any other error that Mailgun responded with.
        """
        request = _Request(tracking_domain, wait, timeout, self.clock())
        try:
            step, certificate = self._start(request)
        except errors.Cancelled as error:
            error.advise(f"the next `pulumi up` requests the certificate for {tracking_domain}")
            raise
        try:
            return self._wait_until_active(request, step, certificate)
        except errors.Cancelled as error:
            error.advise(
                f"Mailgun is still issuing the certificate for {tracking_domain}; "
                "the next `pulumi up` will pick it up"
            )
            raise

    def _wait_until_active(
        self, request: _Request, step: Step, certificate: CertificateStatus | None
    ) -> Issued:
        """Wait for a certificate that is being issued."""
        host = request.host
        if certificate is None:
            # A new request may not be visible yet.
            certificate = self._read(host) or CertificateStatus("processing")
        # After a new request, the old certificate may still be visible.
        under_way = {"processing", "expired"}
        if certificate.status in under_way and not request.wait:
            return Issued(certificate, step)
        while certificate.status in under_way:
            if certificate.status == "processing":
                under_way.discard("expired")
            too_late = errors.CertificateTimeout(
                f"the certificate for {host} was not issued within {request.timeout:.0f} s",
                certificate.error or "Mailgun is still issuing it",
                advice="run `pulumi up` again to pick it up, or set a longer timeout",
                domain=host,
            )
            self._pause(request, "waiting for Let's Encrypt", too_late)
            certificate = self._read(host) or certificate
        if certificate.status != "active":
            raise errors.CertificateFailed(
                f"Mailgun could not issue a certificate for {host}",
                certificate.error or f"its status is {certificate.status}",
                advice="check that its CNAME points directly at Mailgun, with no proxy in front, "
                "and that its CAA records allow letsencrypt.org; the next `pulumi up` retries",
                domain=host,
            )
        return Issued(certificate, step)

    def _start(self, request: _Request) -> tuple[Step, CertificateStatus | None]:
        """Request a certificate where needed; after losing a race, read its status again.

        Returns what was done, and the certificate unless one was requested after reading it.
        """
        reads = 2
        found = self._read(request.host)
        exists = found is not None
        while True:
            reads -= 1
            if found and found.status == "active":
                return "adopted", found
            if found and found.status == "processing":
                return "joined", found
            try:
                if not exists:
                    self._send(request, self.client.generate_certificate)
                    return "generated", None
                self._send(request, self.client.regenerate_certificate)
                return "regenerated", None
            except errors.CertificateInProgress:
                return "joined", None
            except errors.CertificateConflict:
                found = self._read(request.host) if reads else None
                if found is None:
                    raise
                exists = True
            except errors.CertificateNotFound:
                if not reads or not exists:
                    raise
                found = self._read(request.host)
                exists = False

    def _read(self, host: str) -> CertificateStatus | None:
        try:
            return self.client.get_certificate(host)
        except errors.CertificateNotFound:
            return None

    def _send(self, request: _Request, send: Callable[[str], None]) -> None:
        while True:
            try:
                return send(request.host)
            except errors.CnameNotValid as error:
                if not request.wait:
                    raise
                self._pause(request, "waiting for the CNAME", error)

    def _pause(self, request: _Request, reason: str, too_late: errors.TrackingError) -> None:
        """Wait for a quarter of the time waited so far: polls become less and less frequent."""
        waited = self.clock() - request.started
        if waited >= request.timeout:
            raise too_late
        self.say(f"{reason}, {waited:.0f} s")
        interval = max(FIRST_INTERVAL_SECONDS, waited / 4)
        self.sleep(min(interval, LONGEST_INTERVAL_SECONDS, request.timeout - waited))


def now() -> datetime:
    """The current time, zone-aware."""
    return datetime.now(timezone.utc)


def refresh_reason(state: Mapping[str, object], time: datetime) -> str | None:
    """Why a certificate in state has to be updated, or None where it has not.

    Args:
        state: the certificate's ``status``, ``error`` (Mailgun's message), ``not_after`` and
            ``processing_since`` (when issuance was first seen; both RFC 3339).
        time: the current time.
    """
    status, not_after = state.get("status"), str(state.get("not_after") or "")
    if status == "processing":
        return f"being issued since {state.get('processing_since')}; will be checked again"
    if status == "error":
        return f"issuance failed ({state.get('error') or 'no reason given'}); will be retried"
    if status == "expired" or (not_after and from_rfc3339(not_after) <= time):
        return f"expired on {not_after[:10] or 'an unknown date'}; will be reissued"
    return None
