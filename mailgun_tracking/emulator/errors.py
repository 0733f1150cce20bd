"""The emulator's exceptions."""

from __future__ import annotations

from collections.abc import Collection, Iterable

MAX_SECONDS = 100 * 365 * 24 * 3600
"""A hundred years; `datetime` ends some time after that."""

MAX_COUNT = 1_000_000_000


class EmulatorError(Exception):
    """The emulator itself failed while it was serving; ``__cause__`` is the first error."""


class InvalidSetting(ValueError):
    """A dial, setting, fault, certificate or domain was given an invalid value."""


class DomainTaken(InvalidSetting):
    """The region already has a domain of that name."""


class UnknownDomain(LookupError):
    """The emulator has no such domain."""


class StateFileError(Exception):
    """The state file cannot be read: it is not JSON, or was not written by an emulator."""


class IssuanceFailed(Exception):
    """An `Issuer` could not issue; its text becomes the `error` of the certificate's status."""


def reject_unknown(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    """Check names that were given against those that exist.

    Args:
        kind: what is named, for the error.
        names: the names given.
        known: all valid names.

    Raises:
        InvalidSetting: a name is unknown.
    """
    for name in names:
        if name not in known:
            raise InvalidSetting(f"unknown {kind} {name!r}; must be one of {', '.join(known)}")


def check_seconds(name: str, value: object) -> None:
    """Check a time that was given in seconds.

    Args:
        name: what it is, for the error.
        value: the value given.

    Raises:
        InvalidSetting: it is not a number from 0 to `MAX_SECONDS`.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not 0 <= value <= MAX_SECONDS
    ):
        raise InvalidSetting(f"{name} must be a number from 0 to {MAX_SECONDS}, not {value!r}")


def check_count(name: str, value: object, minimum: int) -> None:
    """Check a number of requests.

    Args:
        name: what it is, for the error.
        value: the value given.
        minimum: the smallest valid number.

    Raises:
        InvalidSetting: it is not an integer from `minimum` to `MAX_COUNT`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= MAX_COUNT:
        raise InvalidSetting(
            f"{name} must be an integer from {minimum} to {MAX_COUNT}, not {value!r}"
        )
