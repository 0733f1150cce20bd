"""What the constructors refuse because the SDK would fail on it with a traceback."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pulumi

from .. import errors
from .._api.target import Target
from .validation import type_name

LISTS_OF_PATHS = ("ignore_changes", "replace_on_changes", "additional_secret_outputs")


def refuse_bad_call(resource: str, name: object, opts: object) -> None:
    """Refuse a resource's name and options of a wrong type.

    Raises:
        InvalidInput: with the resource and what is wrong.
    """
    if not isinstance(name, str) or not name:
        given = "" if name == "" else f", not {type_name(name)}"
        raise errors.InvalidInput(
            f"{resource}: the resource name must be a non-empty string{given}"
        )
    where = f"{resource} {name}"
    sendable("the resource name", name, resource)
    if opts is not None and not isinstance(opts, pulumi.ResourceOptions):
        raise errors.InvalidInput(
            f"{where}: opts must be pulumi.ResourceOptions, not {type_name(opts)}"
        )
    for option in LISTS_OF_PATHS:
        paths = getattr(opts, option, None)
        if paths is None:
            continue
        if not isinstance(paths, (list, tuple)) or not all(isinstance(p, str) for p in paths):
            raise errors.InvalidInput(f'{where}: {option} must be a list such as ["click.active"]')
    parent = getattr(opts, "parent", None)
    if parent is not None and not isinstance(parent, pulumi.Resource):
        raise errors.InvalidInput(f"{where}: parent must be a resource, not {type_name(parent)}")


def sendable_inputs(resource: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs that can be sent to the engine.

    Raises:
        InvalidInput: one cannot be; for the value of an output, a TrackingError once it is known.
    """
    where = f"{resource} {name}"
    return {path: sendable(path, value, where) for path, value in inputs.items()}


def sendable(path: str, value: Any, where: str) -> Any:
    """A value that can be sent to the engine; its text is not in the error."""
    if isinstance(value, (pulumi.Output, Awaitable)):
        output: pulumi.Output[Any] = pulumi.Output.from_input(value)
        return output.apply(_not_a_value_error(lambda known: sendable(path, known, where)))
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise errors.InvalidInput(f"{where}: the names in {path} must be strings")
        return {key: sendable(f"{path}.{key}", item, where) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(path, item, where) for item in value]
    problem = _problem(value)
    if problem:
        raise errors.InvalidInput(f"{where}: {path} {problem}")
    return value


def _not_a_value_error(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A check of what an output turns out to be.

    The SDK wraps each ValueError of an output, and shows it with a traceback.
    """

    def checked(known: Any) -> Any:
        try:
            return check(known)
        except errors.InvalidInput as error:
            raise errors.TrackingError(str(error)) from None

    return checked


def _problem(value: object) -> str:
    """Why a single value cannot be sent, or an empty string where it can."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "contains half a character (a lone surrogate)"
    elif isinstance(value, (int, float)):
        try:
            return "" if math.isfinite(value) else "is not a finite number"
        except OverflowError:
            return "is too large a number"
    elif value is not None:
        return f"cannot be of type {type(value).__name__}"
    return ""


def domain_of_id(resource: str, name: str, id_: Any) -> Any:
    """The domain in the id that ``get`` was given.

    Raises:
        InvalidInput: it is not an ID; for an output, a TrackingError once it is known.
    """
    if isinstance(id_, (pulumi.Output, Awaitable)):
        output: pulumi.Output[Any] = pulumi.Output.from_input(id_)
        return output.apply(_not_a_value_error(lambda known: domain_of_id(resource, name, known)))
    where = f"{resource}.get {name}"
    if not isinstance(id_, str):
        raise errors.InvalidInput(f"{where}: the ID must be a string, not {type_name(id_)}")
    try:
        target = Target.parse(id_)
    except errors.InvalidInput as error:
        raise errors.InvalidInput(f"{where}: {error}") from None
    return target.domain
