"""HTTPS tracking of a domain whose DNS is at DigitalOcean."""

import pulumi
import pulumi_digitalocean as digitalocean

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zone")


def cname(record, opts):
    name, value = record.relative_to(zone), pulumi.Output.concat(record.value, ".")
    values = digitalocean.DnsRecordArgs(domain=zone, name=name, type="CNAME", ttl=300, value=value)
    return digitalocean.DnsRecord("mail", values, opts)


tracking = HttpsTracking("mail", config.require("domain"), cname=cname, click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
