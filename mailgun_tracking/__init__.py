"""Mailgun's domain tracking as Pulumi resources: settings, web scheme and prefix, certificates."""

from ._version import __version__
from .arguments import (
    ClickTracking,
    ClickTrackingArgs,
    ClickTrackingArgsDict,
    Cname,
    OpenTracking,
    OpenTrackingArgs,
    OpenTrackingArgsDict,
    UnsubscribeTracking,
    UnsubscribeTrackingArgs,
    UnsubscribeTrackingArgsDict,
)
from .domain_tracking import DomainTracking
from .errors import (
    CertificateNotFound,
    ConfigurationError,
    DomainNotFound,
    InvalidInput,
    MailgunError,
    TrackingError,
    Unauthorized,
    Unreachable,
)
from .https_tracking import HttpsTracking, TrackingRecord
from .lookups import (
    DomainTrackingResult,
    TrackingCertificateResult,
    TrackingDomainResult,
    get_domain_tracking,
    get_domain_tracking_output,
    get_tracking_certificate,
    get_tracking_certificate_output,
    get_tracking_domain,
    get_tracking_domain_output,
)
from .tracking_certificate import TrackingCertificate

__all__ = [
    "CertificateNotFound",
    "ClickTracking",
    "ClickTrackingArgs",
    "ClickTrackingArgsDict",
    "Cname",
    "ConfigurationError",
    "DomainNotFound",
    "DomainTracking",
    "DomainTrackingResult",
    "HttpsTracking",
    "InvalidInput",
    "MailgunError",
    "OpenTracking",
    "OpenTrackingArgs",
    "OpenTrackingArgsDict",
    "TrackingCertificate",
    "TrackingCertificateResult",
    "TrackingDomainResult",
    "TrackingError",
    "TrackingRecord",
    "Unauthorized",
    "Unreachable",
    "UnsubscribeTracking",
    "UnsubscribeTrackingArgs",
    "UnsubscribeTrackingArgsDict",
    "__version__",
    "get_domain_tracking",
    "get_domain_tracking_output",
    "get_tracking_certificate",
    "get_tracking_certificate_output",
    "get_tracking_domain",
    "get_tracking_domain_output",
]
