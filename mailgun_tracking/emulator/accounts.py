"""API keys, the accounts they belong to, and who makes a request."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .domains import Region
from .errors import InvalidSetting
from .settings import Role


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who makes a request, which decides what it can see."""

    region: Region
    account: str
    subaccount: str | None


def may_call(role: Role, method: str) -> bool:
    """Return whether keys with a role may call the endpoints for domains with a method."""
    return role in ("admin", "developer") or (role != "sending" and method == "GET")


class Accounts:
    """Maps API keys to accounts. `first_key` is the only way to read a key back."""

    def __init__(self, keys: Mapping[str, str], subaccounts: Iterable[str] = ()) -> None:
        """Store the keys.

        Args:
            keys: account names by API key; at least one.
            subaccounts: the ids of subaccounts, also of those without a domain.

        Raises:
            InvalidSetting: there is no key.
        """
        if not keys:
            raise InvalidSetting("an emulator needs at least one key")
        self._keys = dict(keys)
        self.subaccounts = frozenset(subaccounts)

    @property
    def first_key(self) -> str:
        """The first of the keys."""
        return next(iter(self._keys))

    @property
    def default(self) -> str:
        """The account of the first key, which owns domains by default."""
        return self._keys[self.first_key]

    def owner_of(self, key: str) -> str | None:
        """Return the account of a key, or None if the key is unknown."""
        return self._keys.get(key)
