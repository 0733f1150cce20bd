"""Everything that reaches into the SDK's provider process (``python -m pulumi.dynamic``).

The SDK answers four calls at a time, does nothing on Cancel, outlives its engine, and tells a
provider neither the URN, the old inputs and `ignore_changes` of the resource nor where the engine's
log is. Each piece below fixes one of these on its own, and leaves the SDK's behaviour as it is
where the SDK has changed:

- more calls at a time: gRPC runs a method in the pool that the method names in the attribute
  ``experimental_thread_pool``;
- Cancel: its own pool is told of the call the moment it arrives. The engine also cancels at the
  end of every command and waits for the answer: until then, messages still reach its display;
- the URN, the old inputs and `ignore_changes`: they are in the request, in the frames below the
  call;
- the engine's log: its address is the process's first argument;
- leaving with the engine: the engine reads this process's standard output, so that pipe breaks
  when the engine is gone, however it ended.
"""

from __future__ import annotations

import functools
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
"""More than any ``--parallel`` in use: the limits are the engine's and Mailgun's."""
CONCURRENT_METHODS = ("Check", "Diff", "Create", "Read", "Update", "Delete")
LAST_MESSAGES_SECONDS = 2.0


def is_provider_process() -> bool:
    """Whether this process was started as a dynamic provider, and not by a program or a test."""
    started_as = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(started_as, "name", None) == "pulumi.dynamic.__main__" and len(sys.argv) > 1


@functools.cache
def install_hooks(cancelled: threading.Event, on_cancel: Callable[[float], None]) -> None:
    """Fix what can be fixed in a provider process; once, however often it is called.

    Args:
        cancelled: is set when the engine asks to stop.
        on_cancel: is called then, with the seconds it may take, before the process ends.
    """
    if not is_provider_process():
        return
    # Our errors are one line each; otherwise the SDK would put its own frames around them.
    # A bug carries its traceback in its message (see `base`).
    sys.tracebacklimit = 0
    servicer = getattr(sys.modules["__main__"], "DynamicResourceProviderServicer", None)
    if servicer is not None:
        pool = ThreadPoolExecutor(CALLS_AT_A_TIME, thread_name_prefix="mailgun-tracking")
        for name in CONCURRENT_METHODS:
            _run_in(servicer, name, pool)
        _run_in(servicer, "Cancel", CancelPool(cancelled, on_cancel))
    _leave_with_engine()


class CancelPool(ThreadPoolExecutor):
    """The pool for Cancel, for which the SDK itself does nothing.

    Args:
        cancelled: is set when the engine asks to stop.
        on_cancel: is called then, with the seconds it may take, before the engine gets an answer.
    """

    def __init__(self, cancelled: threading.Event, on_cancel: Callable[[float], None]) -> None:
        super().__init__(1, thread_name_prefix="mailgun-tracking-cancel")
        self._cancelled = cancelled
        self._on_cancel = on_cancel

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Stop all waiting, and answer once the last messages are out."""
        self._cancelled.set()

        def answer() -> Any:
            self._on_cancel(LAST_MESSAGES_SECONDS)
            return fn(*args, **kwargs)

        return super().submit(answer)


def _run_in(servicer: type, name: str, pool: ThreadPoolExecutor) -> None:
    method = getattr(servicer, name, None)
    if callable(method):
        try:
            method.experimental_thread_pool = pool
        except AttributeError:
            return


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
    # At once, without unwinding: nobody would record what a thread still does.
    os._exit(1)


def current_urn() -> str:
    """The URN of the resource that this thread's call is about, or an empty string."""
    urn = getattr(_current_request(), "urn", "")
    return urn if isinstance(urn, str) else ""


def has_other_inputs() -> bool:
    """Whether this thread's Diff is about inputs other than those in state, as far as is known."""
    request = _current_request()
    olds, news = (_own_fields(getattr(request, name, None)) for name in ("old_inputs", "news"))
    return bool(olds) and olds != news


def ignored_paths() -> list[str]:
    """What ``ignore_changes`` has for the resource of this thread's Diff, as far as is known."""
    return list(getattr(_current_request(), "ignoreChanges", ()))


def _own_fields(properties: Any) -> dict[str, Any]:
    fields = getattr(properties, "fields", {})
    return {name: value for name, value in fields.items() if name != "__provider"}


def _current_request() -> Any:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in CONCURRENT_METHODS and "request" in frame.f_locals:
            return frame.f_locals["request"]
        frame = frame.f_back
    return None


@functools.cache
def engine_log() -> Callable[[str, str, bool], None] | None:
    """The engine's log (URN, message, whether it is a warning); None outside a provider process."""
    if not is_provider_process():
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
