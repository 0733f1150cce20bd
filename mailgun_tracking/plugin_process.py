"""All that reaches into the SDK's provider process (``python -m pulumi.dynamic``).

The SDK answers four calls at a time, does nothing on Cancel, outlives its engine and tells a
provider neither the URN of a call nor where the engine's log is. Each piece below mends one of
these, stands alone, and falls back to the SDK's own behaviour where it finds the SDK changed:

- more calls at a time: gRPC runs a method in the pool that the method names as its own
  (``experimental_thread_pool``), and the SDK's pool stays free for Cancel. Where gRPC does not,
  the SDK's own pool is widened: the frames of its threads refer to it;
- Cancel: either pool is told of each call the moment it arrives. The engine cancels at the end of
  every command too, and waits for the answer: until then the rows still take last words;
- the URN: it is in the request, in the frames below the call;
- the engine's log: its address is the process's first argument;
- leaving with the engine: the engine reads this process's standard output, so that pipe breaks
  when the engine is gone, however it ended.

What is imported is also kept out of garbage collection, where Python can do that.
"""

from __future__ import annotations

import functools
import gc
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

CALLS_AT_A_TIME = 1024
"""More than any ``--parallel`` in use: what bounds a stack is the engine and Mailgun's limits."""
CONCURRENT_METHODS = ("Check", "Diff", "Create", "Read", "Update", "Delete")
SECONDS_BETWEEN_LINES = 15.0
SECONDS_BEFORE_FIRST_LINE = 5.0
SECONDS_FOR_LAST_WORDS = 2.0

cancelled = threading.Event()
"""Set once the engine asked to stop; every wait ends with it."""


def attach(last_words: Callable[[float], None] = lambda _seconds: None) -> None:
    """Mend what can be mended in this process; once, however often it is called.

    Args:
        last_words: is called when the process is about to end, with the seconds that it may take.
    """
    _attach(last_words)


@functools.cache
def _attach(last_words: Callable[[float], None]) -> None:
    # Our errors are one line each; without this the SDK puts its own frames around them.
    # What is a bug carries its traceback in its text (see provider).
    sys.tracebacklimit = 0
    servicer = getattr(sys.modules.get("__main__"), "DynamicResourceProviderServicer", None)
    if servicer is not None:
        _widen(servicer)
        _hear_cancel(servicer, last_words)
    # Both ways at once: which of the pools gRPC will use shows only in the calls to come.
    executor = _executor_of_this_thread()
    if executor is not None:
        _widen_executor(executor)
        _hear_cancel_in(executor, last_words)
    _leave_with_engine()
    _keep_imports()


def _keep_imports() -> None:
    # They stay anyway; to look through them time and again is much of what a short process does.
    if hasattr(gc, "freeze"):
        gc.freeze()


def _widen(servicer: type) -> None:
    pool = ThreadPoolExecutor(CALLS_AT_A_TIME, thread_name_prefix="mailgun-tracking")
    for name in CONCURRENT_METHODS:
        _run_in(servicer, name, pool)


def _hear_cancel(servicer: type, last_words: Callable[[float], None]) -> None:
    pool = ThreadPoolExecutor(1, thread_name_prefix="mailgun-tracking-cancel")
    _hear_cancel_in(pool, last_words)
    _run_in(servicer, "Cancel", pool)


def _run_in(servicer: type, name: str, pool: ThreadPoolExecutor) -> None:
    method = getattr(servicer, name, None)
    if callable(method):
        try:
            method.experimental_thread_pool = pool
        except AttributeError:
            return


def _executor_of_this_thread() -> ThreadPoolExecutor | None:
    """The pool that this thread belongs to; the SDK's own, while the first call is served."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_worker":
            reference = frame.f_locals.get("executor_reference")
            executor = reference() if callable(reference) else None
            return executor if isinstance(executor, ThreadPoolExecutor) else None
        frame = frame.f_back
    return None


def _widen_executor(executor: ThreadPoolExecutor) -> None:
    if isinstance(getattr(executor, "_max_workers", None), int):
        executor._max_workers = CALLS_AT_A_TIME


def _hear_cancel_in(executor: ThreadPoolExecutor, last_words: Callable[[float], None]) -> None:
    """End all waiting as soon as gRPC hands the pool a Cancel, for which the SDK does nothing."""
    submit = executor.submit

    def submit_and_hear(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if all(getattr(value, "__name__", "") != "Cancel" for value in args):
            return submit(fn, *args, **kwargs)
        cancelled.set()

        def answer() -> Any:
            last_words(SECONDS_FOR_LAST_WORDS)
            return fn(*args, **kwargs)

        return submit(answer)

    executor.submit = submit_and_hear  # type: ignore[method-assign]


def _leave_with_engine() -> None:
    try:
        if not stat.S_ISFIFO(os.fstat(1).st_mode) or not hasattr(select, "poll"):
            return
    except OSError:
        return
    threading.Thread(target=_await_engine, name="engine-watch", daemon=True).start()


def _await_engine() -> None:
    poll = select.poll()
    poll.register(1, 0)
    while not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll()):
        time.sleep(1)
    # At once, without unwinding: whatever a thread would still do, nobody will ever record it.
    os._exit(1)


def current_urn() -> str:
    """The URN of the resource that the engine asks about on this thread, or an empty text."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in CONCURRENT_METHODS and "request" in frame.f_locals:
            urn = getattr(frame.f_locals["request"], "urn", "")
            return urn if isinstance(urn, str) else ""
        frame = frame.f_back
    return ""


class Row:
    """A resource's row in the engine's display.

    Args:
        urn: the resource's URN; where it is empty, lines land on the stack's row.
        clock: seconds that only grow.
    """

    def __init__(self, urn: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.urn = urn
        self._clock = clock
        self._wait_starts_to_matter = clock() + SECONDS_BEFORE_FIRST_LINE
        self._next_line = clock()

    def tell(self, message: str, *, warning: bool = False) -> None:
        """Say something that the reader has to know: a reason, or what was left alone."""
        log = _engine_log()
        if log is None:
            print(message, file=sys.stderr, flush=True)
            return
        log(self.urn, message, warning)

    def wait(self, message: str) -> None:
        """Say what is being waited for, once that takes long; at most one line in 15 s."""
        if self._clock() >= self._wait_starts_to_matter:
            self.repeat(message)

    def repeat(self, message: str) -> None:
        """Say what is being tried again; at most one line in 15 s, together with `wait`."""
        now = self._clock()
        if now >= self._next_line:
            self._next_line = now + SECONDS_BETWEEN_LINES
            self.tell(message)


@functools.cache
def _engine_log() -> Callable[[str, str, bool], None] | None:
    """The engine's log service, or None outside a provider process."""
    started_as = getattr(sys.modules.get("__main__"), "__spec__", None)
    if getattr(started_as, "name", None) != "pulumi.dynamic.__main__" or len(sys.argv) < 2:
        return None
    import grpc
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1]))

    def log(urn: str, message: str, warning: bool) -> None:
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        try:
            stub.Log(engine_pb2.LogRequest(severity=severity, message=message, urn=urn), timeout=5)
        except grpc.RpcError:
            print(message, file=sys.stderr, flush=True)

    return log
