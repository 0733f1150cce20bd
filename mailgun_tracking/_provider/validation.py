"""What is wrong with inputs, as far as that can be known without asking Mailgun.

No text shows a string that was given: it may be a secret, or a key in the wrong place, and the
engine does not tell a provider what is secret.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pulumi.dynamic import CheckFailure
from pulumi.runtime.rpc import UNKNOWN

from .._api.fields import FIELDS, SECTIONS, WEB_FIELDS, Field, Section, fields_of
from .._api.models import UNSUBSCRIBE_URLS, domain_problem, is_web_prefix
from .._api.settings import is_account_name
from .._api.target import REGIONS, is_subaccount

_SEGMENTS = re.compile(r'[^.\[\]"]+')
CLICK_VALUES = 'true, false or "htmlonly"'
EXAMPLES = {"domain": "mg.example.com", "tracking_domain": "email.mg.example.com"}


def failure_text(failure: CheckFailure) -> str:
    """A failure as one text, with the property that it is about."""
    return f"{failure.property}: {failure.reason}" if failure.property else failure.reason


def unknown_inputs(
    given: Iterable[str], valid: Iterable[str], prefix: str = ""
) -> list[CheckFailure]:
    """A failure for each input that does not exist, with the one that was probably meant."""
    valid = sorted(valid)
    failures = []
    for name in sorted(set(given) - set(valid)):
        similar = difflib.get_close_matches(name, valid, n=1)
        hint = f"did you mean {similar[0]}?" if similar else f"valid inputs are {', '.join(valid)}"
        failures.append(CheckFailure(prefix + name, f"unknown input; {hint}"))
    return failures


class Properties(NamedTuple):
    """The names of a resource's inputs, and of its other outputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def unknown_paths(paths: Iterable[str], properties: Properties) -> dict[str, str]:
    """The paths in ``ignore_changes`` that name nothing, each with what was probably meant."""
    names = {*properties.inputs, *properties.outputs}
    fields = {field.path for field in FIELDS if field.section in names}
    inputs = sorted({*properties.inputs, *fields})
    unknown = {}
    for path in paths:
        first, second, *_ = *_SEGMENTS.findall(path), "*", "*"
        within = f"{first}.{second}" in fields or first not in SECTIONS or second == "*"
        if first == "*" or (first in names and within):
            continue
        similar = difflib.get_close_matches(path, inputs, n=1)
        unknown[path] = f"did you mean {similar[0]}?" if similar else ""
    return unknown


def validate_identity(inputs: Mapping[str, Any], domain_input: str) -> list[CheckFailure]:
    """What is wrong with the domain, account, region and subaccount.

    Args:
        inputs: the resource's inputs.
        domain_input: the name of the input that holds the domain.
    """
    failures = []
    domain = inputs.get(domain_input)
    if domain is None:
        failures.append(
            CheckFailure(domain_input, f"required, for example {EXAMPLES[domain_input]}")
        )
    elif domain != UNKNOWN:
        failures += validate_domain(domain_input, domain)
    region = inputs.get("region")
    if not isinstance(region, str) or region.lower() not in REGIONS:
        failures += validate_choice("region", region, REGIONS)
    account = inputs.get("account")
    if account not in (None, UNKNOWN) and not is_account_name(account):
        failures.append(
            CheckFailure(
                "account", "must be an account name (letters, digits, - and _), not an API key"
            )
        )
    subaccount = inputs.get("subaccount")
    if subaccount not in (None, UNKNOWN, "") and not is_subaccount(subaccount):
        failures.append(CheckFailure("subaccount", "must be a subaccount ID as shown by Mailgun"))
    return failures


def validate_string(name: str, value: object) -> list[CheckFailure]:
    """What is wrong with an input that takes a string."""
    if value is None or isinstance(value, str):
        return []
    return [CheckFailure(name, f"must be a string, not {type_name(value)}")]


def validate_domain(name: str, domain: object) -> list[CheckFailure]:
    """What is wrong with a domain."""
    if not isinstance(domain, str):
        return validate_string(name, domain)
    problem = domain_problem(domain)
    if not problem:
        return []
    return [
        CheckFailure(name, f"not a valid domain name ({problem}); write it like {EXAMPLES[name]}")
    ]


def validate_section(section: Section, value: object) -> list[CheckFailure]:
    """What is wrong with the input for a section."""
    if value is None or value == UNKNOWN:
        return []
    active, *_ = fields = fields_of(section)
    if not isinstance(value, Mapping):
        bare = CLICK_VALUES.replace(" or", ",") if active.type == "click" else "true, false"
        expected = f"{bare} or an object (fields: {', '.join(field.name for field in fields)})"
        if not validate_field(active, value):
            # The constructor turns this into an object, before transforms run.
            expected = f"an object in a transform: {{'active': {value!r}}}"
        return [must_be(section, expected, value)]
    failures = unknown_inputs(value, [field.name for field in fields], f"{section}.")
    for field in fields:
        failures += validate_field(field, value.get(field.name))
    return failures


def validate_field(field: Field, value: object) -> list[CheckFailure]:
    """What is wrong with the value of one field."""
    if value is None or value == UNKNOWN:
        return []
    if field.type == "footer":
        return validate_string(field.path, value)
    if field.type == "scheme":
        return validate_choice(field.path, value, ("http", "https"))
    if field.type == "prefix":
        if isinstance(value, str) and is_web_prefix(value):
            return []
        expected = (
            'one DNS label, such as "email": at most 63 lower-case letters, digits and hyphens'
        )
    elif field.type == "click":
        if isinstance(value, bool) or value == "htmlonly":
            return []
        expected = CLICK_VALUES
    else:
        if isinstance(value, bool):
            return []
        expected = "true or false"
    return [must_be(field.path, expected, value)]


def lacks_unsubscribe_link(footer: object) -> bool:
    """Whether recipients find no link in a footer; an empty one leaves the link to the body."""
    if not isinstance(footer, str) or footer == UNKNOWN or not footer.strip():
        return False
    return not any(variable in footer for variable in UNSUBSCRIBE_URLS)


def validate_tracking(inputs: Mapping[str, Any]) -> list[CheckFailure]:
    """What is wrong with the managed fields of a domain."""
    failures = []
    for section in SECTIONS:
        failures += validate_section(section, inputs.get(section))
    for field in WEB_FIELDS:
        failures += validate_field(field, field.get(inputs))
    return failures


def validate_choice(name: str, value: object, choices: tuple[str, ...]) -> list[CheckFailure]:
    """What is wrong with an input that takes one of some strings."""
    if value is None or value == UNKNOWN or value in choices:
        return []
    return [must_be(name, " or ".join(f'"{choice}"' for choice in choices), value)]


def validate_boolean(name: str, value: object) -> list[CheckFailure]:
    """What is wrong with an input that takes a boolean."""
    if value is None or value == UNKNOWN or isinstance(value, bool):
        return []
    return [must_be(name, "true or false", value)]


def validate_seconds(name: str, value: object) -> list[CheckFailure]:
    """What is wrong with an input that takes a number of seconds."""
    if value is None or value == UNKNOWN:
        return []
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and 0 < value < math.inf:  # type: ignore[operator]
        return []
    return [CheckFailure(name, "must be a number of seconds greater than 0, such as 600")]


def must_be(name: str, expected: str, value: object) -> CheckFailure:
    """A failure that says what is expected and, as far as it helps, what was given."""
    # Where strings in quotes are expected, "not a string" would be wrong.
    is_another_string = isinstance(value, str) and '"' in expected
    given = "" if is_another_string else f", not {format_invalid(value)}"
    return CheckFailure(name, f"must be {expected}{given}")


def type_name(value: object) -> str:
    """The type of a value, in words that do not need Python."""
    if isinstance(value, bool):
        return "a boolean"
    names = {
        type(None): "None",
        str: "a string",
        float: "a number",
        int: "a number",
        dict: "an object",
        list: "a list",
    }
    return names.get(type(value), type(value).__name__)


def format_invalid(value: object) -> str:
    """An invalid value as an error may show it: never a string."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else type_name(value)
