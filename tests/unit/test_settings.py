"""Which key, region, subaccount and address is used: configuration, then environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from mailgun_tracking.errors import ConfigurationError
from mailgun_tracking.models import Target
from mailgun_tracking.settings import Settings, refuse_plain_key

DEFAULT = Target("default", "us", "", "mg.example.com")


def settings(configuration: Mapping[str, Any] | None = None, /, **environment: str) -> Settings:
    """Settings from a configuration and an environment."""
    return Settings((configuration or {}).get, environment)


CONFIGURED = "in the stack's configuration"
IN_ENVIRONMENT = "in the environment"


class TestKey:
    """Whose key it is, and where it came from."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "key", "source"),
        [
            (
                {"mailgun-tracking:apiKey": "a", "mailgun:apiKey": "b"},
                {"MAILGUN_API_KEY": "c"},
                "a",
                f"mailgun-tracking:apiKey {CONFIGURED}",
            ),
            (
                {"mailgun:apiKey": "b"},
                {"MAILGUN_API_KEY": "c"},
                "b",
                f"mailgun:apiKey {CONFIGURED}",
            ),
            ({}, {"MAILGUN_API_KEY": "c"}, "c", f"MAILGUN_API_KEY {IN_ENVIRONMENT}"),
            (
                {"mailgun-tracking:apiKey": " ", "mailgun:apiKey": ""},
                {"MAILGUN_API_KEY": "c"},
                "c",
                f"MAILGUN_API_KEY {IN_ENVIRONMENT}",
            ),
            ({"mailgun:apiKey": " b\n"}, {}, "b", f"mailgun:apiKey {CONFIGURED}"),
            ({}, {"MAILGUN_API_KEY": "c\n"}, "c", f"MAILGUN_API_KEY {IN_ENVIRONMENT}"),
        ],
    )
    def test_of_the_default_account(
        self, configuration: dict[str, Any], environment: dict[str, str], key: str, source: str
    ) -> None:
        assert settings(configuration, **environment).api_key() == (key, source)

    @pytest.mark.parametrize("shape", [dict, json.dumps])
    def test_of_another_account(self, shape: Any) -> None:
        accounts = {"mailgun-tracking:accounts": shape({"brand-b": "b", "empty": ""})}
        environment = {"MAILGUN_API_KEY_BRAND_B": "e", "MAILGUN_API_KEY_EMPTY": "f"}
        chosen = settings(accounts, **environment)
        assert chosen.api_key("brand-b") == (
            "b",
            f"mailgun-tracking:accounts (brand-b) {CONFIGURED}",
        )
        assert chosen.api_key("empty") == ("f", f"MAILGUN_API_KEY_EMPTY {IN_ENVIRONMENT}")
        assert settings(**environment).api_key("brand-b") == (
            "e",
            f"MAILGUN_API_KEY_BRAND_B {IN_ENVIRONMENT}",
        )

    def test_of_one_account_never_stands_in_for_another(self) -> None:
        default_alone = settings({"mailgun:apiKey": "a"}, MAILGUN_API_KEY="b")
        with pytest.raises(ConfigurationError) as caught:
            default_alone.api_key("brand-b")
        assert str(caught.value) == (
            "there is no Mailgun key for the account 'brand-b'; set MAILGUN_API_KEY_BRAND_B, or "
            "run `pulumi config set --secret --path 'mailgun-tracking:accounts[\"brand-b\"]'`"
        )
        other_alone = settings({"mailgun-tracking:accounts": {"b": "x"}}, MAILGUN_API_KEY_B="y")
        with pytest.raises(ConfigurationError):
            other_alone.api_key()

    def test_of_an_account_that_is_no_name(self) -> None:
        key = f"key-{'0123456789abcdef' * 2}"
        with pytest.raises(ConfigurationError) as caught:
            settings().api_key(key)
        assert "looks like a key" in str(caught.value)
        assert key[4:] not in str(caught.value)

    def test_that_is_missing(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings(MAILGUN_API_KEY=" ").api_key()
        assert str(caught.value) == (
            "there is no Mailgun key; set MAILGUN_API_KEY, or run "
            "`pulumi config set --secret mailgun:apiKey`"
        )

    @pytest.mark.parametrize("accounts", ["not json", "[1]", '"text"', ["a"], 7])
    def test_among_accounts_that_are_no_object(self, accounts: object) -> None:
        with pytest.raises(ConfigurationError, match="it is not an object of names and keys"):
            settings({"mailgun-tracking:accounts": accounts}).api_key("brand-b")


class TestPlace:
    """Region, subaccount and address."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "region"),
        [
            ({}, {}, "us"),
            ({}, {"MAILGUN_REGION": "eu"}, "eu"),
            ({}, {"MAILGUN_REGION": " EU "}, "eu"),
            ({"mailgun-tracking:region": "eu"}, {"MAILGUN_REGION": "us"}, "eu"),
            ({"mailgun-tracking:region": "US"}, {"MAILGUN_REGION": "eu"}, "us"),
            ({"mailgun:region": "eu"}, {}, "us"),
        ],
    )
    def test_region(
        self, configuration: dict[str, Any], environment: dict[str, str], region: str
    ) -> None:
        assert settings(configuration, **environment).region() == region

    @pytest.mark.parametrize("region", ["mars", "us-east-1", "eu,us"])
    def test_region_that_is_none(self, region: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings(MAILGUN_REGION=region).region()
        assert str(caught.value) == (
            f"the region {region!r} cannot be used; "
            "set mailgun-tracking:region or MAILGUN_REGION to us or eu"
        )

    def test_subaccount_that_is_none(self) -> None:
        with pytest.raises(ConfigurationError, match="the subaccount 'a b' cannot be used"):
            settings(MAILGUN_SUBACCOUNT="a b").subaccount()

    def test_subaccount(self) -> None:
        assert settings().subaccount() == ""
        assert settings(MAILGUN_SUBACCOUNT="e").subaccount() == "e"
        both = settings({"mailgun-tracking:subaccount": "c"}, MAILGUN_SUBACCOUNT="e")
        assert both.subaccount() == "c"
        assert both.subaccount("default") == "c"
        assert both.subaccount("brand-b") == ""

    @pytest.mark.parametrize(
        ("configuration", "environment", "urls", "elsewhere"),
        [
            ({}, {}, ("https://api.mailgun.net", "https://api.eu.mailgun.net"), ("eu", "us")),
            (
                {},
                {"MAILGUN_BASE_URL": "https://proxy.example"},
                ("https://proxy.example", "https://proxy.example"),
                (None, None),
            ),
            (
                {"mailgun-tracking:baseUrl": "http://127.0.0.1:8000/{region}"},
                {"MAILGUN_BASE_URL": "https://proxy.example"},
                ("http://127.0.0.1:8000/us", "http://127.0.0.1:8000/eu"),
                ("eu", "us"),
            ),
        ],
    )
    def test_base_url_and_other_region(
        self,
        configuration: dict[str, Any],
        environment: dict[str, str],
        urls: tuple[str, str],
        elsewhere: tuple[str | None, str | None],
    ) -> None:
        chosen = settings(configuration, **environment)
        assert (chosen.base_url("us"), chosen.base_url("eu")) == urls
        assert (chosen.other_region("us"), chosen.other_region("eu")) == elsewhere

    def test_the_processs_environment_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nothing: dict[str, object] = {}
        chosen = Settings(nothing.get)
        monkeypatch.setenv("MAILGUN_API_KEY", "from-the-process")
        assert chosen.api_key()[0] == "from-the-process"


class TestConnections:
    """Connections are shared by all that may share them, and by nobody else."""

    def test_are_shared_by_account_region_and_subaccount(self) -> None:
        chosen = settings({"mailgun-tracking:accounts": {"b": "key-b"}}, MAILGUN_API_KEY="key-a")
        first = chosen.transport(DEFAULT)
        assert chosen.transport(Target("default", "us", "", "other.example.com")) is first
        others = [
            Target("b", "us", "", "mg.example.com"),
            Target("default", "eu", "", "mg.example.com"),
            Target("default", "us", "sub", "mg.example.com"),
        ]
        distinct = {id(chosen.transport(target)) for target in (DEFAULT, *others)}
        assert len(distinct) == 4

    def test_are_shared_by_settings(self) -> None:
        one, other = settings(MAILGUN_API_KEY="k"), settings({"mailgun:apiKey": "k"})
        assert one.transport(DEFAULT) is other.transport(DEFAULT)
        assert one.client(DEFAULT).transport is one.transport(DEFAULT)
        another_key = settings(MAILGUN_API_KEY="l")
        assert another_key.transport(DEFAULT) is not one.transport(DEFAULT)

    def test_do_not_lead_where_the_key_would_travel_in_clear(self) -> None:
        chosen = settings(MAILGUN_API_KEY="k", MAILGUN_BASE_URL="http://proxy.example")
        with pytest.raises(ConfigurationError, match="the key would travel in clear"):
            chosen.client(DEFAULT)


def test_no_text_reveals_a_key() -> None:
    secret = "key-0123456789"
    chosen = settings(
        {"mailgun:apiKey": secret, "mailgun-tracking:accounts": {"b": secret}},
        MAILGUN_API_KEY=secret,
    )
    client = chosen.client(DEFAULT)
    for thing in (chosen, client, client.transport):
        assert secret not in repr(thing)
        assert secret not in str(thing)
    broken = settings({"mailgun-tracking:accounts": f"[{secret}"})
    with pytest.raises(ConfigurationError) as caught:
        broken.api_key("b")
    assert secret not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


class TestPlainKey:
    """A key that stands in clear in the stack's configuration is refused."""

    @pytest.mark.parametrize(
        ("name", "argument"),
        [
            ("mailgun:apiKey", "mailgun:apiKey"),
            ("mailgun-tracking:apiKey", "mailgun-tracking:apiKey"),
            ("mailgun-tracking:accounts", "--path 'mailgun-tracking:accounts[\"NAME\"]'"),
        ],
    )
    def test_is_refused_with_the_command_that_mends_it(self, name: str, argument: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            refuse_plain_key(lambda asked: asked == name, lambda _: False)
        assert str(caught.value) == (
            f"{name} stands in clear in the stack's configuration: "
            "Pulumi would keep it in clear in the state too; "
            f"run `pulumi config set --secret {argument}`, "
            "and replace the key at Mailgun if anybody may have read it"
        )

    def test_secrets_and_nothing_are_fine(self) -> None:
        refuse_plain_key(lambda _: True, lambda _: True)
        refuse_plain_key(lambda _: False, lambda _: False)

    def test_one_secret_does_not_excuse_another_setting(self) -> None:
        with pytest.raises(ConfigurationError, match=r"^mailgun:apiKey stands in clear"):
            refuse_plain_key(lambda _: True, lambda name: name != "mailgun:apiKey")
