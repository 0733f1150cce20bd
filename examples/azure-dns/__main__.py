"""HTTPS tracking of a domain whose DNS is in Azure."""

import pulumi
import pulumi_azure_native as azure

from mailgun_tracking import HttpsTracking

config = pulumi.Config()
zone = config.require("zone")


def cname(record, opts):
    values = azure.dns.RecordSetArgs(
        resource_group_name=config.require("resourceGroup"),
        zone_name=zone,
        relative_record_set_name=record.relative_to(zone),
        record_type="CNAME",
        ttl=300,
        cname_record=azure.dns.CnameRecordArgs(cname=record.value),
    )
    return azure.dns.RecordSet("mail", values, opts)


HttpsTracking("mail", config.require("domain"), cname=cname, click=True, open=True)
