"""A stand-in for Pulumi's engine, which calls the providers in this process.

A life of a resource takes milliseconds here and many seconds on the engine, so this is where
whatever is not about the engine is tested. `tests/behaviour/test_stand_in.py` runs the same
programs on both.

It does what the engine and the SDK's provider process do with a dynamic resource:

- Properties travel as protobuf structs, so numbers arrive as floats, absent ones not at all, and
  ``__provider`` is among them.
- Each command starts afresh, as a process of its own would, and configures each provider once.
- check gets the old inputs; diff the old outputs and the checked inputs. A diff that leaves open
  whether anything changes is decided by comparing old and new inputs.
- A replacement checks the inputs again, as those of a new resource, and deletes the old resource
  at the end.
- After a failed update, state keeps the old inputs and outputs.
- A preview calls check and diff only. What create or update will return is unknown then.
- refresh takes inputs over only where read returns some; a read without an id removes the resource.
  Whether that is a change, diff says: of what was read, with the inputs from before.

It differs in this: resources are handled one after another, in the order of the program; there
are no resource options, secrets, components or lookups; and an output is a plain value, so that a
program passes it on as it is.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi import ResourceOptions
from pulumi.dynamic import (
    CheckFailure,
    ConfigureRequest,
    DiffResult,
    Resource,
    ResourceProvider,
)
from pulumi.dynamic.config import Config
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from mailgun_tracking._provider import plugin_process
from mailgun_tracking._provider.process import process

PROVIDER_KEY = "__provider"

Properties = dict[str, Any]
Program = Callable[[], object]
_T = TypeVar("_T")


class EngineFailed(Exception):
    """A command failed; the message has its errors."""


class _Killed(BaseException):
    """Nothing that a process could react to."""


class _Stop(Exception):
    """Ends a command after a failure."""


@dataclass
class State:
    """A resource in state.

    Attributes:
        is_half_way: whether its last create or update failed, and told how far it came.
        is_read_first: whether it is read before it is compared again.
    """

    provider: ResourceProvider
    id: str
    inputs: Properties
    outputs: Properties
    is_half_way: bool = False
    is_read_first: bool = False


@dataclass
class Run:
    """What a command did; everything is by the resource's name.

    Attributes:
        steps: ``create``, ``update``, ``replace``, ``same`` or ``delete``.
        rows: the messages in each resource's row.
        refused: the failures of check.
        errors: the error of any other call, as the engine shows it.
        outputs: the outputs; in a preview, what of them is known.
    """

    steps: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Properties] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.refused or self.errors)


@dataclass(frozen=True)
class _Request:
    """A request to the provider's process. `plugin_process` finds its URN in the frames."""

    provider: ResourceProvider
    urn: str
    id: str = ""
    olds: Struct = field(default_factory=Struct)
    old_inputs: Struct = field(default_factory=Struct)
    news: Struct = field(default_factory=Struct)


class _Context:
    """A call, as gRPC hands it to a method of the provider's process."""

    def __init__(self) -> None:
        self.kept: provider_pb2.ErrorResourceInitFailed | None = None

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Take what a call that is about to fail says of the resource."""
        [(name, value)] = metadata
        assert name == "grpc-status-details-bin"
        status = status_pb2.Status.FromString(value)
        self.kept = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(self.kept)


class Engine:
    """One stack.

    The commands raise `EngineFailed` where anything fails, unless `check` is false. Like the
    engine they stop at the first failure, unless `continue_on_error` is true.

    Attributes:
        config: the stack's configuration, by full names; secrets are plain here.
        state: the resources in state, by name.
    """

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.state: dict[str, State] = {}
        self._replaced: list[tuple[str, State]] = []
        self._configured: set[type] = set()
        self._run = Run()
        self._continue_on_error = False
        self._context = _Context()

    # -- the commands

    def preview(self, program: Program, *, refresh: bool = False, check: bool = True) -> Run:
        """What `up` would do."""
        before = copy.copy(self.state)
        try:
            with self._command(check) as run:
                self._refresh(is_all=refresh)
                registered = self._register_all(program, is_preview=True)
                run.steps |= {name: "delete" for name in self.state if name not in registered}
        finally:
            self.state = before
        return run

    def up(
        self,
        program: Program,
        *,
        refresh: bool = False,
        check: bool = True,
        continue_on_error: bool = False,
    ) -> Run:
        """Change what differs from the program."""
        with self._command(check, continue_on_error=continue_on_error) as run:
            self._refresh(is_all=refresh)
            registered = self._register_all(program, is_preview=False)
            for name, old in self._replaced[::-1]:
                self._delete(name, old)
                self._replaced.remove((name, old))
            for name, old in [*self.state.items()][::-1]:
                if name not in registered:
                    run.steps[name] = "delete"
                    self._delete(name, old)
                    del self.state[name]
        return run

    def refresh(self, *, check: bool = True) -> Run:
        """Take over what Mailgun has."""
        with self._command(check) as run:
            self._refresh()
        return run

    def destroy(self, *, check: bool = True) -> Run:
        """Delete everything."""
        with self._command(check) as run:
            self._refresh(is_all=False)
            for name, old in [*self.state.items()][::-1]:
                run.steps[name] = "delete"
                self._delete(name, old)
                del self.state[name]
        return run

    def get(self, program: Program, id_: str) -> Run:
        """Read the program's resource by its id, as `get` does; nothing gets into the state."""

        def read(
            _resource: Resource,
            provider: ResourceProvider,
            name: str,
            props: Mapping[str, Any],
            _opts: ResourceOptions | None = None,
        ) -> None:
            inputs = {**props, PROVIDER_KEY: type(provider).__name__}
            request = _request(provider, name, id_, inputs)
            _, self._run.outputs[name], _ = self._call(name, self.Read, request)

        with self._command(check=False) as run, _constructors_call(read):
            program()
        return run

    def log(self, urn: str, message: str, _warning: bool) -> None:
        """Take a message for a resource's row."""
        self._run.rows.setdefault(urn.rpartition("::")[2], []).append(message)

    # -- their parts

    @contextmanager
    def _command(self, check: bool, *, continue_on_error: bool = False) -> Iterator[Run]:
        process.reset()
        plugin_process.install_hooks.cache_clear()
        self._configured.clear()
        self._continue_on_error = continue_on_error
        self._run = run = Run()
        with suppress(_Stop):
            yield run
        process.on_cancel(plugin_process.LAST_MESSAGES_SECONDS)
        # A process that ends takes its reads along; here they would get into the next test.
        process.read_ahead._pool.shutdown(cancel_futures=True)
        if check and run.failed:
            raise EngineFailed(f"{run.errors or run.refused}")

    def _register_all(self, program: Program, *, is_preview: bool) -> set[str]:
        """Run the program and handle each of its resources; returns their names."""
        registered: set[str] = set()

        def register(
            resource: Resource,
            provider: ResourceProvider,
            name: str,
            props: Mapping[str, Any],
            _opts: ResourceOptions | None = None,
        ) -> None:
            registered.add(name)
            props = {**props, PROVIDER_KEY: type(provider).__name__}
            try:
                outputs = self._register(name, provider, props, is_preview=is_preview)
            except _Stop:
                if not self._continue_on_error:
                    raise
                return
            self._run.outputs[name] = outputs
            for key in props:
                setattr(resource, key, outputs.get(key, rpc.UNKNOWN if is_preview else None))

        with _constructors_call(register):
            program()
        if self._run.failed:
            raise _Stop
        return registered

    def _register(
        self, name: str, provider: ResourceProvider, props: Properties, *, is_preview: bool
    ) -> Properties:
        """Check and compare a resource, and take the step that follows; returns its outputs."""
        old = self.state.get(name)
        inputs = self._check(name, provider, old.inputs if old else {}, props)
        step = "create" if old is None else self._difference(name, provider, old, inputs)
        if step == "replace":
            inputs = self._check(name, provider, {}, props)
        self._run.steps[name] = step
        if old is not None and step == "same":
            self.state[name] = State(provider, old.id, inputs, old.outputs)
            return old.outputs
        if is_preview:
            return inputs
        self._context = _Context()
        try:
            if old is not None and step == "update":
                request = _request(provider, name, old.id, old.outputs, inputs, old.inputs)
                outputs = self._call(name, self.Update, request)
                self.state[name] = State(provider, old.id, inputs, outputs)
                return outputs
            id_, outputs = self._call(name, self.Create, _request(provider, name, news=inputs))
        except _Stop:
            if kept := self._context.kept:
                is_first = kept.refresh_before_update
                before = old.inputs if old is not None else inputs
                outputs = MessageToDict(kept.properties)
                self.state[name] = State(provider, kept.id, before, outputs, True, is_first)
            raise
        if old is not None:
            self._replaced.append((name, old))
        self.state[name] = State(provider, id_, inputs, outputs)
        return outputs

    def _check(
        self, name: str, provider: ResourceProvider, olds: Properties, news: Properties
    ) -> Properties:
        inputs, failures = self._call(
            name, self.Check, _request(provider, name, olds=olds, news=news)
        )
        if failures:
            # The engine shows the value of a property that is named, even if it is a secret.
            assert {failure.property for failure in failures} == {""}
            self._run.refused[name] = [failure.reason for failure in failures]
            raise _Stop
        return inputs

    def _difference(
        self, name: str, provider: ResourceProvider, old: State, inputs: Properties
    ) -> str:
        request = _request(provider, name, old.id, old.outputs, inputs, old.inputs)
        result = self._call(name, self.Diff, request)
        changes = old.inputs != inputs if result.changes is None else result.changes
        changes = changes or old.is_half_way
        if not changes:
            return "same"
        return "replace" if result.replaces else "update"

    def _refresh(self, *, is_all: bool = True) -> None:
        for name, old in [*self.state.items()]:
            if not is_all and not old.is_read_first:
                continue
            request = _request(old.provider, name, old.id, old.outputs, old_inputs=old.inputs)
            id_, outputs, inputs = self._call(name, self.Read, request)
            if not id_:
                self._run.steps[name] = "delete"
                del self.state[name]
                continue
            new = State(old.provider, id_, inputs or old.inputs, outputs)
            difference = self._difference(name, old.provider, new, old.inputs)
            self._run.steps[name] = "same" if difference == "same" else "update"
            self.state[name] = new

    def _delete(self, name: str, old: State) -> None:
        request = _request(old.provider, name, old.id, old.outputs, old_inputs=old.inputs)
        self._call(name, self.Delete, request)

    def _call(self, name: str, method: Callable[[_Request], _T], request: _Request) -> _T:
        if type(request.provider) not in self._configured:
            self._configured.add(type(request.provider))
            request.provider.configure(ConfigureRequest(config=Config(self.config, "mail")))
        try:
            return method(request)
        except Exception as error:
            self._run.errors[name] = f"{type(error).__name__}: {error}"
            raise _Stop from error

    # -- the methods of the provider's process, named and written as in the SDK

    def Check(self, request: _Request) -> tuple[Properties, list[CheckFailure]]:
        olds = rpc.deserialize_properties(request.olds, True)
        news = rpc.deserialize_properties(request.news, True)
        result = request.provider.check(olds, news)
        return _received({**result.inputs, PROVIDER_KEY: news[PROVIDER_KEY]}), result.failures

    def Diff(self, request: _Request) -> DiffResult:
        olds = rpc.deserialize_properties(request.olds, True)
        news = rpc.deserialize_properties(request.news, True)
        return request.provider.diff(request.id, olds, news)

    def Create(self, request: _Request) -> tuple[str, Properties]:
        context = self._context  # noqa: F841 (found in the frames)
        props = rpc.deserialize_properties(request.news)
        result = request.provider.create(props)
        return result.id, _received({**(result.outs or {}), PROVIDER_KEY: props[PROVIDER_KEY]})

    def Update(self, request: _Request) -> Properties:
        context = self._context  # noqa: F841 (found in the frames)
        olds = rpc.deserialize_properties(request.olds)
        news = rpc.deserialize_properties(request.news)
        result = request.provider.update(request.id, olds, news)
        return _received({**(result.outs or {}), PROVIDER_KEY: news[PROVIDER_KEY]})

    def Read(self, request: _Request) -> tuple[str, Properties, Properties | None]:
        props = rpc.deserialize_properties(request.olds)
        result = request.provider.read(request.id, props)
        key = {PROVIDER_KEY: props[PROVIDER_KEY]}
        inputs = None if result.inputs is None else _received({**result.inputs, **key})
        return result.id or "", _received({**(result.outs or {}), **key}), inputs

    def Delete(self, request: _Request) -> None:
        request.provider.delete(request.id, rpc.deserialize_properties(request.olds))


@contextmanager
def killed_at(owner: type, method: str, *, done: bool = True) -> Iterator[None]:
    """In the block, a command is killed when a method is called, after that if it is `done`."""
    original = getattr(owner, method)

    def die(*args: Any, **how: Any) -> None:
        if done:
            original(*args, **how)
        raise _Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, die)
        with pytest.raises(_Killed):
            yield


@contextmanager
def _constructors_call(register: Callable[..., None]) -> Iterator[None]:
    """In the block, the constructor of a dynamic resource calls this instead of the engine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Resource, "__init__", register)
        yield


def own(properties: Mapping[str, Any]) -> Properties:
    """Properties without ``__provider``."""
    return {name: value for name, value in properties.items() if name != PROVIDER_KEY}


def _request(
    provider: ResourceProvider,
    name: str,
    id_: str = "",
    olds: Mapping[str, Any] | None = None,
    news: Mapping[str, Any] | None = None,
    old_inputs: Mapping[str, Any] | None = None,
) -> _Request:
    urn = f"urn:pulumi:dev::mail::{type(provider).__name__}::{name}"
    sent = (_sent(properties or {}) for properties in (olds, old_inputs, news))
    return _Request(provider, urn, id_, *sent)


def _sent(properties: Mapping[str, Any]) -> Struct:
    return asyncio.run(rpc.serialize_properties(dict(properties), {}))


def _received(properties: Mapping[str, Any]) -> Properties:
    received: Properties = MessageToDict(_sent(properties))
    return received
