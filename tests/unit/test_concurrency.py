"""Calls that do not depend on each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from mailgun_tracking import errors
from mailgun_tracking._provider.concurrency import gather, run_concurrently, value_or_raise

NOT_FOUND = errors.DomainNotFound("cannot read", "Domain not found", status=404)
UNAUTHORIZED = errors.Unauthorized("cannot read", "Forbidden", status=401)


def raising(error: Exception) -> Callable[[], Any]:
    """A call that ends in an error."""

    def call() -> Any:
        raise error

    return call


def test_they_run_at_the_same_time() -> None:
    """Each one waits for the others to begin."""
    meeting = threading.Barrier(3, timeout=30)
    assert sorted(run_concurrently(*[meeting.wait] * 3)) == [0, 1, 2]


def test_results_and_errors_come_in_the_order_of_the_calls() -> None:
    assert run_concurrently(lambda: 1, raising(NOT_FOUND), lambda: 3) == [1, NOT_FOUND, 3]
    assert run_concurrently(raising(NOT_FOUND)) == [NOT_FOUND]
    assert run_concurrently() == []


@pytest.mark.parametrize("before", [[], [lambda: 1]])
def test_a_bug_is_raised(before: list[Callable[[], Any]]) -> None:
    with pytest.raises(KeyError):
        run_concurrently(*before, raising(KeyError("bug")))


def test_gather_raises_the_first_error_once_all_calls_have_ended() -> None:
    ended: list[int] = []
    with pytest.raises(errors.DomainNotFound) as caught:
        gather(raising(NOT_FOUND), lambda: ended.append(1), raising(UNAUTHORIZED))
    assert caught.value is NOT_FOUND
    assert ended == [1]
    assert gather(lambda: 1, lambda: 2) == [1, 2]


def test_a_result_that_is_an_error_is_raised() -> None:
    assert value_or_raise({"click": 1}) == {"click": 1}
    with pytest.raises(errors.Unauthorized):
        value_or_raise(UNAUTHORIZED)
