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
- an outcome half-way: a call that fails can say what it has done, in the details of gRPC's status,
  as the engine expects it of an `ErrorResourceInitFailed`;
- leaving with the engine: the engine reads this process's standard output, so that pipe breaks
  when the engine is gone, however it ended.

The dynamic resources of the user's own program run in the same process. For them everything stays
as the SDK has it: four calls at a time, their tracebacks, and a call that is under way goes on to
its end.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import select
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from typing import Any

from pulumi.runtime import rpc

CALLS_AT_A_TIME = 1024
"""More than any ``--parallel`` in use: the limits are the engine's and Mailgun's."""
SDK_CALLS_AT_A_TIME = 4
"""How many calls the SDK answers at a time."""
CONCURRENT_METHODS = ("Check", "Diff", "Create", "Read", "Update", "Delete")
LAST_MESSAGES_SECONDS = 2.0
STATUS_UNKNOWN = 2
"""The status of gRPC with which the SDK answers where a provider raises an exception."""
SIGNATURE, IS_SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
"""How Pulumi marks a secret, between processes and in states."""


def is_provider_process() -> bool:
    """Whether this process was started as a dynamic provider, and not by a program or a test."""
    started_as = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(started_as, "name", None) == "pulumi.dynamic.__main__" and len(sys.argv) > 1


class OneLineError(Exception):
    """An error of which only class and message are shown, without the frames it came through."""


@functools.cache
def install_hooks(
    own: type, cancelled: threading.Event, on_cancel: Callable[[float], None]
) -> None:
    """Fix what can be fixed in a provider process; once, however often it is called.

    Args:
        own: the class of this package's providers; those of the program are left as they are.
        cancelled: is set when the engine asks to stop.
        on_cancel: is called then, with the seconds it may take, before the process ends.
    """
    if not is_provider_process():
        return
    main: Any = sys.modules["__main__"]
    _hide_frames(main)
    servicer = getattr(main, "DynamicResourceProviderServicer", None)
    if servicer is not None:
        if _limit_other_calls(main, own):
            pool = ThreadPoolExecutor(CALLS_AT_A_TIME, thread_name_prefix="mailgun-tracking")
            for name in CONCURRENT_METHODS:
                _run_in(servicer, name, pool)
        _run_in(servicer, "Cancel", CancelPool(cancelled, on_cancel))
    _leave_with_engine(own, cancelled)


def _hide_frames(main: Any) -> None:
    """Let the SDK show our errors on one line each, without its own frames around them."""
    if hasattr(main, "traceback"):
        main.traceback = _Tracebacks()
    # Older SDKs leave that to gRPC, which logs what a method raises.
    logging.getLogger("grpc._server").addFilter(_without_frames)


class _Tracebacks:
    """The module ``traceback`` as the SDK sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    def format_exc(self, *args: Any, **options: Any) -> str:
        """As in the module, but of one of our errors only class and message."""
        error = sys.exc_info()[1]
        if isinstance(error, OneLineError):
            return "".join(traceback.format_exception_only(type(error), error))
        return traceback.format_exc(*args, **options)


def _without_frames(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], OneLineError):
        record.exc_info = (*record.exc_info[:2], None)
    return True


def _limit_other_calls(main: Any, own: type) -> bool:
    """Run no more calls of other providers at a time than the SDK does; whether that worked."""
    get_provider = getattr(main, "get_provider", None)
    this_call = _current_call().get("context")
    if not callable(get_provider) or this_call is None:
        return False
    permits = threading.Semaphore(SDK_CALLS_AT_A_TIME)

    def count_until_end(context: Any) -> bool:
        permits.acquire()
        is_active = context.add_callback(permits.release)
        if not is_active:
            permits.release()
        return bool(is_active)

    def get_provider_in_turn(*args: Any, **options: Any) -> Any:
        provider = get_provider(*args, **options)
        if not isinstance(provider, own) and not count_until_end(_current_call()["context"]):
            raise InterruptedError("the engine no longer waits for this call")
        return provider

    # Those under way are fewer than that: this call is one of the SDK's four.
    for call in _calls_under_way():
        if call["context"] is not this_call:
            count_until_end(call["context"])
    main.get_provider = get_provider_in_turn
    return True


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


def _leave_with_engine(own: type, cancelled: threading.Event) -> None:
    try:
        if not stat.S_ISFIFO(os.fstat(1).st_mode) or not hasattr(select, "poll"):
            return
    except OSError:
        return
    watch = threading.Thread(
        target=_await_engine, args=(own, cancelled), name="engine-watch", daemon=True
    )
    watch.start()


def _await_engine(own: type, cancelled: threading.Event) -> None:
    poll = select.poll()
    poll.register(1, 0)
    while not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll()):
        time.sleep(1)
    # Without unwinding: nobody would record what our threads still do. The user's own go on.
    cancelled.set()
    while any(not isinstance(call.get("provider"), own) for call in _calls_under_way()):
        time.sleep(0.1)
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


def inputs_in_state() -> dict[str, Any]:
    """The inputs in state of the resource that this thread's call is about, as far as known."""
    request = _current_request()
    properties = getattr(request, "old_inputs", None) or getattr(request, "inputs", None)
    return dict(rpc.deserialize_properties(properties, True)) if properties else {}


def ignored_paths() -> list[str]:
    """What ``ignore_changes`` has for the resource of this thread's Diff, as far as is known."""
    return list(getattr(_current_request(), "ignoreChanges", ()))


def can_keep_state() -> bool:
    """Whether `keep_state` works in this thread's call."""
    from pulumi.runtime.proto import provider_pb2

    message = provider_pb2.ErrorResourceInitFailed
    context = _current_call().get("context")
    return (
        callable(getattr(context, "set_trailing_metadata", None))
        and _current_provider() is not None
        and "refresh_before_update" in message.DESCRIPTOR.fields_by_name
    )


def keep_state(
    id_: str, outputs: Mapping[str, Any], reason: str, *, refresh_before_update: bool
) -> None:
    """Have the engine save outputs although this thread's call is about to fail.

    The engine shows the reason instead of the exception.

    Args:
        id_: the resource's ID.
        outputs: the outputs, as far as they came.
        reason: why the call fails.
        refresh_before_update: whether the engine reads the resource before it compares it again.
    """
    from google.protobuf import any_pb2
    from pulumi.runtime.proto import provider_pb2, status_pb2

    outputs = {**outputs, "__provider": _current_provider()}
    failed = provider_pb2.ErrorResourceInitFailed(
        id=id_,
        properties=asyncio.run(rpc.serialize_properties(outputs, {})),
        reasons=[reason],
        refresh_before_update=refresh_before_update,
    )
    detail = any_pb2.Any()
    detail.Pack(failed)
    status = status_pb2.Status(code=STATUS_UNKNOWN, message=reason, details=[detail])
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    _current_call()["context"].set_trailing_metadata(metadata)


def secret(value: object) -> dict[str, object]:
    """A property that the engine keeps as a secret."""
    return {SIGNATURE: IS_SECRET, "value": value}


def _current_provider() -> str | None:
    """``__provider`` of the resource that this thread creates or updates."""
    request = _current_request()
    # Of an update, and of a create.
    for name in ("news", "properties"):
        properties = getattr(request, name, None)
        if properties is not None and "__provider" in properties:
            return str(properties["__provider"])
    return None


def _own_fields(properties: Any) -> dict[str, Any]:
    fields = getattr(properties, "fields", {})
    return {name: value for name, value in fields.items() if name != "__provider"}


def _current_request() -> Any:
    return _call_in(sys._getframe(1), "request").get("request")


def _current_call() -> Mapping[str, Any]:
    """The variables of the SDK's method that this thread runs; none outside of one."""
    return _call_in(sys._getframe(1), "context")


def _calls_under_way() -> list[Mapping[str, Any]]:
    """The variables of each method of the SDK that a thread runs."""
    frames = list(sys._current_frames().values())
    return [call for frame in frames if (call := _call_in(frame, "context"))]


def _call_in(frame: FrameType | None, name: str) -> Mapping[str, Any]:
    """The variables of the SDK's method in a stack; it is recognized by one of them."""
    while frame is not None:
        if frame.f_code.co_name in CONCURRENT_METHODS and name in frame.f_locals:
            return frame.f_locals
        frame = frame.f_back
    return {}


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
