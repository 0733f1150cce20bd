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
from .identity import effective_target, identity_inputs, key_failures
from .operation import CHECK_DEADLINE_SECONDS, Operation
from .plugin_process import (
    OneLineError,
    current_urn,
    has_other_inputs,
    ignored_paths,
    install_hooks,
)
from .process import process
from .resource_log import ResourceLog
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

    def __init_subclass__(cls) -> None:
        for name in ("check", "diff", "create", "read", "update", "delete"):
            method = getattr(cls, name)
            # The provider of `TrackingHost` inherits methods that are wrapped already.
            if not hasattr(method, "__wrapped__"):
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
        return self.check_target(operation, olds, inputs)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare a state with inputs."""
        for path, hint in unknown_paths(ignored_paths(), self.properties).items():
            # Of the constructor none are left. A transform may add some for all kinds of resources.
            if hint:
                ResourceLog(current_urn()).warn(f"ignore_changes has {path!r}; {hint}")
        result = self.compute_diff(olds, plain_unknowns(news))
        if result.changes and not result.replaces and has_other_inputs():
            # The engine finds out which ones, as it has to for `replace_on_changes`.
            return DiffResult()
        return result

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
