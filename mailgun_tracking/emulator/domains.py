"""Domains: what the emulator stores for each one, and which values its settings accept."""

from __future__ import annotations

import copy
import dataclasses
import functools
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from .certificates import Certificate, CertificateSnapshot
from .errors import InvalidSetting

Region = Literal["us", "eu"]
REGIONS: tuple[Region, ...] = ("us", "eu")
CNAME_VALUES: dict[Region, str] = {"us": "mailgun.org", "eu": "eu.mailgun.org"}

DEFAULT_WEB_PREFIX = "email"
DEFAULT_HTML_FOOTER = '<br>\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>\n'
DEFAULT_TEXT_FOOTER = "To unsubscribe click: <%unsubscribe_url%>\n\n"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}

MAX_INTEGER = 2**31 - 1


def parse_region(text: str) -> Region:
    """Return the region of that name.

    Raises:
        InvalidSetting: there is no such region.
    """
    for region in REGIONS:
        if text == region:
            return region
    raise InvalidSetting(f"region must be us or eu, not {text!r}")


def is_dns_label(text: str) -> bool:
    """Return whether `text` is a single DNS label."""
    return _LABEL.fullmatch(text) is not None


def is_domain_name(text: str) -> bool:
    """Return whether `text` is a domain name with at least two labels."""
    labels = text.split(".")
    return len(text) <= 253 and len(labels) >= 2 and all(is_dns_label(label) for label in labels)


def parse_boolean(text: str) -> bool:
    """Parse true or false as documented, or yes or no as Mailgun's own clients send them.

    Raises:
        ValueError: it is none of these.
    """
    try:
        return _BOOLEANS[text]
    except KeyError:
        raise ValueError(text) from None


def parse_integer(text: str, minimum: int, maximum: int = MAX_INTEGER) -> int:
    """Parse an integer in decimal digits.

    Raises:
        ValueError: it is none, or out of range.
    """
    # int() also takes white space, underscores and the digits of other scripts.
    if not (text.isascii() and text.isdigit()) or not minimum <= int(text) <= maximum:
        raise ValueError(text)
    return int(text)


def parse_click(text: str) -> bool | Literal["htmlonly"]:
    """Parse a setting of click tracking.

    Raises:
        ValueError: it is none of true, false, yes, no, htmlonly.
    """
    return "htmlonly" if text == "htmlonly" else parse_boolean(text)


def parse_web_prefix(text: str) -> str:
    """Parse a web prefix, which is a single DNS label.

    Raises:
        ValueError: it is not one.
    """
    if not is_dns_label(text):
        raise ValueError(text)
    return text.lower()


def parse_custom_host(text: str) -> str | None:
    """Parse a custom tracking host; an empty string means none.

    Raises:
        ValueError: it is not a domain name.
    """
    if text and not is_domain_name(text):
        raise ValueError(text)
    return text.lower() or None


FieldParser = Callable[[str], Any]


def one_of(*choices: str) -> FieldParser:
    """Return a parser that raises ValueError for everything but some strings."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return parse


@dataclasses.dataclass(frozen=True)
class SectionField:
    """A field of a section of the tracking settings."""

    parse: FieldParser
    default: Any
    """Its value for a new domain."""


SECTIONS: dict[str, dict[str, SectionField]] = {
    "open": {
        "active": SectionField(parse_boolean, default=False),
        "place_at_the_top": SectionField(parse_boolean, default=False),
    },
    "click": {
        "active": SectionField(parse_click, default=False),
    },
    "unsubscribe": {
        "active": SectionField(parse_boolean, default=False),
        "html_footer": SectionField(str, default=DEFAULT_HTML_FOOTER),
        "text_footer": SectionField(str, default=DEFAULT_TEXT_FOOTER),
    },
}
"""The tracking settings. A new field is one more line here."""

OPTION_FIELDS: dict[str, FieldParser] = {
    "archive_to": str,
    "mailfrom_host": str,
    "message_ttl": functools.partial(parse_integer, minimum=1),
    "require_tls": parse_boolean,
    "skip_verification": parse_boolean,
    "spam_action": one_of("disabled", "tag", "block"),
    "use_automatic_sender_security": parse_boolean,
    "wildcard": parse_boolean,
}

WEB_FIELDS: dict[str, FieldParser] = {
    "web_scheme": one_of("http", "https"),
    "web_prefix": parse_web_prefix,
}


STATUS_FIELDS: dict[str, FieldParser] = {
    "type": one_of("custom", "sandbox"),
    "state": one_of("active", "unverified", "disabled"),
    "disabled_reason": str,
    "custom_host": parse_custom_host,
}
"""What is set at Mailgun, and not by requests to this API."""


def section_parsers(name: str) -> dict[str, FieldParser]:
    """Return the parsers of a section's fields."""
    return {field: spec.parse for field, spec in SECTIONS[name].items()}


def section_defaults(name: str) -> dict[str, Any]:
    """Return a section of a new domain."""
    return {field: spec.default for field, spec in SECTIONS[name].items()}


@dataclasses.dataclass(frozen=True)
class DomainId:
    """Identifies a domain: its region, its subaccount if any, and its name in lower case."""

    region: Region
    subaccount: str | None
    name: str

    @classmethod
    def parse(cls, text: str, default_region: Region) -> DomainId:
        """Parse `mg.example.com`, `eu/mg.example.com` or `eu/SUBACCOUNT/mg.example.com`.

        Raises:
            InvalidSetting: it is none of these.
        """
        parts = text.strip().split("/")
        if len(parts) > 3 or not is_domain_name(parts[-1]) or (len(parts) == 3 and not parts[1]):
            raise InvalidSetting(
                f"a domain must be NAME, REGION/NAME or REGION/SUBACCOUNT/NAME, not {text!r}"
            )
        region = parse_region(parts[0]) if len(parts) > 1 else default_region
        return cls(region, parts[1] if len(parts) == 3 else None, parts[-1].lower())


@dataclasses.dataclass(frozen=True)
class DomainSnapshot:
    """A domain at one moment."""

    name: str
    region: str
    account: str
    subaccount: str | None
    open: dict[str, Any]
    click: dict[str, Any]
    unsubscribe: dict[str, Any]
    web_scheme: str
    web_prefix: str
    tracking_host: str
    """The host that tracking links currently use."""
    certificates: dict[str, CertificateSnapshot]
    """By tracking host, including hosts of earlier web prefixes."""


@dataclasses.dataclass
class Domain:
    """What the emulator stores for a domain."""

    name: str
    region: Region
    account: str
    subaccount: str | None
    created_at: datetime
    id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(12))
    only_seen: bool = False
    """Whether it only exists because it was requested, with `any_domain`."""
    web_prefix: str = DEFAULT_WEB_PREFIX
    web_scheme: str = "http"
    type: str = "custom"
    state: str = "active"
    disabled_reason: str = ""
    """Mailgun's reason, where the state is disabled."""
    custom_host: str | None = None
    open: dict[str, Any] = dataclasses.field(
        default_factory=functools.partial(section_defaults, "open")
    )
    click: dict[str, Any] = dataclasses.field(
        default_factory=functools.partial(section_defaults, "click")
    )
    unsubscribe: dict[str, Any] = dataclasses.field(
        default_factory=functools.partial(section_defaults, "unsubscribe")
    )
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    certificates: dict[str, Certificate] = dataclasses.field(default_factory=dict)

    @property
    def tracking_host(self) -> str:
        """The host that tracking links currently use."""
        return self.custom_host or f"{self.web_prefix}.{self.name}"

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the tracking settings, to read or to change."""
        section: dict[str, Any] = getattr(self, name)
        return section

    def settings(self) -> dict[str, Any]:
        """Return a copy of everything that a PUT can change."""
        return {
            name: copy.deepcopy(getattr(self, name)) for name in (*SECTIONS, *WEB_FIELDS, "options")
        }

    def restore(self, settings: Mapping[str, Any]) -> None:
        """Overwrite the domain with what `settings` returned earlier."""
        for name, value in settings.items():
            setattr(self, name, value)

    def activate_all_tracking(self) -> None:
        """Turn on open, click and unsubscribe tracking."""
        for name in SECTIONS:
            self.section(name)["active"] = True

    def change_settings(self, settings: Mapping[str, Any]) -> None:
        """Change settings as in the dashboard: all of them, or none if one is invalid.

        Args:
            settings: `open`, `click` and `unsubscribe` as mappings of the fields to change, where
                a bare value is short for `{"active": ...}`; `web_scheme` and `web_prefix` as
                strings; and what no request changes: `type` (custom, sandbox), `state` (active,
                unverified, disabled), `disabled_reason` and `custom_host` (empty for none).

        Raises:
            InvalidSetting: there is no such setting, or Mailgun would reject its value.
        """
        sections: dict[str, dict[str, Any]] = {}
        others: dict[str, str | None] = {}
        for name, value in settings.items():
            if name in SECTIONS:
                fields = value if isinstance(value, Mapping) else {"active": value}
                sections[name] = {
                    field: _parse_field(name, field, content) for field, content in fields.items()
                }
            elif parse := (WEB_FIELDS | STATUS_FIELDS).get(name):
                try:
                    others[name] = parse(str(value))
                except ValueError:
                    raise InvalidSetting(f"invalid {name}: {value!r}") from None
            else:
                raise InvalidSetting(f"a domain has no setting {name!r}")
        for name, fields in sections.items():
            self.section(name).update(fields)
        for name, text in others.items():
            setattr(self, name, text)

    def snapshot(self, now: datetime) -> DomainSnapshot:
        """Return a copy that later changes do not affect."""
        return DomainSnapshot(
            name=self.name,
            region=self.region,
            account=self.account,
            subaccount=self.subaccount,
            open=dict(self.open),
            click=dict(self.click),
            unsubscribe=dict(self.unsubscribe),
            web_scheme=self.web_scheme,
            web_prefix=self.web_prefix,
            tracking_host=self.tracking_host,
            certificates={
                host: certificate.snapshot(now) for host, certificate in self.certificates.items()
            },
        )

    def as_json(self) -> dict[str, Any]:
        """Return the domain as JSON, for the state file and the control API."""
        data = {
            field.name: copy.deepcopy(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }
        data["created_at"] = self.created_at.isoformat()
        data["certificates"] = {
            host: certificate.as_json() for host, certificate in self.certificates.items()
        }
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any], now: datetime, monotonic: float) -> Domain:
        """Restore a domain from the output of `as_json`.

        Raises:
            KeyError, TypeError, ValueError: the data does not come from `as_json`.
        """
        values = dict(data)
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        for name in SECTIONS:
            # A file from before a field was added does not have it.
            values[name] = {**section_defaults(name), **values[name]}
        values["certificates"] = {
            host: Certificate.from_json(certificate, now, monotonic)
            for host, certificate in values["certificates"].items()
        }
        return cls(**values)


def _parse_field(section: str, name: str, value: Any) -> Any:
    field = SECTIONS[section].get(name)
    if field is None:
        raise InvalidSetting(f"{section} has no field {name!r}")
    if isinstance(value, bool) and field.parse is not str:
        return value
    try:
        if isinstance(value, str):
            return field.parse(value)
    except ValueError:
        pass
    raise InvalidSetting(f"invalid {section}.{name}: {value!r}")
