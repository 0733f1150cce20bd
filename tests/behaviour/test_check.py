"""What a preview refuses before anything is changed; tests/providers has every case."""

from __future__ import annotations

import re

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.engine.result import Result

THING = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class ThingProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("thing", {"value": props["given"]})


class Thing(Resource, module="test", name="Thing"):
    def __init__(self, name, given):
        super().__init__(ThingProvider(), name, {"given": given, "value": None})
"""
"""A resource whose output is not known before it is made."""


def refusals(result: Result, name: str) -> dict[str, str]:
    """What was refused of a resource: the reason by property."""
    pattern = re.compile(rf"resource '{name}' has a problem: (\S+): (.*)")
    found = [pattern.search(error) for error in result.diagnostics(name, "error")]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.behaviour(11)
def test_an_invalid_input_is_refused_by_its_name(mail: MailFactory, emulator: Emulator) -> None:
    """All of them at once, in the resource's row."""
    refused = mail(
        """
        DomainTracking("bad", "mg.example.com", open={"actve": True}, click="html",
                       unsubscribe={"html_footer": True, "text_footer": 3}, web_scheme="ftp")
        """
    ).preview(check=False)
    assert refused.code != 0
    assert refusals(refused, "bad").keys() == {
        "open.actve",
        "click",
        "unsubscribe.html_footer",
        "unsubscribe.text_footer",
        "web_scheme",
    }
    assert "Traceback" not in refused.output
    assert puts(emulator) == []


@pytest.mark.behaviour(89)
def test_a_refusal_shows_no_string_that_was_given(mail: MailFactory) -> None:
    """Secret or not: a key may be in the wrong place, and the engine tells no provider."""
    key = "key-0123456789abcdef0123456789abcdef"
    stack = mail(
        f"""
        secret = pulumi.Output.secret
        web = dict(web_prefix=secret("a prefix {key}"), web_scheme=secret("s {key}"))
        DomainTracking(
            "bad", secret("a domain {key}"), open=secret("open {key}"), click="{key}",
            unsubscribe=secret(["{key}"]), https_by=secret("{key}"),
            account="{key}", region=secret("{key}"), subaccount=secret("/{key}"), **web,
        )
        """
    )
    refused = stack.preview("--diff", check=False)
    assert refused.code != 0
    assert len(refusals(refused, "bad")) == 10
    assert key not in refused.output
    assert key not in str(refused.events)
    for error in refused.diagnostics("bad", "error"):
        assert "{" not in error


@pytest.mark.behaviour(11)
def test_values_that_are_not_known_yet_pass(mail: MailFactory, emulator: Emulator) -> None:
    """Whole and in part."""
    stack = mail(
        """
        from thing import Thing

        def later(value, name):
            return Thing(name, value).value

        mg = DomainTracking(
            "mg",
            later("mg.example.com", "domain"),
            open=later(True, "open"),
            click={"active": later("htmlonly", "click")},
            unsubscribe=later({"active": True}, "unsubscribe"),
            web_scheme=later("http", "scheme"),
            web_prefix=later("email", "prefix"),
            region=later("us", "region"),
        )
        TrackingCertificate("certificate", mg.tracking_domain, timeout=later(60, "timeout"))
        """
    )
    stack.write_program(THING, "thing.py")
    preview = stack.preview()
    assert preview.step("mg") == preview.step("certificate") == "create"
    assert puts(emulator) == []
    stack.up()
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.click["active"]) == (True, "htmlonly")
    assert now.unsubscribe["active"] is True


@pytest.mark.behaviour(13)
def test_two_resources_that_manage_the_same_field_fail_the_preview(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Both are named, however the domain is spelled; a domain may be shared field by field."""
    stack = mail(
        """
        one = DomainTracking("one", "mg.example.com", open=True, click=True)
        after = pulumi.ResourceOptions(depends_on=[one])
        DomainTracking("other", "MG.example.com.", click="htmlonly", opts=after)
        """
    )
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert refusals(refused, "other").keys() == {"click.active"}
    assert "managed by both one and other for mg.example.com" in refused.output
    stack.write(
        """
        DomainTracking("one", "mg.example.com", open=True, click=True)
        DomainTracking("other", "mg.example.com", unsubscribe=True)
        DomainTracking("top", "mg.example.com", open={"place_at_the_top": True})
        DomainTracking("two", "two.example.com", open=True, click=True)
        DomainTracking.get("read", "mg.example.com")
        """
    )
    up = stack.up()
    assert up.changes["create"] == 4
    again = stack.up("--expect-no-changes")
    assert again.changes["same"] == 4
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.open["place_at_the_top"]) == (True, True)
    assert now.click["active"] is now.unsubscribe["active"] is True


@pytest.mark.behaviour(56)
def test_a_server_that_is_not_mailgun_is_refused(mail: MailFactory, emulator: Emulator) -> None:
    """Its 404 is not taken for a domain that does not exist yet."""
    page = {"body": "<html><h1>Not Found</h1></html>", "headers": {"Content-Type": "text/html"}}
    emulator.add_fault(status=404, **page)
    preview = mail('DomainTracking("mg", "mg.example.com", click=True)').preview(check=False)
    assert preview.code != 0
    assert f"the server at {emulator.url}/us is not Mailgun: Not Found (404)" in preview.output
    assert "does not exist at Mailgun yet" not in preview.output
