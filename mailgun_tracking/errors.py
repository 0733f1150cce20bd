"""Everything this package raises on purpose.

TrackingError
├── ConfigurationError          a key, region, base URL or account that cannot be used
├── FleetError                  a file of a fleet, or a stack, that is not as it must be
├── InvalidInput                a value that Mailgun would never accept (a ValueError too)
├── Cancelled                   Pulumi was interrupted during a wait
├── CertificateFailed           Mailgun could not issue a certificate
├── CertificateTimeout          a certificate was not issued in time; it may still come
├── CertificateMissing          https needs an active certificate, and there is none
├── Unreachable                 no response from Mailgun
└── MailgunError                Mailgun responded with an error
    ├── Unauthorized            401, 403
    ├── DomainNotFound          404 for a domain
    ├── CertificateNotFound     404 for a certificate
    ├── CertificatesNotInPlan   402 for a certificate
    ├── CnameNotValid           400 for a certificate, or no CNAME in DNS before a move
    ├── CertificateConflict     409 for a certificate
    ├── CertificateInProgress   429 for a PUT of a certificate: one is being issued
    ├── RateLimited             429 for everything else
    ├── ServerError             5xx, 408, 425, 499
    └── UnexpectedResponse      a status or body that the API does not document
        └── UnreadableResponse  a 2xx that is not what Mailgun sends
"""

from __future__ import annotations

from typing import Literal

from pulumi import RunError

Access = Literal["read", "write", "list"]

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
    "FleetError",
    "InvalidInput",
    "MailgunError",
    "RateLimited",
    "ServerError",
    "TrackingError",
    "Unauthorized",
    "UnexpectedResponse",
    "Unreachable",
    "UnreadableResponse",
]


class TrackingError(RunError):
    """One readable line: what could not be done, for which domain, why, and what to do next.

    It is a `pulumi.RunError`: where a program does not catch it, Pulumi shows that line and no
    traceback.

    Attributes:
        what: what was tried and for which domain, for example ``cannot read mg.example.com``.
        reason: why it failed; Mailgun's own words where it gave any.
        status: Mailgun's HTTP status, or None where there was no response.
        advice: what to do next, or an empty string.
        domain: the domain or tracking domain it is about.
        retry_after: how many seconds Mailgun asked to wait before another try, or None.
        is_unclear: whether Mailgun may have made the change that was requested, in spite of the
            error.
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
        self.is_unclear = False
        super().__init__(what, reason)

    def __str__(self) -> str:
        text = f"{self.what}: {self.reason}" if self.reason else self.what
        if self.status is not None:
            text += f" ({self.status})"
        text = f"{text}; {self.advice}" if self.advice else text
        # Half a surrogate pair, as from a byte in the environment, cannot be printed.
        return text.encode(errors="backslashreplace").decode()

    def advise(self, advice: str) -> None:
        """Add what to do next; the same advice is added only once."""
        if advice not in self.advice:
            self.advice = f"{self.advice}; {advice}" if self.advice else advice


class ConfigurationError(TrackingError):
    """A key is missing, or a region, base URL or account cannot be used."""


class FleetError(TrackingError):
    """A file of a fleet cannot be used, or a stack is not as the files say."""


class InvalidInput(TrackingError, ValueError):
    """A value that Mailgun would never accept."""


class Cancelled(TrackingError):
    """Pulumi was interrupted during a wait."""


class CertificateFailed(TrackingError):
    """Mailgun could not issue a certificate; ``reason`` is what it said."""


class CertificateTimeout(TrackingError):
    """A certificate was not issued in time; Mailgun may still be issuing it."""


class CertificateMissing(TrackingError):
    """https cannot be used for a tracking domain that has no active certificate."""


class Unreachable(TrackingError):
    """Mailgun could not be reached, or connections broke, until the deadline."""


class MailgunError(TrackingError):
    """Mailgun responded with an error."""


class Unauthorized(MailgunError):
    """401 or 403: the key, or its role, does not allow the request.

    Attributes:
        access: what was refused: to ``read`` or ``write`` a domain, or to ``list`` domains.
    """

    access: Access = "read"

    @property
    def is_about_subaccount(self) -> bool:
        """Whether Mailgun accepts the key, and does not know the subaccount."""
        return self.status == 403 and "subaccount" in self.reason.casefold()


class DomainNotFound(MailgunError):
    """404: the account has no such domain in this region."""


class CertificateNotFound(MailgunError):
    """404: there is no certificate for this name, or it is not a tracking domain."""


class CertificatesNotInPlan(MailgunError):
    """402: the account's plan does not include tracking certificates."""


class CnameNotValid(MailgunError):
    """The tracking CNAME is missing, wrong, or not visible yet: to Mailgun (400), or in DNS."""


class CertificateConflict(MailgunError):
    """409: a certificate already exists, or issuance was already started."""


class CertificateInProgress(MailgunError):
    """429 for a PUT of a certificate: Mailgun is already issuing it."""


class RateLimited(MailgunError):
    """429: too many requests; Mailgun held up the call for longer than it can wait."""


class ServerError(MailgunError):
    """5xx, 408, 425 or 499 until the call's deadline; a change may have been made."""


class UnexpectedResponse(MailgunError):
    """A status or body that the API does not document."""


class UnreadableResponse(UnexpectedResponse):
    """2xx with a body that is not Mailgun's until the call's deadline: an HTML page, broken JSON.

    It says nothing about the domain; a change may have been made.
    """
