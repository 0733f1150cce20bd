"""Ids of resources, and the target that inputs or a state name."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking._api.target import REGIONS, Target
from mailgun_tracking.errors import InvalidInput
from tests.unit.api.domains import DOMAINS

TARGETS = st.builds(
    Target,
    st.just("default"),
    st.sampled_from(REGIONS),
    st.text(string.ascii_letters + string.digits + "-", max_size=30),
    DOMAINS,
)


class TestId:
    """A target as a resource's id, and read back."""

    @pytest.mark.parametrize(
        ("target", "id_"),
        [
            (Target("default", "us", "", "mg.example.com"), "mg.example.com"),
            (Target("default", "eu", "", "mg.example.com"), "eu/mg.example.com"),
            (Target("default", "us", "sub1", "mg.example.com"), "us/sub1/mg.example.com"),
            (Target("default", "eu", "sub1", "mg.example.com"), "eu/sub1/mg.example.com"),
            (Target("brand-b", "us", "", "mg.example.com"), "mg.example.com"),
        ],
    )
    def test_of_a_target(self, target: Target, id_: str) -> None:
        assert target.id == id_
        assert Target.parse(id_, target.account) == target

    @given(TARGETS)
    def test_is_read_back_as_the_same_target(self, target: Target) -> None:
        assert Target.parse(target.id) == target

    @pytest.mark.parametrize(
        ("text", "id_"),
        [
            ("us/mg.example.com", "mg.example.com"),
            ("EU/MG.Example.com.", "eu/mg.example.com"),
            ("us//mg.example.com", "mg.example.com"),
        ],
    )
    def test_may_be_written_differently(self, text: str, id_: str) -> None:
        assert Target.parse(text).id == id_

    @pytest.mark.behaviour(84)
    @pytest.mark.parametrize(
        "text",
        [
            *("", "/", "mars/mg.example.com", "us/", "us/a/b/mg.example.com", "localhost"),
            *("us/sub1/x", "us/a\nb/mg.example.com", "us/\udcff/mg.example.com", "us/ü/mg.a.b"),
        ],
    )
    def test_is_refused_where_it_is_none(self, text: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            Target.parse(text)
        assert repr(text) not in str(caught.value)
        assert caught.value.reason
        assert "REGION/DOMAIN" in caught.value.advice


def test_of_inputs() -> None:
    inputs = {"domain": "MG.example.com.", "account": "b", "region": "eu", "subaccount": "sub"}
    target = Target.from_inputs(inputs, "domain")
    assert target == Target("b", "eu", "sub", "mg.example.com")
    assert target.with_domain("go.example.com") == Target("b", "eu", "sub", "go.example.com")


@pytest.mark.parametrize(
    ("id_", "outputs", "target"),
    [
        (
            "eu/sub/mg.example.com",
            {"domain": "mg.example.com", "account": "b", "region": "eu", "subaccount": "sub"},
            Target("b", "eu", "sub", "mg.example.com"),
        ),
        ("eu/sub/mg.example.com", {}, Target("default", "eu", "sub", "mg.example.com")),
        ("eu/mg.example.com", {"account": "b"}, Target("b", "eu", "", "mg.example.com")),
        (
            "eu/mg.example.com",
            {"domain": "MG.example.com"},
            Target("default", "eu", "", "mg.example.com"),
        ),
        pytest.param(
            "not an id",
            {"domain": "mg.example.com", "region": "eu", "subaccount": ""},
            Target("default", "eu", "", "mg.example.com"),
            id="edited",
        ),
    ],
)
def test_of_a_state(id_: str, outputs: dict[str, Any], target: Target) -> None:
    """The id says what the outputs do not, as for ``get``."""
    assert Target.from_state(id_, outputs, "domain") == target


@pytest.mark.parametrize(
    ("id_", "outputs", "words"),
    [
        ("mg.example.com", {"region": "eu"}, "both mg.example.com and eu/mg.example.com"),
        (
            "mg.example.com",
            {"domain": "two.example.com"},
            "both mg.example.com and two.example.com",
        ),
        (
            "not an id",
            {"domain": "mg.example.com", "region": "eu"},
            "the ID is not valid",
        ),
    ],
)
def test_of_a_state_that_does_not_say(id_: str, outputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Target.from_state(id_, outputs, "domain")
