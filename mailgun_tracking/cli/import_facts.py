"""What Mailgun says about a domain that is to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import errors
from .._api.models import CertificateStatus, DomainDetails
from .._api.target import Target
from .reading import Reader


@dataclass(frozen=True)
class DomainFacts:
    """A domain as Mailgun has it.

    Attributes:
        target: the domain.
        tracking: the sections of its tracking settings.
        details: its web scheme, tracking domain and state.
        certificate: that of its tracking domain if its links use https; None if they do not, or
            Mailgun has none.
    """

    target: Target
    tracking: dict[str, Any]
    details: DomainDetails
    certificate: CertificateStatus | None


def read_facts(reader: Reader, target: Target) -> DomainFacts:
    """Read a domain.

    Raises:
        TrackingError: it could not be read; the error says what to do.
    """
    operation = reader.operation(target)
    client = operation.client
    with operation.explaining_errors():
        details = client.get_domain(target.domain)
        tracking = client.get_tracking(target.domain)
        certificate = None
        if details.web_scheme == "https":
            try:
                certificate = client.get_certificate(details.tracking_domain)
            except errors.CertificateNotFound:
                certificate = None
    return DomainFacts(target, tracking, details, certificate)
