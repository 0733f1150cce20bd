"""HTTPS tracking of a domain whose DNS accepts dynamic updates (RFC 2136)."""

from functools import partial

import pulumi
from rfc2136 import CnameRecord

from mailgun_tracking import HttpsTracking

config = pulumi.Config()


def cname(resource_name, record, opts):
    zone = config.require("zone")
    return CnameRecord(resource_name, zone, record.name, record.value, opts=opts)


domain = config.require("domain")
tracking = HttpsTracking("mail", domain, cname=partial(cname, "mail"), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
pulumi.export("web_scheme", tracking.web_scheme)
pulumi.export("certificate_valid_until", tracking.certificate.not_after)
