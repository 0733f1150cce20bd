"""Which resource of a program manages which field of a domain."""

from __future__ import annotations

import pytest
from pulumi.dynamic import CheckFailure

from mailgun_tracking._api.fields import Field, field_at
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.field_owners import FieldOwners

KEY = Target("", "us", "", "mg.example.com")
ELSEWHERE = [Target("", "eu", "", KEY.domain), Target("", "us", "", "other.example.com")]


def add(owners: FieldOwners, name: str, *paths: str, key: Target = KEY) -> list[CheckFailure]:
    """Register a resource of a name, or one without a URN, with the fields it manages."""
    urn = f"urn:pulumi:dev::mail::DomainTracking::{name}" if name else ""
    return owners.add(urn, key, [field_at(path) for path in paths])


@pytest.fixture
def owners() -> FieldOwners:
    """No owner yet."""
    return FieldOwners()


def test_a_field_has_one_owner(owners: FieldOwners) -> None:
    """The second one fails, with the field and both resources' names."""
    assert add(owners, "one", "click.active", "open.active") == []
    [failure] = add(owners, "two", "open.active", "web_scheme")
    assert failure.property == "open.active"
    assert "one and two" in failure.reason
    assert KEY.domain in failure.reason


def test_every_other_owner_is_named(owners: FieldOwners) -> None:
    add(owners, "one", "click.active")
    add(owners, "two", "click.active")
    failures = add(owners, "three", "click.active")
    assert [failure.property for failure in failures] == ["click.active"] * 2
    assert "one and three" in failures[0].reason
    assert "two and three" in failures[1].reason


def test_fields_of_a_domain_may_have_different_owners(owners: FieldOwners) -> None:
    assert add(owners, "one", "click.active") == []
    assert add(owners, "two", "open.active", "unsubscribe.active") == []


@pytest.mark.parametrize("key", ELSEWHERE)
def test_the_same_field_of_another_domain_is_another_field(
    owners: FieldOwners, key: Target
) -> None:
    add(owners, "one", "click.active")
    assert add(owners, "two", "click.active", key=key) == []


def test_a_resource_that_is_checked_again_replaces_what_it_said(owners: FieldOwners) -> None:
    add(owners, "one", "click.active")
    assert add(owners, "one", "click.active") == []
    assert add(owners, "one", "open.active") == []
    assert add(owners, "two", "click.active") == []


def test_a_resource_without_a_urn_owns_nothing(owners: FieldOwners) -> None:
    """Where the SDK does not show the URN, nothing is refused."""
    assert add(owners, "", "click.active") == []
    assert add(owners, "two", "click.active") == []
    assert add(owners, "", "click.active") == []


def test_owners_are_known_by_domain(owners: FieldOwners) -> None:
    assert not owners.has_owner(KEY)
    add(owners, "none")
    assert not owners.has_owner(KEY)
    add(owners, "one", "web_scheme")
    assert owners.has_owner(KEY)
    assert not any(map(owners.has_owner, ELSEWHERE))


def test_a_section_is_owned_with_its_active(owners: FieldOwners) -> None:
    """Footers and web settings alone do not keep tracking on."""
    add(owners, "one", "click.active", "unsubscribe.html_footer", "web_scheme")
    assert owners.owned_sections(KEY) == {"click"}
    add(owners, "two", "open.active")
    assert owners.owned_sections(KEY) == {"click", "open"}
    assert owners.owned_sections(ELSEWHERE[0]) == set()


def test_fields_may_come_from_an_iterator(owners: FieldOwners) -> None:
    fields: list[Field] = [field_at("click.active")]
    owners.add("urn::one", KEY, iter(fields))
    assert owners.owned_sections(KEY) == {"click"}
