"""HTTPS tracking of a domain whose DNS is in Azure."""

from functools import partial

import pulumi
import pulumi_azure_native as azure

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zone")


def cname(domain, record, opts):
    values = azure.dns.RecordSetArgs(
        resource_group_name=config.require("resourceGroup"),
        zone_name=zone,
        relative_record_set_name=record.relative_to(zone),
        record_type="CNAME",
        ttl=300,
        cname_record=azure.dns.CnameRecordArgs(cname=record.value),
    )
    return azure.dns.RecordSet(domain, values, opts)


domain = config.require("domain")
tracking = HttpsTracking(domain, domain, cname=partial(cname, domain), click=True, open=True)
pulumi.export("tracking_domain", tracking.tracking_domain)
