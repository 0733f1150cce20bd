"""Each rule: what passes, each violation, what is unknown, and what a remediation changes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel

from mailgun_tracking._api.models import rfc3339
from mailgun_tracking.policies import (
    DOMAIN_TRACKING,
    HTTPS_TRACKING,
    TRACKING_CERTIFICATE,
    TRACKING_HOST,
)
from mailgun_tracking.policies.dns_records import CLOUDFLARE, Record, read_record
from tests.examples.test_cloud import EXAMPLES
from tests.unit.policies.analysis import STACK, UNKNOWN, Analyzer, Made, secret

HOST = "email.mg.example.com"
TRACKING = Made(
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
HTTP = TRACKING.with_(web_scheme="http")


def moment(days: float) -> str:
    """A moment that many days from now."""
    return rfc3339(datetime.now(timezone.utc) + timedelta(days=days))


def certificate(days_before: float = 30, days_left: float = 60) -> Made:
    """A certificate, by its age and the days that it has left."""
    props = {
        "tracking_domain": HOST,
        "not_before": moment(-days_before),
        "not_after": moment(days_left),
    }
    return Made(TRACKING_CERTIFICATE, props)


RECORD = Made(
    CLOUDFLARE[0], {"name": HOST, "type": "CNAME", "content": "mailgun.org", "proxied": False}
)
COMPONENT = Made(HTTPS_TRACKING, {"tracking_domain": HOST, "web_scheme": "https"})
COMPLIANT = (Made(STACK), TRACKING, certificate(), RECORD, COMPONENT)
"""A stack with which no rule finds anything wrong."""


def section(name: str, **fields: object) -> Made:
    """The compliant settings with other fields in a section; None takes one away."""
    changed = {**TRACKING.props[name], **fields}
    return TRACKING.with_(**{name: {k: v for k, v in changed.items() if v is not None}})


NOT_SET = "is not set, so it stays as it is at Mailgun"
NO_LINK = "has none of %unsubscribe_url%, %tag_unsubscribe_url%, %mailing_list_unsubscribe_url%"
TOP = {"mode": "pixel-at-top"}
VIOLATIONS: list[tuple[str, dict[str, Any], list[Made], str]] = [
    ("https-links", {}, [HTTP], "links use http"),
    ("https-links", {}, [Made(TRACKING_HOST, HTTP.props, HTTPS_TRACKING)], "links use http"),
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
            Made(TRACKING_HOST, TRACKING.props, HTTPS_TRACKING),
            certificate().with_(tracking_domain="email.two.example.com"),
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
    ("open-tracking", {}, [TRACKING.with_(open=None)], f"open.active {NOT_SET}"),
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
    ("click-tracking", {}, [TRACKING.with_(click=None)], f"click.active {NOT_SET}"),
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
        [Made(STACK), TRACKING],
        "nothing in this stack manages two.example.com",
    ),
    (
        "managed-domains",
        {"domains": ["mg.example.com"]},
        [Made(STACK), TRACKING.with_(managed=[])],
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
            RECORD.with_(proxied=True),
            Made(CLOUDFLARE[1], {"value": "eu.mailgun.org.", "proxied": True}),
            Made(CLOUDFLARE[0], {"content": UNKNOWN, "proxied": True}, HTTPS_TRACKING),
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
            "CNAME d1.cloudfront.net": RECORD.with_(content="d1.cloudfront.net"),
            "CNAME eu.mailgun.org": RECORD.with_(content="eu.mailgun.org"),
            "A d2.cloudfront.net": Made(
                "aws:route53/record:Record",
                {"name": f"{HOST}.", "type": "A", "aliases": [{"name": "d2.cloudfront.net."}]},
            ),
            "A 192.0.2.1": Made(
                "gcp:dns/recordSet:RecordSet",
                {"name": f"{HOST}.", "type": "A", "rrdatas": ["192.0.2.1"]},
            ),
            "A": Made(
                "azure-native:dns/v20180501:RecordSet",
                {"fqdn": f"{HOST}.", "type": "Microsoft.Network/dnszones/A"},
            ),
        }.items()
    ],
    (
        "cname-kept",
        {},
        [COMPONENT.with_(delete_record=True)],
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
    assert Analyzer(name, settings=fitting.get(name)).violations(*COMPLIANT) == []


@pytest.mark.behaviour(108)
@pytest.mark.parametrize(("name", "settings", "resources", "told"), VIOLATIONS)
def test_each_violation_is_reported(
    name: str, settings: dict[str, Any], resources: list[Made], told: str
) -> None:
    """It is reported once; `except` leaves the domain out."""
    assert Analyzer(name, settings=settings).violations(*resources) == [told]
    if "domains" in settings:
        return
    left_out = {**settings, "except": ["*.Example.com"]}
    if "value" not in resources[0].props and UNKNOWN not in resources[0].props.values():
        assert Analyzer(name, settings=left_out).violations(*resources) == []


@pytest.mark.parametrize(
    ("name", "settings", "resources"),
    [
        # In `HttpsTracking` the links are those of its `TrackingHost`.
        ("https-links", {}, [Made(DOMAIN_TRACKING, HTTP.props, HTTPS_TRACKING)]),
        ("https-certificate", {}, [Made(DOMAIN_TRACKING, TRACKING.props, HTTPS_TRACKING)]),
        ("https-certificate", {}, [TRACKING.with_(https_by="proxy")]),
        ("https-certificate", {}, [TRACKING.with_(managed=[])]),
        ("certificate-renewed", {}, [certificate(3, 4)]),
        (
            "managed-domains",
            {"domains": ["mg.example.com"]},
            [
                Made(STACK),
                TRACKING.with_(managed=[]),
                Made(
                    TRACKING_HOST,
                    {"domain": "mg.example.com", "managed": ["web_scheme"]},
                    HTTPS_TRACKING,
                ),
            ],
        ),
        ("open-tracking", TOP, [section("open", active=True)]),
        ("open-tracking", TOP, [section("open", place_at_the_top=None)]),
        ("click-tracking", {}, [section("click", active=False)]),
        ("click-tracking", {"mode": "required"}, [section("click", active=True)]),
        ("click-tracking", {"mode": "forbidden"}, [section("click", active=False)]),
        ("unsubscribe-tracking", {}, [TRACKING.with_(unsubscribe={"active": True})]),
        ("allowed-domains", {}, [TRACKING]),
        (
            "allowed-domains",
            {"domains": ["*.BÜCHER.example"]},
            [TRACKING.with_(domain="mg.xn--bcher-kva.example")],
        ),
        ("cname-not-proxied", {}, [RECORD.with_(proxied=True, content="shop.example.com")]),
        ("cname-not-proxied", {}, [RECORD.with_(proxied=None)]),
        (
            "cname-to-mailgun",
            {},
            [TRACKING.with_(https_by="proxy"), RECORD.with_(content="x.test")],
        ),
        (
            "cname-to-mailgun",
            {},
            [TRACKING, RECORD.with_(name="www.example.com", content="x.test")],
        ),
        ("cname-to-mailgun", {}, [TRACKING, RECORD.with_(type="CAA", content="0 issue ca.test")]),
        (
            "cname-to-mailgun",
            {},
            [
                TRACKING,
                Made(
                    "gcp:dns/recordSet:RecordSet",
                    {"name": f"{HOST}.", "type": "CNAME", "routingPolicy": {}},
                ),
            ],
        ),
    ],
)
def test_what_is_allowed_is_not_reported(
    name: str, settings: dict[str, Any], resources: list[Made]
) -> None:
    assert Analyzer(name, settings=settings).violations(*resources) == []


@pytest.mark.behaviour(109)
@pytest.mark.parametrize(
    ("name", "settings", "resources", "reason"),
    [
        ("https-links", {}, [TRACKING.with_(web_scheme=UNKNOWN)], "web_scheme"),
        ("https-links", {}, [TRACKING.with_(web_scheme=None)], "web_scheme"),
        ("https-certificate", {}, [TRACKING.with_(tracking_domain=UNKNOWN)], "tracking_domain"),
        (
            "https-certificate",
            {},
            [TRACKING, certificate().with_(tracking_domain=UNKNOWN)],
            "tracking_domain",
        ),
        ("https-certificate", {}, [TRACKING.with_(tracking_domain=None)], "tracking_domain"),
        ("certificate-renewed", {}, [certificate().with_(not_after=UNKNOWN)], "not_after"),
        ("certificate-renewed", {}, [certificate().with_(not_after=None)], "not_after"),
        ("certificate-renewed", {}, [certificate().with_(not_after="soon")], "not_after"),
        ("open-tracking", {}, [TRACKING.with_(open=UNKNOWN)], "open"),
        ("open-tracking", {}, [section("open", active=UNKNOWN)], "open.active"),
        ("open-tracking", TOP, [section("open", active=UNKNOWN)], "open.active"),
        ("click-tracking", {}, [section("click", active=UNKNOWN)], "click.active"),
        ("click-tracking", {}, [TRACKING.with_(click=secret(UNKNOWN))], "click"),
        (
            "unsubscribe-tracking",
            {},
            [section("unsubscribe", html_footer=UNKNOWN)],
            "unsubscribe.html_footer",
        ),
        ("allowed-domains", {"domains": ["a.test"]}, [TRACKING.with_(domain=UNKNOWN)], "domain"),
        (
            "managed-domains",
            {"domains": ["a.test"]},
            [Made(STACK), TRACKING.with_(domain=UNKNOWN)],
            "domain",
        ),
        ("cname-not-proxied", {}, [RECORD.with_(content=UNKNOWN, proxied=True)], "content"),
        ("cname-not-proxied", {}, [RECORD.with_(proxied=UNKNOWN)], "proxied"),
        ("cname-to-mailgun", {}, [TRACKING.with_(cname=UNKNOWN), RECORD], "cname"),
        ("cname-to-mailgun", {}, [TRACKING.with_(cname=None), RECORD], "cname"),
        ("cname-to-mailgun", {}, [TRACKING, RECORD.with_(content=UNKNOWN)], "content"),
        (
            "cname-kept",
            {"except": ["a.test"]},
            [COMPONENT.with_(tracking_domain=UNKNOWN, delete_record=True)],
            "tracking_domain",
        ),
    ],
)
def test_what_depends_on_an_unknown_value_is_not_applicable(
    name: str, settings: dict[str, Any], resources: list[Made], reason: str
) -> None:
    """Neither a violation nor a warning; and a remediation changes nothing."""
    analyzer = Analyzer(name, settings=settings, level=EnforcementLevel.REMEDIATE)
    assert f"{reason} of made is not known yet" in analyzer.not_applicable(*resources)
    assert analyzer.remedied(resources[0]) is None


@pytest.mark.behaviour(109)
def test_a_violation_is_reported_beside_what_is_unknown() -> None:
    """The rule applies then, and looks at all other resources."""
    unknown = section("unsubscribe", active=False, text_footer=UNKNOWN)
    analyzer = Analyzer("unsubscribe-tracking")
    assert analyzer.violations(unknown) == ["unsubscribe tracking is off"]
    assert not analyzer.asked([unknown]).not_applicable
    elsewhere = RECORD.with_(content="cdn.test")
    (told,) = Analyzer("cname-to-mailgun").violations(
        TRACKING, RECORD.with_(name=UNKNOWN), elsewhere
    )
    assert "cdn.test" in told


@pytest.mark.behaviour(110)
@pytest.mark.parametrize(
    ("name", "settings", "resource", "changes"),
    [
        ("open-tracking", {}, section("open", active=True), {"open.active": False}),
        ("open-tracking", {}, TRACKING.with_(open=None), {"open.active": False}),
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
            TRACKING.with_(click=None),
            {"click.active": True},
        ),
        ("click-tracking", {"mode": "forbidden"}, TRACKING, {"click.active": False}),
        (
            "unsubscribe-tracking",
            {},
            section("unsubscribe", active=None, html_footer=secret("%unsubscribe_url%")),
            {"unsubscribe.active": True},
        ),
        ("cname-not-proxied", {}, RECORD.with_(proxied=True), {"proxied": False}),
    ],
)
def test_a_remediation_changes_only_what_is_wrong(
    name: str, settings: dict[str, Any], resource: Made, changes: dict[str, object]
) -> None:
    """All other inputs stay, among them secrets and the provider, and the field is managed."""
    lacking = [path for path in TRACKING.props["managed"] if path not in changes]
    extra = {"managed": lacking} if resource.type == DOMAIN_TRACKING else {}
    resource = resource.with_(**extra, __provider="pickled", note=secret("private"))
    analyzer = Analyzer(name, settings=settings, level=EnforcementLevel.REMEDIATE)
    expected: dict[str, Any] = {**resource.props}
    for path, value in changes.items():
        outer, _, inner = path.partition(".")
        expected[outer] = {**expected.get(outer, {}), inner: value} if inner else value
    if extra:
        expected["managed"] = TRACKING.props["managed"]
    remedied = analyzer.remedied(resource)
    assert remedied == expected
    assert analyzer.remedied(Made(resource.type, remedied, resource.parent)) is None


@pytest.mark.behaviour(110)
def test_what_no_input_puts_right_is_left_to_the_program() -> None:
    """Click tracking is not turned on by a rule about how it may be on; a footer is not written."""
    click = Analyzer("click-tracking", level=EnforcementLevel.REMEDIATE)
    assert click.remedied(TRACKING.with_(click=None)) is None
    footer = section("unsubscribe", html_footer="none")
    unsubscribe = Analyzer("unsubscribe-tracking", level=EnforcementLevel.REMEDIATE)
    assert unsubscribe.remedied(footer) is None
    assert Analyzer("https-links", level=EnforcementLevel.REMEDIATE).remedied(HTTP) is None


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
    analyzer = Analyzer(name, settings={"mode": mode} if mode else {})
    (told,) = analyzer.asked([TRACKING.with_(open=None, click=None)]).diagnostics
    assert told.message.splitlines()[-1] == steps


@pytest.mark.behaviour(108)
@pytest.mark.parametrize("name", ["allowed-domains", "managed-domains"])
def test_a_setting_that_does_not_exist_is_a_violation(name: str) -> None:
    """A misspelt one would leave the rule without effect. It is none of the remediation's."""
    analyzer = Analyzer(name, settings={"domain": ["news.example.com"], "x": True})
    assert analyzer.violations(*COMPLIANT) == ["the rule has no setting domain, x"]
    analyzer = Analyzer("click-tracking", settings={"x": 1}, level=EnforcementLevel.REMEDIATE)
    assert analyzer.remedied(TRACKING) is None


def test_inputs_that_check_refuses_are_no_problem_for_a_rule() -> None:
    """The engine also shows them to rules, and what check has said must not be lost."""
    refused = TRACKING.with_(
        domain="mg.exämple .com", open="yes", click=3, unsubscribe={"html_footer": 3}, cname=3
    )
    analyzer = Analyzer(*NAMES, settings={"except": ["*.ex.test"], "domains": ["*.ex ample"]})
    told = analyzer.violations(Made(STACK), refused)
    assert f"open.active {NOT_SET}" in told
    assert "mg.exämple .com is none of *.ex ample" in told
    assert Analyzer("open-tracking", level=EnforcementLevel.REMEDIATE).remedied(refused)


@pytest.mark.behaviour(110)
def test_a_secret_section_stays_a_secret() -> None:
    """A field of it is set inside of the secret."""
    analyzer = Analyzer("click-tracking", level=EnforcementLevel.REMEDIATE)
    wrong = TRACKING.with_(click=secret({"active": True}))
    assert analyzer.remedied(wrong) == {
        **TRACKING.props,
        "click": secret({"active": "htmlonly"}),
    }


def test_remediations_follow_one_another() -> None:
    """Each gets the properties as the one before has left them."""
    analyzer = Analyzer("open-tracking", "click-tracking", level=EnforcementLevel.REMEDIATE)
    wrong = TRACKING.with_(open={"active": True}, click={"active": True})
    remedied = analyzer.remedied(wrong)
    assert remedied is not None
    assert (remedied["open"], remedied["click"]) == ({"active": False}, {"active": "htmlonly"})


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=lambda example: example.name)
def test_the_records_of_the_examples_are_read(example: Any) -> None:
    """Each provider's inputs, as its SDK sends them, are the tracking domain's CNAME."""
    record = Made(example.record, example.inputs)
    wanted = Record("email.mg.example.com", "CNAME", "mailgun.org")
    assert read_record(_Subject(record)) == wanted  # type: ignore[arg-type]
    (told,) = Analyzer("cname-to-mailgun").violations(
        TRACKING.with_(cname={"name": HOST, "value": "eu.mailgun.org"}), record
    )
    assert told == f"{HOST} is CNAME mailgun.org, and should be CNAME eu.mailgun.org"


class _Subject:
    def __init__(self, made: Made) -> None:
        self.resource_type, self.props = made.type, made.props
