"""The type tokens of resources, by which rules recognize them."""

from __future__ import annotations

DOMAIN_TRACKING = "pulumi-python:dynamic/mailgun:DomainTracking"
"""`.DomainTracking`, also as a part of `.HttpsTracking`. Dynamic resources have this prefix."""

TRACKING_HOST = "pulumi-python:dynamic/mailgun:TrackingHost"
"""`.TrackingHost`, the part of `.HttpsTracking` with the web scheme and prefix."""

TRACKING_CERTIFICATE = "pulumi-python:dynamic/mailgun:TrackingCertificate"
"""`.TrackingCertificate`, also as a part of `.HttpsTracking`."""

HTTPS_TRACKING = "mailgun-tracking:index:HttpsTracking"
"""`.HttpsTracking`, the component: the parent of the resources above and of the DNS record."""

STACK = "pulumi:pulumi:Stack"
"""The resource of the stack itself, of which each stack has one."""
