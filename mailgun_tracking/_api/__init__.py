"""Mailgun's API and the settings it is called with. Nothing in here knows Pulumi."""
