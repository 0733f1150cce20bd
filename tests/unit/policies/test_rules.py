"""Each rule: what passes, each violation, what is unknown, and what a remediation changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mailgun_tracking._api.models import rfc3339
from mailgun_tracking.policies import (
    DOMAIN_TRACKING,
    HTTPS_TRACKING,
    TRACKING_CERTIFICATE,
    TRACKING_HOST,
    rules,
)
from mailgun_tracking.policies.dns_records import CLOUDFLARE, Record, read_record
from mailgun_tracking.testing.policies import (
    UNKNOWN,
    Analysis,
    SampleResource,
    analyze,
    secret,
)
from tests.examples.test_cloud import EXAMPLES

HOST = "email.mg.example.com"
COMPONENT = SampleResource(HTTPS_TRACKING, {"tracking_domain": HOST, "web_scheme": "https"})
TRACKING = SampleResource(
    DOMAIN_TRACKING,
    {
        "domain": "mg.example.com",
        "open": {"active": False, "place_at_the_top": True},
        "click": {"active": "htmlonly"},
        "unsubscribe": {
            "active": True,
            "html_footer": "<a href='%unsubscribe_url%'>bye</a>",
            "text_footer": "%tag_unsubscribe_url%",
        },
        "web_scheme": "https",
        "web_prefix": "email",
        "tracking_domain": HOST,
        "cname": {"name": HOST, "value": "mailgun.org"},
        "https_by": "mailgun",
        "managed": [
            "open.active",
            "open.place_at_the_top",
            "click.active",
            "unsubscribe.active",
            "unsubscribe.html_footer",
            "unsubscribe.text_footer",
            "web_scheme",
        ],
    },
)


def changed(resource: SampleResource, **inputs: object) -> SampleResource:
    """The same with other inputs; None takes one away."""
    given = {**resource.inputs, **inputs}
    kept = {name: value for name, value in given.items() if value is not None}
    return replace(resource, inputs=kept)


def asked(
    names: Iterable[str],
    settings: Mapping[str, Any],
    *resources: SampleResource,
    level: str = "mandatory",
) -> Analysis:
    """What some rules say about resources, each rule with this level and these settings."""
    policies = [rule for rule in rules() if rule.name in names]
    config = {rule.name: {"enforcementLevel": level, **settings} for rule in policies}
    return analyze(policies, *resources, config=config)


def told(name: str, settings: Mapping[str, Any], *resources: SampleResource) -> list[str]:
    """The violations of a rule, without the steps."""
    found = asked([name], settings, *resources).violations
    return [one.message.splitlines()[0] for one in found]


def remedied(
    names: Iterable[str], settings: Mapping[str, Any], resource: SampleResource
) -> Mapping[str, Any] | None:
    """The inputs of a resource as rules leave them, or None if they change nothing."""
    done = asked(names, settings, resource, level="remediate").remediated
    return done[0].inputs if done else None


HTTP = changed(TRACKING, web_scheme="http")


def moment(days: float) -> str:
    """A moment that many days from now."""
    return rfc3339(datetime.now(timezone.utc) + timedelta(days=days))


def certificate(days_before: float = 30, days_left: float = 60) -> SampleResource:
    """A certificate, by its age and the days that it has left."""
    props = {
        "tracking_domain": HOST,
        "not_before": moment(-days_before),
        "not_after": moment(days_left),
    }
    return SampleResource(TRACKING_CERTIFICATE, props)


RECORD = SampleResource(
    CLOUDFLARE[0], {"name": HOST, "type": "CNAME", "content": "mailgun.org", "proxied": False}
)
COMPLIANT = (TRACKING, certificate(), RECORD, COMPONENT)
"""A stack with which no rule finds anything wrong."""


def section(name: str, **fields: object) -> SampleResource:
    """The compliant settings with other fields in a section; None takes one away."""
    given = {**TRACKING.inputs[name], **fields}
    return changed(TRACKING, **{name: {k: v for k, v in given.items() if v is not None}})


NOT_SET = "is not set, so it stays as it is at Mailgun"
NO_LINK = "has none of %unsubscribe_url%, %tag_unsubscribe_url%, %mailing_list_unsubscribe_url%"
TOP = {"mode": "pixel-at-top"}
VIOLATIONS: list[tuple[str, dict[str, Any], list[SampleResource], str]] = [
    ("https-links", {}, [HTTP], "links use http"),
    (
        "https-links",
        {},
        [SampleResource(TRACKING_HOST, HTTP.inputs, parent=COMPONENT)],
        "links use http",
    ),
    (
        "https-certificate",
        {},
        [TRACKING],
        f"links use https, and the stack has no TrackingCertificate for {HOST}",
    ),
    (
        "https-certificate",
        {},
        [
            SampleResource(TRACKING_HOST, TRACKING.inputs, parent=COMPONENT),
            changed(certificate(), tracking_domain="email.two.example.com"),
        ],
        f"links use https, and the stack has no TrackingCertificate for {HOST}",
    ),
    (
        "certificate-renewed",
        {},
        [certificate(61, 29)],
        f"the certificate for {HOST} ends on {moment(29)[:10]}, and the state knows of no renewal",
    ),
    (
        "certificate-renewed",
        {},
        [certificate(91, -1)],
        f"the certificate for {HOST} expired on {moment(-1)[:10]}, "
        "and the state knows of no renewal",
    ),
    (
        "certificate-renewed",
        {"share_left": 0.75},
        [certificate()],
        f"the certificate for {HOST} ends on {moment(60)[:10]}, and the state knows of no renewal",
    ),
    ("open-tracking", {}, [section("open", active=True)], "open tracking is on"),
    ("open-tracking", {}, [section("open", active=None)], f"open.active {NOT_SET}"),
    ("open-tracking", {}, [changed(TRACKING, open=None)], f"open.active {NOT_SET}"),
    (
        "open-tracking",
        TOP,
        [section("open", active=True, place_at_the_top=False)],
        "the pixel is at the end of the message",
    ),
    (
        "open-tracking",
        TOP,
        [section("open", active=True, place_at_the_top=None)],
        f"open.place_at_the_top {NOT_SET}",
    ),
    (
        "click-tracking",
        {},
        [section("click", active=True)],
        "click tracking rewrites the links of the text part too",
    ),
    ("click-tracking", {}, [changed(TRACKING, click=None)], f"click.active {NOT_SET}"),
    (
        "click-tracking",
        {"mode": "required"},
        [section("click", active=False)],
        "click tracking is off",
    ),
    ("click-tracking", {"mode": "forbidden"}, [TRACKING], "click tracking is on"),
    (
        "unsubscribe-tracking",
        {},
        [section("unsubscribe", active=False)],
        "unsubscribe tracking is off",
    ),
    (
        "unsubscribe-tracking",
        {},
        [section("unsubscribe", active=None)],
        f"unsubscribe.active {NOT_SET}",
    ),
    (
        "unsubscribe-tracking",
        {},
        [section("unsubscribe", html_footer=secret("a secret footer"))],
        f"unsubscribe.html_footer {NO_LINK}",
    ),
    (
        "unsubscribe-tracking",
        {},
        [section("unsubscribe", text_footer="")],
        f"unsubscribe.text_footer {NO_LINK}",
    ),
    (
        "allowed-domains",
        {"domains": ["news.example.com", "*.example.org"]},
        [TRACKING],
        "mg.example.com is none of news.example.com, *.example.org",
    ),
    (
        "managed-domains",
        {"domains": ["MG.example.com.", "two.example.com"]},
        [TRACKING],
        "nothing in this stack manages two.example.com",
    ),
    (
        "managed-domains",
        {"domains": ["mg.example.com"]},
        [changed(TRACKING, managed=[])],
        "nothing in this stack manages mg.example.com",
    ),
    *[
        (
            "cname-not-proxied",
            {},
            [one],
            "the record is proxied, so Cloudflare answers in Mailgun's place",
        )
        for one in (
            changed(RECORD, proxied=True),
            SampleResource(CLOUDFLARE[1], {"value": "eu.mailgun.org.", "proxied": True}),
            SampleResource(CLOUDFLARE[0], {"content": UNKNOWN, "proxied": True}, parent=COMPONENT),
        )
    ],
    *[
        (
            "cname-to-mailgun",
            {},
            [TRACKING, one],
            f"{HOST} is {told}, and should be CNAME mailgun.org",
        )
        for told, one in {
            "CNAME d1.cloudfront.net": changed(RECORD, content="d1.cloudfront.net"),
            "CNAME eu.mailgun.org": changed(RECORD, content="eu.mailgun.org"),
            "A d2.cloudfront.net": SampleResource(
                "aws:route53/record:Record",
                {"name": f"{HOST}.", "type": "A", "aliases": [{"name": "d2.cloudfront.net."}]},
            ),
            "A 192.0.2.1": SampleResource(
                "gcp:dns/recordSet:RecordSet",
                {"name": f"{HOST}.", "type": "A", "rrdatas": ["192.0.2.1"]},
            ),
            "A": SampleResource(
                "azure-native:dns/v20180501:RecordSet",
                {"fqdn": f"{HOST}.", "type": "Microsoft.Network/dnszones/A"},
            ),
        }.items()
    ],
    (
        "cname-kept",
        {},
        [changed(COMPONENT, delete_record=True)],
        "delete_record is set, so destroying the component deletes the record",
    ),
]
NAMES = sorted({name for name, *_ in VIOLATIONS})


@pytest.mark.behaviour(108)
@pytest.mark.parametrize("name", NAMES)
def test_a_compliant_stack_has_no_violations(name: str) -> None:
    """Nothing is reported with the settings that the rule's violations have, or their likes."""
    fitting = {
        "allowed-domains": {"domains": ["*.example.com"]},
        "managed-domains": {"domains": ["mg.example.com"]},
    }
    assert told(name, fitting.get(name, {}), *COMPLIANT) == []


@pytest.mark.behaviour(108)
@pytest.mark.parametrize(("name", "settings", "resources", "message"), VIOLATIONS)
def test_each_violation_is_reported(
    name: str, settings: dict[str, Any], resources: list[SampleResource], message: str
) -> None:
    """It is reported once; `except` leaves the domain out."""
    assert told(name, settings, *resources) == [message]
    if "domains" in settings:
        return
    left_out = {**settings, "except": ["*.Example.com"]}
    if "value" not in resources[0].inputs and UNKNOWN not in resources[0].inputs.values():
        assert told(name, left_out, *resources) == []


@pytest.mark.parametrize(
    ("name", "settings", "resources"),
    [
        # In `HttpsTracking` the links are those of its `TrackingHost`.
        ("https-links", {}, [SampleResource(DOMAIN_TRACKING, HTTP.inputs, parent=COMPONENT)]),
        (
            "https-certificate",
            {},
            [SampleResource(DOMAIN_TRACKING, TRACKING.inputs, parent=COMPONENT)],
        ),
        ("https-certificate", {}, [changed(TRACKING, https_by="proxy")]),
        ("https-certificate", {}, [changed(TRACKING, managed=[])]),
        ("certificate-renewed", {}, [certificate(3, 4)]),
        (
            "managed-domains",
            {"domains": ["mg.example.com"]},
            [
                changed(TRACKING, managed=[]),
                SampleResource(
                    TRACKING_HOST,
                    {"domain": "mg.example.com", "managed": ["web_scheme"]},
                    parent=COMPONENT,
                ),
            ],
        ),
        ("open-tracking", TOP, [section("open", active=True)]),
        ("open-tracking", TOP, [section("open", place_at_the_top=None)]),
        ("click-tracking", {}, [section("click", active=False)]),
        ("click-tracking", {"mode": "required"}, [section("click", active=True)]),
        ("click-tracking", {"mode": "forbidden"}, [section("click", active=False)]),
        ("unsubscribe-tracking", {}, [changed(TRACKING, unsubscribe={"active": True})]),
        ("allowed-domains", {}, [TRACKING]),
        (
            "allowed-domains",
            {"domains": ["*.BÜCHER.example"]},
            [changed(TRACKING, domain="mg.xn--bcher-kva.example")],
        ),
        ("cname-not-proxied", {}, [changed(RECORD, proxied=True, content="shop.example.com")]),
        ("cname-not-proxied", {}, [changed(RECORD, proxied=None)]),
        (
            "cname-to-mailgun",
            {},
            [changed(TRACKING, https_by="proxy"), changed(RECORD, content="x.test")],
        ),
        (
            "cname-to-mailgun",
            {},
            [TRACKING, changed(RECORD, name="www.example.com", content="x.test")],
        ),
        (
            "cname-to-mailgun",
            {},
            [TRACKING, changed(RECORD, type="CAA", content="0 issue ca.test")],
        ),
        (
            "cname-to-mailgun",
            {},
            [
                TRACKING,
                SampleResource(
                    "gcp:dns/recordSet:RecordSet",
                    {"name": f"{HOST}.", "type": "CNAME", "routingPolicy": {}},
                ),
            ],
        ),
    ],
)
def test_what_is_allowed_is_not_reported(
    name: str, settings: dict[str, Any], resources: list[SampleResource]
) -> None:
    assert told(name, settings, *resources) == []


@pytest.mark.behaviour(109)
@pytest.mark.parametrize(
    ("name", "settings", "resources", "reason"),
    [
        ("https-links", {}, [changed(TRACKING, web_scheme=UNKNOWN)], "web_scheme"),
        ("https-links", {}, [changed(TRACKING, web_scheme=None)], "web_scheme"),
        ("https-certificate", {}, [changed(TRACKING, tracking_domain=UNKNOWN)], "tracking_domain"),
        (
            "https-certificate",
            {},
            [TRACKING, changed(certificate(), tracking_domain=UNKNOWN)],
            "tracking_domain",
        ),
        ("https-certificate", {}, [changed(TRACKING, tracking_domain=None)], "tracking_domain"),
        ("certificate-renewed", {}, [changed(certificate(), not_after=UNKNOWN)], "not_after"),
        ("certificate-renewed", {}, [changed(certificate(), not_after=None)], "not_after"),
        ("certificate-renewed", {}, [changed(certificate(), not_after="soon")], "not_after"),
        ("open-tracking", {}, [changed(TRACKING, open=UNKNOWN)], "open"),
        ("open-tracking", {}, [section("open", active=UNKNOWN)], "open.active"),
        ("open-tracking", TOP, [section("open", active=UNKNOWN)], "open.active"),
        ("click-tracking", {}, [section("click", active=UNKNOWN)], "click.active"),
        ("click-tracking", {}, [changed(TRACKING, click=secret(UNKNOWN))], "click"),
        (
            "unsubscribe-tracking",
            {},
            [section("unsubscribe", html_footer=UNKNOWN)],
            "unsubscribe.html_footer",
        ),
        ("allowed-domains", {"domains": ["a.test"]}, [changed(TRACKING, domain=UNKNOWN)], "domain"),
        (
            "managed-domains",
            {"domains": ["a.test"]},
            [changed(TRACKING, domain=UNKNOWN)],
            "domain",
        ),
        ("cname-not-proxied", {}, [changed(RECORD, content=UNKNOWN, proxied=True)], "content"),
        ("cname-not-proxied", {}, [changed(RECORD, proxied=UNKNOWN)], "proxied"),
        ("cname-to-mailgun", {}, [changed(TRACKING, cname=UNKNOWN), RECORD], "cname"),
        ("cname-to-mailgun", {}, [changed(TRACKING, cname=None), RECORD], "cname"),
        ("cname-to-mailgun", {}, [TRACKING, changed(RECORD, content=UNKNOWN)], "content"),
        (
            "cname-kept",
            {"except": ["a.test"]},
            [changed(COMPONENT, tracking_domain=UNKNOWN, delete_record=True)],
            "tracking_domain",
        ),
    ],
)
def test_what_depends_on_an_unknown_value_is_not_applicable(
    name: str, settings: dict[str, Any], resources: list[SampleResource], reason: str
) -> None:
    """Neither a violation nor a warning; and a remediation changes nothing."""
    analysis = asked([name], settings, *resources, level="remediate")
    # That about the stack names the stack, `sample-dev`.
    reasons = " ".join(why for _, why in analysis.not_applicable)
    assert re.search(rf"\b{reason} of sample(-dev)? is not known yet", reasons)
    assert analysis.violations == []
    assert analysis.remediated == []


@pytest.mark.behaviour(109)
def test_a_violation_is_reported_beside_what_is_unknown() -> None:
    """The rule applies then, and looks at all other resources."""
    unknown = section("unsubscribe", active=False, text_footer=UNKNOWN)
    assert told("unsubscribe-tracking", {}, unknown) == ["unsubscribe tracking is off"]
    elsewhere = changed(RECORD, content="cdn.test")
    (record,) = told("cname-to-mailgun", {}, TRACKING, changed(RECORD, name=UNKNOWN), elsewhere)
    assert "cdn.test" in record


@pytest.mark.behaviour(110)
@pytest.mark.parametrize(
    ("name", "settings", "resource", "changes"),
    [
        ("open-tracking", {}, section("open", active=True), {"open.active": False}),
        ("open-tracking", {}, changed(TRACKING, open=None), {"open.active": False}),
        (
            "open-tracking",
            TOP,
            section("open", active=True, place_at_the_top=None),
            {"open.place_at_the_top": True},
        ),
        ("click-tracking", {}, section("click", active=True), {"click.active": "htmlonly"}),
        (
            "click-tracking",
            {"mode": "required"},
            changed(TRACKING, click=None),
            {"click.active": True},
        ),
        ("click-tracking", {"mode": "forbidden"}, TRACKING, {"click.active": False}),
        (
            "unsubscribe-tracking",
            {},
            section("unsubscribe", active=None, html_footer=secret("%unsubscribe_url%")),
            {"unsubscribe.active": True},
        ),
        ("cname-not-proxied", {}, changed(RECORD, proxied=True), {"proxied": False}),
    ],
)
def test_a_remediation_changes_only_what_is_wrong(
    name: str, settings: dict[str, Any], resource: SampleResource, changes: dict[str, object]
) -> None:
    """All other inputs stay, among them secrets and the provider, and the field is managed."""
    lacking = [path for path in TRACKING.inputs["managed"] if path not in changes]
    extra = {"managed": lacking} if resource.type == DOMAIN_TRACKING else {}
    resource = changed(resource, **extra, __provider="pickled", note=secret("private"))
    expected: dict[str, Any] = {**resource.inputs}
    for path, value in changes.items():
        outer, _, inner = path.partition(".")
        expected[outer] = {**expected.get(outer, {}), inner: value} if inner else value
    if extra:
        expected["managed"] = TRACKING.inputs["managed"]
    (after,) = asked([name], settings, resource, level="remediate").remediated
    assert after.inputs == expected
    assert remedied([name], settings, after) is None


@pytest.mark.behaviour(110)
def test_what_no_input_puts_right_is_left_to_the_program() -> None:
    """Click tracking is not turned on by a rule about how it may be on; a footer is not written."""
    assert remedied(["click-tracking"], {}, changed(TRACKING, click=None)) is None
    footer = section("unsubscribe", html_footer="none")
    assert remedied(["unsubscribe-tracking"], {}, footer) is None
    assert remedied(["https-links"], {}, HTTP) is None


@pytest.mark.behaviour(108)
@pytest.mark.parametrize(
    ("name", "mode", "steps"),
    [
        ("open-tracking", None, "Set open=False."),
        (
            "open-tracking",
            "pixel-at-top",
            'Set open={"active": True, "place_at_the_top": True}, or open=False.',
        ),
        ("click-tracking", None, 'Set click="htmlonly", or click=False.'),
        ("click-tracking", "required", 'Set click=True or click="htmlonly".'),
        ("click-tracking", "forbidden", "Set click=False."),
    ],
)
def test_the_steps_are_those_of_the_mode(name: str, mode: str | None, steps: str) -> None:
    """Not those of other modes, which another stack may have."""
    settings = {"mode": mode} if mode else {}
    (found,) = asked([name], settings, changed(TRACKING, open=None, click=None)).violations
    assert found.message.splitlines()[-1] == steps


@pytest.mark.behaviour(108)
@pytest.mark.parametrize("name", ["allowed-domains", "managed-domains"])
def test_a_setting_that_does_not_exist_is_one_violation(name: str) -> None:
    """A misspelt one would leave the rule without effect. It is none of the remediation's."""
    settings = {"domain": ["news.example.com"], "x": True}
    assert told(name, settings, *COMPLIANT, *COMPLIANT) == ["the rule has no setting domain, x"]
    assert remedied(["click-tracking"], {"x": 1}, TRACKING) is None


def test_inputs_that_check_refuses_are_no_problem_for_a_rule() -> None:
    """The engine also shows them to rules, and what check has said must not be lost."""
    refused = changed(
        TRACKING,
        domain="mg.exämple .com",
        open="yes",
        click=3,
        unsubscribe={"html_footer": 3},
        cname=3,
    )
    settings = {"except": ["*.ex.test"], "domains": ["*.ex ample"]}
    found = [one.message.splitlines()[0] for one in asked(NAMES, settings, refused).violations]
    assert f"open.active {NOT_SET}" in found
    assert "mg.exämple .com is none of *.ex ample" in found
    assert remedied(["open-tracking"], {}, refused)


@pytest.mark.behaviour(110)
def test_a_secret_section_stays_a_secret() -> None:
    """A field of it is set inside of the secret."""
    wrong = changed(TRACKING, click=secret({"active": True}))
    assert remedied(["click-tracking"], {}, wrong) == {
        **TRACKING.inputs,
        "click": secret({"active": "htmlonly"}),
    }


def test_remediations_follow_one_another() -> None:
    """Each gets the properties as the one before has left them."""
    wrong = changed(TRACKING, open={"active": True}, click={"active": True})
    inputs = remedied(["open-tracking", "click-tracking"], {}, wrong)
    assert inputs is not None
    assert (inputs["open"], inputs["click"]) == ({"active": False}, {"active": "htmlonly"})


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.name)
def test_the_records_of_the_examples_are_read(example: Any) -> None:
    """Each provider's inputs, as its SDK sends them, are the tracking domain's CNAME."""
    record = SampleResource(example.record, example.inputs)
    wanted = Record("email.mg.example.com", "CNAME", "mailgun.org")
    assert read_record(_Subject(record)) == wanted  # type: ignore[arg-type]
    elsewhere = changed(TRACKING, cname={"name": HOST, "value": "eu.mailgun.org"})
    (violation,) = told("cname-to-mailgun", {}, elsewhere, record)
    assert violation == f"{HOST} is CNAME mailgun.org, and should be CNAME eu.mailgun.org"


class _Subject:
    def __init__(self, made: SampleResource) -> None:
        self.resource_type, self.props = made.type, made.inputs
