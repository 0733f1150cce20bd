"""A certificate's life: adopt what is there, ask for what is not, wait, and know when it is due.

What `ensure` does, by what Mailgun says of the certificate:

==============  ==========================================  ====================================
status          first                                       then
==============  ==========================================  ====================================
active          nothing: adopted
processing      nothing: joined                             wait
404             POST; at 409 look again, as another status  wait
expired, error  PUT; at 404 look again, then POST; at 409   wait
                look again; at 429 a job runs: joined
any             400: the CNAME is not valid (yet)           ask again until the deadline
==============  ==========================================  ====================================

Each of POST and PUT is accepted once at most: Let's Encrypt counts failed validations.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Literal, Protocol

from . import errors
from .models import CertificateStatus, from_rfc3339

Step = Literal["adopted", "joined", "generated", "regenerated"]

FIRST_INTERVAL = 2.0
LONGEST_INTERVAL = 30.0


class CertificateClient(Protocol):
    """The endpoints of a certificate, as `client.MailgunClient` has them."""

    def get_certificate(self, tracking_domain: str) -> CertificateStatus: ...
    def generate_certificate(self, tracking_domain: str) -> None: ...
    def regenerate_certificate(self, tracking_domain: str) -> None: ...


@dataclass(frozen=True)
class Issued:
    """What became of a certificate.

    Attributes:
        certificate: its last status: active, or processing where nobody waited.
        step: what it took to get there.
    """

    certificate: CertificateStatus
    step: Step


def _ignore(_message: str) -> None:
    return None


@dataclass(frozen=True)
class Issuance:
    """Gets a tracking domain an active certificate.

    Args:
        client: Mailgun.
        sleep: waits for some seconds; may raise to end all waiting.
        clock: seconds that only grow.
        say: takes a line for whoever waits, each time that something is waited for.
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
            timeout: seconds until waiting is given up.

        Raises:
            CertificateFailed: Mailgun went to ``error``.
            CertificateTimeout: it was not active in time.
            CnameNotValid: the CNAME was still not valid at the deadline, or nobody waits.
            MailgunError: whatever else Mailgun answered.
        """
        started = self.clock()
        try:
            step, certificate = self._start(tracking_domain, wait, started, timeout)
        except errors.Cancelled as error:
            error.advise(f"the next up asks for the certificate of {tracking_domain}")
            raise
        try:
            return self._finish(tracking_domain, step, certificate, wait, started, timeout)
        except errors.Cancelled as error:
            error.advise(
                f"issuance of the certificate of {tracking_domain} goes on at Mailgun, "
                "and the next up takes it over"
            )
            raise

    def _finish(
        self,
        tracking_domain: str,
        step: Step,
        certificate: CertificateStatus | None,
        wait: bool,
        started: float,
        timeout: float,
    ) -> Issued:
        """Wait for a certificate that was asked for."""
        if certificate is None:
            # Just asked for, it may not be visible yet.
            certificate = self._look(tracking_domain) or CertificateStatus("processing")
        # Just asked for again, the old one may still be what is seen.
        under_way = {"processing", "expired"}
        if certificate.status in under_way and not wait:
            return Issued(certificate, step)
        while certificate.status in under_way:
            if certificate.status == "processing":
                under_way.discard("expired")
            self._pause(
                tracking_domain,
                started,
                timeout,
                "waiting for Let's Encrypt",
                errors.CertificateTimeout(
                    f"the certificate of {tracking_domain} was not there after {timeout:.0f} s",
                    certificate.error or "Mailgun is still at work on it",
                    advice="issuance goes on at Mailgun and the next up takes it over; "
                    "a larger timeout= waits longer",
                    domain=tracking_domain,
                ),
            )
            certificate = self._look(tracking_domain) or certificate
        if certificate.status != "active":
            raise errors.CertificateFailed(
                f"Mailgun could not get a certificate for {tracking_domain}",
                certificate.error or f"its status is {certificate.status}",
                advice="check that its CNAME points straight at Mailgun, with no proxy before it, "
                "and that its CAA records allow letsencrypt.org; the next up tries once more",
                domain=tracking_domain,
            )
        return Issued(certificate, step)

    def _start(
        self, host: str, wait: bool, started: float, timeout: float
    ) -> tuple[Step, CertificateStatus | None]:
        """Ask for a certificate where needed; a race with another asker is looked at again.

        Returns what was done, and the certificate where nothing was asked for since it was seen.
        """
        looks = 2
        found = self._look(host)
        exists = found is not None
        while True:
            looks -= 1
            if found and found.status == "active":
                return "adopted", found
            if found and found.status == "processing":
                return "joined", found
            try:
                if not exists:
                    self._ask(self.client.generate_certificate, host, wait, started, timeout)
                    return "generated", None
                self._ask(self.client.regenerate_certificate, host, wait, started, timeout)
                return "regenerated", None
            except errors.CertificateInProgress:
                return "joined", None
            except errors.CertificateConflict:
                found = self._look(host) if looks else None
                if found is None:
                    raise
                exists = True
            except errors.CertificateNotFound:
                if not looks or not exists:
                    raise
                found = self._look(host)
                exists = False

    def _look(self, host: str) -> CertificateStatus | None:
        try:
            return self.client.get_certificate(host)
        except errors.CertificateNotFound:
            return None

    def _ask(
        self,
        ask: Callable[[str], None],
        host: str,
        wait: bool,
        started: float,
        timeout: float,
    ) -> None:
        while True:
            try:
                return ask(host)
            except errors.CnameNotValid as error:
                if not wait:
                    raise
                self._pause(host, started, timeout, "waiting for the CNAME", error)

    def _pause(
        self, host: str, started: float, timeout: float, reason: str, too_late: errors.TrackingError
    ) -> None:
        """Wait for a quarter of the time waited so far: gently at first, then ever less often."""
        waited = self.clock() - started
        if waited >= timeout:
            raise too_late
        self.say(f"{reason}, {waited:.0f} s")
        interval = min(max(FIRST_INTERVAL, waited / 4), LONGEST_INTERVAL, timeout - waited)
        self.sleep(interval)


def now() -> datetime:
    """This moment, zone-aware."""
    return datetime.now(timezone.utc)


def due(
    status: str, error: str, not_after: str, processing_since: str, moment: datetime
) -> str | None:
    """Why a certificate in state has to be looked at, or None where it has not.

    Args:
        status: its status in state.
        error: Mailgun's text, for status ``error``.
        not_after: when it expires, RFC 3339, or an empty text.
        processing_since: since when it was seen in the making, RFC 3339, or an empty text.
        moment: now.
    """
    if status == "processing":
        return f"issuing since {processing_since}: will be looked at"
    if status == "error":
        return f"failed ({error or 'no reason given'}): will be tried again"
    if status == "expired" or (not_after and from_rfc3339(not_after) <= moment):
        return f"expired on {not_after[:10] or 'an unknown day'}: will be regenerated"
    return None
