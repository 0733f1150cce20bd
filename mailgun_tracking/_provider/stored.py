"""What a state says, as far as this package could have written it.

A state can be edited, or written by another version. What the engine passes on from one is read
here first: a value of another type is left out. So everything after this sees a valid value or
none, and none means that Mailgun has to be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from .. import errors
from .._api.fields import SECTIONS, Field, Section, fields_at, fields_of, is_fingerprint
from .._api.models import from_rfc3339
from .._api.settings import is_account_name
from .._api.target import REGIONS, Target, is_subaccount
from .identity import IDENTITY
from .validation import validate_domain, validate_field


def valid_properties(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs or outputs in state without what this package did not write; foreign names stay."""
    kept = {}
    for name, value in stored.items():
        valid = _READERS[name](value) if name in _READERS else value
        if valid is not None:
            kept[name] = valid
    return kept


def complete_from(
    id_: str, outputs: Mapping[str, Any], inputs: Mapping[str, Any], domain_input: str
) -> dict[str, Any]:
    """Valid outputs, with what they lack of the identity and `managed` from the inputs and the id.

    Args:
        id_: the resource's id.
        outputs: its outputs, as far as they are valid.
        inputs: its inputs in state, as far as they are valid.
        domain_input: the name of the property that holds the domain.
    """
    names = (domain_input, *IDENTITY, "managed")
    known = {name: inputs[name] for name in names if name in inputs} | dict(outputs)
    try:
        by_id = Target.parse(id_)
    except errors.InvalidInput:
        return known
    place = {domain_input: by_id.domain, "region": by_id.region, "subaccount": by_id.subaccount}
    return place | known


def missing(stored: Mapping[str, Any], required: Iterable[str], invalid: Iterable[str] = ()) -> str:
    """The properties that a state lacks, for a message; empty where it lacks none.

    Args:
        stored: its outputs, as far as they are valid.
        required: the outputs that it must have.
        invalid: those that it has, and that are not valid.
    """
    lacking = [name for name in required if name not in stored]
    return ", ".join(dict.fromkeys([*lacking, *invalid]))


def _domain(value: object) -> object:
    return None if value == UNKNOWN or validate_domain("domain", value) else value


def _where(is_valid: Callable[[Any], bool]) -> Callable[[object], object]:
    return lambda value: value if value != UNKNOWN and is_valid(value) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return value == "" or bool(from_rfc3339(value))
    except ValueError:
        return False


def _is_value(field: Field, value: object) -> bool:
    return value is not None and value != UNKNOWN and not validate_field(field, value)


def _section(section: Section) -> Callable[[object], object]:
    def read(value: object) -> object:
        if not isinstance(value, Mapping):
            return None
        known = [field for field in fields_of(section) if value.get(field.name) is not None]
        return value if all(_is_value(field, value[field.name]) for field in known) else None

    return read


def _cname(value: object) -> object:
    is_valid = isinstance(value, Mapping) and all(map(_is_text, map(value.get, ("name", "value"))))
    return value if is_valid else None


def _asked(value: object) -> object:
    if not isinstance(value, Mapping):
        return None
    return {
        field.path: value[field.path] for field in fields_at([*value]) if _is_asked(field, value)
    }


def _is_asked(field: Field, asked: Mapping[str, Any]) -> bool:
    value = asked[field.path]
    if field.type == "footer":
        return is_fingerprint(value)
    return _is_value(field, value)


_READERS: Mapping[str, Callable[[object], object]] = {
    "domain": _domain,
    "tracking_domain": _domain,
    "account": _where(is_account_name),
    "region": _where(lambda value: value in REGIONS),
    "subaccount": _where(lambda value: value == "" or is_subaccount(value)),
    **{section: _section(section) for section in SECTIONS},
    **dict.fromkeys(("web_scheme", "web_prefix", "https_by", "domain_id"), _where(_is_text)),
    "cname": _cname,
    "managed": _where(
        lambda value: isinstance(value, list) and len(fields_at(value)) == len(value)
    ),
    "asked": _asked,
    "status": _where(_is_text),
    **dict.fromkeys(
        ("error", "issuer", "serial", "fingerprint"), _where(lambda value: isinstance(value, str))
    ),
    "names": _where(lambda value: isinstance(value, list) and all(map(_is_text, value))),
    **dict.fromkeys(
        ("not_before", "not_after", "status_since", "processing_since"), _where(_is_time)
    ),
}
"""For each property, what reads its value in a state; None where that is not valid."""
