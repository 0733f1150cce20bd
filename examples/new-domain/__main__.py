"""A sending domain that does not exist yet and its HTTPS tracking, in one `pulumi up`."""

from functools import partial

import pulumi
import pulumi_aws as aws
import pulumi_mailgun as mailgun

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = aws.route53.get_zone(name=config.require("zone"))


def cname(domain, record, opts):
    values = aws.route53.RecordArgs(
        zone_id=zone.zone_id, name=record.name, type="CNAME", ttl=300, records=[record.value]
    )
    return aws.route53.Record(domain, values, opts)


name = config.require("domain")
opts = pulumi.ResourceOptions(
    # mailgun.Domain has defaults for these fields, and would set them back after a refresh.
    ignore_changes=["click_tracking", "open_tracking", "web_scheme"],
    # Mailgun cannot have a domain twice. What uses `domain.name` is replaced along with it.
    delete_before_replace=True,
)
domain = mailgun.Domain(name, name=name, opts=opts)
# The output, not the name: so the component waits until the domain exists.
HttpsTracking(name, domain.name, cname=partial(cname, name), click=True, open=True)
