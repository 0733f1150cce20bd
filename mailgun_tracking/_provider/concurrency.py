"""Calls that do not depend on each other, made at the same time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import errors
from .process import process


def result_or_error(call: Callable[[], Any]) -> Any:
    """A call's result, or the `TrackingError` that it raised."""
    try:
        return call()
    except errors.TrackingError as error:
        return error


def run_concurrently(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same time; returns each one's result, or the `TrackingError` it raised."""
    # The first one stays on this thread.
    futures = [process.workers.submit(result_or_error, call) for call in calls[1:]]
    return [*map(result_or_error, calls[:1]), *(future.result() for future in futures)]


def value_or_raise(result: Any) -> Any:
    """A result of `run_concurrently`; raises it where it is an error."""
    if isinstance(result, errors.TrackingError):
        raise result
    return result


def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same time, and raise the first error once all have ended."""
    return [value_or_raise(result) for result in run_concurrently(*calls)]
