"""The settings of a running emulator: its timing, and what DNS and the account look like."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from .errors import InvalidSetting, check_seconds, reject_unknown

Role = Literal["admin", "developer", "basic", "analyst", "support", "sending"]
HostCheck = Callable[[str], bool]
CnameCheck = Literal["off", "invalid"] | HostCheck

NINETY_DAYS = 90 * 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """What tests and the command line can set, apart from the dials.

    Raises:
        InvalidSetting: a setting has an invalid value.
    """

    latency_seconds: float = 0.0
    """How long each response of the API is delayed."""

    issuing_seconds: float = 0.0
    """How long it takes to issue a certificate; a change applies to issuance started later."""

    certificate_lifetime_seconds: float = NINETY_DAYS
    """How long a certificate is valid; a change applies to issuance started later."""

    cname_check: CnameCheck = "off"
    """``off``: every CNAME record is valid. ``invalid``: none is. A function: it is called with the
    tracking host, may block, and returns whether the record is valid."""

    plan_has_certificates: bool = True
    """Whether the account's plan includes certificates; if not, POST and PUT return 402."""

    issuance_fails: str | None = None
    """The error with which issuance fails; None lets it succeed. A change applies to issuance
    started later."""

    cname_target: str | None = None
    """The host that tracking CNAMEs must point to, as shown by domains; None means Mailgun's."""

    cname_valid_after: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """By tracking host, how many seconds after this is set its CNAME record becomes valid."""

    requests_per_minute: int | None = None
    """How many requests each account may make in a window; more get a 429. None means any number.
    A change applies to the current window too."""

    rate_window_seconds: float = 60.0
    """How long a window of the rate limit is; a change applies to windows started later."""

    roles: Mapping[str, Role] = dataclasses.field(default_factory=dict)
    """By account, the role of its keys, ``admin`` where none is given. Basic, Analyst and Support
    keys can only read domains, and a domain sending key can only send mail."""

    def __post_init__(self) -> None:
        """Validate the settings."""
        limit = self.requests_per_minute
        if limit is not None and (
            isinstance(limit, bool) or not isinstance(limit, int) or limit < 1
        ):
            raise InvalidSetting(
                f"requests_per_minute must be an integer of at least 1, or null, not {limit!r}"
            )
        if not isinstance(self.roles, Mapping) or not all(
            role in get_args(Role) for role in self.roles.values()
        ):
            raise InvalidSetting(
                f"roles must be {', '.join(get_args(Role))} by account, not {self.roles!r}"
            )
        for name in (
            "latency_seconds",
            "issuing_seconds",
            "certificate_lifetime_seconds",
            "rate_window_seconds",
        ):
            check_seconds(name, getattr(self, name))
        if not callable(self.cname_check) and self.cname_check not in ("off", "invalid"):
            raise InvalidSetting(
                f"cname_check must be off, invalid or a function, not {self.cname_check!r}"
            )
        if not isinstance(self.plan_has_certificates, bool):
            raise InvalidSetting(
                f"plan_has_certificates must be true or false, not {self.plan_has_certificates!r}"
            )
        for name in ("issuance_fails", "cname_target"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InvalidSetting(f"{name} must be a string or null, not {value!r}")
        if not isinstance(self.cname_valid_after, Mapping) or not all(
            isinstance(host, str) for host in self.cname_valid_after
        ):
            raise InvalidSetting(
                f"cname_valid_after must be seconds by host, not {self.cname_valid_after!r}"
            )
        for host, seconds in self.cname_valid_after.items():
            check_seconds(f"cname_valid_after of {host}", seconds)

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """Return a copy with some settings changed.

        Raises:
            InvalidSetting: there is no such setting, or its value is invalid.
        """
        reject_unknown("setting", changes, [field.name for field in dataclasses.fields(self)])
        return dataclasses.replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """Return the settings as the control API shows them."""
        shown: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        shown["cname_check"] = "function" if callable(self.cname_check) else self.cname_check
        shown["cname_valid_after"] = dict(self.cname_valid_after)
        shown["roles"] = dict(self.roles)
        return shown
