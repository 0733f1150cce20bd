"""HTTPS tracking of a domain whose DNS takes updates as RFC 2136 has them."""

import pulumi
from rfc2136 import CnameRecord

from mailgun_tracking import HttpsTracking

config = pulumi.Config()


def cname(record, opts):
    return CnameRecord("mail", config.require("zone"), record.name, record.value, opts=opts)


tracking = HttpsTracking("mail", config.require("domain"), cname=cname, click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
pulumi.export("web_scheme", tracking.web_scheme)
pulumi.export("certificate_valid_until", tracking.certificate.not_after)
