"""What a program may write, and the one shape that it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import (
    ClickTrackingArgs,
    DomainTracking,
    OpenTrackingArgs,
    TrackingCertificate,
    UnsubscribeTrackingArgs,
)
from mailgun_tracking.arguments import canonical, managed_fields, value_at
from tests.unit.conftest import run_program

SHAPES: list[tuple[str, Any, Any]] = [
    ("open", None, None),
    ("open", True, {"active": True}),
    ("open", False, {"active": False}),
    ("open", {"active": True}, {"active": True}),
    ("open", {"place_at_the_top": True, "active": None}, {"place_at_the_top": True}),
    ("open", {}, {}),
    ("open", OpenTrackingArgs(), {}),
    ("open", OpenTrackingArgs(active=False), {"active": False}),
    (
        "open",
        OpenTrackingArgs(active=True, place_at_the_top=False),
        {"active": True, "place_at_the_top": False},
    ),
    ("click", True, {"active": True}),
    ("click", "htmlonly", {"active": "htmlonly"}),
    ("click", ClickTrackingArgs(active="htmlonly"), {"active": "htmlonly"}),
    ("click", {"active": "htmlonly"}, {"active": "htmlonly"}),
    (
        "unsubscribe",
        UnsubscribeTrackingArgs(active=True, html_footer="<p>"),
        {"active": True, "html_footer": "<p>"},
    ),
    ("unsubscribe", {"text_footer": ""}, {"text_footer": ""}),
    # What is no such thing stays as it was written, for check to name.
    ("open", "htmlonly", "htmlonly"),
    ("open", "true", "true"),
    ("click", "html", "html"),
    ("click", 1, 1),
    ("unsubscribe", ["a"], ["a"]),
    ("open", {"activ": True}, {"activ": True}),
]


@pytest.mark.parametrize(("kind", "given", "shape"), SHAPES)
def test_shape_of_a_value(kind: str, given: Any, shape: Any) -> None:
    found = canonical(kind, given)
    assert found == shape
    assert type(found) is type(shape)


@pytest.mark.parametrize(("kind", "given", "shape"), [row for row in SHAPES if row[1] is not None])
def test_shape_of_an_output(kind: str, given: Any, shape: Any) -> None:
    async def later() -> Any:
        return given

    async def both() -> tuple[Any, Any]:
        of_output = canonical(kind, pulumi.Output.from_input(given))
        of_awaitable = canonical(kind, later())
        return await of_output.future(), await of_awaitable.future()

    for found in asyncio.run(both()):
        assert (dict(found) if isinstance(found, dict) else found) == shape


class TestManagedFields:
    """The fields that a program mentions."""

    @pytest.mark.parametrize(
        ("inputs", "fields"),
        [
            ({}, []),
            ({"domain": "mg.example.com"}, []),
            ({"open": {}}, []),
            ({"click": {"active": False}}, ["click.active"]),
            ({"click": {"active": None}}, []),
            ({"click": {"active": UNKNOWN}}, ["click.active"]),
            ({"open": UNKNOWN}, []),
            (
                {
                    "web_prefix": "go",
                    "unsubscribe": {"text_footer": "", "active": True, "html_footer": "x"},
                    "open": {"place_at_the_top": False},
                    "web_scheme": "https",
                },
                [
                    "open.place_at_the_top",
                    "unsubscribe.active",
                    "unsubscribe.html_footer",
                    "unsubscribe.text_footer",
                    "web_scheme",
                    "web_prefix",
                ],
            ),
        ],
    )
    def test_of(self, inputs: dict[str, Any], fields: list[str]) -> None:
        assert managed_fields(inputs) == fields

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("click.active", "htmlonly"),
            ("open.active", None),
            ("unsubscribe.active", None),
            ("web_scheme", "https"),
            ("web_prefix", None),
        ],
    )
    def test_value_at(self, path: str, value: object) -> None:
        state = {"click": {"active": "htmlonly"}, "open": {}, "web_scheme": "https"}
        assert value_at(state, path) == value

    def test_a_field_of_what_is_unknown_is_unknown(self) -> None:
        assert value_at({"click": UNKNOWN}, "click.active") == UNKNOWN


class Recorder(Mocks):
    """Mocks that keep what is registered."""

    def __init__(self) -> None:
        self.resources: dict[str, MockResourceArgs] = {}

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"nobody should call {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.resources[args.name] = args
        return args.resource_id or f"{args.name}-id", dict(args.inputs)


@pytest.fixture
def recorder(use_mocks: Callable[[Mocks], None]) -> Recorder:
    """The engine's stand-in."""
    recorder = Recorder()
    use_mocks(recorder)
    return recorder


class TestResources:
    """What the engine is handed."""

    def test_settings_in_their_one_shape(self, recorder: Recorder) -> None:
        def declare() -> Any:
            return DomainTracking(
                "tracking",
                "mg.example.com",
                open=pulumi.Output.from_input(True),
                click="htmlonly",
                unsubscribe=UnsubscribeTrackingArgs(
                    active=True, text_footer=pulumi.Output.from_input("%unsubscribe_url%")
                ),
                web_scheme="https",
            ).urn

        run_program(declare)
        made = recorder.resources["tracking"]
        assert made.typ == "pulumi-python:dynamic/mailgun:DomainTracking"
        provider = made.inputs.pop("__provider")
        assert made.inputs == {
            "domain": "mg.example.com",
            "open": {"active": True},
            "click": {"active": "htmlonly"},
            "unsubscribe": {"active": True, "text_footer": "%unsubscribe_url%"},
            "web_scheme": "https",
        }
        assert len(provider) < 150

    def test_a_certificate(self, recorder: Recorder) -> None:
        def declare() -> Any:
            return TrackingCertificate("cert", "email.mg.example.com", wait=False, region="eu").urn

        run_program(declare)
        made = recorder.resources["cert"]
        assert made.typ == "pulumi-python:dynamic/mailgun:TrackingCertificate"
        del made.inputs["__provider"]
        assert made.inputs == {
            "tracking_domain": "email.mg.example.com",
            "wait": False,
            "region": "eu",
        }

    def test_get_reads_by_id(self, recorder: Recorder) -> None:
        def declare() -> Any:
            domain = DomainTracking.get("read", "eu/sub1/MG.example.com", account="b")
            certificate = TrackingCertificate.get("cert", "email.mg.example.com")
            return pulumi.Output.all(domain.urn, certificate.urn)

        run_program(declare)
        domain, certificate = recorder.resources["read"], recorder.resources["cert"]
        assert domain.resource_id == "eu/sub1/MG.example.com"
        assert domain.inputs["domain"] == "mg.example.com"
        assert domain.inputs["account"] == "b"
        assert certificate.resource_id == "email.mg.example.com"
        assert certificate.inputs["tracking_domain"] == "email.mg.example.com"
