"""Which domain a resource is about, and where that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.identity import (
    changed_identity,
    effective_target,
    identity_inputs,
    key_failures,
    ownership_key,
)
from mailgun_tracking._provider.process import process

DOMAIN = "mg.example.com"


def configure(**settings: str) -> None:
    """Give the process a stack's configuration."""
    names = {f"mailgun-tracking:{name}": value for name, value in settings.items()}
    process.settings = process.settings_from(names.get)


class TestEffectiveTarget:
    """What a program does not say comes from the configuration."""

    @pytest.mark.parametrize(
        ("inputs", "target"),
        [
            ({"domain": "MG.example.com."}, Target("default", "eu", "sub1", DOMAIN)),
            ({"domain": DOMAIN, "region": "US"}, Target("default", "us", "sub1", DOMAIN)),
            ({"domain": DOMAIN, "subaccount": ""}, Target("default", "eu", "", DOMAIN)),
            ({"domain": DOMAIN, "account": "b"}, Target("b", "eu", "", DOMAIN)),
            (
                {"domain": DOMAIN, "account": "b", "subaccount": "s"},
                Target("b", "eu", "s", DOMAIN),
            ),
        ],
    )
    def test_is_completed(self, inputs: dict[str, Any], target: Target) -> None:
        configure(region="eu", subaccount="sub1")
        assert effective_target(inputs, "domain") == target
        assert identity_inputs(inputs, "domain") == {
            "account": target.account,
            "region": target.region,
            "subaccount": target.subaccount,
        }

    @pytest.mark.parametrize(
        ("inputs", "known"),
        [
            ({}, {}),
            ({"domain": UNKNOWN, "region": "us", "account": None}, {"region": "us"}),
            ({"domain": DOMAIN, "region": UNKNOWN}, {"region": UNKNOWN}),
            ({"domain": DOMAIN, "account": UNKNOWN}, {"account": UNKNOWN}),
        ],
    )
    def test_is_none_while_any_part_is_unknown(
        self, inputs: dict[str, Any], known: dict[str, Any]
    ) -> None:
        """The inputs that are known stay, and no defaults are guessed."""
        assert effective_target(inputs, "domain") is None
        assert identity_inputs(inputs, "domain") == known


class TestOwnershipKey:
    """One domain has one key, however it is reached."""

    US = Target("default", "us", "", DOMAIN)
    EU = replace(US, region="eu")

    def test_account_and_subaccount_do_not_matter(self) -> None:
        other = replace(self.US, account="brand-b", subaccount="sub")
        assert ownership_key(self.US) == ownership_key(other)

    def test_domain_and_region_do(self) -> None:
        assert ownership_key(self.US) != ownership_key(self.EU)
        other = replace(self.US, domain="other.example.com")
        assert ownership_key(self.US) != ownership_key(other)

    @pytest.mark.parametrize(
        ("base_url", "same"),
        [
            pytest.param("https://gate.example.com", True, id="one address for both regions"),
            pytest.param("https://gate.example.com/{region}", False, id="an address each"),
            pytest.param("https://api.mailgun.net", False, id="an address of one region"),
        ],
    )
    def test_one_address_may_serve_both_regions(self, base_url: str, same: bool) -> None:
        configure(baseUrl=base_url)
        assert (ownership_key(self.US) == ownership_key(self.EU)) is same


class TestKeyFailures:
    """A key or base URL that cannot be used fails the check, and belongs to no property."""

    @pytest.mark.parametrize(
        ("settings", "target", "word"),
        [
            ({}, Target("default", "us", "", DOMAIN), "MAILGUN_API_KEY"),
            ({"apiKey": "k"}, Target("brand-b", "us", "", DOMAIN), "MAILGUN_API_KEY_BRAND_B"),
            (
                {"apiKey": "k", "baseUrl": "https://api.mailgun.net"},
                Target("default", "eu", "", DOMAIN),
                "base URL",
            ),
        ],
    )
    def test_are(self, settings: dict[str, str], target: Target, word: str) -> None:
        configure(**settings)
        [failure] = key_failures(target)
        assert failure.property == ""
        assert word in failure.reason

    def test_are_none_with_a_key(self) -> None:
        configure(apiKey="k")
        assert key_failures(Target("default", "us", "", DOMAIN)) == []


@pytest.mark.parametrize(
    ("olds", "news", "names"),
    [
        ({}, {}, []),
        ({"region": "eu"}, {"region": "eu"}, []),
        ({"region": "eu"}, {"region": "us"}, ["region"]),
        ({"region": "eu"}, {}, []),
        ({"subaccount": "s"}, {"subaccount": ""}, ["subaccount"]),
        ({"account": "default"}, {"account": "b"}, ["account"]),
        ({"account": "default"}, {"account": UNKNOWN}, ["account"]),
        ({}, {"domain": "MG.Example.com."}, []),
        ({}, {"domain": "other.example.com"}, ["domain"]),
        ({}, {"domain": UNKNOWN}, ["domain"]),
        ({"region": "us"}, {"domain": "other.example.com", "region": "eu"}, ["domain", "region"]),
    ],
)
def test_changed_identity(olds: dict[str, Any], news: dict[str, Any], names: list[str]) -> None:
    """Another domain or another place is a replacement; another spelling is no change."""
    olds, news = {"domain": DOMAIN, **olds}, {"domain": DOMAIN, **news}
    assert changed_identity(olds, news, "domain") == names


def test_an_invalid_region_in_the_configuration_is_an_error() -> None:
    configure(region="mars")
    with pytest.raises(errors.ConfigurationError, match="region"):
        effective_target({"domain": DOMAIN}, "domain")
