"""The emulator's exceptions."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class EmulatorError(Exception):
    """The emulator itself failed while it was serving; `__cause__` is the first error."""


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
