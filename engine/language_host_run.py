# ruff: noqa: S603 -- starts what the engine asks for: the user's own policy pack
"""Runs a Pulumi program or a policy pack as the engine asks, and says how it went.

A program's failure looks as it does under the official language host: a `RunError` is one line, any
other exception is the traceback from the program's own first frame on.
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


def run_program(request: bytes, engine_address: str) -> bytes:
    """Run the program of a serialized `RunRequest` to its end; returns its `RunResponse`."""
    asked = language_pb2.RunRequest.FromString(request)
    path = os.path.abspath(os.path.join(asked.info.program_directory, asked.info.entry_point))
    main_file = os.path.join(path, "__main__.py") if os.path.isdir(path) else path

    reset_options(
        project=asked.project,
        stack=asked.stack,
        organization=asked.organization,
        root_directory=asked.info.root_directory,
        monitor_address=asked.monitor_address,
        engine_address=engine_address,
        parallel=asked.parallel,
        preview=asked.dryRun,
    )
    set_all_config(dict(asked.config), list(asked.configSecretKeys))
    os.chdir(asked.pwd)
    sys.argv = [path, *asked.args]

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(asked.parallel, 1) * 4)
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
    """The current exception's traceback, less the frames that led to the program."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    for index, frame in enumerate(frames):
        if os.path.abspath(frame.filename) == main_file:
            return traceback.format_exc(limit=index - len(frames))
    error = sys.exc_info()[1]
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error))
    return traceback.format_exc()


def _exit_status(exit_request: SystemExit) -> int:
    """The status Python itself would exit with; a text is printed first, as Python does."""
    if exit_request.code is None or isinstance(exit_request.code, int):
        return exit_request.code or 0
    print(exit_request.code, file=sys.stderr)
    return 1


def _exited_with(status: int) -> str:
    return f"Program exited with non-zero exit code: {status}"


def start_policy_pack(request: bytes) -> subprocess.Popen[bytes]:
    """Start the policy pack of a serialized `RunPluginRequest`; refuses any other kind."""
    asked = language_pb2.RunPluginRequest.FromString(request)
    if asked.kind != "analyzer":
        raise ValueError(f"this language host runs no plugin of kind {asked.kind!r}")
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", *asked.args, asked.info.program_directory],
        cwd=asked.pwd,
        env=dict(entry.split("=", 1) for entry in asked.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def responses_of(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What a process prints, as it prints it, and then its exit status, as `RunPluginResponse`s."""
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
