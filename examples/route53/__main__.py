"""HTTPS tracking of a domain whose DNS is in Route 53."""

from functools import partial

import pulumi
import pulumi_aws as aws

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = aws.route53.get_zone(name=config.require("zone"))


def cname(domain, record, opts):
    values = aws.route53.RecordArgs(
        zone_id=zone.zone_id, name=record.name, type="CNAME", ttl=300, records=[record.value]
    )
    return aws.route53.Record(domain, values, opts)


domain = config.require("domain")
tracking = HttpsTracking(domain, domain, cname=partial(cname, domain), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
