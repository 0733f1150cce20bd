"""What the resources of a program declare of the same domain."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking.declared import Declared
from mailgun_tracking.models import Target

DOMAIN = "mg.example.com"
PLACE = Target("", "us", "", DOMAIN)
TYPE = "urn:pulumi:dev::project::pulumi-python:dynamic/mailgun:DomainTracking"


def urn(name: str) -> str:
    """The URN of a resource."""
    return f"{TYPE}::{name}"


def said(failures: list[Any]) -> list[tuple[str, str]]:
    """Failures as pairs of property and text."""
    return [(failure.property, failure.reason) for failure in failures]


@pytest.fixture
def declared() -> Declared:
    """Nothing declared yet."""
    return Declared()


def test_a_field_has_one_owner(declared: Declared) -> None:
    assert declared.add(urn("one"), PLACE, ["click.active", "open.active"]) == []
    failures = declared.add(urn("two"), PLACE, ["open.active", "web_scheme"])
    assert said(failures) == [
        (
            "open.active",
            "open.active of mg.example.com is managed by both one and two: "
            "take it out of one of them",
        )
    ]


def test_every_other_owner_is_named(declared: Declared) -> None:
    declared.add(urn("one"), PLACE, ["click.active"])
    declared.add(urn("two"), PLACE, ["click.active"])
    failures = declared.add(urn("three"), PLACE, ["click.active"])
    assert ["one and three" in text or "two and three" in text for _, text in said(failures)] == [
        True,
        True,
    ]


def test_different_fields_of_a_domain_may_have_different_owners(declared: Declared) -> None:
    assert declared.add(urn("one"), PLACE, ["click.active"]) == []
    assert declared.add(urn("two"), PLACE, ["open.active", "unsubscribe.active"]) == []


def test_a_field_at_another_place_is_another(declared: Declared) -> None:
    declared.add(urn("one"), PLACE, ["click.active"])
    for place in (Target("", "eu", "", DOMAIN), Target("", "us", "", "other.example.com")):
        assert declared.add(urn("two"), place, ["click.active"]) == []


def test_a_resource_that_is_checked_again_is_itself(declared: Declared) -> None:
    declared.add(urn("one"), PLACE, ["click.active"])
    assert declared.add(urn("one"), PLACE, ["click.active"]) == []
    assert declared.add(urn("one"), PLACE, ["open.active"]) == []
    assert declared.add(urn("two"), PLACE, ["click.active"]) == []


@pytest.mark.parametrize(("name", "managed"), [("", ["click.active"]), ("one", UNKNOWN)])
def test_what_is_not_known_declares_nothing(declared: Declared, name: str, managed: object) -> None:
    assert declared.add(urn(name) if name else "", PLACE, managed) == []
    assert declared.add(urn("two"), PLACE, ["click.active"]) == []
    assert declared.kinds_kept(PLACE, ["open"]) == []


def test_kinds_that_somebody_declares_are_kept(declared: Declared) -> None:
    declared.add(urn("one"), PLACE, ["click.active", "unsubscribe.html_footer"])
    assert declared.kinds_kept(PLACE, ["open", "click", "unsubscribe"]) == ["click"]
    elsewhere = Target("", "eu", "", DOMAIN)
    assert declared.kinds_kept(elsewhere, ["click"]) == []
