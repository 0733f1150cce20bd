"""Mailgun's domain tracking for the domains in domains.py."""

from domains import DOMAINS

from mailgun_tracking import DomainTracking, HttpsTracking

for domain, settings in DOMAINS.items():
    if settings["click"]:
        # The CNAME record must exist; with the argument `cname`, it is created here.
        HttpsTracking(domain, domain, **settings)
    else:
        # No links are rewritten, so there is nothing to serve over https.
        DomainTracking(domain, domain, **settings)
