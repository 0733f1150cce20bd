"""Which key, region, subaccount and address a resource uses: configuration, then environment.

=============  ======================================================  =========================
setting        stack configuration, first that is set                  environment
=============  ======================================================  =========================
key            ``mailgun-tracking:apiKey``, ``mailgun:apiKey``         ``MAILGUN_API_KEY``
key of NAME    ``mailgun-tracking:accounts`` (object), at NAME         ``MAILGUN_API_KEY_NAME``
region         ``mailgun-tracking:region``                             ``MAILGUN_REGION``
subaccount     ``mailgun-tracking:subaccount``                         ``MAILGUN_SUBACCOUNT``
base URL       ``mailgun-tracking:baseUrl``                            ``MAILGUN_BASE_URL``
=============  ======================================================  =========================

A subaccount that is configured belongs to the default account; a resource that names another
account names its subaccount too. A base URL may hold ``{region}``; without it, it serves all.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import ConfigurationError
from .models import DEFAULT_ACCOUNT, REGIONS, Target

if TYPE_CHECKING:
    from .client import MailgunClient, Transport

NAMESPACE = "mailgun-tracking"
KEY_SETTINGS = (f"{NAMESPACE}:apiKey", "mailgun:apiKey")
ACCOUNTS_SETTING = f"{NAMESPACE}:accounts"
SECRET_SETTINGS = (*KEY_SETTINGS, ACCOUNTS_SETTING)
BASE_URLS: Mapping[str, str] = {
    "us": "https://api.mailgun.net",
    "eu": "https://api.eu.mailgun.net",
}
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEY = re.compile(r"(pub)?key-[0-9a-z]{32}|[0-9a-f]{32}", re.IGNORECASE)
_SUBACCOUNT = re.compile(r"[!-.0-~]+")


def is_account_name(value: object) -> bool:
    """Whether a value names an account, and is not a key that was given for one."""
    return (
        isinstance(value, str)
        and _ACCOUNT_NAME.fullmatch(value) is not None
        and _KEY.match(value) is None
    )


def is_subaccount(value: object) -> bool:
    """Whether a value can be a subaccount's id: it travels in a header, and stands in ids."""
    return isinstance(value, str) and _SUBACCOUNT.fullmatch(value) is not None


Lookup = Callable[[str], object]
"""Reads one setting of the stack's configuration by its full name; None where it is not set."""


@dataclass(frozen=True)
class Settings:
    """The stack's configuration and the process's environment, as one source of settings.

    Args:
        configuration: reads a setting of the stack.
        environment: the environment's variables; the process's own by default.
    """

    configuration: Lookup
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def region(self) -> str:
        """The default region: ``us`` where none is set."""
        region = self._text(f"{NAMESPACE}:region", "MAILGUN_REGION").lower() or "us"
        if region not in REGIONS:
            raise ConfigurationError(
                f"the region {region!r} cannot be used",
                advice=f"set {NAMESPACE}:region or MAILGUN_REGION to us or eu",
            )
        return region

    def subaccount(self, account: str = DEFAULT_ACCOUNT) -> str:
        """The default subaccount of an account: none, but for the default account's."""
        if account != DEFAULT_ACCOUNT:
            return ""
        subaccount = self._text(f"{NAMESPACE}:subaccount", "MAILGUN_SUBACCOUNT")
        if subaccount and not is_subaccount(subaccount):
            raise ConfigurationError(
                f"the subaccount {subaccount!r} cannot be used",
                advice=f"set {NAMESPACE}:subaccount or MAILGUN_SUBACCOUNT to its id",
            )
        return subaccount

    def base_url(self, region: str) -> str:
        """Where the API of a region is.

        Raises:
            ConfigurationError: the base URL is Mailgun's own of another region, where each domain
                of this one would seem to be gone.
        """
        own = self._text(f"{NAMESPACE}:baseUrl", "MAILGUN_BASE_URL")
        for name, official in BASE_URLS.items():
            if own.rstrip("/") == official and name != region:
                raise ConfigurationError(
                    f"the base URL {own} cannot be used for region {region}",
                    f"it is that of region {name}",
                    advice=f"set the region to {name}, or leave out the base URL",
                )
        return own.replace("{region}", region) if own else BASE_URLS[region]

    def other_region(self, region: str) -> str | None:
        """The region that a domain may be in instead, or None where one address serves both."""
        other = next(name for name in REGIONS if name != region)
        own = self._text(f"{NAMESPACE}:baseUrl", "MAILGUN_BASE_URL")
        return None if own and "{region}" not in own else other

    def api_key(self, account: str = DEFAULT_ACCOUNT) -> tuple[str, str]:
        """An account's key, and where it came from.

        Raises:
            ConfigurationError: there is none; the text says how to set one.
        """
        if account == DEFAULT_ACCOUNT:
            for name in KEY_SETTINGS:
                if value := _text(self.configuration(name)):
                    return value, f"{name} in the stack's configuration"
            if value := self.environment.get("MAILGUN_API_KEY", "").strip():
                return value, "MAILGUN_API_KEY in the environment"
            raise ConfigurationError(
                "there is no Mailgun key",
                advice="set MAILGUN_API_KEY, or run `pulumi config set --secret mailgun:apiKey`",
            )
        if not is_account_name(account):
            raise ConfigurationError(
                "the account cannot be used",
                "it is no name of letters, digits, - and _, or it looks like a key",
                advice=f"name an account of {ACCOUNTS_SETTING}",
            )
        variable = f"MAILGUN_API_KEY_{account.upper().replace('-', '_')}"
        if value := self._accounts().get(account, ""):
            return value, f"{ACCOUNTS_SETTING} ({account}) in the stack's configuration"
        if value := self.environment.get(variable, "").strip():
            return value, f"{variable} in the environment"
        raise ConfigurationError(
            f"there is no Mailgun key for the account {account!r}",
            advice=f"set {variable}, or run "
            f"`pulumi config set --secret --path '{ACCOUNTS_SETTING}[\"{account}\"]'`",
        )

    def client(self, target: Target) -> MailgunClient:
        """A client for a target's account, region and subaccount, on shared connections."""
        from .client import MailgunClient

        return MailgunClient(self.transport(target))

    def transport(self, target: Target) -> Transport:
        """The connections that all calls of an account, region and subaccount share."""
        from .client import Transport

        key, _ = self.api_key(target.account)
        identity = (self.base_url(target.region), key, target.subaccount)
        with _transports_lock:
            if identity not in _transports:
                _transports[identity] = Transport(*identity)
            return _transports[identity]

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
                "it is not an object of names and keys",
                advice=f"run `pulumi config set --secret --path '{ACCOUNTS_SETTING}[\"NAME\"]'`",
            )
        return {str(name): _text(key) for name, key in accounts.items()}

    def _text(self, name: str, variable: str) -> str:
        return _text(self.configuration(name)) or self.environment.get(variable, "").strip()


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


_transports: dict[tuple[str, str, str], Transport] = {}
_transports_lock = threading.Lock()


def refuse_plain_key(is_set: Callable[[str], bool], is_secret: Callable[[str], bool]) -> None:
    """Refuse a key that stands in clear in the stack's configuration.

    Args:
        is_set: tells whether a setting is in the stack's configuration.
        is_secret: tells whether it is a secret there.

    Raises:
        ConfigurationError: with the command that mends it.
    """
    for name in SECRET_SETTINGS:
        if is_set(name) and not is_secret(name):
            path = f" --path '{name}[\"NAME\"]'" if name == ACCOUNTS_SETTING else f" {name}"
            raise ConfigurationError(
                f"{name} stands in clear in the stack's configuration",
                "Pulumi would keep it in clear in the state too",
                advice=f"run `pulumi config set --secret{path}`, and replace the key at Mailgun "
                "if anybody may have read it",
            )
