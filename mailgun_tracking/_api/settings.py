"""Which key, region, subaccount and base URL are used: configuration first, then environment.

============  ==================================================  ===============================
setting       stack configuration, the first one set              environment
============  ==================================================  ===============================
key           ``mailgun-tracking:apiKey``, ``mailgun:apiKey``     ``MAILGUN_API_KEY``
key of NAME   ``mailgun-tracking:accounts`` (object), at NAME     ``MAILGUN_API_KEY_NAME``
region        ``mailgun-tracking:region``                         ``MAILGUN_REGION``
subaccount    ``mailgun-tracking:subaccount``                     ``MAILGUN_SUBACCOUNT``
base URL      ``mailgun-tracking:baseUrl``                        ``MAILGUN_BASE_URL``
budget        ``mailgun-tracking:requestsPerMinute``              ``MAILGUN_REQUESTS_PER_MINUTE``
name server   ``mailgun-tracking:nameserver``                     ``MAILGUN_TRACKING_NAMESERVER``
shared limit  none: it belongs to a machine                       ``MAILGUN_TRACKING_SHARED_LIMIT``
============  ==================================================  ===============================

A configured subaccount belongs to the default account; a resource that names another account
names its subaccount too. A base URL may contain ``{region}``; without it, it serves every region.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .base_url import BASE_URLS, check_base_url, is_host_or_address, region_of
from .moments import SHARED_LIMIT
from .rate_limit import RateLimit
from .resolving import NameServer
from .setting_names import NAMESPACE, SettingNames
from .target import DEFAULT_ACCOUNT, REGIONS, Target, is_subaccount

if TYPE_CHECKING:
    from .client import MailgunClient
    from .transport import Transport

KEY_SETTINGS = (f"{NAMESPACE}:apiKey", "mailgun:apiKey")
ACCOUNTS_SETTING = f"{NAMESPACE}:accounts"
SECRET_SETTINGS = (*KEY_SETTINGS, ACCOUNTS_SETTING)
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEY = re.compile(r"(pub)?key-[0-9a-z]{16}|[0-9a-f]{24}", re.IGNORECASE)
"""The start of a key, also of one that was not copied whole."""
_BUDGET = re.compile(r"[1-9][0-9]{0,4}")


def is_account_name(value: object) -> bool:
    """Whether a value is an account's name, and not a key given in its place."""
    return (
        isinstance(value, str)
        and _ACCOUNT_NAME.fullmatch(value) is not None
        and _KEY.match(value) is None
    )


Lookup = Callable[[str], object]
"""Reads a setting of the stack's configuration by its full name; None where it is not set."""


def no_stack(_name: str) -> None:
    """The `Lookup` of a command that has no stack: only the environment counts."""


class Connections:
    """The transports in use: one for each base URL, key and subaccount; and their rate limits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._transports: dict[tuple[str, str, str, RateLimit], Transport] = {}
        self._rate_limits: dict[tuple[str, int | None, Path | None], RateLimit] = {}
        self._writing: dict[tuple[str, str], threading.Lock] = {}

    def rate_limit(self, api_key: str, per_minute: int | None, file: Path | None) -> RateLimit:
        """The rate limit that all transports with a key share; see `RateLimit`."""
        identity = (api_key, per_minute, file)
        with self._lock:
            if identity not in self._rate_limits:
                self._rate_limits[identity] = RateLimit(per_minute, file)
            return self._rate_limits[identity]

    def transport(
        self, base_url: str, api_key: str, subaccount: str, rate_limit: RateLimit
    ) -> Transport:
        """The transport for a base URL, key, subaccount and rate limit."""
        # requests takes 26 ms to import: only for commands that call Mailgun.
        from .transport import Transport

        identity = (base_url, api_key, subaccount, rate_limit)
        with self._lock:
            if identity not in self._transports:
                self._transports[identity] = Transport(
                    base_url, api_key, subaccount, rate_limit=rate_limit
                )
            return self._transports[identity]

    def writing(self, base_url: str, domain: str) -> threading.Lock:
        """The lock for writes to a domain, whichever key or subaccount they use."""
        with self._lock:
            return self._writing.setdefault((base_url, domain), threading.Lock())

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()
            self._rate_limits.clear()


@dataclass(frozen=True)
class Settings:
    """Settings from the stack's configuration and the process's environment.

    Args:
        configuration: reads a setting of the stack; by default there is none.
        environment: the environment variables; the process's own by default.
        connections: the transports to share; by default none are shared.
    """

    configuration: Lookup = no_stack
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    connections: Connections = field(default_factory=Connections, repr=False)

    def region(self) -> str:
        """The default region: ``us`` where none is set."""
        region = self._text(f"{NAMESPACE}:region", "MAILGUN_REGION").lower() or "us"
        if region not in REGIONS:
            raise ConfigurationError(
                "the configured region cannot be used",
                advice=f"set {self._names.of('region', 'MAILGUN_REGION')} to us or eu",
            )
        return region

    def subaccount(self, account: str = DEFAULT_ACCOUNT) -> str:
        """The default subaccount of an account; only the default account has one."""
        if account != DEFAULT_ACCOUNT:
            return ""
        subaccount = self._text(f"{NAMESPACE}:subaccount", "MAILGUN_SUBACCOUNT")
        if subaccount and not is_subaccount(subaccount):
            raise ConfigurationError(
                "the configured subaccount cannot be used",
                advice=f"set {self._names.of('subaccount', 'MAILGUN_SUBACCOUNT')} to its ID",
            )
        return subaccount

    def base_url(self, region: str) -> str:
        """The base URL for a region.

        Raises:
            ConfigurationError: the configured base URL cannot be used, or is Mailgun's own for
                another region, where every domain of this one would seem to be gone.
        """
        own = self._text(f"{NAMESPACE}:baseUrl", "MAILGUN_BASE_URL")
        if not own:
            return BASE_URLS[region]
        name = region_of(own)
        if name == region:
            # Whatever follows: for years the documented base URL ended with a version.
            return BASE_URLS[region]
        if name is not None:
            raise ConfigurationError(
                f"the base URL cannot be used for region {region}",
                f"it belongs to region {name}",
                advice=f"set the region to {name}, or unset the base URL",
            )
        return check_base_url(own.replace("{region}", region), self._names)

    def name_server(self) -> NameServer | None:
        """The name server to look up hosts with; None for the machine's own.

        Raises:
            ConfigurationError: it is not ``HOST`` or ``HOST:PORT``.
        """
        own = self._text(f"{NAMESPACE}:nameserver", "MAILGUN_TRACKING_NAMESERVER")
        if not own:
            return None
        try:
            parts = urlsplit(f"//{own}")
            host, port = parts.hostname or "", parts.port
            is_valid = is_host_or_address(host) and parts.netloc == own and "@" not in own
        except ValueError:
            is_valid = False
        if not is_valid:
            raise ConfigurationError(
                "the configured name server cannot be used",
                advice=f"set {self._names.of('nameserver', 'MAILGUN_TRACKING_NAMESERVER')} to HOST "
                "or HOST:PORT, such as 192.0.2.53 or [2001:db8::53]:53",
            )
        return NameServer(host, port or 53)

    def other_region(self, region: str) -> str | None:
        """The region a domain may be in instead, or None where one base URL serves both."""
        other = next(name for name in REGIONS if name != region)
        own = self._text(f"{NAMESPACE}:baseUrl", "MAILGUN_BASE_URL")
        return None if own and "{region}" not in own else other

    def requests_per_minute(self) -> int | None:
        """How many requests to make in any minute with each key; None leaves that to Mailgun."""
        text = self._text(f"{NAMESPACE}:requestsPerMinute", "MAILGUN_REQUESTS_PER_MINUTE")
        if not text:
            return None
        if not _BUDGET.fullmatch(text):
            raise ConfigurationError(
                "the configured requests per minute cannot be used",
                advice=f"set {self._names.budget} to a whole number from 1 to 99999",
            )
        return int(text)

    def rate_limit(self, account: str = DEFAULT_ACCOUNT) -> RateLimit:
        """An account's rate limit: of this process, or of all on this machine.

        Raises:
            ConfigurationError: the budget, the directory to share it in, or the key is no use.
        """
        key, _ = self.api_key(account)
        directory = self.environment.get(SHARED_LIMIT, "").strip()
        # By the account's name: nothing that is derived from a key is written anywhere.
        file = Path(directory, f"{account}.json") if directory else None
        return self.connections.rate_limit(key, self.requests_per_minute(), file)

    def api_key(self, account: str = DEFAULT_ACCOUNT) -> tuple[str, str]:
        """An account's key, and where it comes from.

        Raises:
            ConfigurationError: none is configured, or it cannot be one; the message says what to
                do.
        """
        key, source = self._find_key(account)
        if not key.isprintable():
            raise ConfigurationError(
                "the API key cannot be used",
                "it has line ends, control characters, or bytes that are not UTF-8 in it",
                advice=f"correct {source}",
            )
        return key, source

    def _find_key(self, account: str) -> tuple[str, str]:
        if account == DEFAULT_ACCOUNT:
            for name in KEY_SETTINGS:
                if value := _text(self.configuration(name)):
                    return value, f"{name} in the stack's configuration"
            if value := self.environment.get("MAILGUN_API_KEY", "").strip():
                return value, "MAILGUN_API_KEY in the environment"
            raise ConfigurationError(
                "no Mailgun API key is configured",
                advice=self._set_key("MAILGUN_API_KEY", "mailgun:apiKey"),
            )
        if not is_account_name(account):
            raise ConfigurationError(
                "the account cannot be used",
                "its name may only contain letters, digits, - and _, and must not be an API key",
                advice="use the NAME of a variable MAILGUN_API_KEY_NAME"
                if self.configuration is no_stack
                else f"use the name of an account in {ACCOUNTS_SETTING}",
            )
        variable = f"MAILGUN_API_KEY_{account.upper().replace('-', '_')}"
        if value := self._accounts().get(account, ""):
            return value, f"{ACCOUNTS_SETTING} ({account}) in the stack's configuration"
        if value := self.environment.get(variable, "").strip():
            return value, f"{variable} in the environment"
        raise ConfigurationError(
            f"no Mailgun API key is configured for the account {account!r}",
            advice=self._set_key(variable, f"--path '{ACCOUNTS_SETTING}[\"{account}\"]'"),
        )

    def client(self, target: Target) -> MailgunClient:
        """A client for a target's account, region and subaccount."""
        from .client import MailgunClient  # imports requests, as above

        key, _ = self.api_key(target.account)
        base_url = self.base_url(target.region)
        limit = self.rate_limit(target.account)
        return MailgunClient(
            self.connections.transport(base_url, key, target.subaccount, limit),
            writing=functools.partial(self.connections.writing, base_url),
            names=self._names,
        )

    def _accounts(self) -> Mapping[str, str]:
        value = self.configuration(ACCOUNTS_SETTING)
        if not value:
            return {}
        try:
            accounts = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            accounts = None
        if not isinstance(accounts, Mapping):
            raise ConfigurationError(
                f"{ACCOUNTS_SETTING} cannot be used",
                "it must be an object that maps account names to API keys",
                advice=f"run `pulumi config set --secret --path '{ACCOUNTS_SETTING}[\"NAME\"]'`",
            )
        return {str(name): _text(key) for name, key in accounts.items()}

    @property
    def _names(self) -> SettingNames:
        return SettingNames(has_stack=self.configuration is not no_stack)

    def _set_key(self, variable: str, path: str) -> str:
        """How to configure a key."""
        if self.configuration is no_stack:
            return f"set {variable}"
        return f"set {variable}, or run `pulumi config set --secret {path}`"

    def _text(self, name: str, variable: str) -> str:
        return _text(self.configuration(name)) or self.environment.get(variable, "").strip()


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def refuse_plain_text_key(is_set: Callable[[str], bool], is_secret: Callable[[str], bool]) -> None:
    """Refuse a key that is stored in plain text in the stack's configuration.

    Args:
        is_set: whether a setting is in the stack's configuration.
        is_secret: whether it is a secret there.

    Raises:
        ConfigurationError: with the command that fixes it.
    """
    for name in SECRET_SETTINGS:
        if is_set(name) and not is_secret(name):
            path = f" --path '{name}[\"NAME\"]'" if name == ACCOUNTS_SETTING else f" {name}"
            raise ConfigurationError(
                f"{name} is stored in plain text in the stack configuration",
                "Pulumi would store it in plain text in the state too",
                advice=f"run `pulumi config set --secret{path}`, and rotate the key "
                "if it may have leaked",
            )
