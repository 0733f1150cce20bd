"""A domain as the emulator keeps it, and the checks on what may be set."""

from __future__ import annotations

import copy
import dataclasses
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from .certificates import Certificate, CertificateSnapshot
from .problems import InvalidSetting

Region = Literal["us", "eu"]
REGIONS: tuple[Region, ...] = ("us", "eu")
CNAME_VALUES: dict[Region, str] = {"us": "mailgun.org", "eu": "eu.mailgun.org"}

DEFAULT_WEB_PREFIX = "email"
DEFAULT_HTML_FOOTER = '<br>\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>\n'
DEFAULT_TEXT_FOOTER = "To unsubscribe click: <%unsubscribe_url%>\n\n"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)

_YES = {"true": True, "yes": True, "false": False, "no": False}


def region_named(text: str) -> Region:
    """Give the region of that name.

    Raises:
        InvalidSetting: there is none.
    """
    for region in REGIONS:
        if text == region:
            return region
    raise InvalidSetting(f"a region is us or eu, not {text!r}")


def is_label(text: str) -> bool:
    """Say whether `text` is one DNS label."""
    return _LABEL.fullmatch(text) is not None


def is_domain_name(text: str) -> bool:
    """Say whether `text` is a name of two labels or more."""
    labels = text.split(".")
    return len(text) <= 253 and len(labels) >= 2 and all(is_label(label) for label in labels)


def read_boolean(text: str) -> bool:
    """Read true, false, yes or no, in any case.

    Raises:
        ValueError: it is none of them.
    """
    try:
        return _YES[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def read_click(text: str) -> bool | Literal["htmlonly"]:
    """Read what click tracking may be set to.

    Raises:
        ValueError: it is none of true, false, yes, no, htmlonly.
    """
    return "htmlonly" if text.lower() == "htmlonly" else read_boolean(text)


def read_web_scheme(text: str) -> str:
    """Read http or https.

    Raises:
        ValueError: it is neither.
    """
    if text not in ("http", "https"):
        raise ValueError(text)
    return text


def read_web_prefix(text: str) -> str:
    """Read a web prefix, which is one DNS label.

    Raises:
        ValueError: it is not.
    """
    if not is_label(text):
        raise ValueError(text)
    return text.lower()


def read_spam_action(text: str) -> str:
    """Read what happens to spam.

    Raises:
        ValueError: it is none of disabled, tag, block.
    """
    if text not in ("disabled", "tag", "block"):
        raise ValueError(text)
    return text


FieldReader = Callable[[str], Any]

SECTION_FIELDS: dict[str, dict[str, FieldReader]] = {
    "click": {"active": read_click},
    "open": {"active": read_boolean, "place_at_the_top": read_boolean},
    "unsubscribe": {"active": read_boolean, "html_footer": str, "text_footer": str},
}

OPTION_FIELDS: dict[str, FieldReader] = {
    "archive_to": str,
    "mailfrom_host": str,
    "message_ttl": int,
    "require_tls": read_boolean,
    "skip_verification": read_boolean,
    "spam_action": read_spam_action,
    "use_automatic_sender_security": read_boolean,
    "wildcard": read_boolean,
}

ADDRESS_FIELDS: dict[str, FieldReader] = {
    "web_scheme": read_web_scheme,
    "web_prefix": read_web_prefix,
}


@dataclasses.dataclass(frozen=True)
class DomainId:
    """Names a domain: its region, its subaccount if it has one, and its name in lower case."""

    region: Region
    subaccount: str | None
    name: str

    @classmethod
    def parse(cls, text: str, default_region: Region) -> DomainId:
        """Read `mg.example.com`, `eu/mg.example.com` or `eu/SUBACCOUNT/mg.example.com`.

        Raises:
            InvalidSetting: it is none of these.
        """
        parts = text.strip().split("/")
        if len(parts) > 3 or not is_domain_name(parts[-1]) or (len(parts) == 3 and not parts[1]):
            raise InvalidSetting(
                f"a domain is given as NAME, REGION/NAME or REGION/SUBACCOUNT/NAME, not {text!r}"
            )
        region = region_named(parts[0]) if len(parts) > 1 else default_region
        return cls(region, parts[1] if len(parts) == 3 else None, parts[-1].lower())


@dataclasses.dataclass(frozen=True)
class DomainSnapshot:
    """A domain as it stands at one moment."""

    name: str
    region: str
    account: str
    subaccount: str | None
    open: dict[str, Any]
    click: dict[str, Any]
    unsubscribe: dict[str, Any]
    web_scheme: str
    web_prefix: str
    certificates: dict[str, CertificateSnapshot]
    """By tracking host; a host stays in it when the web prefix moves on."""

    @property
    def tracking_host(self) -> str:
        """The host that tracking links point at now."""
        return f"{self.web_prefix}.{self.name}"


@dataclasses.dataclass
class Domain:
    """What the emulator keeps about a domain."""

    name: str
    region: Region
    account: str
    subaccount: str | None
    created_at: datetime
    id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(12))
    web_prefix: str = DEFAULT_WEB_PREFIX
    web_scheme: str = "http"
    open: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {"active": False, "place_at_the_top": False}
    )
    click: dict[str, Any] = dataclasses.field(default_factory=lambda: {"active": False})
    unsubscribe: dict[str, Any] = dataclasses.field(
        default_factory=lambda: {
            "active": False,
            "html_footer": DEFAULT_HTML_FOOTER,
            "text_footer": DEFAULT_TEXT_FOOTER,
        }
    )
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    certificates: dict[str, Certificate] = dataclasses.field(default_factory=dict)

    @property
    def tracking_host(self) -> str:
        """The host that tracking links point at now."""
        return f"{self.web_prefix}.{self.name}"

    def section(self, name: str) -> dict[str, Any]:
        """Give the section of that name, to be read or changed."""
        found: dict[str, Any] = {
            "open": self.open,
            "click": self.click,
            "unsubscribe": self.unsubscribe,
        }[name]
        return found

    def turn_everything_on(self) -> None:
        """Make all tracking active."""
        for name in SECTION_FIELDS:
            self.section(name)["active"] = True

    def set_by_hand(self, settings: Mapping[str, Any]) -> None:
        """Change settings as somebody would in the dashboard; all of them or, if refused, none.

        Args:
            settings: `open`, `click` and `unsubscribe` as the fields to change, or a bare value
                that is short for `{"active": ...}`; `web_scheme` and `web_prefix` as texts.

        Raises:
            InvalidSetting: there is no such setting, or Mailgun would not have that value.
        """
        sections: dict[str, dict[str, Any]] = {}
        addresses: dict[str, str] = {}
        for name, value in settings.items():
            if name in SECTION_FIELDS:
                fields = value if isinstance(value, Mapping) else {"active": value}
                sections[name] = {
                    field: _checked(name, field, content) for field, content in fields.items()
                }
            elif name in ADDRESS_FIELDS:
                try:
                    addresses[name] = ADDRESS_FIELDS[name](str(value))
                except ValueError:
                    raise InvalidSetting(f"{name} cannot be {value!r}") from None
            else:
                raise InvalidSetting(f"a domain has no setting {name!r}")
        for name, fields in sections.items():
            self.section(name).update(fields)
        for name, text in addresses.items():
            setattr(self, name, text)

    def snapshot(self, now: datetime) -> DomainSnapshot:
        """Give a copy that no longer changes."""
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
            certificates={
                host: certificate.snapshot(now) for host, certificate in self.certificates.items()
            },
        )

    def as_json(self) -> dict[str, Any]:
        """Give all of it for the state file and the control surface."""
        kept = {
            field.name: copy.deepcopy(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }
        kept["created_at"] = self.created_at.isoformat()
        kept["certificates"] = {
            host: certificate.as_json() for host, certificate in self.certificates.items()
        }
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], now: datetime, monotonic: float) -> Domain:
        """Read what `as_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is not what `as_json` writes.
        """
        values = dict(kept)
        values["created_at"] = datetime.fromisoformat(values["created_at"])
        values["certificates"] = {
            host: Certificate.from_json(certificate, now, monotonic)
            for host, certificate in values["certificates"].items()
        }
        return cls(**values)


def _checked(section: str, field: str, value: Any) -> Any:
    reader = SECTION_FIELDS[section].get(field)
    if reader is None:
        raise InvalidSetting(f"{section} has no field {field!r}")
    footer = reader is str
    if isinstance(value, bool) and not footer:
        return value
    if not isinstance(value, str):
        raise InvalidSetting(f"{section}.{field} cannot be {value!r}")
    try:
        return reader(value)
    except ValueError:
        raise InvalidSetting(f"{section}.{field} cannot be {value!r}") from None
