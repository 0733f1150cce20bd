"""Breaks what `plugin_process` builds on, in a provider's process only.

The folder of this file is on PYTHONPATH, and the variable BROKEN names the pieces. What was broken
is noted in the file that BROKEN_NOTES names, so that a test can check that it was.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def servicer_has_another_name(main: Any) -> None:
    """The SDK's class has another name."""
    main.RenamedServicer = main.DynamicResourceProviderServicer
    del main.DynamicResourceProviderServicer


def grpc_ignores_pools(main: Any) -> None:
    """gRPC runs all methods in the server's pool, as without its experiment."""
    from grpc import _server

    assert callable(_server._select_thread_pool_for_behavior)
    _server._select_thread_pool_for_behavior = lambda _behavior, default: default


def requests_have_another_name(main: Any) -> None:
    """The methods of the SDK call their request something else."""
    for name in ("Check", "Diff", "Create", "Read", "Update", "Delete"):
        method = getattr(main.DynamicResourceProviderServicer, name)
        (cell,) = method.__closure__
        code = cell.cell_contents.__code__
        assert "request" in code.co_varnames
        names = tuple("asked" if one == "request" else one for one in code.co_varnames)
        cell.cell_contents.__code__ = code.replace(co_varnames=names)


def status_has_no_details(main: Any) -> None:
    """The engine's answer to a failure has another form."""
    from pulumi.runtime.proto import provider_pb2

    assert "ErrorResourceInitFailed" in vars(provider_pb2)
    vars(provider_pb2)["ErrorResourceInitFailed"] = provider_pb2.CheckFailure


def log_has_no_address(main: Any) -> None:
    """The engine's address is not among the arguments."""
    assert len(sys.argv) > 1
    del sys.argv[1:]


def output_cannot_be_looked_at(main: Any) -> None:
    """The standard output cannot be inspected."""

    def fstat(fd: int) -> os.stat_result:
        raise OSError("no such thing here")

    os.fstat = fstat


def output_cannot_be_polled(main: Any) -> None:
    """The platform has no poll."""
    import select

    del select.poll


PIECES: dict[str, Callable[[Any], None]] = {
    piece.__name__: piece
    for piece in (
        requests_have_another_name,
        servicer_has_another_name,
        status_has_no_details,
        grpc_ignores_pools,
        log_has_no_address,
        output_cannot_be_looked_at,
        output_cannot_be_polled,
    )
}


def break_when_served(broken: list[str]) -> None:
    """Break pieces at the last moment before the SDK's server is made."""
    import grpc

    make_server = grpc.server

    def server(*args: Any, **options: Any) -> Any:
        main = sys.modules["__main__"]
        for name, piece in PIECES.items():
            if name in broken:
                piece(main)
                with Path(os.environ["BROKEN_NOTES"]).open("a") as notes:
                    notes.write(f"{name}\n")
        return make_server(*args, **options)

    grpc.server = server


if "pulumi.dynamic" in sys.orig_argv and os.environ.get("BROKEN"):
    break_when_served(os.environ["BROKEN"].split(","))
