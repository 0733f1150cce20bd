"""HTTPS tracking of a domain whose DNS is at Cloudflare."""

import pulumi
import pulumi_cloudflare as cloudflare

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zoneId")


def cname(record, opts):
    # Proxied, the name would lead to Cloudflare instead of Mailgun: no certificate from Mailgun.
    values = cloudflare.DnsRecordArgs(
        zone_id=zone, name=record.name, type="CNAME", content=record.value, ttl=300, proxied=False
    )
    return cloudflare.DnsRecord("mail", values, opts)


tracking = HttpsTracking("mail", config.require("domain"), cname=cname, click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
