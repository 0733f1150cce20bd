"""`MailgunMocks`: runs a program under Pulumi's mocks, without an engine and without Mailgun."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import hashlib
import re
import runpy
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import (
    MockCallArgs,
    MockResourceArgs,
    Mocks,
    get_config,
    set_all_config,
    set_mocks,
)
from pulumi.runtime.rpc import is_rpc_secret, unwrap_rpc_secret
from pulumi.runtime.settings import get_root_resource

from .. import domain_tracking, lookups, tracking_certificate, tracking_host
from .._api.fields import SECTIONS, fields_of
from .._api.issuance import now
from .._api.models import CNAME_VALUES, CertificateStatus, DomainDetails, normalize_domain, rfc3339
from .._api.target import DEFAULT_ACCOUNT, Target
from .._provider.base import MailgunProvider, own_properties
from .._provider.process import process
from .._provider.validation import failure_text
from ..errors import InvalidInput
from .projects import Program, config_text, full_key, project_settings, run_in

CERTIFICATE_LIFETIME = timedelta(days=90)
_DEFAULTS = {"boolean": False, "click": False, "footer": "%unsubscribe_url%"}
_TYPE = "pulumi-python:dynamic/mailgun:{}"


@dataclass(frozen=True)
class MockedResource:
    """A resource that a program declared.

    Attributes:
        type: its type token.
        name: its name in the program.
        inputs: what the program set. Secrets are plain values.
        outputs: what it would be once it is created.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class MailgunMocks(Mocks):
    """Pulumi's mocks for programs that use this package.

    Resources have all the outputs that they have once they are created, on domains that had
    Mailgun's defaults, and inputs are validated. Lookups answer for such domains as well. Resources
    of other packages have their inputs as outputs.

    Attributes:
        resources: what the program declared in the last run, in order.
        answers: results of functions by token, as in
            ``mocks.answers["aws:route53/getZone:getZone"] = {"zoneId": "Z1"}``.
    """

    def __init__(self) -> None:
        self.resources: list[MockedResource] = []
        self.answers: dict[str, Mapping[str, Any]] = {}
        self._failures: list[str] = []

    def run(self, program: Program, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a program to its end; returns what it exports.

        Args:
            program: a function, or the folder of a ``Pulumi.yaml``.
            config: the stack's configuration. A key without a namespace is the project's.

        Raises:
            InvalidInput: an input is not valid.
            LookupError: the program calls a function that has no answer.
        """
        return _alone(functools.partial(self._run, program, config or {}))

    def resource(self, type_: str, name: str | None = None) -> MockedResource:
        """The one declared resource of a type.

        Args:
            type_: its type token, or the end of it, such as ``"DomainTracking"``.
            name: its name, where there are several.

        Raises:
            AssertionError: there is none, or more than one.
        """
        __tracebackhide__ = True
        ends = re.compile(rf"(.*[:/])?{re.escape(type_)}")
        found = [
            one for one in self.resources if ends.fullmatch(one.type) and name in (None, one.name)
        ]
        declared = ", ".join(f"{one.type} {one.name}" for one in self.resources) or "nothing"
        wanted = type_ if name is None else f"{type_} {name}"
        assert len(found) == 1, f"{len(found)} resources are {wanted}; declared: {declared}"
        return found[0]

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Called by Pulumi for each resource."""
        given = own_properties(args.inputs)
        inputs = {name: _plain(value) for name, value in given.items()}
        id_, outputs = args.resource_id or f"{args.name}-id", inputs
        if provider := _PROVIDERS.get(args.typ):
            inputs = provider.own_inputs({}, inputs)
            where = f"{args.typ.rpartition(':')[2]} {args.name}"
            failures = [f"{where}: {failure_text(one)}" for one in provider.validate(inputs)]
            self._failures += failures
            if not failures:
                id_, outputs = _create(provider, inputs, args.resource_id)
        self.resources.append(MockedResource(args.typ, args.name, inputs, outputs))
        secret = {name for name, value in given.items() if _has_secret(value)}
        return id_, {
            name: pulumi.Output.secret(value) if name in secret else value
            for name, value in outputs.items()
        }

    def call(self, args: MockCallArgs) -> Any:
        """Called by Pulumi for each function, such as a lookup."""
        if args.token in self.answers:
            return dict(self.answers[args.token])
        if args.token in _LOOKUPS:
            return _LOOKUPS[args.token](args.args)
        raise LookupError(
            f"the program calls {args.token}: set mailgun_mocks.answers[{args.token!r}]"
        )

    def _run(self, program: Program, config: Mapping[str, Any]) -> dict[str, Any]:
        settings = project_settings(program)
        project = str(settings["name"])
        texts = {full_key(key, project): config_text(value) for key, value in config.items()}
        set_all_config(texts)
        set_mocks(self, project=project, stack="test", preview=False)
        exported: dict[str, Any] = {}

        def all_of_it() -> pulumi.Output[Any]:
            if callable(program):
                program()
            else:
                runpy.run_path(settings["main"], run_name="__main__")
            stack: Any = get_root_resource()
            return pulumi.Output.from_input(stack.outputs).apply(exported.update)

        self.resources.clear()
        self._failures.clear()
        main = Path(settings["main"])
        folder = main if main.is_dir() else main.parent
        with contextlib.nullcontext() if callable(program) else run_in(folder):
            pulumi.runtime.test(all_of_it)()  # type: ignore[no-untyped-call]
        if self._failures:
            # Raised in `new_resource`, the SDK would log it once more for each output.
            raise InvalidInput("; ".join(self._failures))
        return exported


def _alone(function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call a function in a thread and a context of its own, with event loops that are closed then.

    The SDK makes one for each thread, and leaves it open. And a test may run in a loop itself.
    """
    loops: list[asyncio.AbstractEventLoop] = []

    def make_loop() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    def call() -> dict[str, Any]:
        asyncio.get_event_loop().set_default_executor(workers)
        return function()

    try:
        with (
            ThreadPoolExecutor(1, initializer=make_loop) as main,
            ThreadPoolExecutor(initializer=make_loop) as workers,
        ):
            return main.submit(contextvars.copy_context().run, call).result()
    finally:
        for loop in loops:
            loop.close()


def _create(
    provider: MailgunProvider, inputs: dict[str, Any], read_id: str | None
) -> tuple[str, dict[str, Any]]:
    """The ID and the outputs of a resource that is created, or read by its ID."""
    if read_id:
        target = Target.parse(read_id, inputs.get("account") or DEFAULT_ACCOUNT)
    else:
        target = _target(inputs, provider.domain_input)
    if not isinstance(provider, domain_tracking.DomainTrackingProvider):
        return target.id, _certificate(target)
    tracking: dict[str, Any] = {
        section: {**values, **_set(inputs.get(section) or {})}
        for section, values in _tracking().items()
        if section in provider.sections
    }
    details = _details(target, inputs.get("web_prefix"), inputs.get("web_scheme"))
    props = inputs | provider.default_inputs(inputs)
    return target.id, domain_tracking.outputs_from(target, tracking, details, props)


def _target(given: Mapping[str, Any], domain_input: str) -> Target:
    """The domain of inputs or of a lookup's arguments, with defaults as in a program."""
    settings = process.settings_from(get_config)
    account = given.get("account") or DEFAULT_ACCOUNT
    subaccount = given.get("subaccount")
    return Target(
        account,
        given["region"].lower() if given.get("region") else settings.region(),
        settings.subaccount(account) if subaccount is None else subaccount,
        normalize_domain(given[domain_input]),
    )


def _tracking() -> dict[str, dict[str, Any]]:
    """The settings of a new domain."""
    return {
        section: {field.name: _DEFAULTS[field.type] for field in fields_of(section)}
        for section in SECTIONS
    }


def _details(target: Target, prefix: str | None = None, scheme: str | None = None) -> DomainDetails:
    id_ = hashlib.sha256(target.id.encode()).hexdigest()[:24]
    return DomainDetails(target.domain, prefix or "email", scheme or "http", None, id=id_)


def _certificate(target: Target) -> dict[str, Any]:
    """A certificate that was issued just now."""
    start = now()
    return {
        **tracking_certificate.outputs_from(target, CertificateStatus("active"), {}),
        "names": [target.domain],
        "issuer": "CN=mocked",
        "serial": "1",
        "fingerprint": hashlib.sha256(target.id.encode()).hexdigest(),
        "not_before": rfc3339(start),
        "not_after": rfc3339(start + CERTIFICATE_LIFETIME),
    }


def _look_up_tracking_domain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    target = _target(arguments, "domain")
    details = _details(target)
    result = lookups.TrackingDomainResult(
        domain=target.domain,
        tracking_domain=details.tracking_domain,
        web_prefix=details.web_prefix,
        web_scheme=details.web_scheme,
        cname_name=details.tracking_domain,
        cname_value=CNAME_VALUES[target.region],
    )
    return asdict(result)


def _look_up_domain_tracking(arguments: Mapping[str, Any]) -> dict[str, Any]:
    target = _target(arguments, "domain")
    result = lookups.DomainTrackingResult(target.domain, **_tracking(), web_scheme="http")
    return asdict(result)


def _look_up_certificate(arguments: Mapping[str, Any]) -> dict[str, Any]:
    facts = _certificate(_target(arguments, "tracking_domain"))
    names = [field.name for field in fields(lookups.TrackingCertificateResult)]
    return {"certificate": "", **{name: facts[name] for name in names if name in facts}}


def _set(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if value is not None}


def _plain(value: Any) -> Any:
    """A property without the marks of secrets."""
    if is_rpc_secret(value):
        return _plain(unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _has_secret(value: Any) -> bool:
    if is_rpc_secret(value):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_secret, items))


_PROVIDERS: dict[str, MailgunProvider] = {
    _TYPE.format(name): provider
    for name, provider in {
        "DomainTracking": domain_tracking.DomainTrackingProvider(),
        "TrackingHost": tracking_host.TrackingHostProvider(),
        "TrackingCertificate": tracking_certificate.TrackingCertificateProvider(),
    }.items()
}

_LOOKUPS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "mailgun-tracking:index:getTrackingDomain": _look_up_tracking_domain,
    "mailgun-tracking:index:getDomainTracking": _look_up_domain_tracking,
    "mailgun-tracking:index:getTrackingCertificate": _look_up_certificate,
}
