"""The policy pack of the examples on the real engine."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.policies import (
    DOMAIN_TRACKING,
    HTTPS_TRACKING,
    TRACKING_CERTIFICATE,
    TRACKING_HOST,
)
from mailgun_tracking.testing.policies import SampleResource, Violation, analyze, secret
from tests.behaviour.mail import MailFactory, puts
from tests.engine.result import Result
from tests.engine.stack import ROOT

PACK = ("--policy-pack", str(ROOT / "examples" / "policy-pack"))
FOOTER = "no link, and a secret"
DAY = 86400
REMEDIATED = "policyRemediationEvent"
VIOLATED = "policyEvent"


def read_by_user(result: Result) -> str:
    """What `pulumi` prints about policies, without what differs between runs."""
    found = re.search(r"^Policies:\n(.*?)\n\n", result.stdout, re.MULTILINE | re.DOTALL)
    assert found, result.output
    text = re.sub(r"\(local: .*\)", "(local: PACK)", found[1])
    return re.sub(r"\d{4}-\d\d-\d\d", "DATE", text)


def assert_kit_agrees(result: Result, *names: str) -> None:
    """The test kit says of resources, without an engine, what the engine has said.

    It gets the inputs that the engine has sent to the pack.
    """
    changed = [event[REMEDIATED] for event in result.events if REMEDIATED in event]
    inputs = {name: result.inputs(name) for name in names}
    inputs |= {name_of(event): event["before"] for event in changed}
    for given in inputs.values():
        if "html_footer" in given.get("unsubscribe", {}):
            given["unsubscribe"]["html_footer"] = secret(FOOTER)
    samples = [SampleResource(DOMAIN_TRACKING, inputs[name], name=name) for name in names]
    analysis = analyze(PACK[1], *samples)
    assert analysis.violations == [
        Violation(
            event["policyName"],
            event["enforcementLevel"],
            event["message"].strip().partition("\n")[2],
            name_of(event),
        )
        for event in (event[VIOLATED] for event in result.events if VIOLATED in event)
    ]
    (after,) = analysis.remediated
    assert after.name == name_of(changed[0])
    assert {**after.inputs, "unsubscribe": ""} == {**result.inputs(after.name), "unsubscribe": ""}


def name_of(event: dict[str, Any]) -> str:
    """The name of the resource that an event is about."""
    return str(event["resourceUrn"]).rpartition("::")[2]


@pytest.mark.behaviour(108, 109, 110, 114)
def test_a_pack_blocks_warns_and_remedies(
    mail: MailFactory, emulator: Emulator, snapshot: SnapshotAssertion
) -> None:
    """With the levels and settings of the pack, and with others from a file."""
    stack = mail(
        f"""
        mg = DomainTracking(
            "mg", "mg.example.com", click=True, open={{"active": True, "place_at_the_top": False}},
            unsubscribe={{"active": True, "html_footer": pulumi.Output.secret({FOOTER!r})}},
            web_scheme="http",
        )
        later = mg.domain_id.apply(lambda _: "two.example.com")
        DomainTracking("later", later, click=later.apply(lambda _: True), open=False)
        """
    )
    refused = stack.preview(*PACK, check=False)
    assert refused.code != 0
    assert read_by_user(refused) == snapshot(name="preview with the pack's levels")
    assert FOOTER not in refused.output
    assert refused.inputs("mg")["click"] == {"active": "htmlonly"}
    assert puts(emulator) == []
    assert_kit_agrees(refused, "mg", "later")

    file = stack.directory / "policies.json"
    settings = {
        "all": "disabled",
        "https-links": {"enforcementLevel": "advisory", "exept": ["b.c"]},
        "click-tracking": {"enforcementLevel": "remediate", "mode": "htmlonly"},
        "open-tracking": {"enforcementLevel": "remediate", "mode": "pixel-at-top"},
        "managed-domains": {"enforcementLevel": "advisory", "domains": ["mg.example.com", "a.b"]},
    }
    file.write_text(json.dumps(settings))
    configured = (*PACK, "--policy-pack-config", str(file))
    up = stack.up(*configured)
    assert read_by_user(up) == snapshot(name="up with other levels and settings")
    mg, two = emulator.domain("mg.example.com"), emulator.domain("two.example.com")
    assert (mg.click["active"], two.click["active"]) == ("htmlonly", "htmlonly")
    assert mg.open == {"active": True, "place_at_the_top": True}
    assert mg.unsubscribe["html_footer"] == FOOTER
    state = stack.resource("mg")
    assert state["outputs"]["click"] == {"active": "htmlonly"}
    assert FOOTER not in json.dumps(state)
    assert stack.preview("--expect-no-changes", *configured).changes == {"same": 2}


@pytest.mark.behaviour(108, 109)
def test_rules_about_a_stack(
    mail: MailFactory, emulator: Emulator, snapshot: SnapshotAssertion
) -> None:
    """Nothing is wrong with `HttpsTracking`; then each rule about outputs finds something."""
    for host in ("email.mg.example.com", "email.two.example.com"):
        emulator.set_certificate(host, lifetime_seconds=90 * DAY, age_seconds=10 * DAY)
    program = """
        settings = {{"open": False, "click": "htmlonly", "unsubscribe": True}}
        HttpsTracking("mg", "mg.example.com", **settings, {extra})
        DomainTracking("two", "two.example.com", **settings, web_scheme="https")
        """
    stack = mail(program.format(extra="") + 'TrackingCertificate("two", "email.two.example.com")')
    assert stack.up(*PACK).policy_violations() == []
    types = {one["type"] for one in stack.export()["deployment"]["resources"]}
    assert {DOMAIN_TRACKING, HTTPS_TRACKING, TRACKING_CERTIFICATE, TRACKING_HOST} <= types

    # Components with the types and properties of other providers' resources, which need plugins.
    stack.write(
        program.format(extra="delete_record=True")
        + """
        class Record(pulumi.ComponentResource):
            def __init__(self, type_, resource_name, **props):
                super().__init__(type_, resource_name, props)
                self.register_outputs(props)

        Record("cloudflare:index/dnsRecord:DnsRecord", "mg", name="email.mg.example.com",
            type="CNAME", content="mailgun.org", proxied=True)
        Record("aws:route53/record:Record", "two", name="email.two.example.com",
            type="CNAME", records=["cdn.test"])
        """
    )
    file = stack.directory / "policies.json"
    settings = {"certificate-renewed": {"share_left": 0.95}, "https-certificate": "mandatory"}
    file.write_text(json.dumps(settings))
    preview = stack.preview(*PACK, "--policy-pack-config", str(file), check=False)
    assert preview.code != 0
    assert read_by_user(preview) == snapshot
    assert preview.inputs("DnsRecord::mg")["proxied"] is False
