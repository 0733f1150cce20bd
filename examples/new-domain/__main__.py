"""A sending domain that does not exist yet, and its HTTPS tracking, in one up."""

import pulumi
import pulumi_aws as aws
import pulumi_mailgun as mailgun

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = aws.route53.get_zone(name=config.require("zone"))
# mailgun.Domain has defaults for these, and would put them back.
opts = pulumi.ResourceOptions(ignore_changes=["click_tracking", "open_tracking", "web_scheme"])
domain = mailgun.Domain("mail", name=config.require("domain"), opts=opts)


def cname(record, opts):
    values = aws.route53.RecordArgs(
        zone_id=zone.zone_id, name=record.name, type="CNAME", ttl=300, records=[record.value]
    )
    return aws.route53.Record("mail", values, opts)


HttpsTracking("mail", domain.name, cname=cname, click=True, open=True)
