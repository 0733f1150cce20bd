"""The rules about Mailgun's domain tracking, with levels and settings."""

from pulumi_policy import EnforcementLevel, PolicyPack

from mailgun_tracking.policies import rules

ADVISORY = EnforcementLevel.ADVISORY
MANDATORY = EnforcementLevel.MANDATORY
REMEDIATE = EnforcementLevel.REMEDIATE

PolicyPack(
    "mailgun-tracking",
    rules(),
    # The rules that are not named here warn.
    initial_config={
        "all": ADVISORY,
        "https-links": MANDATORY,
        "allowed-domains": {"enforcementLevel": MANDATORY, "domains": ["*.example.com"]},
        "click-tracking": {"enforcementLevel": REMEDIATE, "mode": "htmlonly"},
        "open-tracking": {"enforcementLevel": ADVISORY, "mode": "pixel-at-top"},
        "cname-not-proxied": REMEDIATE,
    },
)
