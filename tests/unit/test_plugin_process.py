"""What reaches into the SDK's provider process, as far as it shows outside of one."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from mailgun_tracking._provider import plugin_process
from mailgun_tracking._provider.plugin_process import (
    CONCURRENT_METHODS,
    LAST_MESSAGES_SECONDS,
    SDK_CALLS_AT_A_TIME,
    CancelPool,
    OneLineError,
    can_keep_state,
    current_urn,
    engine_log,
    has_other_inputs,
    install_hooks,
    is_provider_process,
    keep_state,
    secret,
)


class Context:
    """What gRPC hands to a method: it knows when the call ends."""

    def __init__(self, *, is_active: bool = True) -> None:
        self.is_active = is_active
        self.callbacks: list[Callable[[], None]] = []

    def add_callback(self, callback: Callable[[], None]) -> bool:
        if self.is_active:
            self.callbacks.append(callback)
        return self.is_active

    def end(self) -> None:
        """End the call."""
        for callback in self.callbacks:
            callback()


class Own:
    """A provider of this package."""


def new_servicer() -> type:
    """A class like the SDK's; with methods of its own, because a pool is set on a method."""
    names = (*CONCURRENT_METHODS, "Cancel", "Configure")
    return type("Servicer", (), {name: lambda _self: None for name in names})


def await_true(condition: Callable[[], bool]) -> None:
    """Wait for what has to come: only a failure takes the whole time."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def pool_of(method: object) -> object:
    """The pool that a method asks gRPC for."""
    return getattr(method, "experimental_thread_pool", None)


def install(context: object = None) -> None:
    """Install the hooks, with an event and a callback of their own, within a call."""

    def Check(request: object, context: object) -> None:
        install_hooks(Own, threading.Event(), lambda _seconds: None)

    Check(None, context or Context())


class TestInstallHooks:
    """A provider process serves many calls at a time, and hears of Cancel."""

    @pytest.fixture
    def main(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        """The main module of a provider process, which this process becomes."""
        main = ModuleType("__main__")
        vars(main)["DynamicResourceProviderServicer"] = new_servicer()
        vars(main)["get_provider"] = lambda provider: provider
        vars(main)["traceback"] = traceback
        main.__spec__ = SimpleNamespace(name="pulumi.dynamic.__main__")  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, "__main__", main)
        monkeypatch.setattr(sys, "argv", ["pulumi.dynamic", "127.0.0.1:1"])
        monkeypatch.setattr(plugin_process, "_leave_with_engine", lambda *_args: None)
        monkeypatch.setattr(logging.getLogger("grpc._server"), "filters", [])
        return main

    def test_methods_that_may_wait_share_a_pool(self, main: ModuleType) -> None:
        install()
        servicer = vars(main)["DynamicResourceProviderServicer"]
        pools = {id(pool_of(getattr(servicer, name))) for name in CONCURRENT_METHODS}
        assert len(pools) == 1
        assert isinstance(pool_of(servicer.Create), ThreadPoolExecutor)
        assert isinstance(pool_of(servicer.Cancel), CancelPool)
        assert pool_of(servicer.Configure) is None

    @pytest.mark.behaviour(58)
    @pytest.mark.parametrize("error", [ValueError("theirs"), OneLineError("ours")])
    def test_the_sdk_adds_no_frames_to_our_errors_only(
        self, main: ModuleType, error: Exception
    ) -> None:
        """Whether it formats the traceback, or gRPC logs it as with an older SDK."""
        install()
        record = logging.LogRecord("grpc._server", logging.ERROR, "", 1, "failed", None, None)
        try:
            raise error
        except Exception:
            shown = vars(main)["traceback"].format_exc()
            expected = traceback.format_exc()
            record.exc_info = sys.exc_info()
        assert logging.getLogger("grpc._server").filter(record)
        logged = logging.Formatter().format(record)
        assert vars(main)["traceback"].format_list is traceback.format_list
        if isinstance(error, OneLineError):
            assert shown == f"{OneLineError.__module__}.OneLineError: ours\n"
            assert "Traceback" not in logged
            assert logged.endswith("OneLineError: ours")
        else:
            assert shown == expected
            assert expected.strip() in logged

    @pytest.mark.behaviour(58)
    def test_calls_of_other_providers_take_turns(self, main: ModuleType) -> None:
        """As many at a time as with the SDK; ours do not count."""
        install()
        contexts = [Context() for _ in range(6)]
        started: list[int] = []
        ended = threading.Event()

        def call(number: int, provider: object) -> None:
            def Create(request: object, context: object) -> None:
                vars(main)["get_provider"](provider)
                started.append(number)
                ended.wait(30)

            Create(None, contexts[number])

        with ThreadPoolExecutor(8) as pool:
            theirs = [pool.submit(call, number, object()) for number in range(5)]
            ours = pool.submit(call, 5, Own())
            try:
                await_true(lambda: len(started) == 5)
                assert 5 in started
                waiting = ({0, 1, 2, 3, 4} - set(started)).pop()
                contexts[(waiting + 1) % 5].end()
                await_true(lambda: waiting in started)
            finally:
                ended.set()
        assert all(one.result() is None for one in (*theirs, ours))

    @pytest.mark.behaviour(58)
    def test_calls_that_the_sdk_has_started_count(self, main: ModuleType) -> None:
        """They are under way when our first provider is configured."""
        reading, busy, context = threading.Event(), threading.Event(), Context()

        def Read(request: object, context: object) -> None:
            reading.set()
            busy.wait(30)

        thread = threading.Thread(target=Read, args=(None, context))
        thread.start()
        try:
            assert reading.wait(30)
            install()
            assert len(context.callbacks) == 1
        finally:
            busy.set()
            thread.join()

    def test_a_call_that_has_ended_while_it_waited_is_not_carried_out(
        self, main: ModuleType
    ) -> None:
        install()

        def Create(request: object, context: object) -> None:
            vars(main)["get_provider"](object())

        for _ in range(2 * SDK_CALLS_AT_A_TIME):
            with pytest.raises(InterruptedError):
                Create(None, Context(is_active=False))

    @pytest.mark.behaviour(25, 58)
    def test_without_a_way_to_tell_whose_calls_they_are_there_is_no_pool(
        self, main: ModuleType
    ) -> None:
        """Then as many calls run at a time as the SDK allows."""
        del vars(main)["get_provider"]
        install()
        servicer = vars(main)["DynamicResourceProviderServicer"]
        assert pool_of(servicer.Create) is None
        assert isinstance(pool_of(servicer.Cancel), CancelPool)

    def test_a_second_call_changes_nothing(self, main: ModuleType) -> None:
        """The engine configures a provider more than once."""
        cancelled, on_cancel = threading.Event(), print

        def Check(request: object, context: object) -> None:
            install_hooks(Own, cancelled, on_cancel)

        Check(None, Context())
        servicer = vars(main)["DynamicResourceProviderServicer"]
        pool = pool_of(servicer.Create)
        assert pool is not None
        Check(None, Context())
        assert pool_of(servicer.Create) is pool

    def test_an_sdk_that_has_changed_is_left_as_it_is(self, main: ModuleType) -> None:
        """No such class, no such method, or a method that takes no attribute."""
        vars(main)["DynamicResourceProviderServicer"] = type("Servicer", (), {"Create": len})
        install()
        del vars(main)["DynamicResourceProviderServicer"]
        del vars(main)["traceback"]
        install()

    def test_any_other_process_is_left_as_it_is(self, main: ModuleType) -> None:
        main.__spec__ = None
        assert not is_provider_process()
        install()
        assert pool_of(vars(main)["DynamicResourceProviderServicer"].Create) is None
        assert vars(main)["traceback"] is traceback


class TestCancel:
    """The pool of the call that ends a command."""

    @pytest.fixture
    def cancelled(self) -> threading.Event:
        """The engine's request to stop."""
        return threading.Event()

    @pytest.fixture
    def new_pool(
        self, cancelled: threading.Event
    ) -> Iterator[Callable[[Callable[[float], None]], CancelPool]]:
        """Makes pools for Cancel, which end with the test."""
        pools: list[CancelPool] = []

        def make(on_cancel: Callable[[float], None]) -> CancelPool:
            pools.append(CancelPool(cancelled, on_cancel))
            return pools[-1]

        yield make
        for pool in pools:
            pool.shutdown()

    def test_it_is_answered_after_the_last_messages(
        self,
        cancelled: threading.Event,
        new_pool: Callable[[Callable[[float], None]], CancelPool],
    ) -> None:
        """The engine ends the process once it has the answer."""
        order: list[object] = []
        pool = new_pool(lambda seconds: order.extend((cancelled.is_set(), seconds)))
        answer = pool.submit(lambda *words: order.append(words), "the", "answer")
        assert answer.result(30) is None
        assert order == [True, LAST_MESSAGES_SECONDS, ("the", "answer")]

    def test_it_is_heard_when_it_arrives(
        self,
        cancelled: threading.Event,
        new_pool: Callable[[Callable[[float], None]], CancelPool],
    ) -> None:
        """Not only when a thread is free to answer it."""
        busy = threading.Event()
        pool = new_pool(lambda _seconds: None)
        ThreadPoolExecutor.submit(pool, busy.wait, 30)
        answer = pool.submit(lambda: "answered")
        assert cancelled.is_set()
        busy.set()
        assert answer.result(30) == "answered"


class TestKeepState:
    """A call that fails can say what it has done."""

    @pytest.mark.behaviour(76)
    @pytest.mark.parametrize("name", ["news", "properties"])
    def test_the_engine_gets_outputs_in_the_details_of_the_status(self, name: str) -> None:
        """With the provider, which the SDK adds to outputs only where a call succeeds."""
        properties = struct_pb2.Struct()
        properties["__provider"] = "pickled"
        sent: list[tuple[tuple[str, bytes], ...]] = []

        def Update(request: object, context: object) -> None:
            assert can_keep_state()
            keep_state(
                "mg", {"a": [1], "b": secret("x")}, "it failed: ä", refresh_before_update=True
            )

        context = SimpleNamespace(set_trailing_metadata=sent.append)
        Update(SimpleNamespace(**{name: properties}), context)
        [((key, value),)] = sent
        assert key == "grpc-status-details-bin"
        status = status_pb2.Status.FromString(value)
        assert (status.code, status.message) == (grpc.StatusCode.UNKNOWN.value[0], "it failed: ä")
        failed = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(failed)
        assert (failed.id, [*failed.reasons]) == ("mg", ["it failed: ä"])
        assert failed.refresh_before_update
        known = rpc.deserialize_properties(failed.properties)
        assert known["__provider"] == "pickled"
        assert known["a"] == [1]
        assert rpc.is_rpc_secret(known["b"])

    @pytest.mark.behaviour(25, 76)
    @pytest.mark.parametrize(
        ("request_", "context"),
        [
            (SimpleNamespace(news={"__provider": "p"}), SimpleNamespace()),
            (SimpleNamespace(news={}), SimpleNamespace(set_trailing_metadata=print)),
            (SimpleNamespace(), SimpleNamespace(set_trailing_metadata=print)),
        ],
    )
    def test_it_is_known_where_that_does_not_work(self, request_: object, context: object) -> None:
        """With another SDK, whose requests or contexts are not as expected, or outside of calls."""

        def Update(request: object, context: object) -> None:
            assert not can_keep_state()

        Update(request_, context)
        assert not can_keep_state()


class TestCurrentUrn:
    """The URN comes from the request in the SDK's method below."""

    @pytest.mark.parametrize(
        ("request_", "urn"),
        [
            (SimpleNamespace(urn="urn:pulumi:dev::mail::type::name"), "::name"),
            (SimpleNamespace(urn=5), ""),
            (SimpleNamespace(), ""),
        ],
    )
    def test_is_that_of_the_request(self, request_: object, urn: str) -> None:
        def Create(request: object) -> str:
            return (lambda: current_urn())()

        found = Create(request_)
        assert found.endswith(urn)
        assert bool(found) is bool(urn)

    def test_is_empty_in_a_program(self) -> None:
        assert current_urn() == ""


def struct(**properties: str) -> struct_pb2.Struct:
    """Properties as they travel."""
    sent = struct_pb2.Struct()
    sent.update(properties)
    return sent


class TestHasOtherInputs:
    """The old inputs come from the request of a Diff; a provider gets only the old outputs."""

    @pytest.mark.parametrize(
        ("old", "new", "is_other"),
        [
            (struct(click="true"), struct(click="false"), True),
            (struct(click="true"), struct(click="true", open="true"), True),
            (struct(click="true"), struct(click="true"), False),
            pytest.param(
                struct(click="true", __provider="a"),
                struct(click="true", __provider="b"),
                False,
                id="another pickle",
            ),
            pytest.param(struct(), struct(click="true"), False, id="not sent by the engine"),
        ],
    )
    def test_compares_what_the_request_has(
        self, old: struct_pb2.Struct, new: struct_pb2.Struct, is_other: bool
    ) -> None:
        def Diff(request: object) -> bool:
            return has_other_inputs()

        assert Diff(provider_pb2.DiffRequest(old_inputs=old, news=new)) is is_other

    def test_is_false_where_the_request_is_another(self) -> None:
        def Diff(request: object) -> bool:
            return has_other_inputs()

        assert Diff(SimpleNamespace(news=struct(click="true"))) is False
        assert has_other_inputs() is False


class Engine(engine_pb2_grpc.EngineServicer):
    """An engine that keeps what is logged."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, str, bool]] = []

    def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:
        warning = request.severity == engine_pb2.WARNING
        self.logged.append((request.urn, request.message, warning))
        return empty_pb2.Empty()


class TestEngineLog:
    """Messages in a resource's row of the engine's display."""

    @pytest.fixture(autouse=True)
    def _not_cached(self) -> Iterator[None]:
        engine_log.cache_clear()
        yield
        engine_log.cache_clear()

    def log_at(self, port: int, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """The log of a provider process whose engine listens on a port."""
        monkeypatch.setattr(plugin_process, "is_provider_process", lambda: True)
        monkeypatch.setattr(sys, "argv", ["pulumi.dynamic", f"127.0.0.1:{port}"])
        log = engine_log()
        assert log is not None
        return log

    def test_a_program_has_none(self) -> None:
        assert engine_log() is None

    def test_messages_reach_the_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = Engine()
        server = grpc.server(ThreadPoolExecutor(1))
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
        log = self.log_at(server.add_insecure_port("127.0.0.1:0"), monkeypatch)
        server.start()
        try:
            log("urn", "adopted", False)
            log("urn", "careful", True)
        finally:
            server.stop(0).wait()
        assert engine.logged == [("urn", "adopted", False), ("urn", "careful", True)]

    def test_messages_that_do_not_are_printed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.log_at(1, monkeypatch)("urn", "adopted", False)
        assert capsys.readouterr().err == "adopted\n"


def test_the_process_ends_when_nothing_reads_its_output() -> None:
    """The engine holds the other end of that pipe."""
    program = (
        "import threading\n"
        "from mailgun_tracking._provider import plugin_process\n"
        "plugin_process._leave_with_engine(object, threading.Event())\n"
        "print('started', flush=True)\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"started\n"
            process.stdout.close()
            assert process.wait(30) == 1
        finally:
            process.kill()
