"""HTTPS tracking of a domain whose DNS is at DigitalOcean."""

from functools import partial

import pulumi
import pulumi_digitalocean as digitalocean

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zone")


def cname(domain, record, opts):
    name, value = record.relative_to(zone), pulumi.Output.concat(record.value, ".")
    values = digitalocean.DnsRecordArgs(domain=zone, name=name, type="CNAME", ttl=300, value=value)
    return digitalocean.DnsRecord(domain, values, opts)


domain = config.require("domain")
tracking = HttpsTracking(domain, domain, cname=partial(cname, domain), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
