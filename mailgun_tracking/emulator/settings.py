"""The settings of a running emulator: its timing and what the account can do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from .problems import InvalidSetting

HostCheck = Callable[[str], bool]
CnameCheck = Literal["off", "invalid"] | HostCheck

NINETY_DAYS = 90 * 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What tests and the command line set, apart from the dials.

    Raises:
        InvalidSetting: a setting is out of its range.
    """

    latency_seconds: float = 0.0
    """How long every answer of the API is held back."""

    issuing_seconds: float = 0.0
    """How long a generation that starts from now on takes."""

    certificate_lifetime_seconds: float = NINETY_DAYS
    """How long a certificate issued from now on is valid."""

    cname_check: CnameCheck = "off"
    """`off`: every CNAME record passes. `invalid`: none does. A function: is called with the
    tracking host, may take its time, and says whether the record is right."""

    plan_has_certificates: bool = True
    """Whether the account's plan has certificates; if not, POST and PUT answer 402."""

    issuance_fails: str | None = None
    """The error that a generation started from now on ends with; None lets it succeed."""

    cname_target: str | None = None
    """What a domain says that its tracking CNAME has to point at; None is Mailgun's own."""

    cname_valid_after: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Seconds, by tracking host, from the moment this is set until its CNAME record passes."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in (
            "latency_seconds",
            "issuing_seconds",
            "certificate_lifetime_seconds",
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise InvalidSetting(f"{name} is a number of seconds, 0 or more, not {value!r}")
        if not callable(self.cname_check) and self.cname_check not in (
            "off",
            "invalid",
        ):
            raise InvalidSetting(
                f"cname_check is off, invalid or a function, not {self.cname_check!r}"
            )
        if not isinstance(self.plan_has_certificates, bool):
            raise InvalidSetting("plan_has_certificates is true or false")
        if self.issuance_fails is not None and not isinstance(self.issuance_fails, str):
            raise InvalidSetting("issuance_fails is a text or nothing")
        if self.cname_target is not None and not isinstance(self.cname_target, str):
            raise InvalidSetting("cname_target is a host's name or nothing")
        if not isinstance(self.cname_valid_after, Mapping) or not all(
            isinstance(seconds, (int, float)) for seconds in self.cname_valid_after.values()
        ):
            raise InvalidSetting("cname_valid_after holds seconds by host")

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """Give these settings with some of them changed.

        Raises:
            InvalidSetting: there is no such setting, or its value is out of range.
        """
        names = [field.name for field in dataclasses.fields(self)]
        for name in changes:
            if name not in names:
                raise InvalidSetting(f"there is no setting {name!r}; they are {', '.join(names)}")
        return dataclasses.replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """Give the settings as the control surface shows them."""
        shown: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        shown["cname_check"] = "function" if callable(self.cname_check) else self.cname_check
        shown["cname_valid_after"] = dict(self.cname_valid_after)
        return shown


class CnameRecords:
    """Says whether a tracking host's CNAME record is right, as the settings have it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with a check that passes everything.

        Args:
            clock: seconds that only ever go forward.
        """
        self._clock = clock
        self._check: CnameCheck = "off"
        self._valid_from: dict[str, float] = {}

    @property
    def may_take_time(self) -> bool:
        """Whether the check is a function, which may ask the network."""
        return callable(self._check)

    def follow(self, settings: Settings, changed: Mapping[str, Any]) -> None:
        """Take over new settings.

        Args:
            settings: all of them.
            changed: the names that were set just now; delays count from here.
        """
        self._check = settings.cname_check
        if "cname_valid_after" in changed:
            now = self._clock()
            self._valid_from = {
                host.casefold(): now + seconds
                for host, seconds in settings.cname_valid_after.items()
            }

    def is_valid(self, host: str) -> bool:
        """Say whether the record of `host` is right at this moment."""
        if self._clock() < self._valid_from.get(host.casefold(), 0.0):
            return False
        if callable(self._check):
            return self._check(host)
        return self._check == "off"
