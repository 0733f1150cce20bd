"""Mailgun's domain tracking as Pulumi resources: settings, web scheme and prefix, certificates.

Each command starts a process of the provider anew. So what not every program needs is imported
when it is first named.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
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
else:  # unseen by type checkers, to which any name would be right then

    def __getattr__(name: str) -> object:
        if name in __all__:
            for module in ("tracking_certificate", "lookups", "https_tracking"):
                things = vars(import_module(f".{module}", __name__))
                if name in things:
                    globals()[name] = things[name]
                    return things[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__


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
