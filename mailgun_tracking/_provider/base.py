"""The base of the providers: configure, check and diff, and errors on one line."""

from __future__ import annotations

import functools
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    DiffResult,
    ResourceProvider,
)
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from .. import errors
from .._api.target import DEFAULT_ACCOUNT, Target
from .identity import effective_target, identity_inputs, key_failures
from .operation import CHECK_DEADLINE_SECONDS, Operation
from .plugin_process import (
    OneLineError,
    current_urn,
    has_other_inputs,
    ignored_paths,
    inputs_in_state,
    install_hooks,
)
from .process import process
from .resource_log import ResourceLog
from .stored import complete_from, missing, valid_properties
from .validation import Properties, failure_text, unknown_paths

_Method = TypeVar("_Method", bound=Callable[..., Any])


def one_line_errors(method: _Method) -> _Method:
    """Show a `TrackingError` as one line; a bug keeps its traceback.

    The SDK prints an exception's class and message. It prints the class by its module path unless
    that is ``builtins``, so an error is raised again as a class of its own name in there.
    """

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except errors.TrackingError as error:
            raise _shown_as(type(error).__name__, str(error)) from None
        except Exception as error:
            frames = traceback.format_exception(type(error), error, error.__traceback__, limit=100)
            raise _shown_as(
                "RuntimeError",
                "this is a bug in mailgun-tracking; please report it with this traceback:\n"
                + "".join(frames),
            ) from None

    return cast(_Method, wrapper)


def takes_valid_state(method: _Method) -> _Method:
    """Pass a method of a provider the outputs in state as far as they are valid."""

    @functools.wraps(method)
    def wrapper(self: MailgunProvider, id_: str, olds: dict[str, Any], *news: Any) -> Any:
        return method(self, id_, self.known(id_, valid_properties(olds)), *news)

    return cast(_Method, wrapper)


def _shown_as(name: str, message: str) -> OneLineError:
    shown: type[OneLineError] = type(name, (OneLineError,), {"__module__": "builtins"})
    return shown(message)


class MailgunProvider(ResourceProvider, ABC):
    """The base of both providers.

    A provider has no attributes: everything it needs belongs to the process. So what Pulumi
    pickles into the state is a reference to the class, and contains no secret.
    """

    serialize_as_secret_always = False
    domain_input: ClassVar[str]
    """The name of the input that holds the domain."""
    properties: ClassVar[Properties]
    """The inputs and outputs."""
    always_in_state: ClassVar[tuple[str, ...]]
    """The outputs that every state has, whichever version wrote it."""

    def __init_subclass__(cls) -> None:
        for name in ("check", "diff", "create", "read", "update", "delete"):
            method = getattr(cls, name)
            # The provider of `TrackingHost` inherits methods that are wrapped already.
            if hasattr(method, "__wrapped__"):
                continue
            if name in ("read", "update", "delete"):
                method = takes_valid_state(method)
            setattr(cls, name, one_line_errors(method))

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration, and prepare the process."""
        install_hooks(MailgunProvider, process.cancelled, process.on_cancel)
        process.settings = process.settings_from(req.config.get)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Validate inputs, complete them, and ask Mailgun about a domain new to the stack."""
        inputs = self.own_inputs(olds, plain_unknowns(news))
        failures = self._check(olds, inputs)
        # The engine prints the value of the property that a failure names, even of a secret.
        return CheckResult(inputs, [CheckFailure("", failure_text(f)) for f in failures])

    def _check(self, olds: Mapping[str, Any], inputs: dict[str, Any]) -> list[CheckFailure]:
        """What is wrong with inputs; completes them."""
        failures = self.validate(inputs)
        if failures:
            return failures
        try:
            inputs |= identity_inputs(inputs, self.domain_input)
            target = effective_target(inputs, self.domain_input)
        except errors.ConfigurationError as error:
            return [CheckFailure("", str(error))]
        inputs |= self.default_inputs(inputs)
        if target is None:
            return []
        failures = key_failures(target)
        if failures:
            return failures
        operation = Operation.on(target, deadline=CHECK_DEADLINE_SECONDS)
        return self.check_target(operation, valid_properties(olds), inputs)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare a state with inputs."""
        for path, hint in unknown_paths(ignored_paths(), self.properties).items():
            # Of the constructor none are left. A transform may add some for all kinds of resources.
            if hint:
                ResourceLog(current_urn()).warn(f"ignore_changes has {path!r}; {hint}")
        state = valid_properties(olds)
        known = self.known(id_, state)
        # A contradiction is an error before anything is replaced; an account is added by update.
        self.target_in_state(id_, {"account": DEFAULT_ACCOUNT, **known})
        result = self.compute_diff(known, plain_unknowns(news))
        invalid = [name for name in olds if state.get(name) != olds[name] is not None]
        lacking = missing(state, self.always_in_state, invalid)
        if lacking and not result.replaces:
            log = ResourceLog(current_urn())
            log.info(f"the state has no valid {lacking}; Mailgun will be asked again")
            result = DiffResult(changes=True)
        if result.changes and not result.replaces and has_other_inputs():
            # The engine finds out which ones, as it has to for `replace_on_changes`.
            return DiffResult()
        return result

    def known(self, id_: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """What the valid outputs of a state say, completed from its inputs and its id."""
        inputs = valid_properties(inputs_in_state())
        return complete_from(id_, outputs, inputs, self.domain_input)

    def target_in_state(self, id_: str, props: Mapping[str, Any]) -> Target:
        """The target of a resource that is in state, or that `get` reads.

        Args:
            id_: the resource's id.
            props: its outputs, as far as they are known.

        Raises:
            InvalidInput: the state does not say; `get` says so in its id.
        """
        is_get = not any(name in props for name in self.properties.outputs if name != "managed")
        if not is_get and "account" not in props:
            raise errors.InvalidInput(
                f"the state of {id_} does not say in which account it is",
                advice="run `pulumi up`, which asks Mailgun and completes it",
            )
        try:
            return Target.from_state(id_, props, self.domain_input)
        except errors.InvalidInput as error:
            if not is_get:
                urn = current_urn()
                error.advise(
                    f"run `pulumi state delete{f' {urn!r}' if urn else ''}`, then `pulumi up`: "
                    "neither changes what is as the program says"
                )
            raise

    def own_inputs(self, _olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that come from the program."""
        return dict(news)

    @abstractmethod
    def validate(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """What is wrong with inputs, as far as that can be known without asking Mailgun."""

    def default_inputs(self, _inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs that follow from the others."""
        return {}

    @abstractmethod
    def check_target(
        self, operation: Operation, olds: Mapping[str, Any], inputs: dict[str, Any]
    ) -> list[CheckFailure]:
        """What is wrong with inputs whose target is known; may add inputs to them."""

    @abstractmethod
    def compute_diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
        """What inputs change in a state."""


def plain_unknowns(value: Any) -> Any:
    """Properties with `UNKNOWN` for each value that is not known yet.

    Newer SDKs put an object of their own there, and a different one each time.
    """
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: plain_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_unknowns(item) for item in value]
    return value


def own_properties(props: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without ``__provider``, which the SDK adds."""
    return {name: value for name, value in props.items() if name != "__provider"}
