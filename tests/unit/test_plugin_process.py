"""What reaches into the provider's process, as far as that can be seen outside of one."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from mailgun_tracking import plugin_process
from mailgun_tracking.plugin_process import Row
from tests.unit.fakes import Clock


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, bool]]:
    """What the engine's log was told: URN, message, and whether it is a warning."""
    told: list[tuple[str, str, bool]] = []

    def log(urn: str, message: str, warning: bool) -> None:
        told.append((urn, message, warning))

    monkeypatch.setattr(plugin_process, "_engine_log", lambda: log)
    return told


@pytest.fixture
def cancelled(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The process's wish to stop, for this test alone."""
    event = threading.Event()
    monkeypatch.setattr(plugin_process, "cancelled", event)
    return event


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """A pool as the SDK makes it."""
    with ThreadPoolExecutor(4) as made:
        yield made


class TestImports:
    """Garbage collection passes over what is imported."""

    def test_are_kept_out_of_it(self) -> None:
        try:
            plugin_process._keep_imports()
            assert gc.get_freeze_count() > 0
        finally:
            gc.unfreeze()

    def test_stay_in_it_where_python_cannot_keep_them_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = gc.get_freeze_count()
        monkeypatch.delattr(gc, "freeze")
        plugin_process._keep_imports()
        assert gc.get_freeze_count() == before


class TestRow:
    """A resource's row."""

    @pytest.mark.parametrize(
        ("moments", "shown"),
        [
            pytest.param([0, 4.9], [], id="short waits are not worth a line"),
            pytest.param([0, 5], [5], id="a wait is told of after 5 s"),
            pytest.param([5, 6, 19.9], [5], id="one line in 15 s"),
            pytest.param([5, 20, 34, 35, 49, 60], [5, 20, 35, 60], id="each 15 s another"),
        ],
    )
    def test_waits_are_told_every_15_seconds_at_most(
        self, moments: list[float], shown: list[float], lines: list[tuple[str, str, bool]]
    ) -> None:
        """However often something is waited for, its row is not flooded."""
        clock = Clock()
        row, started = Row("urn", clock), clock.now
        for moment in moments:
            clock.now = started + moment
            row.wait(f"{moment} s")
        assert [message for _, message, _ in lines] == [f"{moment} s" for moment in shown]

    def test_what_is_tried_again_is_told_at_once(self, lines: list[tuple[str, str, bool]]) -> None:
        """The first line does not wait; the next ones share the 15 s with those of waits."""
        clock = Clock()
        row = Row("urn", clock)
        row.repeat("first")
        clock.sleep(14)
        row.repeat("too early")
        row.wait("too early")
        clock.sleep(1)
        row.repeat("second")
        assert [message for _, message, _ in lines] == ["first", "second"]

    def test_reasons_are_all_told(self, lines: list[tuple[str, str, bool]]) -> None:
        """A reason is never dropped, and keeps its URN and its weight."""
        row = Row("urn", Clock())
        row.tell("one")
        row.tell("two", warning=True)
        assert lines == [("urn", "one", False), ("urn", "two", True)]


class TestCallsAtATime:
    """The two ways to serve more than four calls."""

    def test_the_pool_of_a_thread_is_found(self, executor: ThreadPoolExecutor) -> None:
        """From the frames of the call that it runs, however deep."""

        def deep(levels: int) -> ThreadPoolExecutor | None:
            if levels:
                return deep(levels - 1)
            return plugin_process._executor_of_this_thread()

        assert executor.submit(deep, 5).result() is executor

    def test_outside_of_a_pool_there_is_none(self) -> None:
        """In any other thread nothing is touched."""
        assert plugin_process._executor_of_this_thread() is None

    def test_a_frame_that_only_looks_like_a_pools_is_left(self) -> None:
        """A function of the same name is no pool's."""

        def _worker(executor_reference: object) -> object:
            return plugin_process._executor_of_this_thread()

        assert _worker(lambda: "no pool") is None
        assert _worker("no reference") is None

    def test_a_pool_is_widened(self, executor: ThreadPoolExecutor) -> None:
        """More calls than it was made for run at a time: they wait for each other here."""
        plugin_process._widen_executor(executor)
        meeting = threading.Barrier(12)
        found = [executor.submit(meeting.wait, 30) for _ in range(12)]
        assert sorted(future.result() for future in found) == list(range(12))

    def test_a_pool_of_another_make_is_left(self) -> None:
        """Without the attribute nothing happens."""
        other: Any = SimpleNamespace()
        plugin_process._widen_executor(other)
        assert vars(other) == {}

    def test_methods_name_their_pool(self) -> None:
        """Each method that may wait names one and the same, and no other method does."""

        def method(_self: object) -> None:
            return None

        names = (*plugin_process.CONCURRENT_METHODS, "Cancel", "Configure")
        methods = {name: lambda _self: None for name in names}
        servicer = type("Servicer", (), methods)
        plugin_process._widen(servicer)
        pools = [vars(methods[name]).get("experimental_thread_pool") for name in names]
        assert len({id(pool) for pool in pools[:-2]}) == 1
        assert isinstance(pools[0], ThreadPoolExecutor)
        assert pools[-2:] == [None, None]

    def test_methods_that_take_no_attribute_are_left(self) -> None:
        """As those of a compiled class, or where one is gone."""
        servicer = type("Servicer", (), {"Create": len})
        plugin_process._widen(servicer)


class TestCancel:
    """Hearing of Cancel."""

    @pytest.fixture
    def served(self) -> Callable[[str], Callable[[], str]]:
        """Makes methods of the SDK, by name."""

        def make(name: str) -> Callable[[], str]:
            def method() -> str:
                return f"{name} answered"

            method.__name__ = name
            return method

        return make

    def test_ends_all_waiting_and_is_answered_after_the_last_words(
        self,
        executor: ThreadPoolExecutor,
        cancelled: threading.Event,
        served: Callable[[str], Callable[[], str]],
    ) -> None:
        """The engine ends the process once it has the answer; so that comes last."""
        order: list[object] = []

        def last_words(seconds: float) -> None:
            order.extend((cancelled.is_set(), seconds))

        plugin_process._hear_cancel_in(executor, last_words)

        def run(_context: object, method: Callable[[], str]) -> str:
            order.append("answer")
            return method()

        assert executor.submit(run, None, served("Create")).result() == "Create answered"
        assert not cancelled.is_set()
        assert executor.submit(run, None, served("Cancel")).result() == "Cancel answered"
        assert cancelled.is_set()
        assert order == ["answer", True, plugin_process.SECONDS_FOR_LAST_WORDS, "answer"]

    def test_is_heard_though_all_threads_are_taken(
        self,
        executor: ThreadPoolExecutor,
        cancelled: threading.Event,
        served: Callable[[str], Callable[[], str]],
    ) -> None:
        """It is heard when it arrives, not when a thread is free to answer it."""
        plugin_process._hear_cancel_in(executor, lambda _seconds: None)
        waiting = [executor.submit(cancelled.wait, 30) for _ in range(4)]
        executor.submit(lambda method: method(), served("Cancel"))
        assert all(future.result() for future in waiting)


class TestUrn:
    """The URN of the call at hand."""

    def test_is_that_of_the_request(self) -> None:
        """It is looked up in the SDK's method below."""

        def Create(request: object) -> str:
            return plugin_process.current_urn()

        assert Create(SimpleNamespace(urn="urn:pulumi:dev::mail::type::name")).endswith("::name")
        assert Create(SimpleNamespace(urn=5)) == ""
        assert Create(SimpleNamespace()) == ""

    def test_is_empty_elsewhere(self) -> None:
        """As in a program's lookup."""
        assert plugin_process.current_urn() == ""
