"""What the program declares, without an engine."""

from domains import DOMAINS

from mailgun_tracking.policies import DOMAIN_TRACKING


def test_every_domain_is_declared(mailgun_mocks):
    mailgun_mocks.run(".")
    declared = [one for one in mailgun_mocks.resources if one.type == DOMAIN_TRACKING]
    assert {one.inputs["domain"] for one in declared} == DOMAINS.keys()


def test_no_mail_of_our_systems_is_tracked(mailgun_mocks):
    mailgun_mocks.run(".")
    receipts = mailgun_mocks.resource("DomainTracking", "receipts.system.example.com")
    for kind in ("click", "open", "unsubscribe"):
        assert receipts.outputs[kind]["active"] is False
