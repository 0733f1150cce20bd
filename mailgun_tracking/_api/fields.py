"""The settings of a domain that a program can manage, field by field.

`FIELDS` is the one list of them. Reading and writing Mailgun's API, validation, previews and
import all follow it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union

ClickActive = Union[bool, Literal["htmlonly"]]
"""How clicks are tracked: not at all, in all links, or in the HTML part only."""

Section = Literal["open", "click", "unsubscribe"]
FieldType = Literal["boolean", "click", "footer", "scheme", "prefix"]

HASH_ITERATIONS = 10_000
_FINGERPRINT = re.compile(r"\w+(:\w+){1,2}")


@dataclass(frozen=True)
class Field:
    """One setting of a domain.

    Attributes:
        section: the section of Mailgun's tracking settings it belongs to, or None where it is a
            property of the domain itself.
        name: its name at Mailgun.
        type: what its values are.
    """

    section: Section | None
    name: str
    type: FieldType

    @property
    def path(self) -> str:
        """Its name in programs and in state: ``click.active``, ``web_scheme``."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def label(self) -> str:
        """Its name in messages: ``click`` for ``click.active``, ``html_footer``, ``web_scheme``."""
        if self.type == "footer":
            return self.name
        return self.path.removesuffix(".active")

    def get(self, properties: Mapping[str, Any]) -> Any:
        """Its value in a resource's inputs or outputs; None where it is absent."""
        if self.section is None:
            return properties.get(self.name)
        section = properties.get(self.section)
        return section.get(self.name) if isinstance(section, Mapping) else section

    def same(self, one: object, other: object) -> bool:
        """Whether two values mean the same to Mailgun.

        Footers are compared without line endings and surrounding white space, because Mailgun may
        store either differently from how it was sent.
        """
        if self.type == "footer" and isinstance(one, str) and isinstance(other, str):
            return _normalize_footer(one) == _normalize_footer(other)
        return type(one) is type(other) and one == other

    def fingerprint(self, value: object) -> object:
        """A requested value as state may remember it.

        Of a footer, which may be a secret, that is a hash: a copy would be in plain text.
        """
        return footer_fingerprint(value) if self.type == "footer" else value

    def has_fingerprint(self, value: object, fingerprint: object) -> bool:
        """Whether a fingerprint is that of a value."""
        if self.type != "footer":
            return value == fingerprint
        _, *salt, expected = str(fingerprint).split(":")
        if salt:
            return _hash(str(value), salt[0]) == expected
        # A state of version 0.1.0 has no salt.
        return hashlib.sha256(_normalize_footer(str(value)).encode()).hexdigest() == expected


FIELDS: tuple[Field, ...] = (
    Field("open", "active", "boolean"),
    Field("open", "place_at_the_top", "boolean"),
    Field("click", "active", "click"),
    Field("unsubscribe", "active", "boolean"),
    Field("unsubscribe", "html_footer", "footer"),
    Field("unsubscribe", "text_footer", "footer"),
    Field(None, "web_scheme", "scheme"),
    Field(None, "web_prefix", "prefix"),
)

SECTIONS: tuple[Section, ...] = ("open", "click", "unsubscribe")

WEB_FIELDS: tuple[Field, ...] = tuple(field for field in FIELDS if field.section is None)

_BY_PATH = {field.path: field for field in FIELDS}


def fields_of(section: Section) -> tuple[Field, ...]:
    """The fields of a section, in Mailgun's order."""
    return tuple(field for field in FIELDS if field.section == section)


def field_at(path: str) -> Field:
    """The field with a path such as ``click.active``."""
    return _BY_PATH[path]


def fields_at(paths: object) -> list[Field]:
    """The fields that a list of paths names, such as ``managed``; none where it is no list."""
    return [field for field in FIELDS if isinstance(paths, list) and field.path in paths]


def mentioned_fields(inputs: Mapping[str, Any]) -> list[Field]:
    """The fields that a program sets, in Mailgun's order."""
    return [
        field
        for field in FIELDS
        if field.get(inputs) is not None
        and (field.section is None or isinstance(inputs.get(field.section), Mapping))
    ]


def without_unmanaged_footers(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs without the footers that the program does not set.

    A footer may be a secret, and one that the program has let go of would be in plain text.

    Args:
        properties: outputs; ``managed`` says which footers the program sets.
    """
    section = properties.get("unsubscribe")
    if not isinstance(section, Mapping):
        return dict(properties)
    managed = fields_at(properties.get("managed"))
    dropped = [f.name for f in FIELDS if f.type == "footer" and f not in managed]
    kept = {name: value for name, value in section.items() if name not in dropped}
    return {**properties, "unsubscribe": kept}


def footer_fingerprint(footer: object) -> str:
    """A salted hash of a footer, see `Field.has_fingerprint`."""
    salt = secrets.token_hex(8)
    return f"pbkdf2:{salt}:{_hash(str(footer), salt)}"


def is_fingerprint(value: object) -> bool:
    """Whether a value looks like the fingerprint of a footer."""
    return isinstance(value, str) and _FINGERPRINT.fullmatch(value) is not None


def _normalize_footer(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _hash(footer: str, salt: str) -> str:
    """A hash that takes a few milliseconds, as a footer may be short enough to be guessed."""
    text = _normalize_footer(footer).encode()
    return hashlib.pbkdf2_hmac("sha256", text, salt.encode(), HASH_ITERATIONS).hex()
