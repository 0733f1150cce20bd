"""HTTPS tracking of a domain whose DNS is in Google Cloud DNS."""

from functools import partial

import pulumi
import pulumi_gcp as gcp

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("managedZone")


def cname(domain, record, opts):
    name, value = (pulumi.Output.concat(host, ".") for host in (record.name, record.value))
    values = gcp.dns.RecordSetArgs(
        managed_zone=zone, name=name, type="CNAME", ttl=300, rrdatas=[value]
    )
    return gcp.dns.RecordSet(domain, values, opts)


domain = config.require("domain")
tracking = HttpsTracking(domain, domain, cname=partial(cname, domain), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
