"""A replacement for Pulumi's Python language host that needs only the Pulumi SDK.

The engine starts it, reads the port it prints, and tells it over gRPC to run a program or a policy
pack. `pulumi up` and `pulumi preview` also start one just to read the Python version, and `refresh`
and `destroy` start one that runs nothing. Importing the SDK is the slow part, so this module does
without it: it handles messages as bytes, and `language_host_run` imports the SDK when there is
something to run.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import platform
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

HERE = os.path.dirname(os.path.abspath(__file__))
EMPTY_MESSAGE = b""


class LanguageHost:
    """Serves the engine's requests. Programs run on the main thread, as under `python`."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._requests: queue.Queue[tuple[bytes, Future[bytes]]] = queue.Queue()

    def handlers(self) -> grpc.GenericRpcHandler:
        unary = grpc.unary_unary_rpc_method_handler
        return grpc.method_handlers_generic_handler(
            "pulumirpc.LanguageRuntime",
            {
                "Handshake": unary(lambda request, context: EMPTY_MESSAGE),
                "GetPluginInfo": unary(lambda request, context: EMPTY_MESSAGE),
                "GetRequiredPackages": unary(lambda request, context: EMPTY_MESSAGE),
                "About": unary(about),
                "Run": unary(self.run),
                "RunPlugin": grpc.unary_stream_rpc_method_handler(run_plugin),
            },
        )

    def run(self, request: bytes, context: Any) -> bytes:
        response: Future[bytes] = Future()
        self._requests.put((request, response))
        return response.result()

    def serve(self) -> None:
        """Run the programs that the engine requests, until it terminates this process."""
        request, response = self._requests.get()
        from language_host_run import run_program

        sys.path.remove(HERE)
        while True:
            try:
                response.set_result(run_program(request, self._engine_address))
            except BaseException as error:
                response.set_exception(error)
                raise
            request, response = self._requests.get()


def about(request: bytes, context: Any) -> bytes:
    """A serialized `AboutResponse` with the Python version: field 2, a length-delimited string."""
    version = platform.python_version().encode()
    return b"\x12" + bytes([len(version)]) + version


def run_plugin(request: bytes, context: Any) -> Iterator[bytes]:
    from language_host_run import responses_of, start_policy_pack

    try:
        process = start_policy_pack(request)
    except ValueError as error:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
    context.add_callback(process.terminate)
    yield from responses_of(process)


def exit_with_the_engine() -> None:
    """Exit when standard input is closed: the engine holds the other end of the pipe."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    os._exit(0)


def main() -> None:
    if importlib.util.find_spec("pulumi") is None:
        sys.exit(
            f"The Pulumi SDK is not installed for {sys.executable}. "
            "Run `pip install -r requirements.txt` in the program's virtual environment."
        )
    # The engine sends SIGINT when it no longer needs this process, and waits for it to exit.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not os.path.samestat(os.fstat(0), os.stat(os.devnull)):
        threading.Thread(target=exit_with_the_engine, daemon=True).start()
    # A failed program leaves futures that nothing awaits. asyncio would log each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    host = LanguageHost(engine_address=sys.argv[-1])
    unlimited = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=unlimited)
    server.add_generic_rpc_handlers((host.handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    host.serve()


if __name__ == "__main__":
    main()
