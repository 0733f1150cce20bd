"""How Mailgun tracks the mail of a domain that exists; its DNS is left alone."""

import pulumi

from mailgun_tracking import DomainTracking

tracking = DomainTracking(
    "mail",
    pulumi.Config().require("domain"),
    click="htmlonly",
    open={"active": True, "place_at_the_top": True},
)
pulumi.export("managed", tracking.managed)
