"""Everything that reaches into the SDK's program process, so that large stacks cost less.

The engine saves the whole state twice for each step, so what a resource has in there is paid for
again and again; and what the SDK does with each output, it does once for all the others. There is
no public way to either. Each piece leaves the SDK's behaviour as it is where the SDK has changed:

- the stack of a resource: the SDK's begins in our constructor instead of the user's line, and goes
  on through the SDK, asyncio and the language host. That was two fifths of a `DomainTracking` in
  state. What is kept are the user's own frames;
- waiting for outputs: the SDK waits for the first of all outputs that are not there yet, over and
  over, which costs the square of their number. It need not wait for each output of a resource:
  they come with its URN.

The resources of others are left as they are.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import pulumi

CALLERS = frozenset({"asyncio", "concurrent", "pulumi", "runpy", "threading"})
"""The packages that call a program, or a part of it."""
OWN = __name__.partition(".")[0]


@functools.cache
def point_to_program() -> None:
    """Let the SDK record where the user's program declares this package's resources."""
    sdk: Any = importlib.import_module("pulumi.runtime.resource")
    original = getattr(sdk, "_get_stack_trace", None)
    if callable(original):
        sdk._get_stack_trace = functools.partial(_stack_trace, original)


def _stack_trace(original: Callable[[], Any]) -> Any:
    """The user's frames where this package calls the SDK, and else what the SDK says."""
    from pulumi.runtime.proto import source_pb2

    frame = _outside(sys._getframe(1), "pulumi")
    if _package(frame) != OWN:
        return original()
    frame = _outside(frame, "pulumi", OWN)
    trace = source_pb2.StackTrace()
    while frame is not None and _package(frame) not in CALLERS:
        file = Path(frame.f_code.co_filename)
        if file.is_absolute():
            position = source_pb2.SourcePosition(uri=file.as_uri(), line=frame.f_lineno)
            trace.frames.append(source_pb2.StackFrame(pc=position))
        frame = frame.f_back
    return trace


def _outside(frame: FrameType | None, *packages: str) -> FrameType | None:
    """The innermost frame of a stack that is not in one of the packages."""
    while frame is not None and _package(frame) in packages:
        frame = frame.f_back
    return frame


def _package(frame: FrameType | None) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] if frame else ""


def wait_for_urn_only(resource: pulumi.Resource, outputs: Iterable[str]) -> None:
    """Have the SDK wait for a resource, and not for each of its outputs as well.

    Args:
        resource: the resource, just registered.
        outputs: the names of its outputs.
    """
    # Of the class: an output takes each name that it does not know for one in its value.
    untrack = getattr(pulumi.Output, "_untrack", None)
    if callable(untrack):
        for name in outputs:
            output = vars(resource).get(name)
            # A transformation may have taken it away.
            if isinstance(output, pulumi.Output):
                untrack(output)
