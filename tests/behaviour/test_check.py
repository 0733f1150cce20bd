"""What a preview refuses, and what it says of Mailgun, before anything is changed."""

from __future__ import annotations

import re

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, calls, puts
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
    """What was refused of a resource: the problem by property."""
    pattern = re.compile(r"property (\S+) value .* has a problem: (.*)")
    found = [pattern.search(error) for error in result.diagnostics(name, "error")]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.behaviour(11)
@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (
            """DomainTracking("bad", "mg..example.com", open={"actve": True}, click="html",
            unsubscribe={"html_footer": "Bye", "text_footer": 3, "active": "yes"},
            web_scheme="ftp", web_prefix="a.b", https_by="cloudflare", region="asia",
            account="not a name", subaccount="a/b")""",
            {
                "domain": "'mg..example.com' is not a domain name such as mg.example.com",
                "open.actve": "there is no such field; did you mean active?",
                "click": "must be true, false, \"htmlonly\" or an object of active, not 'html'",
                "unsubscribe.html_footer": "has no %unsubscribe_url%: nobody could unsubscribe "
                "by it",
                "unsubscribe.text_footer": "must be a text, not a number",
                "unsubscribe.active": "must be true or false, not 'yes'",
                "web_scheme": "must be http or https, not 'ftp'",
                "web_prefix": "must be one DNS label of lower-case letters, digits and -, as in "
                "email; not 'a.b'",
                "https_by": "must be mailgun or proxy, not 'cloudflare'",
                "region": "must be us or eu, not 'asia'",
                "account": "must be a name of letters, digits, - and _, never a key",
                "subaccount": "must be a subaccount's id, as Mailgun shows it",
            },
        ),
        (
            'DomainTracking("bad", 7, open="on", click={"active": "htmlOnly"}, unsubscribe=[1])',
            {
                "domain": "must be a text, not a number",
                "open": "must be true, false or an object of active, place_at_the_top, not 'on'",
                "click.active": "must be true, false or \"htmlonly\", not 'htmlOnly'",
                "unsubscribe": "must be true, false or an object of active, html_footer, "
                "text_footer, not a list",
            },
        ),
        (
            'TrackingCertificate("bad", "example", wait="yes", timeout=0)',
            {
                "tracking_domain": "'example' is not a domain name such as mg.example.com",
                "wait": "must be true or false, not a text",
                "timeout": "must be a number of seconds above 0",
            },
        ),
        (
            'TrackingCertificate("bad", "example.com")',
            {
                "tracking_domain": "'example.com' is no tracking domain: it is "
                "web_prefix.domain, perhaps email.example.com",
            },
        ),
        (
            'TrackingCertificate("bad", "mg.example.com")',
            {
                "tracking_domain": "mg.example.com is a sending domain; its tracking domain is "
                "email.mg.example.com",
            },
        ),
        (
            'DomainTracking("bad", "eu.example.com", open=True)',
            {"region": "eu.example.com is in region eu, not in us"},
        ),
        (
            'TrackingCertificate("bad", "email.eu.example.com")',
            {"region": "eu.example.com is in region eu, not in us"},
        ),
    ],
)
def test_a_wrong_input_is_refused_by_the_name_that_the_program_gave_it(
    mail: MailFactory, emulator: Emulator, resource: str, expected: dict[str, str]
) -> None:
    """With what is allowed, all at once, and nothing is changed."""
    refused = mail(resource).preview(check=False)
    assert refused.code != 0
    assert refusals(refused, "bad") == expected
    assert "Traceback" not in refused.output
    assert puts(emulator) == []


@pytest.mark.behaviour(11)
@pytest.mark.parametrize(
    ("resource", "env", "expected"),
    [
        (
            'DomainTracking("bad", "mg.example.com", open=True)',
            {"MAILGUN_API_KEY": "key-wrong"},
            "Invalid private key (401); the key is from MAILGUN_API_KEY in the environment; "
            "check that it is a key of this account with access to region us",
        ),
        (
            'TrackingCertificate("bad", "email.mg.example.com")',
            {"MAILGUN_API_KEY": "key-wrong"},
            "Invalid private key (401); the key is from MAILGUN_API_KEY in the environment",
        ),
        (
            'DomainTracking("bad", "mg.example.com", open=True)',
            {"MAILGUN_API_KEY": None},
            "there is no Mailgun key; set MAILGUN_API_KEY, or run `pulumi config set --secret",
        ),
        (
            'DomainTracking("bad", "sub.example.com", open=True, subaccount="sub-2")',
            {},
            "with access to region us and subaccount sub-2",
        ),
    ],
)
def test_a_wrong_key_or_subaccount_fails_the_preview(
    mail: MailFactory,
    emulator: Emulator,
    resource: str,
    env: dict[str, str | None],
    expected: str,
) -> None:
    """In the resource's row, in one line that says where the key came from."""
    refused = mail(resource).preview(check=False, env=env)
    assert refused.code != 0
    (error,) = refused.diagnostics("bad", "error")
    assert expected in error
    assert "Traceback" not in refused.output
    assert all(call.startswith("GET ") for call in calls(emulator))
    assert emulator.domain("mg.example.com").open["active"] is False


@pytest.mark.behaviour(11)
def test_without_the_network_there_is_one_warning_and_the_preview_goes_on(
    mail: MailFactory, emulator: Emulator
) -> None:
    """However many resources there are; `up` then fails."""
    stack = mail(
        """
        for number in range(6):
            DomainTracking(f"d{number}", f"d{number}.example.com", open=True)
            TrackingCertificate(f"c{number}", f"email.d{number}.example.com")
        """,
        env={"MAILGUN_BASE_URL": "http://127.0.0.1:9"},
    )
    stack.set_constants({"_api.client.FIRST_CONTACT_SECONDS": 0.5})
    preview = stack.preview()
    assert preview.changes == {"create": 12}
    warnings = [text for text in preview.all_diagnostics() if "127.0.0.1:9" in text]
    assert len(warnings) == 1
    assert "the preview goes on without a look at Mailgun: " in warnings[0]
    assert "ConnectionError" in warnings[0]
    assert calls(emulator) == []


@pytest.mark.behaviour(11)
def test_a_resource_that_exists_is_checked_without_a_look(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A change previews without one request; an unreachable Mailgun is not even noticed."""

    def program(click: str) -> str:
        return f"""
        mg = DomainTracking("mg", "mg.example.com", click={click})
        TrackingCertificate("certificate", mg.tracking_domain)
        """

    stack = mail(program("True"))
    stack.up()
    emulator.forget_requests()
    stack.write(program('"htmlonly"'))
    preview = stack.preview(env={"MAILGUN_BASE_URL": "http://127.0.0.1:9"})
    assert preview.changes == {"update": 1, "same": 1}
    assert "127.0.0.1:9" not in preview.output
    assert calls(emulator) == []
    assert emulator.domain("mg.example.com").click == {"active": True}


@pytest.mark.behaviour(11)
def test_values_that_are_not_known_yet_pass(mail: MailFactory, emulator: Emulator) -> None:
    """Whole and in part; `up` then refuses what turns out wrong."""

    def program(scheme: str) -> str:
        return f"""
        from thing import Thing

        def later(value, name):
            return Thing(name, value).value

        mg = DomainTracking(
            later("mg.example.com", "domain"),
            later("mg.example.com", "domain again"),
            open=later(True, "open"),
            click={{"active": later("htmlonly", "click")}},
            unsubscribe=later({{"active": True}}, "unsubscribe"),
            web_scheme=later({scheme!r}, "scheme"),
            web_prefix=later("email", "prefix"),
            region=later("us", "region"),
        )
        TrackingCertificate("certificate", mg.tracking_domain, timeout=later(60, "timeout"))
        """.replace('later("mg.example.com", "domain"),\n', '"mg",\n', 1)

    stack = _with_things(mail(program("http")))
    preview = stack.preview()
    assert preview.step("mg") == preview.step("certificate") == "create"
    assert puts(emulator) == []
    stack.up()
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.click["active"]) == (True, "htmlonly")
    assert now.unsubscribe["active"] is True

    bad = _with_things(mail(program("gopher")))
    assert bad.preview().step("mg") == "create"
    emulator.reset()
    refused = bad.up(check=False)
    assert refusals(refused, "mg") == {"web_scheme": "must be http or https, not 'gopher'"}
    assert puts(emulator) == []
    assert emulator.domain("mg.example.com").open["active"] is False


@pytest.mark.behaviour(13)
def test_two_resources_that_manage_the_same_field_fail_the_preview(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Both are named, however the domain is spelt; different fields of a domain are no matter."""
    stack = mail(
        """
        one = DomainTracking("one", "mg.example.com", open=True, click=True)
        after = pulumi.ResourceOptions(depends_on=[one])
        DomainTracking("other", "MG.example.com.", click="htmlonly", opts=after)
        """
    )
    refused = stack.preview(check=False)
    assert refused.code != 0
    (problem,) = refusals(refused, "other").values()
    assert problem == (
        "click.active of mg.example.com is managed by both one and other: "
        "take it out of one of them"
    )
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
    assert now.open == {"active": True, "place_at_the_top": True}
    assert now.click["active"] is now.unsubscribe["active"] is True


def _with_things(stack: MailStack) -> MailStack:
    stack.write_program(THING, "thing.py")
    return stack
