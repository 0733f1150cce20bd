"""Which key, region, subaccount and base URL are used: configuration, then environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest

from mailgun_tracking._api.base_url import BASE_URLS
from mailgun_tracking._api.resolving import NameServer
from mailgun_tracking._api.settings import (
    SECRET_SETTINGS,
    Connections,
    Settings,
    is_account_name,
    refuse_plain_text_key,
)
from mailgun_tracking._api.target import Target, is_subaccount
from mailgun_tracking.errors import ConfigurationError
from tests.unit.api.calls import KEY

DEFAULT = Target("default", "us", "", "mg.example.com")


def settings(configuration: Mapping[str, Any] | None = None, /, **environment: str) -> Settings:
    """Settings from a configuration and an environment."""
    return Settings((configuration or {}).get, environment)


class TestKey:
    """Which key is used, and where it comes from."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "key", "source"),
        [
            (
                {"mailgun-tracking:apiKey": "a", "mailgun:apiKey": "b"},
                {"MAILGUN_API_KEY": "c"},
                "a",
                "mailgun-tracking:apiKey",
            ),
            ({"mailgun:apiKey": "b"}, {"MAILGUN_API_KEY": "c"}, "b", "mailgun:apiKey"),
            ({}, {"MAILGUN_API_KEY": "c"}, "c", "MAILGUN_API_KEY"),
            (
                {"mailgun-tracking:apiKey": " ", "mailgun:apiKey": ""},
                {"MAILGUN_API_KEY": "c"},
                "c",
                "MAILGUN_API_KEY",
            ),
            ({"mailgun:apiKey": " b\n"}, {}, "b", "mailgun:apiKey"),
            ({}, {"MAILGUN_API_KEY": "c\n"}, "c", "MAILGUN_API_KEY"),
        ],
    )
    def test_of_the_default_account(
        self, configuration: dict[str, Any], environment: dict[str, str], key: str, source: str
    ) -> None:
        found, place = settings(configuration, **environment).api_key()
        assert found == key
        assert place.split()[0] == source

    @pytest.mark.parametrize("store", [dict, json.dumps])
    @pytest.mark.parametrize(
        ("account", "key", "source"),
        [
            ("brand-b", "b", "mailgun-tracking:accounts (brand-b)"),
            ("empty", "f", "MAILGUN_API_KEY_EMPTY"),
            ("absent", "g", "MAILGUN_API_KEY_ABSENT"),
        ],
    )
    def test_of_another_account(
        self, account: str, key: str, source: str, store: Callable[[object], object]
    ) -> None:
        accounts = {"mailgun-tracking:accounts": store({"brand-b": "b", "empty": ""})}
        environment = {
            "MAILGUN_API_KEY_BRAND_B": "e",
            "MAILGUN_API_KEY_EMPTY": "f",
            "MAILGUN_API_KEY_ABSENT": "g",
        }
        found, place = settings(accounts, **environment).api_key(account)
        assert found == key
        assert place.startswith(source)

    @pytest.mark.parametrize(
        ("account", "configuration", "environment", "words"),
        [
            (
                "brand-b",
                {"mailgun:apiKey": "a"},
                {"MAILGUN_API_KEY": "b"},
                ["MAILGUN_API_KEY_BRAND_B", 'mailgun-tracking:accounts["brand-b"]'],
            ),
            (
                "default",
                {"mailgun-tracking:accounts": {"b": "x"}},
                {"MAILGUN_API_KEY_B": "y", "MAILGUN_API_KEY": " "},
                ["MAILGUN_API_KEY", "mailgun:apiKey"],
            ),
        ],
    )
    def test_of_one_account_is_never_used_for_another(
        self,
        account: str,
        configuration: dict[str, Any],
        environment: dict[str, str],
        words: list[str],
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            settings(configuration, **environment).api_key(account)
        for word in words:
            assert word in caught.value.advice

    def test_is_no_account_name(self) -> None:
        with pytest.raises(ConfigurationError, match="must not be an API key") as caught:
            settings().api_key(KEY)
        assert KEY[4:] not in str(caught.value)

    @pytest.mark.parametrize("accounts", ["not json", "[1]", '"text"', ["a"], 7])
    def test_accounts_must_be_an_object(self, accounts: object) -> None:
        with pytest.raises(ConfigurationError, match="must be an object"):
            settings({"mailgun-tracking:accounts": accounts}).api_key("brand-b")

    def test_the_environment_of_the_process_is_the_default(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chosen = Settings()
        monkeypatch.setenv("MAILGUN_API_KEY", "from-the-process")
        assert chosen.api_key()[0] == "from-the-process"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("brand-b", True),
        ("B_2", True),
        ("7", True),
        ("", False),
        ("-b", False),
        ("a b", False),
        ("a/b", False),
        (None, False),
        (KEY, False),
        (f"pub{KEY}", False),
        ("0123456789abcdef" * 2, False),
    ],
)
def test_account_names(name: object, is_one: bool) -> None:
    assert is_account_name(name) is is_one


@pytest.mark.parametrize(
    ("subaccount", "is_one"),
    [
        ("646d00a1b32c35364a2ad34f", True),
        ("a-b_c:d", True),
        ("", False),
        ("a b", False),
        ("a/b", False),
        ("a\r\nX: y", False),
        ("é", False),
        (7, False),
    ],
)
def test_subaccounts(subaccount: object, is_one: bool) -> None:
    assert is_subaccount(subaccount) is is_one


class TestRegion:
    """The default region."""

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
    def test_is(
        self, configuration: dict[str, Any], environment: dict[str, str], region: str
    ) -> None:
        assert settings(configuration, **environment).region() == region

    @pytest.mark.parametrize("region", ["mars", "us-east-1", "eu,us"])
    def test_must_be_one_of_mailguns(self, region: str) -> None:
        with pytest.raises(ConfigurationError, match="region") as caught:
            settings(MAILGUN_REGION=region).region()
        assert "MAILGUN_REGION" in caught.value.advice
        assert region not in str(caught.value)


class TestSubaccount:
    """The default subaccount."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "account", "subaccount"),
        [
            ({}, {}, "default", ""),
            ({}, {"MAILGUN_SUBACCOUNT": "e"}, "default", "e"),
            ({"mailgun-tracking:subaccount": "c"}, {"MAILGUN_SUBACCOUNT": "e"}, "default", "c"),
            ({"mailgun-tracking:subaccount": "c"}, {}, "brand-b", ""),
        ],
    )
    def test_is(
        self,
        configuration: dict[str, Any],
        environment: dict[str, str],
        account: str,
        subaccount: str,
    ) -> None:
        assert settings(configuration, **environment).subaccount(account) == subaccount

    def test_must_be_an_id(self) -> None:
        with pytest.raises(ConfigurationError, match="subaccount") as caught:
            settings(MAILGUN_SUBACCOUNT="a b").subaccount()
        assert "MAILGUN_SUBACCOUNT" in caught.value.advice


class TestRequestsPerMinute:
    """A budget of one's own."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "budget"),
        [
            ({}, {}, None),
            ({}, {"MAILGUN_REQUESTS_PER_MINUTE": " 60 "}, 60),
            (
                {"mailgun-tracking:requestsPerMinute": "250"},
                {"MAILGUN_REQUESTS_PER_MINUTE": "60"},
                250,
            ),
        ],
    )
    def test_is(
        self, configuration: dict[str, Any], environment: dict[str, str], budget: int | None
    ) -> None:
        assert settings(configuration, **environment).requests_per_minute() == budget

    @pytest.mark.parametrize("budget", ["0", "-1", "1.5", "many", "1e3", "²", "9" * 5000])
    def test_must_be_a_whole_number(self, budget: str) -> None:
        with pytest.raises(ConfigurationError, match="requests per minute") as caught:
            settings(MAILGUN_REQUESTS_PER_MINUTE=budget).requests_per_minute()
        assert "mailgun-tracking:requestsPerMinute" in caught.value.advice

    @pytest.mark.behaviour(54)
    def test_is_for_each_key(self) -> None:
        """Whatever region or subaccount the calls are for."""
        chosen = settings(
            {"mailgun-tracking:accounts": {"b": "key-b"}},
            MAILGUN_API_KEY="key-a",
            MAILGUN_REQUESTS_PER_MINUTE="7",
        )
        with closing(chosen.connections):
            mine = chosen.client(DEFAULT).transport.rate_limit
            assert mine.per_minute == 7
            for region, subaccount in (("us", ""), ("eu", ""), ("us", "sub")):
                there = Target("default", region, subaccount, "two.example.com")
                assert chosen.client(there).transport.rate_limit is mine
            theirs = chosen.client(Target("b", "us", "", "mg.example.com")).transport.rate_limit
            assert theirs is not mine


class TestBaseUrl:
    """The base URL of each region, and where else a domain may be."""

    @pytest.mark.parametrize(
        ("configuration", "environment", "urls", "other_regions"),
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
    def test_is(
        self,
        configuration: dict[str, Any],
        environment: dict[str, str],
        urls: tuple[str, str],
        other_regions: tuple[str | None, str | None],
    ) -> None:
        chosen = settings(configuration, **environment)
        assert (chosen.base_url("us"), chosen.base_url("eu")) == urls
        assert (chosen.other_region("us"), chosen.other_region("eu")) == other_regions

    @pytest.mark.behaviour(43)
    @pytest.mark.parametrize(
        ("url", "region", "other"),
        [
            ("https://api.mailgun.net", "us", "eu"),
            ("https://api.eu.mailgun.net/", "eu", "us"),
            ("https://API.eu.Mailgun.net:443", "eu", "us"),
            ("https://api.eu.mailgun.net/v3", "eu", "us"),
            ("https://api.mailgun.net/v3/", "us", "eu"),
        ],
    )
    def test_of_mailgun_serves_one_region(self, url: str, region: str, other: str) -> None:
        """However it is written; for years the documented one ended with a version."""
        chosen = settings(MAILGUN_BASE_URL=url)
        assert chosen.base_url(region) == BASE_URLS[region]
        with pytest.raises(ConfigurationError, match=f"belongs to region {region}"):
            chosen.base_url(other)

    def test_of_another_server_stays_as_it_is(self) -> None:
        url = "https://gateway.example.com/v3"
        assert settings(MAILGUN_BASE_URL=url).base_url("eu") == url

    def test_is_checked_before_it_is_used(self) -> None:
        with pytest.raises(ConfigurationError, match="not a valid URL"):
            settings(MAILGUN_BASE_URL="https://[broken").base_url("eu")


class TestNameServer:
    """Whom to ask where a host leads."""

    def test_is_the_machines_own_by_default(self) -> None:
        assert settings().name_server() is None

    @pytest.mark.parametrize(
        ("text", "server"),
        [
            ("192.0.2.53", NameServer("192.0.2.53", 53)),
            ("127.0.0.1:5353", NameServer("127.0.0.1", 5353)),
            ("[2001:db8::53]", NameServer("2001:db8::53", 53)),
            ("[::1]:5353", NameServer("::1", 5353)),
            ("dns.example.com:53", NameServer("dns.example.com", 53)),
        ],
    )
    def test_is_a_host_with_or_without_a_port(self, text: str, server: NameServer) -> None:
        assert settings(MAILGUN_TRACKING_NAMESERVER=text).name_server() == server
        configured = settings(
            {"mailgun-tracking:nameserver": text}, MAILGUN_TRACKING_NAMESERVER="x"
        )
        assert configured.name_server() == server

    @pytest.mark.parametrize(
        "text",
        [
            "https://dns.example",
            "192.0.2.53:dns",
            "::1",
            "a b",
            "me@192.0.2.53",
            "x:99999",
            f"{'a' * 64}.dns",
        ],
    )
    def test_anything_else_cannot_be_used(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match="name server") as caught:
            settings(MAILGUN_TRACKING_NAMESERVER=text).name_server()
        assert "HOST:PORT" in caught.value.advice


class TestConnections:
    """They are shared for one base URL, key and subaccount, and by nothing else."""

    @pytest.mark.parametrize(
        ("target", "is_shared"),
        [
            (Target("default", "us", "", "other.example.com"), True),
            (Target("b", "us", "", "mg.example.com"), False),
            (Target("default", "eu", "", "mg.example.com"), False),
            (Target("default", "us", "sub", "mg.example.com"), False),
        ],
    )
    def test_of_targets(self, target: Target, is_shared: bool) -> None:
        chosen = settings({"mailgun-tracking:accounts": {"b": "key-b"}}, MAILGUN_API_KEY="key-a")
        with closing(chosen.connections):
            first = chosen.client(DEFAULT).transport
            assert (chosen.client(target).transport is first) is is_shared

    @pytest.mark.parametrize(("key", "is_shared"), [("k", True), ("l", False)])
    def test_of_settings(self, key: str, is_shared: bool) -> None:
        with closing(Connections()) as connections:
            one, other = (
                Settings(environment={"MAILGUN_API_KEY": each}, connections=connections)
                for each in ("k", key)
            )
            shared = other.client(DEFAULT).transport is one.client(DEFAULT).transport
            assert shared is is_shared

    def test_a_domain_is_written_by_one_at_a_time(self) -> None:
        """Whichever key and subaccount it is reached with; other domains are not held up."""
        chosen = settings({"mailgun-tracking:accounts": {"b": "key-b"}}, MAILGUN_API_KEY="key-a")
        with closing(chosen.connections):
            default, other_key, subaccount, elsewhere = (
                chosen.client(target).writing
                for target in (
                    DEFAULT,
                    Target("b", "us", "", "mg.example.com"),
                    Target("default", "us", "sub", "mg.example.com"),
                    Target("default", "eu", "", "mg.example.com"),
                )
            )
            lock = default("mg.example.com")
            assert lock is other_key("mg.example.com") is subaccount("mg.example.com")
            assert lock is not elsewhere("mg.example.com")
            assert lock is not default("two.example.com")

    def test_are_made_anew_after_they_were_closed(self) -> None:
        chosen = settings(MAILGUN_API_KEY="k")
        first = chosen.client(DEFAULT).transport
        chosen.connections.close()
        with closing(chosen.connections):
            assert chosen.client(DEFAULT).transport is not first

    def test_are_never_unencrypted(self) -> None:
        chosen = settings(MAILGUN_API_KEY="k", MAILGUN_BASE_URL="http://proxy.example")
        with pytest.raises(ConfigurationError, match="unencrypted"):
            chosen.client(DEFAULT)


def test_no_text_shows_a_key() -> None:
    chosen = settings(
        {"mailgun:apiKey": KEY, "mailgun-tracking:accounts": {"b": KEY}}, MAILGUN_API_KEY=KEY
    )
    with closing(chosen.connections):
        client = chosen.client(DEFAULT)
        for thing in (chosen, client, client.transport):
            assert KEY not in repr(thing)
            assert KEY not in str(thing)
    broken = settings({"mailgun-tracking:accounts": f"[{KEY}"})
    with pytest.raises(ConfigurationError) as caught:
        broken.api_key("b")
    assert KEY not in str(caught.value) + repr(caught.value)
    assert caught.value.__context__ is None


class TestPlainTextKey:
    """A key in plain text in the stack's configuration is refused."""

    @pytest.mark.parametrize(
        ("name", "argument"),
        [
            ("mailgun:apiKey", "mailgun:apiKey"),
            ("mailgun-tracking:apiKey", "mailgun-tracking:apiKey"),
            ("mailgun-tracking:accounts", "--path 'mailgun-tracking:accounts[\"NAME\"]'"),
        ],
    )
    def test_is_refused_with_the_command_that_fixes_it(self, name: str, argument: str) -> None:
        with pytest.raises(ConfigurationError, match="plain text") as caught:
            refuse_plain_text_key(lambda one: one == name, lambda _: False)
        assert caught.value.what.startswith(name)
        assert f"`pulumi config set --secret {argument}`" in caught.value.advice

    @pytest.mark.parametrize("is_set", [True, False])
    def test_a_secret_is_accepted(self, is_set: bool) -> None:
        refuse_plain_text_key(lambda _: is_set, lambda _: is_set)

    @pytest.mark.parametrize("name", SECRET_SETTINGS)
    def test_one_secret_does_not_excuse_another_setting(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match=f"^{name} "):
            refuse_plain_text_key(lambda _: True, lambda one: one != name)


@pytest.mark.behaviour(84)
@pytest.mark.parametrize("key", ["key-\udcff", "one\ntwo", "key-\x1b[31m", "key-\x00"])
@pytest.mark.parametrize("account", ["default", "brand-b"])
def test_a_key_that_cannot_be_one_is_refused(key: str, account: str) -> None:
    """With where it is from, and without the key."""
    names = {"default": "MAILGUN_API_KEY", "brand-b": "MAILGUN_API_KEY_BRAND_B"}
    settings = Settings(environment={names[account]: key})
    with pytest.raises(ConfigurationError, match="the API key cannot be used") as caught:
        settings.api_key(account)
    assert caught.value.advice == f"correct {names[account]} in the environment"
    assert key not in str(caught.value)
