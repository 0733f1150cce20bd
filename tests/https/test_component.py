"""`HttpsTracking` as a component: options, previews, lookups."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.behaviour.mail import calls, puts
from tests.engine.stack import ROOT
from tests.https.conftest import ExampleFactory
from tests.https.displayed import displayed
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import Bind

HOST = "email.mg.example.test"


@pytest.mark.behaviour(10, 12, 15, 34)
def test_flipping_click_previews_exactly_one_update(
    example: ExampleFactory, mailgun: AcmeEmulator
) -> None:
    """Nothing else changes; with ignore_changes, neither does click."""
    stack = example('HttpsTracking("mail", "mg.example.test", cname=cname, click=True)')
    stack.up()
    stack.write('HttpsTracking("mail", "mg.example.test", cname=cname, click="htmlonly")')

    result = stack.preview()

    assert result.changes == {"same": 4, "update": 1}
    assert result.step("DomainTracking::mail") == "update"
    assert result.diff("DomainTracking::mail") == {"click.active": (True, "htmlonly")}

    stack.write(
        'HttpsTracking("mail", "mg.example.test", cname=cname, click="htmlonly",'
        ' opts=pulumi.ResourceOptions(ignore_changes=["click.active"]))'
    )
    mailgun.forget_requests()
    assert stack.up().changes == {"same": 5}
    assert mailgun.domain("mg.example.test").click["active"] is True
    assert puts(mailgun) == []


@pytest.mark.behaviour(34, 51)
def test_ignore_changes_reach_the_parts_of_a_component_also_by_a_transform(
    example: ExampleFactory, mailgun: AcmeEmulator
) -> None:
    """A part does not manage what it ignores and does not set, and nothing is warned of twice."""
    program = """
def ignoring(args):
    more = pulumi.ResourceOptions(ignore_changes=["web_scheme", "cname", "open.active"])
    opts = pulumi.ResourceOptions.merge(args.opts, more)
    return pulumi.ResourceTransformResult(args.props, opts)

opts = pulumi.ResourceOptions(ignore_changes=["click.active", "clik"], transforms=[ignoring])
HttpsTracking("mail", "mg.example.test", cname=cname, click={click}, open=True, opts=opts)
"""
    stack = example(program.format(click=True))
    first = stack.up()
    assert [text for text in first.all_diagnostics() if "ignore_changes" in text] == [
        "HttpsTracking mail: ignore_changes has 'clik'; did you mean click?"
    ]
    mailgun.forget_requests()
    stack.write(program.format(click=False))
    stack.up("--expect-no-changes")
    managed = [
        one["outputs"]["managed"]
        for one in stack.export()["deployment"]["resources"]
        if "managed" in one.get("outputs", {})
    ]
    assert sorted(managed) == [["open.active", "click.active"], ["web_scheme"]]
    assert puts(mailgun) == []


@pytest.mark.behaviour(15, 34)
def test_options_of_a_component(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """Parent, aliases, protect, depends_on and transforms apply to the children."""
    stack = example('HttpsTracking("old", "mg.example.test", cname=cname, click=True)')
    stack.up()
    stack.write(
        """
def on_open(args):
    if args.type_.endswith(":DomainTracking"):
        return pulumi.ResourceTransformResult({**args.props, "open": {"active": True}}, args.opts)

class Mail(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Mail", name)
        zone = pulumi.Config().require("zone")
        before = CnameRecord("before", zone, "before.example.test", "cdn.test",
            opts=pulumi.ResourceOptions(parent=self))
        https = HttpsTracking("new", "mg.example.test", cname=cname, click=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[before],
                protect=True,
                transforms=[on_open],
                aliases=[pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE)],
            ),
        )
        CnameRecord("after", zone, "after.example.test", "cdn.test",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[https]))

Mail("mail")
"""
    )
    mailgun.forget_requests()
    result = stack.up()

    assert result.changes == {"create": 3, "same": 4, "update": 1}
    assert result.diff("DomainTracking::new") == {
        "managed": (["click.active"], ["open.active", "click.active"]),
        "open.active": (None, True),
    }
    assert puts(mailgun) == ["PUT /v3/domains/mg.example.test/tracking/open"]
    resources = {
        r["urn"].rpartition("::")[0].split("$")[-1].rpartition(":")[2]
        + " "
        + r["urn"].rpartition("::")[2]: r
        for r in stack.export()["deployment"]["resources"]
    }
    children = [
        "TrackingCertificate new",
        "DomainTracking new",
        "TrackingHost new",
        "CnameRecord record",
    ]
    for child in children:
        assert resources[child]["protect"] is True
        assert resources[child]["parent"].endswith("HttpsTracking::new")
    after = set(resources["CnameRecord after"]["dependencies"])
    assert {resources[child]["urn"] for child in children} <= after

    result = stack.destroy(check=False)
    assert result.code != 0
    assert "protect" in result.output
    assert mailgun.domain("mg.example.test").click["active"] is True
    assert bind.lookup(HOST, "CNAME") != []


@pytest.mark.behaviour(20)
def test_a_failing_renewal_holds_nothing_up(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """Click can be turned off although the certificate expired and cannot be renewed."""
    stack = example('HttpsTracking("mail", "mg.example.test", cname=cname, click=True)')
    stack.up()
    mailgun.set_certificate(HOST, "expired")
    bind.put("mg.example.test", "CAA", '0 issue "other-ca.test"')
    stack.write('HttpsTracking("mail", "mg.example.test", cname=cname, click=False)')
    stack.refresh()

    result = stack.up("--continue-on-error", check=False)
    assert result.code != 0
    assert displayed(result) == snapshot
    domain = mailgun.domain("mg.example.test")
    assert (domain.click["active"], domain.web_scheme) == (False, "https")


@pytest.mark.behaviour(32)
def test_a_domain_that_does_not_exist_yet(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """The preview shows what will be created; the up succeeds once the domain exists."""
    stack = example('HttpsTracking("mail", "new.example.test", cname=cname, click=True)')
    stack.set_constants(
        {
            "_api.issuance.FIRST_INTERVAL_SECONDS": 0.2,
            "_provider.operation.MISSING_SECONDS": 0.2,
            "_provider.operation.MISSING_INTERVAL_SECONDS": 0.1,
        }
    )

    result = stack.preview()
    assert displayed(result) == snapshot(name="preview")
    assert result.changes == {"create": 5}

    result = stack.up(check=False)
    assert result.code != 0
    message = next(text for text in result.all_diagnostics() if "Domain not found" in text)
    assert message == snapshot(name="up")
    assert puts(mailgun) == []

    mailgun.add_domain("new.example.test")
    stack.up()
    assert mailgun.domain("new.example.test").web_scheme == "https"
    assert bind.lookup("email.new.example.test", "CNAME") != []


SLOW_DOMAIN = """
import time
import requests
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        time.sleep(1)
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = "Bearer {token}"
            answer = session.post("{url}/_emulator/domains", json={{"name": props["domain"]}})
        answer.raise_for_status()
        return CreateResult(props["domain"], props)

class Domain(Resource, name="Domain"):
    pass

class Team(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("test:index:Team", "team")
        opts = pulumi.ResourceOptions(parent=self)
        Domain(Provider(), "two", {{"domain": "slow-two.example.test"}}, opts)

one = Domain(Provider(), "one", {{"domain": "slow-one.example.test"}})
for name, dependency in [("one", one), ("two", [Team()])]:
    HttpsTracking(
        name, f"slow-{{name}}.example.test", cname=cname_of(f"{{name}}-record"), click=True,
        opts=pulumi.ResourceOptions(depends_on=dependency),
    )
"""


@pytest.mark.behaviour(32, 34)
def test_depends_on_holds_the_lookup_back_too(
    example: ExampleFactory, mailgun: AcmeEmulator
) -> None:
    """A domain created by another resource, or by a component's child, is not looked up before."""
    program = SLOW_DOMAIN.format(url=mailgun.url, token=mailgun.control_token)
    stack = example(program)
    stack.set_constants(
        {
            "_api.issuance.FIRST_INTERVAL_SECONDS": 0.2,
            "_provider.operation.MISSING_SECONDS": 0.2,
            "_provider.operation.MISSING_INTERVAL_SECONDS": 0.1,
        }
    )
    assert stack.preview().changes == {"create": 13}
    assert stack.up().changes == {"create": 13}
    for name in ("one", "two"):
        assert mailgun.domain(f"slow-{name}.example.test").web_scheme == "https"
    more = 'more = Domain(Provider(), "more", {"domain": "more.example.test"})\nfor name,'
    stack.write(program.replace("for name,", more).replace("on=dependency", "on=[more]"))
    # Values that are known stay known in the preview.
    assert stack.preview().changes == {"create": 1, "same": 13}


@pytest.mark.behaviour(34)
def test_a_cname_function_that_makes_nothing_is_refused(
    example: ExampleFactory, mailgun: AcmeEmulator
) -> None:
    """The error says what it must return, before anything is created."""
    stack = example('HttpsTracking("mail", "mg.example.test", cname=lambda record, opts: None)')
    result = stack.preview(check=False)
    assert result.code != 0
    assert "the cname function of mail must return" in result.output
    assert all(call.startswith("GET ") for call in calls(mailgun))


UNDER_MOCKS = """
import pulumi

class Mocks(pulumi.runtime.Mocks):
    made = {}

    def new_resource(self, args):
        self.made[args.typ.rpartition(":")[2]] = args
        return [args.name, args.inputs]

    def call(self, args):
        assert args.token == "mailgun-tracking:index:getTrackingDomain", args.token
        assert args.args == {"domain": "mg.example.com", "region": "eu"}, args.args
        return {
            "domain": "mg.example.com", "tracking_domain": "email.mg.example.com",
            "web_prefix": "email", "web_scheme": "http",
            "cname_name": "email.mg.example.com", "cname_value": "eu.mailgun.org",
        }

mocks = Mocks()
pulumi.runtime.set_mocks(mocks)

from mailgun_tracking import HttpsTracking

seen = {}

class Record(pulumi.CustomResource):
    def __init__(self, name, record, opts):
        seen["label"] = record.relative_to("example.com")
        seen["opts"] = opts
        inputs = {"name": record.name, "value": record.value}
        super().__init__("test:index:Record", name, inputs, opts)

@pulumi.runtime.test
def check():
    https = HttpsTracking("mg", "mg.example.com", cname=lambda r, o: Record("r", r, o), region="eu")

    def look(known):
        label, host, scheme = known
        assert label == "email.mg", label
        assert (host, scheme) == ("email.mg.example.com", "https"), known
        assert mocks.made["Record"].inputs == {"name": host, "value": "eu.mailgun.org"}
        assert mocks.made["TrackingCertificate"].inputs["tracking_domain"] == host
        assert seen["opts"].parent is https
        assert seen["opts"].retain_on_delete is True
        print("looked")

    certificate = https.certificate.tracking_domain
    return pulumi.Output.all(seen["label"], certificate, https.web_scheme).apply(look)

check()
"""


@pytest.mark.behaviour(33, 34)
def test_under_mocks_nothing_is_asked_of_the_network() -> None:
    """The lookup is a `call` of the mocks; `cname` gets a parent and retain_on_delete."""
    environment = {"PYTHONPATH": str(ROOT), "MAILGUN_BASE_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(UNDER_MOCKS)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "looked\n"), done.stderr
