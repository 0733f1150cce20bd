"""What a program can write, and the one form that the engine is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from mailgun_tracking import (
    ClickTrackingArgs,
    DomainTracking,
    OpenTrackingArgs,
    TrackingCertificate,
    UnsubscribeTrackingArgs,
    arguments,
)
from mailgun_tracking._api.fields import SECTIONS, Section, fields_of
from mailgun_tracking.arguments import normalize_section
from tests.unit.conftest import run_program

VALID: list[tuple[Section, Any, Any]] = [
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
]
INVALID: list[tuple[Section, Any]] = [
    ("open", "htmlonly"),
    ("open", "true"),
    ("click", "html"),
    ("click", 1),
    ("unsubscribe", ["a"]),
    ("open", {"activ": True}),
]
ROWS = [*VALID, *((section, value, value) for section, value in INVALID)]


@pytest.mark.parametrize(("section", "given", "normal"), ROWS)
def test_a_section_becomes_an_object(section: Section, given: Any, normal: Any) -> None:
    """An invalid value stays as it was written, so that check can show it."""
    found = normalize_section(section, given)
    assert found == normal
    assert type(found) is type(normal)
    assert normalize_section(section, found) == found


@pytest.mark.parametrize(
    ("section", "given", "normal"), [row for row in ROWS if row[1] is not None]
)
def test_so_does_a_section_that_is_known_later(section: Section, given: Any, normal: Any) -> None:
    async def later() -> Any:
        return given

    async def both() -> tuple[Any, Any]:
        of_output = normalize_section(section, pulumi.Output.from_input(given))
        of_awaitable = normalize_section(section, later())
        return await of_output.future(), await of_awaitable.future()

    for found in asyncio.run(both()):
        assert (dict(found) if isinstance(found, dict) else found) == normal


@pytest.mark.parametrize("section", SECTIONS)
def test_each_field_can_be_set_and_read(section: Section) -> None:
    """The classes of a section have its fields, and no others."""
    fields = [field.name for field in fields_of(section)]
    name = f"{section.capitalize()}Tracking"
    args = getattr(arguments, f"{name}Args")
    assert list(vars(args())) == fields
    assert list(getattr(arguments, f"{name}ArgsDict").__annotations__) == fields
    assert list(getattr(arguments, name).__annotations__) == fields


class Recorder(Mocks):
    """Mocks that keep what is registered."""

    def __init__(self) -> None:
        self.resources: dict[str, MockResourceArgs] = {}

    def call(self, args: MockCallArgs) -> Any:
        raise AssertionError(f"nothing should call {args.token}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.resources[args.name] = args
        return args.resource_id or f"{args.name}-id", dict(args.inputs)


@pytest.fixture
def recorder(use_mocks: Callable[[Mocks], None]) -> Recorder:
    """In place of the engine."""
    recorder = Recorder()
    use_mocks(recorder)
    return recorder


class TestResources:
    """What the engine is given."""

    def test_of_settings(self, recorder: Recorder) -> None:
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
            "managed": ["web_scheme"],
        }
        assert len(provider) < 150, "it is a reference to the class, and holds nothing"

    def test_of_a_certificate(self, recorder: Recorder) -> None:
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

    def test_of_get(self, recorder: Recorder) -> None:
        """The id says which domain it is about."""

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
