"""Unit tests of policies, without an engine.

`analyze` asks the policies through the policy SDK's own server, as the engine does. So values that
a preview does not know, secrets and levels reach a policy just as they do there.

The module needs the extra ``policy``, beside ``test``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import runpy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Union
from unittest import mock

import yaml

try:
    import pulumi_policy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "mailgun_tracking.testing.policies needs pulumi-policy: "
        "install the package as mailgun-tracking[policy,test]",
        name=error.name,
    ) from error

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from .projects import run_in

__all__ = ["UNKNOWN", "Analysis", "SampleResource", "Violation", "analyze", "secret"]

Policies = Union[pulumi_policy.Policy, Iterable[pulumi_policy.Policy], str, "os.PathLike[str]"]
"""A policy, several, or the folder of a `PulumiPolicy.yaml`."""

UNKNOWN: str = UNKNOWN_STRING_VALUE
"""Stands for a value that is not known yet, as in the preview of a new resource."""

_PROJECT = "sample"
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class SampleResource:
    """A resource to analyze.

    Attributes:
        type: its type token, such as ``mailgun_tracking.policies.DOMAIN_TRACKING``.
        inputs: its inputs, for policies about one resource. Any value may be `UNKNOWN` or a
            `secret`, at any depth.
        outputs: its outputs, for policies about the stack. Without them, they are its inputs.
        name: its name.
        parent: the component that it is in.
    """

    type: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None
    name: str = _PROJECT
    parent: SampleResource | None = None

    @property
    def urn(self) -> str:
        """Its URN, in a stack ``dev`` of a project ``sample``."""
        types = self.parent.urn.split("::")[2] + "$" if self.parent else ""
        return f"urn:pulumi:dev::{_PROJECT}::{types}{self.type}::{self.name}"


@dataclass(frozen=True)
class Violation:
    """What a policy reports.

    Attributes:
        policy: the policy's name.
        level: ``"advisory"``, or ``"mandatory"``, which is also that of what a remediation leaves.
        message: the text that the policy gave, without its description.
        resource: the resource's name, or an empty string for the stack.
    """

    policy: str
    level: str
    message: str
    resource: str


@dataclass(frozen=True)
class Analysis:
    """What policies say about resources.

    Attributes:
        violations: what they report, in order. If a policy reads an unknown value and does not
            catch the SDK's ``UnknownValueError``, there is an advisory that says which one.
        not_applicable: the names of policies that do not apply to a resource, and why.
        remediated: the resources that a remediation changed, with their new inputs.
    """

    violations: list[Violation] = field(default_factory=list)
    not_applicable: list[tuple[str, str]] = field(default_factory=list)
    remediated: list[SampleResource] = field(default_factory=list)


def secret(value: object) -> dict[str, object]:
    """A value as a secret. Policies get the plain value; remediations leave it secret."""
    return dict(serialize_properties({"": pulumi_policy.Secret(value)})[""])


def analyze(
    policies: Policies, *resources: SampleResource, config: Mapping[str, Any] | None = None
) -> Analysis:
    """Ask policies about a stack with these resources, as a preview does.

    Each resource is remediated, then validated; then the stack is, in which there is always the
    resource of the stack itself, as well.

    Args:
        policies: a policy, several, or the folder of a ``PulumiPolicy.yaml``, whose levels and
            settings count.
        resources: the resources of the stack.
        config: levels and settings by policy, as in a file for ``--policy-pack-config``, for
            example ``{"all": "mandatory"}``. The level is advisory unless the policy, the pack or
            this says otherwise.

    Raises:
        ValueError: the folder declares no policy pack, or ``config`` names a policy that does
            not exist.
    """
    with _closing_loops():
        analyzer = _analyzer(policies)
        _configure(analyzer, config or {})
        return _analyze(analyzer, resources)


def _analyze(analyzer: Any, resources: Iterable[SampleResource]) -> Analysis:
    stack = SampleResource(_STACK, name=f"{_PROJECT}-dev")
    names = {one.urn: one.name for one in resources}
    analysis = Analysis()

    def add(response: Any, urn: str = "") -> None:
        for one in response.diagnostics:
            level = proto.EnforcementLevel.Name(one.enforcementLevel).lower()
            message = one.message.removeprefix(one.description).removeprefix("\n")
            name = names.get(urn or one.urn, "")
            analysis.violations.append(Violation(one.policyName, level, message, name))
        analysis.not_applicable.extend(
            (one.policy_name, one.reason) for one in response.not_applicable
        )

    whole = proto.AnalyzeStackRequest()
    for resource in (stack, *resources):
        parent = "" if resource is stack else (resource.parent or stack).urn
        facts: dict[str, Any] = {"type": resource.type, "urn": resource.urn, "name": resource.name}
        request = proto.AnalyzeRequest(**facts)
        request.options.parent = parent
        request.properties.update(serialize_properties(dict(resource.inputs)))
        is_changed = False
        for remedy in analyzer.Remediate(request, None).remediations:
            if remedy.diagnostic:
                warning = Violation(remedy.policyName, "advisory", remedy.diagnostic, resource.name)
                analysis.violations.append(warning)
            else:
                request.properties.CopyFrom(remedy.properties)
                is_changed = True
        if is_changed:
            inputs = json_format.MessageToDict(request.properties)
            analysis.remediated.append(replace(resource, inputs=inputs))
        add(analyzer.Analyze(request, None), resource.urn)
        member = whole.resources.add(**facts, parent=parent)
        member.options.parent = parent
        if resource.outputs is None:
            member.properties.CopyFrom(request.properties)
        else:
            member.properties.update(serialize_properties(dict(resource.outputs)))
    add(analyzer.AnalyzeStack(whole, None))
    return analysis


@contextlib.contextmanager
def _closing_loops() -> Iterator[None]:
    """Close the event loops that the SDK makes: it leaves one open if a policy reads an unknown."""
    make = asyncio.new_event_loop
    made: list[asyncio.AbstractEventLoop] = []

    def make_and_note() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    try:
        with mock.patch.object(asyncio, "new_event_loop", make_and_note):
            yield
    finally:
        for loop in made:
            loop.close()


def _analyzer(policies: Policies) -> Any:
    """The SDK's server of some policies, or of a pack."""
    if isinstance(policies, (str, os.PathLike)):
        folder = Path(policies).absolute()
        settings = yaml.safe_load((folder / "PulumiPolicy.yaml").read_text("utf-8"))
        main = str(folder / settings.get("main", ""))
        with run_in(folder):
            if made := _made_by(lambda: runpy.run_path(main, run_name="__main__")):
                return made
        raise ValueError(f"{main} declares no PolicyPack")
    given = [policies] if isinstance(policies, pulumi_policy.Policy) else list(policies)
    return _made_by(lambda: pulumi_policy.PolicyPack(_PROJECT, given))


class _Made(BaseException):
    """Ends a `PolicyPack`, which would serve and never return."""


def _made_by(declare: Callable[[], object]) -> Any:
    """The server that a `PolicyPack` makes, with all methods of the protocol."""
    make = pulumi_policy.policy._PolicyAnalyzerServicer

    def stop(*args: Any, **options: Any) -> None:
        raise _Made(make(*args, **options))

    with mock.patch.object(pulumi_policy.policy, "_PolicyAnalyzerServicer", stop):
        try:
            declare()
        except _Made as made:
            return made.args[0]
    return None


def _configure(analyzer: Any, config: Mapping[str, Any]) -> None:
    """Give each policy its level and settings, as the engine does.

    First come the policies' own, then those of the pack, then those of ``config``.
    """
    info = analyzer.GetAnalyzerInfo(None, None)
    request = proto.ConfigureAnalyzerRequest()
    found = request.policyConfig
    for policy in info.policies:
        found[policy.name].enforcementLevel = policy.enforcementLevel
        for name, schema in policy.configSchema.properties.items():
            if "default" in schema:
                found[policy.name].properties[name] = schema["default"]
    layers = (
        {name: (one.enforcementLevel, one.properties) for name, one in info.initialConfig.items()},
        {name: _level_and_settings(given) for name, given in config.items()},
    )
    for layer in layers:
        if unknown := sorted(layer.keys() - found.keys() - {"all"}):
            known = ", ".join(sorted(found))
            raise ValueError(f"no policy is called {', '.join(unknown)}; there are: {known}")
        for name in sorted(layer, key=lambda name: name != "all"):
            level, settings = layer[name]
            for one in found if name == "all" else (name,):
                if level is not None:
                    found[one].enforcementLevel = level
                if name != "all":
                    found[one].properties.update(settings)
    analyzer.Configure(request, None)


def _level_and_settings(given: Any) -> tuple[int | None, dict[str, Any]]:
    """What a policy pack's configuration says of one policy: a level, or a mapping."""
    settings = dict(given) if isinstance(given, Mapping) else {"enforcementLevel": given}
    level = settings.pop("enforcementLevel", None)
    if level is None:
        return None, settings
    return proto.EnforcementLevel.Value(pulumi_policy.EnforcementLevel(level).name), settings
