"""What state holds of a provider is the same on every Python."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking.tracking_host import TrackingHost
from tests.states.stacks import FOLDER
from tests.unit.conftest import run_program

HOST_PROVIDER = (
    "gASVPgAAAAAAAACMHm1haWxndW5fdHJhY2tpbmcudHJhY2tpbmdfaG9zdJSMFFRyYWNraW5nSG9zdFByb3ZpZGVylJOU"
    "KYGULg=="
)


class Recording(Mocks):
    """Records what each resource's provider was pickled to."""

    def __init__(self) -> None:
        self.pickled: dict[str, str] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.pickled[args.name] = args.inputs["__provider"]
        return args.name, dict(args.inputs)

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(args.token)


def in_state(file: Path, kind: str) -> set[str]:
    """What a kept state holds of the provider of one kind of resource."""
    resources = json.loads(file.read_text())["deployment"]["resources"]
    return {one["inputs"]["__provider"] for one in resources if one["type"].endswith(f":{kind}")}


@pytest.mark.behaviour(73)
@pytest.mark.parametrize("default", [4, 5])
def test_it_does_not_depend_on_the_default_of_pickle(
    use_mocks: Callable[[Mocks], None], monkeypatch: pytest.MonkeyPatch, default: int
) -> None:
    """It is 4 up to Python 3.13, and 5 from 3.14 on."""
    monkeypatch.setattr(pickle, "DEFAULT_PROTOCOL", default)
    mocks = Recording()
    use_mocks(mocks)
    given = pulumi.ResourceOptions(transformations=[lambda _args: None])

    def program() -> pulumi.Output[Any]:
        tracking = DomainTracking("tracking", "mg.example.com", click=True, opts=given)
        certificate = TrackingCertificate("certificate", "email.mg.example.com")
        host = TrackingHost("host", "mg.example.com", web_scheme="http")
        return pulumi.Output.all(tracking.urn, certificate.urn, host.urn)

    run_program(program)
    [state] = FOLDER.glob("4f4031f/certificates.json")
    assert {mocks.pickled["tracking"]} == in_state(state, "DomainTracking")
    assert {mocks.pickled["certificate"]} == in_state(state, "TrackingCertificate")
    assert mocks.pickled["host"] == HOST_PROVIDER
    assert given.transformations is not None
    assert len(given.transformations) == 1
