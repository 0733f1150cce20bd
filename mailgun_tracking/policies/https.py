"""Rules about https and certificates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pulumi_policy import PolicyResource, Severity

from .._api.issuance import now
from .._api.models import CertificateFacts
from .._diagnosis.diagnose import share_left
from .reading import at, domain_at, not_known, read_all, text, type_of
from .rule import EXCEPT, Find, ResourceRule, Settings, StackRule, Subject, is_managed
from .types import DOMAIN_TRACKING, HTTPS_TRACKING, TRACKING_CERTIFICATE, TRACKING_HOST

DEFAULT_SHARE_LEFT = 1 / 3
"""Let's Encrypt's clients renew a certificate once less of its lifetime is left."""


def has_own_host(subject: Subject) -> bool:
    """Whether a resource says what its domain's links use; in `HttpsTracking`, another one does."""
    is_part = type_of(subject.opts.parent) == HTTPS_TRACKING
    return subject.resource_type == TRACKING_HOST or not is_part


def _links(subject: Subject, _settings: Settings) -> Iterator[str]:
    if not has_own_host(subject):
        return
    scheme = text(subject.props, "web_scheme")
    if not scheme:
        # Mailgun did not say in the preview: the domain is new, or there is no network.
        raise not_known("web_scheme")
    if scheme != "https":
        yield f"links use {scheme}"


def _certificate(resources: Sequence[PolicyResource]) -> Find:
    certified, unknown = read_all(
        [one for one in resources if one.resource_type == TRACKING_CERTIFICATE],
        lambda one: domain_at(one.props, "tracking_domain"),
    )
    hosts = {*certified}

    def find(subject: Subject, _settings: Settings) -> Iterator[str]:
        props = subject.props
        if not has_own_host(subject) or not is_managed(subject):
            return
        if text(props, "web_scheme") != "https" or at(props, "https_by") == "proxy":
            return
        host = domain_at(props, "tracking_domain")
        if host in hosts:
            return
        if unknown or not host:
            raise unknown or not_known("tracking_domain")
        yield f"links use https, and the stack has no TrackingCertificate for {host}"

    return find


def _renewed(subject: Subject, settings: Settings) -> Iterator[str]:
    start, end = text(subject.props, "not_before"), text(subject.props, "not_after")
    try:
        left = share_left(CertificateFacts((), "", "", "", start, end), now())
    except ValueError:
        # It is being issued, or somebody has edited the state.
        raise not_known("not_after") from None
    if left < settings.get("share_left", DEFAULT_SHARE_LEFT):
        host = text(subject.props, "tracking_domain")
        when = f"ends on {end[:10]}" if left > 0 else f"expired on {end[:10]}"
        yield f"the certificate for {host} {when}, and the state knows of no renewal"


RULES = (
    ResourceRule(
        "https-links",
        "Links use https",
        "Links in mail must use https.",
        Severity.HIGH,
        'Use HttpsTracking, or a TrackingCertificate and web_scheme="https".',
        (DOMAIN_TRACKING, TRACKING_HOST),
        find=_links,
    ),
    StackRule(
        "https-certificate",
        "https has a certificate",
        "A domain whose links use https must have a TrackingCertificate in the same stack.",
        Severity.HIGH,
        "Declare a TrackingCertificate for the tracking domain, or use HttpsTracking. If your own "
        'CDN terminates TLS, set https_by="proxy".',
        (DOMAIN_TRACKING, TRACKING_HOST),
        find=_certificate,
    ),
    StackRule(
        "certificate-renewed",
        "Certificates are renewed",
        "Certificates must be renewed before they end.",
        Severity.HIGH,
        "Run `pulumi refresh`, which reads the certificate again. If it has not been renewed, "
        "`mailgun-tracking doctor DOMAIN` says why.",
        (TRACKING_CERTIFICATE,),
        {
            "share_left": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "default": DEFAULT_SHARE_LEFT,
                "description": "How much of its own lifetime a certificate must have left, "
                "from 0 to 1.",
            },
            **EXCEPT,
        },
        find=lambda _resources: _renewed,
    ),
)
