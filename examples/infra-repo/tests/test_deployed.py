"""What the program does to Mailgun, on the real engine, and what the policy pack says to it."""

from pathlib import Path

import pytest
from domains import DOMAINS
from pulumi.automation import CommandError

from mailgun_tracking import DomainTracking

POLICIES = {"policy_packs": [str(Path("policy-pack").absolute())]}


def test_all_domains(mailgun, mailgun_stack):
    for domain, settings in DOMAINS.items():
        mailgun.add_domain(domain, settings.get("region", "us"))
    stack = mailgun_stack(".")
    stack.up(**POLICIES)
    stack.assert_mailgun(
        "weekly.news.example.com", click="htmlonly", web_scheme="https", certificate="active"
    )
    stack.assert_mailgun("eu.system.example.com", region="eu", click=False, web_scheme="http")
    stack.assert_no_changes(refresh=True)


def test_a_program_that_breaks_the_rules(mailgun, mailgun_stack):
    stack = mailgun_stack(lambda: DomainTracking("shop", "shop.example.org", click=True))
    with pytest.raises(CommandError) as refused:
        stack.preview(**POLICIES)
    for rule in ("allowed-domains", "click-tracking", "unsubscribe-tracking"):
        assert rule in str(refused.value)
