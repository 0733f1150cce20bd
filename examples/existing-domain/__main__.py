"""Tracking settings of an existing domain; its DNS is not touched."""

import pulumi

from mailgun_tracking import DomainTracking

tracking = DomainTracking(
    "mail",
    pulumi.Config().require("domain"),
    click="htmlonly",
    open={"active": True, "place_at_the_top": True},
)
pulumi.export("managed", tracking.managed)
