"""How rules read properties, which may be unknown in a preview."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pulumi_policy import proxy

from .._api.models import normalize_domain
from ..errors import InvalidInput

_Thing = TypeVar("_Thing")
_Value = TypeVar("_Value")

_UNKNOWN = frozenset(
    {
        proxy.UNKNOWN_BOOLEAN_VALUE,
        proxy.UNKNOWN_NUMBER_VALUE,
        proxy.UNKNOWN_STRING_VALUE,
        proxy.UNKNOWN_ARRAY_VALUE,
        proxy.UNKNOWN_ASSET_VALUE,
        proxy.UNKNOWN_ARCHIVE_VALUE,
        proxy.UNKNOWN_OBJECT_VALUE,
    }
)


def at(props: Mapping[str, Any], *path: str) -> Any:
    """The value at a path, or None where there is none.

    Args:
        props: a resource's properties, as a rule or a remediation gets them.
        path: the names that lead to the value.

    Raises:
        UnknownValueError: it is not known yet. The SDK raises that for rules; a remediation gets
            the value that stands for an unknown one.
    """
    value: Any = props
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
        if isinstance(value, str) and value in _UNKNOWN:
            raise proxy.UnknownValueError(value, list(path))
    return value


def text(props: Mapping[str, Any], *path: str) -> str:
    """The string at a path, or an empty one where there is none.

    Raises:
        UnknownValueError: it is not known yet.
    """
    value = at(props, *path)
    return value if isinstance(value, str) else ""


def domain_at(props: Mapping[str, Any], *path: str) -> str:
    """The domain at a path, or an empty string where there is none.

    Raises:
        UnknownValueError: it is not known yet.
    """
    return canonical(text(props, *path))


def canonical(domain: str) -> str:
    """A domain as it is compared. One that cannot exist is left as it is: check refuses it."""
    try:
        return normalize_domain(domain)
    except InvalidInput:
        return domain


def not_known(name: str) -> proxy.UnknownValueError:
    """The error for a property that is absent because nobody knows it yet."""
    return proxy.UnknownValueError(proxy.UNKNOWN_STRING_VALUE, [name])


def read_all(
    things: Iterable[_Thing], read: Callable[[_Thing], _Value]
) -> tuple[list[_Value], proxy.UnknownValueError | None]:
    """What is known of several things, and the error where something is not known yet.

    Args:
        things: for example resources.
        read: reads one of them.
    """
    values, unknown = [], None
    for thing in things:
        try:
            values.append(read(thing))
        except proxy.UnknownValueError as error:
            unknown = error
    return values, unknown


def type_of(urn: str | None) -> str:
    """The type of the resource with a URN, or an empty string."""
    return urn.split("::")[2].rpartition("$")[2] if urn else ""
