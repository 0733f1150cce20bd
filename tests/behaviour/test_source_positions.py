"""Where in the program a resource is declared, and how much a stack holds of a resource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import HEADER, MailFactory

PROGRAM = """\
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("1", props)

class Other(Resource):
    pass

def declare(name):
    return DomainTracking(name, "mg.example.com", open=True, unsubscribe=True)  # frame 0

declare("tracking")  # frame 1
TrackingCertificate("certificate", "email.mg.example.com")  # certificate
DomainTracking.get("read", "two.example.com")  # read
HttpsTracking("all", "two.example.com", click=True)  # all
Other(Provider(), "other", {})

async def declare_later():
    return DomainTracking.get("later", "two.example.com")  # later

pulumi.Output.from_input(declare_later())
pulumi.Output.from_input(1).apply(lambda _: DomainTracking.get("then", "two.example.com"))  # then
"""


def _positions(resource: dict[str, Any]) -> list[str]:
    assert resource["sourcePosition"] == resource["stackTrace"][0]["sourcePosition"]
    return [frame["sourcePosition"] for frame in resource["stackTrace"]]


@pytest.mark.behaviour(115)
def test_a_resource_has_the_line_that_declares_it(mail: MailFactory, emulator: Emulator) -> None:
    """Nothing of this package, the SDK and the language host; a `DomainTracking` stays small."""
    lines = (HEADER + PROGRAM).splitlines()
    here = {
        line.rpartition("# ")[2]: f"project:///__main__.py#{number}"
        for number, line in enumerate(lines, 1)
    }
    for domain in ("mg.example.com", "two.example.com"):
        emulator.set_certificate(f"email.{domain}")
    stack = mail(PROGRAM)
    stack.up()
    resources = {
        (one["urn"].split("::")[2].rpartition(":")[2], one["urn"].rpartition("::")[2]): one
        for one in stack.export()["deployment"]["resources"]
    }
    tracking = resources["DomainTracking", "tracking"]
    assert _positions(tracking) == [here["frame 0"], here["frame 1"]]
    assert _positions(resources["TrackingCertificate", "certificate"]) == [here["certificate"]]
    for name in ("read", "later", "then"):
        assert _positions(resources["DomainTracking", name]) == [here[name]]
    for kind in ("HttpsTracking", "TrackingCertificate", "DomainTracking", "TrackingHost"):
        assert _positions(resources[kind, "all"]) == [here["all"]]
    # What is not ours is left to the SDK.
    assert any("runtime/stack.py" in place for place in _frames(resources["Resource", "other"]))
    assert len(json.dumps(tracking, separators=(",", ":"))) < 1900


def _frames(resource: dict[str, Any]) -> list[str]:
    return [frame.get("sourcePosition", "") for frame in resource["stackTrace"]]
