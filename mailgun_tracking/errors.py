"""Everything this package raises on purpose.

TrackingError
├── ConfigurationError          a key, region, base URL or account that cannot be used
├── InvalidInput                a value that no Mailgun would take (a ValueError too)
├── Cancelled                   the engine asked to stop while something was waited for
├── CertificateFailed           Mailgun gave up on a certificate
├── CertificateTimeout          a certificate was not there in time; it may still come
├── CertificateMissing          https was asked for over a host without a certificate
├── Unreachable                 no answer from Mailgun
└── MailgunError                Mailgun answered, and the answer is no
    ├── Unauthorized            401, 403
    ├── DomainNotFound          404 of a domain
    ├── CertificateNotFound     404 of a certificate
    ├── CertificatesNotInPlan   402
    ├── CnameNotValid           400 of a certificate
    ├── CertificateConflict     409 of a certificate
    ├── CertificateInProgress   429 of another certificate (PUT): a job is running
    ├── RateLimited             429 of all else
    ├── ServerError             5xx
    └── UnexpectedAnswer        a status or a body that the API does not document
"""

from __future__ import annotations

__all__ = [
    "Cancelled",
    "CertificateConflict",
    "CertificateFailed",
    "CertificateInProgress",
    "CertificateMissing",
    "CertificateNotFound",
    "CertificateTimeout",
    "CertificatesNotInPlan",
    "CnameNotValid",
    "ConfigurationError",
    "DomainNotFound",
    "InvalidInput",
    "MailgunError",
    "RateLimited",
    "ServerError",
    "TrackingError",
    "Unauthorized",
    "UnexpectedAnswer",
    "Unreachable",
]


class TrackingError(Exception):
    """One readable line: what could not be done, for whom, why, and what to do next.

    Args:
        what: what was tried and for whom, as in ``cannot read mg.example.com``.
        reason: why it failed; Mailgun's own words where it gave any.
        status: Mailgun's HTTP status, or None where there was no answer.
        advice: what to do next, or an empty text.
        domain: the domain or tracking domain it is about.
    """

    def __init__(
        self,
        what: str,
        reason: str = "",
        *,
        status: int | None = None,
        advice: str = "",
        domain: str = "",
    ) -> None:
        self.what = what
        self.reason = reason
        self.status = status
        self.advice = advice
        self.domain = domain
        self.retry_after: float | None = None
        super().__init__(what, reason)

    def __str__(self) -> str:
        text = f"{self.what}: {self.reason}" if self.reason else self.what
        if self.status is not None:
            text += f" ({self.status})"
        return f"{text}; {self.advice}" if self.advice else text

    def advise(self, advice: str) -> None:
        """Add what to do next; several follow one another, each once."""
        if advice not in self.advice:
            self.advice = f"{self.advice}; {advice}" if self.advice else advice


class ConfigurationError(TrackingError):
    """A key is missing, or a region, base URL or account cannot be used."""


class InvalidInput(TrackingError, ValueError):
    """A value that no Mailgun would take."""


class Cancelled(TrackingError):
    """The engine asked to stop while something was waited for."""


class CertificateFailed(TrackingError):
    """Mailgun gave up on a certificate; ``reason`` is what it said."""


class CertificateTimeout(TrackingError):
    """A certificate was not there in time; Mailgun may still be at work on it."""


class CertificateMissing(TrackingError):
    """https was asked for over a tracking domain that has no active certificate."""


class Unreachable(TrackingError):
    """Mailgun could not be reached, or the connection broke, until the deadline."""


class MailgunError(TrackingError):
    """Mailgun answered with an error."""


class Unauthorized(MailgunError):
    """401 or 403: the key does not open this account, subaccount or region."""


class DomainNotFound(MailgunError):
    """404: the account has no such domain in this region."""


class CertificateNotFound(MailgunError):
    """404: no certificate was ever made for this host, or the host is no tracking domain."""


class CertificatesNotInPlan(MailgunError):
    """402: the account's plan has no tracking certificates."""


class CnameNotValid(MailgunError):
    """400: the tracking CNAME is missing, wrong, or not visible to Mailgun yet."""


class CertificateConflict(MailgunError):
    """409: a certificate exists already, or generation was started before."""


class CertificateInProgress(MailgunError):
    """429 of a PUT of a certificate: Mailgun is at work on it already."""


class RateLimited(MailgunError):
    """429: too many requests, for longer than the call was willing to wait."""


class ServerError(MailgunError):
    """5xx for longer than the call was willing to wait."""


class UnexpectedAnswer(MailgunError):
    """A status or a body that the API does not document."""
