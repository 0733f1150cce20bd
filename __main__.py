"""Tracking of the domains in the stack configuration; see Pulumi.dev.yaml."""

import pulumi

from mailgun_tracking import DomainTracking, TrackingCertificate, get_tracking_domain_output

domains = pulumi.Config().require_object("domains")
cnames = {}
certificates = {}

for domain, wanted in domains.items():
    settings = dict(wanted)
    opts = pulumi.ResourceOptions()
    if settings.pop("https", False):
        place = {name: wanted.get(name) for name in ("account", "region", "subaccount")}
        host = get_tracking_domain_output(domain, **place).tracking_domain
        certificate = TrackingCertificate(domain, host, **place)
        certificates[domain] = certificate.not_after
        settings["web_scheme"] = "https"
        opts = pulumi.ResourceOptions(depends_on=[certificate])
    tracking = DomainTracking(domain, domain, **settings, opts=opts)
    cnames[domain] = tracking.cname

pulumi.export("cnames", cnames)
pulumi.export("certificates_valid_until", certificates)
