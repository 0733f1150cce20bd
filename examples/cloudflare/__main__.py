"""HTTPS tracking of a domain whose DNS is at Cloudflare."""

from functools import partial

import pulumi
import pulumi_cloudflare as cloudflare

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zoneId")


def cname(domain, record, opts):
    # A proxied record would lead to Cloudflare instead of Mailgun, which could then not get a
    # certificate.
    values = cloudflare.DnsRecordArgs(
        zone_id=zone, name=record.name, type="CNAME", content=record.value, ttl=300, proxied=False
    )
    return cloudflare.DnsRecord(domain, values, opts)


domain = config.require("domain")
tracking = HttpsTracking(domain, domain, cname=partial(cname, domain), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
