"""HTTPS tracking of a domain whose DNS is in Google Cloud DNS."""

import pulumi
import pulumi_gcp as gcp

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("managedZone")


def cname(record, opts):
    name, value = (pulumi.Output.concat(host, ".") for host in (record.name, record.value))
    values = gcp.dns.RecordSetArgs(
        managed_zone=zone, name=name, type="CNAME", ttl=300, rrdatas=[value]
    )
    return gcp.dns.RecordSet("mail", values, opts)


tracking = HttpsTracking("mail", config.require("domain"), cname=cname, click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
