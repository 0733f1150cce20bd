"""Which domain a resource is about: ids, accounts, regions and subaccounts, and their settings."""

from __future__ import annotations

import json

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailFactory, calls, puts

BRAND_B_KEY = next(key for key, account in KEYS.items() if account == "brand-b")


@pytest.mark.behaviour(1, 2)
def test_an_id_is_the_domain_with_region_and_subaccount_where_they_are_not_the_defaults(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Domains are compared folded, without a closing dot, IDN as punycode; defaults are no change.

    The effective account, region and subaccount are in the outputs.
    """
    emulator.add_domain("xn--bcher-kva.example")
    emulator.add_domain("eusub.example.com", region="eu", subaccount="sub-1")
    stack = mail(
        """
        DomainTracking("mg", "MG.Example.com.", click=True)
        DomainTracking("books", "Bücher.example", click="htmlonly")
        DomainTracking("eu", "eu.example.com", open=True, region="EU")
        DomainTracking("sub", "sub.example.com", open=True, subaccount="sub-1")
        DomainTracking("eusub", "eusub.example.com", open=True, region="eu", subaccount="sub-1")
        TrackingCertificate("certificate", "Email.EU.example.com.", region="eu")
        """
    )
    up = stack.up()
    state = {one["urn"].rpartition("::")[2]: one for one in _resources(stack.export())}
    ids = {name: one["id"] for name, one in state.items() if "dynamic" in one["type"]}
    assert ids == {
        "mg": "mg.example.com",
        "books": "xn--bcher-kva.example",
        "eu": "eu/eu.example.com",
        "sub": "us/sub-1/sub.example.com",
        "eusub": "eu/sub-1/eusub.example.com",
        "certificate": "eu/email.eu.example.com",
    }
    where = {name: _where(up.resource_outputs(name)) for name in ids}
    assert where == {
        "mg": ("default", "us", ""),
        "books": ("default", "us", ""),
        "eu": ("default", "eu", ""),
        "sub": ("default", "us", "sub-1"),
        "eusub": ("default", "eu", "sub-1"),
        "certificate": ("default", "eu", ""),
    }
    assert up.resource_outputs("mg")["domain"] == "mg.example.com"
    assert up.resource_outputs("books")["tracking_domain"] == "email.xn--bcher-kva.example"

    emulator.forget_requests()
    stack.write(
        """
        default = dict(account="default", region="us", subaccount="")
        DomainTracking("mg", "mg.example.com", click=True, **default)
        DomainTracking("books", "xn--BCHER-kva.example", click="htmlonly", **default)
        DomainTracking("eu", "EU.example.com", open=True, region="eu", account="default")
        DomainTracking("sub", "sub.example.com.", open=True, subaccount="sub-1", region="us")
        DomainTracking("eusub", "eusub.example.com", open=True, region="eu", subaccount="sub-1")
        TrackingCertificate("certificate", "email.eu.example.com", region="eu", subaccount="")
        """
    )
    again = stack.up("--expect-no-changes")
    assert {again.step(name) for name in ids} == {"same"}
    assert calls(emulator) == []
    assert emulator.domain("xn--bcher-kva.example").click["active"] == "htmlonly"
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(2)
def test_another_region_or_account_replaces_and_turns_off_what_was(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The new one is created where it now belongs, the old one deleted where it was."""
    emulator.add_domain("mg.example.com", region="eu")
    program = 'DomainTracking("mg", "mg.example.com", click=True)'
    stack = mail(program)
    stack.up()
    stack.config_set("mailgun-tracking:region", "eu")
    emulator.forget_requests()
    up = stack.up(skip_preview=False)
    assert up.step("mg") == "replace"
    assert _where(up.resource_outputs("mg")) == ("default", "eu", "")
    assert stack.resource("mg")["id"] == "eu/mg.example.com"
    assert [(r.region, r.form) for r in emulator.requests if r.method == "PUT"] == [
        ("eu", {"active": "true"}),
        ("us", {"active": "false"}),
    ]
    assert emulator.domain("mg.example.com", region="eu").click["active"] is True
    assert emulator.domain("mg.example.com", region="us").click["active"] is False


@pytest.mark.behaviour(3)
def test_an_account_picks_another_key_and_only_its_name_is_in_state(
    mail: MailFactory, emulator: Emulator
) -> None:
    """On resources and lookups, from a secret object of the configuration or the environment."""
    emulator.add_domain("b.example.com", account="brand-b")
    emulator.add_domain("c.example.com", account="brand-b")
    body = """\
DomainTracking("b", "b.example.com", open=True, account="brand-b")
TrackingCertificate("certificate", "email.b.example.com", account="brand-b")
DomainTracking("mg", "mg.example.com", open=True)
pulumi.export("host", get_tracking_domain("c.example.com", account="brand-b").cname_name)
host = get_tracking_domain_output("c.example.com", account="brand-b")
pulumi.export("same host", host.cname_name)
"""
    stack = mail(body)
    up = stack.up(env={"MAILGUN_API_KEY_BRAND_B": BRAND_B_KEY})
    assert up.resource_outputs("b")["account"] == "brand-b"
    assert up.resource_outputs("mg")["account"] == "default"
    assert set(stack.outputs().values()) == {"email.c.example.com"}
    whose = {request.path.split("/")[3]: request.account for request in emulator.requests}
    assert whose == {
        "b.example.com": "brand-b",
        "c.example.com": "brand-b",
        "email.b.example.com": "brand-b",
        "mg.example.com": "default",
    }
    assert BRAND_B_KEY not in json.dumps(stack.export("--show-secrets"))

    missing = stack.preview(check=False)
    assert missing.code != 0
    assert "no Mailgun API key is configured for the account 'brand-b'" in missing.output
    assert "MAILGUN_API_KEY_BRAND_B" in missing.output

    stack.config_set('mailgun-tracking:accounts["brand-b"]', BRAND_B_KEY, secret=True, path=True)
    emulator.forget_requests()
    stack.write(body + 'DomainTracking("c", "c.example.com", click=True, account="brand-b")')
    up = stack.up()
    assert up.changes == {"create": 1, "same": 3}
    assert {request.account for request in emulator.requests} == {"brand-b"}
    dynamic = [
        one for one in _resources(stack.export("--show-secrets")) if "dynamic" in one["type"]
    ]
    assert len(dynamic) == 4
    assert BRAND_B_KEY not in json.dumps(dynamic)
    assert emulator.domain("c.example.com").click["active"] is True


@pytest.mark.behaviour(4)
def test_our_own_settings_precede_the_shared_key_and_the_environment(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Of the namespace `mailgun` only the key is read; the rest is `mailgun-tracking`'s."""
    emulator.add_domain("eusub.example.com", region="eu", subaccount="sub-1")
    stack = mail(
        'DomainTracking("eusub", "eusub.example.com", open=True)\n'
        'pulumi.export("host", get_tracking_domain("eusub.example.com").tracking_domain)',
        env={
            "MAILGUN_API_KEY": "a-wrong-key",
            "MAILGUN_REGION": "us",
            "MAILGUN_SUBACCOUNT": "sub-2",
            "MAILGUN_BASE_URL": "http://127.0.0.1:9",
        },
    )
    stack.config_set("mailgun-tracking:baseUrl", f"{emulator.url}/{{region}}")
    stack.config_set("mailgun-tracking:region", "eu")
    stack.config_set("mailgun-tracking:subaccount", "sub-1")
    stack.config_set("mailgun:apiKey", emulator.key, secret=True)
    up = stack.up()
    assert _where(up.resource_outputs("eusub")) == ("default", "eu", "sub-1")
    assert {(r.account, r.region, r.on_behalf_of) for r in emulator.requests} == {
        ("default", "eu", "sub-1")
    }
    assert puts(emulator) == ["PUT /v3/domains/eusub.example.com/tracking/open"]
    assert emulator.domain("eusub.example.com", region="eu").open["active"] is True

    stack.config_set("mailgun-tracking:apiKey", "another-wrong-key", secret=True)
    stack.write('DomainTracking("new", "eusub.example.com", click=True)')
    emulator.forget_requests()
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert "mailgun-tracking:apiKey in the stack's configuration" in refused.output
    assert {request.account for request in emulator.requests} == {None}


def _where(outputs: dict[str, object]) -> tuple[object, object, object]:
    return outputs["account"], outputs["region"], outputs["subaccount"]


def _resources(export: dict[str, object]) -> list[dict[str, str]]:
    deployment = export["deployment"]
    assert isinstance(deployment, dict)
    return list(deployment["resources"])
