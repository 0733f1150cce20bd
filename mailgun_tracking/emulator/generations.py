"""How certificates come about: at once, after a time, or in a thread with a real authority."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from .certificates import (
    GENERATION_FAILED,
    Certificate,
    EmulatedAuthority,
    IssuanceFailed,
    Issuer,
    Status,
    validity,
)
from .settings import Settings


class Generations:
    """Starts and finishes generations.

    With the emulated authority a generation has no thread: whoever looks at a certificate after
    its time is up finds it finished. The caller sees to locking and saving.
    """

    def __init__(
        self,
        issuer: Issuer | None,
        monotonic: Callable[[], float],
        errors: list[BaseException],
    ) -> None:
        """Choose who issues.

        Args:
            issuer: a real authority; None is the emulated one.
            monotonic: the clock that decides when a generation is done.
            errors: where a defect of `issuer` is kept, that is, any error but IssuanceFailed.
        """
        self._errors = errors
        self._issuer = issuer
        self._authority = EmulatedAuthority()
        self._monotonic = monotonic

    @property
    def have_a_real_authority(self) -> bool:
        """Whether `issue_aside` issues."""
        return self._issuer is not None

    def finish_if_due(self, certificate: Certificate) -> bool:
        """End a generation whose time is up, and say whether there was one."""
        if certificate.phase != "processing" or self._monotonic() < certificate.deadline:
            return False
        if certificate.fails_with is not None:
            certificate.fail(certificate.fails_with)
        else:
            self.renew(certificate)
        return True

    def renew(self, certificate: Certificate) -> None:
        """Issue another one at once, by the emulated authority."""
        start, end = validity(datetime.now(timezone.utc), certificate.lifetime_seconds)
        certificate.take(self._authority.issue(certificate.host, start, end))

    def start(self, certificate: Certificate, settings: Settings) -> None:
        """Begin a generation; what the settings say at this moment decides its end."""
        certificate.phase, certificate.error = "processing", None
        certificate.fails_with = settings.issuance_fails
        certificate.lifetime_seconds = settings.certificate_lifetime_seconds
        certificate.renews = True
        self._end_after(certificate, settings.issuing_seconds if self._issuer is None else None)

    def put(
        self,
        certificate: Certificate,
        status: Status,
        *,
        error: str | None,
        lifetime_seconds: float,
        age_seconds: float,
        ready_after_seconds: float | None,
    ) -> None:
        """Put a certificate into a state by hand, as `Store.put_certificate` says."""
        certificate.lifetime_seconds = lifetime_seconds
        certificate.renews = status != "expired"
        certificate.fails_with = None
        if status == "active":
            since = datetime.now(timezone.utc) - timedelta(seconds=age_seconds)
            start, end = validity(since, lifetime_seconds)
            certificate.take(self._authority.issue(certificate.host, start, end))
        elif status == "expired":
            end = datetime.now(timezone.utc) - timedelta(hours=1)
            start = end - timedelta(seconds=max(lifetime_seconds, 1))
            certificate.take(self._authority.issue(certificate.host, start, end))
        elif status == "error":
            certificate.fail(error or GENERATION_FAILED)
        else:
            certificate.phase, certificate.error = "processing", None
            self._end_after(certificate, ready_after_seconds)

    def issue_aside(self, host: str, done: Callable[[str | None, str], None]) -> None:
        """With a real authority, let it work in a thread of its own; else do nothing.

        Args:
            host: the name to be certified.
            done: is called in that thread with the chain, or with None and the error's text.
        """
        issuer = self._issuer
        if issuer is None:
            return

        def work() -> None:
            try:
                pem = issuer.issue(host)
            except IssuanceFailed as failure:
                done(None, str(failure))
            except Exception as defect:
                self._errors.append(defect)
                done(None, GENERATION_FAILED)
            else:
                done(pem, "")

        threading.Thread(target=work, name=f"issue {host}", daemon=True).start()

    def _end_after(self, certificate: Certificate, seconds: float | None) -> None:
        if seconds is None:
            certificate.deadline, certificate.ready_at = math.inf, None
        else:
            certificate.deadline = self._monotonic() + seconds
            certificate.ready_at = datetime.now(timezone.utc) + timedelta(seconds=seconds)
