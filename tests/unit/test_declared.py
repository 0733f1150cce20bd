"""What the resources of a program declare of the same domain."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking.declared import Declared
from mailgun_tracking.models import Target

TARGET = Target("default", "us", "", "mg.example.com")
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
    assert declared.add(urn("one"), TARGET, ["click.active", "open.active"]) == []
    failures = declared.add(urn("two"), TARGET, ["open.active", "web_scheme"])
    assert said(failures) == [
        (
            "open.active",
            "open.active of mg.example.com is managed by both one and two: "
            "take it out of one of them",
        )
    ]


def test_every_other_owner_is_named(declared: Declared) -> None:
    declared.add(urn("one"), TARGET, ["click.active"])
    declared.add(urn("two"), TARGET, ["click.active"])
    failures = declared.add(urn("three"), TARGET, ["click.active"])
    assert ["one and three" in text or "two and three" in text for _, text in said(failures)] == [
        True,
        True,
    ]


def test_different_fields_of_a_domain_may_have_different_owners(declared: Declared) -> None:
    assert declared.add(urn("one"), TARGET, ["click.active"]) == []
    assert declared.add(urn("two"), TARGET, ["open.active", "unsubscribe.active"]) == []


@pytest.mark.parametrize(
    ("other", "is_another"),
    [
        (Target("brand-b", "us", "", "mg.example.com"), False),
        (Target("default", "us", "sub", "mg.example.com"), False),
        (Target("default", "eu", "", "mg.example.com"), True),
        (Target("default", "us", "", "other.example.com"), True),
    ],
)
def test_a_domain_is_the_same_by_whatever_account_it_is_reached(
    declared: Declared, other: Target, is_another: bool
) -> None:
    """It belongs to one account, so a key under another name leads to the same settings."""
    declared.add(urn("one"), TARGET, ["click.active"])
    assert (declared.add(urn("two"), other, ["click.active"]) == []) is is_another
    assert declared.kinds_kept(other, ["click"]) == ["click"]


def test_a_resource_that_is_checked_again_is_itself(declared: Declared) -> None:
    declared.add(urn("one"), TARGET, ["click.active"])
    assert declared.add(urn("one"), TARGET, ["click.active"]) == []
    assert declared.add(urn("one"), TARGET, ["open.active"]) == []
    assert declared.add(urn("two"), TARGET, ["click.active"]) == []


@pytest.mark.parametrize(("name", "managed"), [("", ["click.active"]), ("one", UNKNOWN)])
def test_what_is_not_known_declares_nothing(declared: Declared, name: str, managed: object) -> None:
    assert declared.add(urn(name) if name else "", TARGET, managed) == []
    assert declared.add(urn("two"), TARGET, ["click.active"]) == []
    assert declared.kinds_kept(TARGET, ["open"]) == []


def test_kinds_that_somebody_declares_are_kept(declared: Declared) -> None:
    declared.add(urn("one"), TARGET, ["click.active", "unsubscribe.html_footer"])
    assert declared.kinds_kept(TARGET, ["open", "click", "unsubscribe"]) == ["click"]
    elsewhere = Target("default", "eu", "", "mg.example.com")
    assert declared.kinds_kept(elsewhere, ["click"]) == []
