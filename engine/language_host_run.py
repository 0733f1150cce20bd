# ruff: noqa: S603 -- the command is the user's own policy pack, as requested by the engine
"""Runs a Pulumi program or a policy pack for the engine.

Failures are shown as by the official language host: a `RunError` as one line, any other exception
as a traceback that starts at the program's first frame.
"""

from __future__ import annotations

import asyncio
import os
import queue
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pulumi
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2


def run_program(serialized: bytes, engine_address: str) -> bytes:
    """Run the program of a serialized `RunRequest`. Returns a serialized `RunResponse`."""
    request = language_pb2.RunRequest.FromString(serialized)
    path = os.path.abspath(os.path.join(request.info.program_directory, request.info.entry_point))
    main_file = os.path.join(path, "__main__.py") if os.path.isdir(path) else path

    reset_options(
        project=request.project,
        stack=request.stack,
        organization=request.organization,
        root_directory=request.info.root_directory,
        monitor_address=request.monitor_address,
        engine_address=engine_address,
        parallel=request.parallel,
        preview=request.dryRun,
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    os.chdir(request.pwd)
    sys.argv = [path, *request.args]

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(request.parallel, 1) * 4)
    loop.set_default_executor(executor)
    response = language_pb2.RunResponse()
    try:
        if not os.path.isfile(main_file):
            raise pulumi.RunError(f"unable to find main python program `{main_file}`")
        loop.run_until_complete(run_in_stack(lambda: _run_file(path)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        response.error = _exited_with(1)
    except SystemExit as exit_request:
        if status := _exit_status(exit_request):
            response.error = _exited_with(status)
    except Exception:
        shown = _traceback_from(main_file)
        pulumi.log.error(f"Program failed with an unhandled exception:\n{shown}")
        response.bail = True
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return bytes(response.SerializeToString())


def _run_file(path: str) -> None:
    runpy.run_path(path, run_name="__main__")


def _traceback_from(main_file: str) -> str:
    """The current exception's traceback without the frames above the program."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if os.path.abspath(frame.filename) == main_file:
            return traceback.format_exc(limit=index - len(frames))
    error = sys.exc_info()[1]
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error))
    return traceback.format_exc()


def _exit_status(exit_request: SystemExit) -> int:
    """The exit status that Python would use; prints a message given as code, as Python does."""
    if exit_request.code is None or isinstance(exit_request.code, int):
        return exit_request.code or 0
    print(exit_request.code, file=sys.stderr)
    return 1


def _exited_with(status: int) -> str:
    return f"Program exited with non-zero exit code: {status}"


def start_policy_pack(serialized: bytes) -> subprocess.Popen[bytes]:
    """Start the policy pack of a serialized `RunPluginRequest`.

    Raises:
        ValueError: The request is for another kind of plugin.
    """
    request = language_pb2.RunPluginRequest.FromString(serialized)
    if request.kind != "analyzer":
        raise ValueError(f"this language host does not support plugins of kind {request.kind!r}")
    return subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-m",
            "pulumi.policy",
            *request.args,
            request.info.program_directory,
        ],
        cwd=request.pwd,
        env=dict(entry.split("=", 1) for entry in request.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def responses_of(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield a process's output as it appears, then its exit status, as `RunPluginResponse`s."""
    responses: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()

    def forward_output() -> None:
        for line in process.stdout or ():
            responses.put(language_pb2.RunPluginResponse(stdout=line))
        responses.put(None)

    def forward_errors() -> None:
        for line in process.stderr or ():
            responses.put(language_pb2.RunPluginResponse(stderr=line))
        responses.put(None)

    forwarders = (forward_output, forward_errors)
    for forward in forwarders:
        threading.Thread(target=forward, daemon=True).start()
    for _ in forwarders:
        while (response := responses.get()) is not None:
            yield bytes(response.SerializeToString())
    yield bytes(language_pb2.RunPluginResponse(exitcode=process.wait()).SerializeToString())
