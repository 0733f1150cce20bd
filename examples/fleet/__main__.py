"""The domains of domains.csv that stacks.csv gives to this stack."""

from mailgun_tracking.fleet import declare

declare()
