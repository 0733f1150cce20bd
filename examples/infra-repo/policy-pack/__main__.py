"""What holds for all our sending domains."""

from pulumi_policy import EnforcementLevel, PolicyPack

from mailgun_tracking.policies import rules

ADVISORY = EnforcementLevel.ADVISORY
MANDATORY = EnforcementLevel.MANDATORY

PolicyPack(
    "mail",
    rules(),
    # The rules that are not named here warn.
    initial_config={
        "all": ADVISORY,
        "allowed-domains": {"enforcementLevel": MANDATORY, "domains": ["*.example.com"]},
        "click-tracking": {"enforcementLevel": MANDATORY, "mode": "htmlonly"},
        "open-tracking": {"enforcementLevel": MANDATORY, "mode": "pixel-at-top"},
        "https-links": {"enforcementLevel": MANDATORY, "except": ["*.system.example.com"]},
        "unsubscribe-tracking": {
            "enforcementLevel": MANDATORY,
            "except": ["*.notify.example.com", "*.system.example.com"],
        },
    },
)
