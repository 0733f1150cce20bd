"""Whose key a request carries, and for whom it speaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .domains import Region
from .problems import InvalidSetting


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who asks: decides what can be seen."""

    region: Region
    account: str
    subaccount: str | None


class Accounts:
    """Which account a key belongs to. Keys leave it by no way but `first_key`."""

    def __init__(self, keys: Mapping[str, str], subaccounts: Iterable[str] = ()) -> None:
        """Take over the keys.

        Args:
            keys: the account's name by key; at least one.
            subaccounts: the ids that `X-Mailgun-On-Behalf-Of` may name.

        Raises:
            InvalidSetting: there is no key.
        """
        if not keys:
            raise InvalidSetting("an emulator needs at least one key")
        self._keys = dict(keys)
        self.subaccounts = frozenset(subaccounts)

    @property
    def first_key(self) -> str:
        """The key that was given first."""
        return next(iter(self._keys))

    @property
    def default(self) -> str:
        """The account of the first key, to which domains belong unless said otherwise."""
        return self._keys[self.first_key]

    def owner_of(self, key: str) -> str | None:
        """Give the account of a key, None if it is nobody's."""
        return self._keys.get(key)
