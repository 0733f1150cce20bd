"""What previews show: what differs, and what stays known for dependent resources."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, calls, puts
from tests.engine.result import Result

DNS = """
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult


class RecordProvider(ResourceProvider):
    serialize_as_secret_always = False

    def diff(self, id, olds, news):
        changed = [name for name in ("host", "target") if olds[name] != news[name]]
        return DiffResult(changes=bool(changed), replaces=[n for n in changed if n == "host"])

    def create(self, props):
        return CreateResult(props["host"], dict(props))

    def update(self, id, olds, news):
        return UpdateResult(dict(news))


class Record(Resource, module="dns", name="Record"):
    def __init__(self, name, host, target, opts=None):
        super().__init__(RecordProvider(), name, {"host": host, "target": target}, opts)
"""
"""A CNAME record of another provider, which is replaced when the host changes."""

PROGRAM = """
from dns import Record

tracking = DomainTracking("mg", "mg.example.com", SETTINGS)
record = Record("record", tracking.cname.name, tracking.cname["value"])
certificate = TrackingCertificate("certificate", tracking.tracking_domain)
pulumi.export("host", tracking.tracking_domain)
pulumi.export("cname", tracking.cname)
pulumi.export("prefix", tracking.web_prefix)
pulumi.export("scheme", tracking.web_scheme)
"""


def with_dns(mail: MailFactory, settings: str) -> MailStack:
    """A domain with a record and a certificate that depend on its outputs."""
    stack = mail(PROGRAM.replace("SETTINGS", settings))
    stack.write_program(DNS, "dns.py")
    return stack


def stack_outputs(result: Result) -> dict[str, object]:
    """The stack's outputs as the last step on the stack showed them."""
    return result.resource_outputs("mail-dev")


@pytest.mark.behaviour(12)
def test_the_tracking_host_is_known_in_the_first_preview_of_an_existing_domain(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Also where the program sets the prefix; not for a domain that does not exist yet."""
    emulator.drift("mg.example.com", web_prefix="go")
    stack = with_dns(mail, "click=True")
    preview = stack.preview()
    assert preview.changes == {"create": 3}
    cname = {"name": "go.mg.example.com", "value": "mailgun.org"}
    assert stack_outputs(preview) == {
        "host": "go.mg.example.com",
        "cname": cname,
        "prefix": "go",
        "scheme": "http",
    }
    assert (
        preview.inputs("record").items() >= {"host": cname["name"], "target": "mailgun.org"}.items()
    )
    assert preview.inputs("certificate")["tracking_domain"] == "go.mg.example.com"
    assert puts(emulator) == []

    stack.write(PROGRAM.replace("SETTINGS", 'web_prefix="links", web_scheme="https"'))
    preview = stack.preview()
    assert stack_outputs(preview) == {
        "host": "links.mg.example.com",
        "cname": {"name": "links.mg.example.com", "value": "mailgun.org"},
        "prefix": "links",
        "scheme": "https",
    }
    emulator.remove_domain("mg.example.com")
    preview = stack.preview()
    assert preview.changes == {"create": 3}
    assert emulator.domain("two.example.com").web_prefix == "email"


@pytest.mark.behaviour(10, 12)
def test_flipping_a_setting_previews_exactly_one_update(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Although a certificate and a record depend on the outputs, which stay known."""
    stack = with_dns(mail, "click=True")
    stack.up()
    emulator.forget_requests()
    stack.write(PROGRAM.replace("SETTINGS", 'click="htmlonly", unsubscribe=True'))
    preview = stack.preview("--diff")
    assert preview.changes == {"update": 1, "same": 2}
    assert preview.diff("mg").items() >= {"click.active": (True, "htmlonly")}.items()
    assert stack_outputs(preview)["host"] == "email.mg.example.com"
    assert stack_outputs(preview)["cname"] == {
        "name": "email.mg.example.com",
        "value": "mailgun.org",
    }
    assert calls(emulator) == []
    up = stack.up(skip_preview=False)
    assert up.changes == {"update": 1, "same": 2}
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/unsubscribe",
    ]
    assert emulator.domain("mg.example.com").click["active"] == "htmlonly"


@pytest.mark.behaviour(10)
def test_drift_shows_property_by_property(mail: MailFactory, emulator: Emulator) -> None:
    """`preview --refresh --diff` has the old and new value of each; `up --refresh` fixes it."""
    stack = mail('DomainTracking("mg", "mg.example.com", open=True, click="htmlonly")')
    stack.up()
    emulator.drift("mg.example.com", open={"active": False}, click=True)
    drift = stack.preview("--refresh", "--diff")
    assert drift.step("mg") == "update"
    assert drift.diff("mg")["click.active"] in ((True, "htmlonly"), ("htmlonly", True))
    assert "open.active" in drift.diff("mg")
    assert "click" in drift.stdout
    assert '"htmlonly"' in drift.stdout
    emulator.forget_requests()
    stack.up("--refresh")
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/open",
    ]
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.click["active"]) == (True, "htmlonly")
