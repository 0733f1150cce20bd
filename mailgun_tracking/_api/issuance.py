"""Getting a certificate: adopt it, join its issuance, or request it; then wait until it is active.

What `Issuance.ensure` does, by what Mailgun says about the certificate:

==============  ==========================================  ====================================
status          first                                       then
==============  ==========================================  ====================================
active          nothing: adopted
processing      nothing: joined                             wait
404             POST; on 409 read it again                  wait
expired, error  PUT; on 404 read it again, then POST; on    wait
                409 read it again, then POST; on 429 joined
another         nothing: joined                             wait
any             400: the CNAME is not valid (yet)           request again until the deadline
==============  ==========================================  ====================================

A POST or PUT whose answer is lost (no response, 5xx, or one that cannot be read) may have been
accepted, so it is never repeated before a look:

===============================  ===============================================================
what Mailgun shows then          what happens
===============================  ===============================================================
another status or certificate    it was accepted: wait, or fail with what Mailgun says
processing, an unknown status    it was accepted, or another one is under way: wait
404, expired or active as before  nothing was accepted: request again, for two minutes; a 409 or
                                 429 then means that the first one arrived after all
the same error as before         the error is raised: it may have been accepted and have failed
===============================  ===============================================================

For a new certificate (``anew``), it sends a PUT whatever the status; where Mailgun refuses that, it
goes on as above.

At most one POST or PUT is accepted per run, because Let's Encrypt counts failed validations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Literal, Protocol

from .. import errors
from .models import CertificateStatus, from_rfc3339

Step = Literal["adopted", "joined", "generated", "regenerated"]

FIRST_INTERVAL_SECONDS = 2.0
LONGEST_INTERVAL_SECONDS = 30.0
LOST_SECONDS = 120.0
"""How long a request is repeated while its answers are lost, and Mailgun shows no trace of it."""
USUAL_SECONDS = 3600.0
"""How long issuance may take before the row gives advice; usually it takes minutes."""


_LOST = (errors.Unreachable, errors.ServerError, errors.UnreadableResponse)
"""Errors that do not tell whether Mailgun has accepted a request."""


class CertificateClient(Protocol):
    """The certificate endpoints of `client.MailgunClient`."""

    def get_certificate(self, tracking_domain: str) -> CertificateStatus: ...
    def generate_certificate(self, tracking_domain: str) -> None: ...
    def regenerate_certificate(self, tracking_domain: str) -> None: ...


@dataclass(frozen=True)
class Issued:
    """The outcome for a certificate.

    Attributes:
        certificate: its last status: active, or, without waiting, any but error.
        step: how it got there.
        refusal: why Mailgun refused to issue the new one that was requested, or an empty string.
    """

    certificate: CertificateStatus
    step: Step
    refusal: str = ""


@dataclass(frozen=True)
class _Request:
    """What `Issuance.ensure` was asked for, and when."""

    host: str
    wait: bool
    timeout: float
    started: float
    anew: bool


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

    def ensure(
        self, tracking_domain: str, *, wait: bool, timeout: float, anew: bool = False
    ) -> Issued:
        """Adopt, join, generate or regenerate; then wait until the certificate is active.

        Args:
            tracking_domain: the host, ``web_prefix.domain``.
            wait: whether to wait at all; without it the status may be ``processing``.
            timeout: seconds to wait at most.
            anew: whether to request a new certificate even where there is one.

        Raises:
            CertificateFailed: Mailgun could not issue it.
            CertificateTimeout: it was not active in time.
            CnameNotValid: the CNAME was not valid at the deadline, or at once without waiting.
            MailgunError: any other error that Mailgun responded with.
        """
        request = _Request(tracking_domain, wait, timeout, self.clock(), anew)
        try:
            step, certificate, refusal = self._start(request)
        except errors.Cancelled as error:
            if not error.advice:
                error.advise(f"the next `pulumi up` requests the certificate for {tracking_domain}")
            raise
        try:
            issued = self._wait_until_active(request, step, certificate)
        except errors.Cancelled as error:
            error.advise(
                f"Mailgun is still issuing the certificate for {tracking_domain}; "
                "the next `pulumi up` will pick it up"
            )
            raise
        except errors.CertificateTimeout as error:
            if refusal:
                error.advise(f"Mailgun refused to start over: {refusal}")
            raise
        return replace(issued, refusal=refusal)

    def wait_for(
        self,
        what_is_missing: Callable[[], str | None],
        too_late: Callable[[str], errors.TrackingError],
        *,
        wait: bool,
        timeout: float,
    ) -> float:
        """Wait until nothing is missing in DNS; returns how many seconds are left then.

        Args:
            what_is_missing: says what is; None where nothing is.
            too_late: the error to raise with that at the deadline, or at once without waiting.
            wait: whether to wait at all.
            timeout: seconds to wait at most.
        """
        request = _Request("", wait, timeout, self.clock(), anew=False)
        while missing := what_is_missing():
            error = too_late(missing)
            if not wait:
                raise error
            self._pause(request, f"waiting for DNS: {missing}", error)
        return max(0.0, timeout - (self.clock() - request.started))

    def _wait_until_active(
        self, request: _Request, step: Step, certificate: CertificateStatus | None
    ) -> Issued:
        """Wait for a certificate that is being issued."""
        host = request.host
        if certificate is None:
            # A new request may not be visible yet.
            certificate = self._read(host) or CertificateStatus("processing")
        # After a new request, the old certificate may still be visible.
        settled = {"active", "error"}
        if certificate.status not in settled and not request.wait:
            return Issued(certificate, step)
        while certificate.status not in settled:
            if certificate.status == "processing":
                settled.add("expired")
            too_late = errors.CertificateTimeout(
                f"the certificate for {host} was not issued within {request.timeout:.0f} s",
                certificate.error or _still(certificate.status),
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

    def _start(self, request: _Request) -> tuple[Step, CertificateStatus | None, str]:
        """Request a certificate where needed; after losing a race, read its status again.

        Returns what was done, the certificate unless one was requested after reading it, and why
        Mailgun refused to issue a new one.
        """
        reads, refusal = 2, ""
        found = self._read(request.host)
        exists = found is not None
        while True:
            reads -= 1
            if found and (refusal or not request.anew):
                if found.status == "active":
                    return "adopted", found, refusal
                if found.status not in ("expired", "error"):
                    return "joined", found, refusal
            try:
                if not exists:
                    shown = self._send(request, self.client.generate_certificate, found)
                    return "generated", shown, ""
                shown = self._send(request, self.client.regenerate_certificate, found)
                return "regenerated", shown, ""
            except errors.CertificateInProgress as error:
                return "joined", None, error.reason if request.anew else ""
            except errors.CertificateConflict as error:
                found = self._read(request.host) if reads else None
                if found is None:
                    raise
                if request.anew:
                    refusal = error.reason
                # Where PUT does not reissue one that failed, POST may.
                exists = not exists or found.status != "error"
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

    def _send(
        self, request: _Request, send: Callable[[str], None], before: CertificateStatus | None
    ) -> CertificateStatus | None:
        """Request a certificate until Mailgun accepts or refuses that.

        Args:
            request: what was asked for.
            send: sends the request, once.
            before: the certificate as it is, or None where there is none.

        Returns the certificate where Mailgun shows it already.
        """
        host, lost_since = request.host, None
        try:
            while True:
                try:
                    send(host)
                    return None
                except errors.CnameNotValid as error:
                    if not request.wait:
                        raise
                    self._pause(request, "waiting for the CNAME", error)
                except (errors.CertificateConflict, errors.CertificateInProgress) as error:
                    is_active = before is not None and before.status == "active"
                    if lost_since is None or (is_active and error.status == 409):
                        raise
                    return self._read(host) or CertificateStatus("processing")
                except _LOST as error:
                    lost_since = self.clock() if lost_since is None else lost_since
                    found = self._read(host)
                    if _shows_request(before, found):
                        return found
                    if found and found.status == "error":
                        raise
                    if self.clock() - lost_since >= LOST_SECONDS:
                        raise
                    self.say(f"{error.reason}: Mailgun shows no request for a certificate yet")
                    self.sleep(FIRST_INTERVAL_SECONDS)
        except (*_LOST, errors.Cancelled) as error:
            if lost_since is not None or error.is_unclear:
                error.advise(
                    "despite the error, Mailgun may have received the request for a certificate; "
                    "the next `pulumi up` looks first"
                )
            raise

    def _pause(self, request: _Request, reason: str, too_late: errors.TrackingError) -> None:
        """Wait for a quarter of the time waited so far: polls become less and less frequent."""
        waited = self.clock() - request.started
        if waited >= request.timeout:
            raise too_late
        self.say(f"{reason}, {waited:.0f} s")
        interval = max(FIRST_INTERVAL_SECONDS, waited / 4)
        self.sleep(min(interval, LONGEST_INTERVAL_SECONDS, request.timeout - waited))


def _shows_request(before: CertificateStatus | None, now: CertificateStatus | None) -> bool:
    """Whether a certificate shows that a new one was requested, or is being issued anyway."""
    if now is None:
        return False
    return now != before or now.status not in ("active", "expired", "error")


def _still(status: str) -> str:
    if status == "processing":
        return "Mailgun is still issuing it"
    return f"Mailgun reports the status {status}"


def now() -> datetime:
    """The current time, zone-aware."""
    return datetime.now(timezone.utc)


def is_expired(state: Mapping[str, object], time: datetime) -> bool:
    """Whether a certificate in state has expired: Mailgun said so, or its end date has passed."""
    status, not_after = state.get("status"), str(state.get("not_after") or "")
    is_over = bool(not_after) and from_rfc3339(not_after) <= time
    return status == "expired" or (status == "active" and is_over)


def status_since(state: Mapping[str, object]) -> str:
    """When the status in state was first seen, or an empty string.

    States written before ``status_since`` existed have ``processing_since`` instead.
    """
    return str(state.get("status_since") or state.get("processing_since") or "")


def refresh_reason(state: Mapping[str, object], time: datetime) -> str | None:
    """Why a certificate in state has to be updated, or None where it has not.

    Args:
        state: the certificate's ``status``, ``error`` (Mailgun's message), ``not_after`` and
            ``status_since`` (when another status than active was first seen; both RFC 3339).
        time: the current time.
    """
    status, since = state.get("status"), status_since(state)
    first_seen = f" since {since}" if since else ""
    if not status:
        return None
    if is_expired(state, time):
        day = str(state.get("not_after") or "")[:10] or "an unknown date"
        return f"expired on {day}; will be reissued"
    if status == "active":
        return None
    if status == "error":
        failed = f"has been failing since {since}" if since else "failed"
        return f"issuance {failed} ({state.get('error') or 'no reason given'}); will be retried"
    reason = f"being issued{first_seen}"
    if status != "processing":
        verb = "has reported" if since else "reports"
        reason = f"Mailgun {verb} the status {status}{first_seen}, which is not documented"
    if since and (time - from_rfc3339(since)).total_seconds() > USUAL_SECONDS:
        reason += (
            "; this usually takes minutes: check the CNAME and CAA records, "
            "or request a new certificate with `pulumi up --replace`"
        )
    return f"{reason}; will be checked again"
