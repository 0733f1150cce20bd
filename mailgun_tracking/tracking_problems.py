"""What can be known to be wrong with the inputs of `DomainTracking` before Mailgun is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import CheckFailure
from pulumi.runtime.rpc import UNKNOWN

from .models import FOOTERS, SECTIONS, UNSUBSCRIBE_URL, is_web_prefix
from .provider import IDENTITY, identity_problems, kind_of, own_properties, unknown_fields

INPUTS = ("domain", *SECTIONS, "web_scheme", "web_prefix", "https_by", *IDENTITY)


def problems(news: Mapping[str, Any]) -> list[CheckFailure]:
    """What can be known to be wrong with inputs before Mailgun is asked."""
    failures = unknown_fields(own_properties(news), INPUTS)
    failures += identity_problems(news, "domain")
    for kind, fields in SECTIONS.items():
        value = news.get(kind)
        if value is None or value == UNKNOWN:
            continue
        if not isinstance(value, Mapping):
            bare = 'true, false, "htmlonly"' if kind == "click" else "true, false"
            allowed = f"{bare} or an object of {', '.join(fields)}"
            if not field_problems(kind, "active", value):
                # The constructor takes it, and makes an object of it before transforms run.
                allowed = f"an object in a transform, as in {{'active': {value!r}}}"
            failures.append(CheckFailure(kind, f"must be {allowed}, not {shown(value)}"))
            continue
        failures += unknown_fields(value, fields, f"{kind}.")
        for field in fields:
            failures += field_problems(kind, field, value.get(field))
    failures += choice_problems(news, "web_scheme", ("http", "https"))
    failures += choice_problems(news, "https_by", ("mailgun", "proxy"))
    prefix = news.get("web_prefix")
    if prefix not in (None, UNKNOWN) and not (isinstance(prefix, str) and is_web_prefix(prefix)):
        failures.append(
            CheckFailure(
                "web_prefix",
                "must be one DNS label of lower-case letters, digits and -, as in email; "
                f"not {shown(prefix)}",
            )
        )
    return failures


def field_problems(kind: str, field: str, value: object) -> list[CheckFailure]:
    """What is wrong with one field of a kind of tracking."""
    path = f"{kind}.{field}"
    if value is None or value == UNKNOWN:
        return []
    if field in FOOTERS:
        if not isinstance(value, str):
            return [CheckFailure(path, f"must be a text, not {kind_of(value)}")]
        if UNSUBSCRIBE_URL not in value:
            return [CheckFailure(path, f"has no {UNSUBSCRIBE_URL}: nobody could unsubscribe by it")]
        return []
    if isinstance(value, bool) or (kind == "click" and value == "htmlonly"):
        return []
    allowed = 'true, false or "htmlonly"' if kind == "click" else "true or false"
    return [CheckFailure(path, f"must be {allowed}, not {shown(value)}")]


def choice_problems(
    news: Mapping[str, Any], name: str, choices: tuple[str, ...]
) -> list[CheckFailure]:
    """What is wrong with an input that is one of some texts."""
    value = news.get(name)
    if value is None or value == UNKNOWN or value in choices:
        return []
    return [CheckFailure(name, f"must be {' or '.join(choices)}, not {shown(value)}")]


def shown(value: object) -> str:
    """A wrong value as an error may show it."""
    return repr(value) if isinstance(value, (str, bool, int, float)) else kind_of(value)
