"""Asks the SDK's own analyzer about resources, as the engine does.

So secrets and unknown values reach a rule just as they do in a preview.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi_policy import EnforcementLevel
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from mailgun_tracking.policies import rules

UNKNOWN = UNKNOWN_STRING_VALUE
"""What stands for a value that is not known yet."""
STACK = "pulumi:pulumi:Stack"


def secret(value: object) -> dict[str, object]:
    """A value as a secret."""
    return {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": value}


@dataclass(frozen=True)
class Made:
    """A resource of a stack.

    Attributes:
        type: its type token.
        props: its inputs or outputs.
        parent: the type token of its parent.
    """

    type: str
    props: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""

    @property
    def urn(self) -> str:
        """Its URN."""
        return f"{self.parent_urn.rpartition('::')[0]}${self.type}::made"

    @property
    def parent_urn(self) -> str:
        """Its parent's URN."""
        return f"urn:pulumi:dev::mail::{self.parent or STACK}::made"

    def with_(self, **changes: object) -> Made:
        """The same with other properties; None takes one away."""
        props = {**self.props, **changes}
        kept = {name: value for name, value in props.items() if value is not None}
        return Made(self.type, kept, self.parent)


class Analyzer:
    """A pack with one rule, or with several.

    Args:
        names: the rules.
        settings: of each of them.
        level: of each of them.
    """

    def __init__(
        self,
        *names: str,
        settings: Mapping[str, Any] | None = None,
        level: EnforcementLevel = EnforcementLevel.MANDATORY,
    ) -> None:
        policies = [rule for rule in rules() if rule.name in names]
        assert len(policies) == len(names)
        # The SDK's methods have no annotations.
        self._servicer = cast(Any, _PolicyAnalyzerServicer("pack", "1.0.0", policies, level))
        request = proto.ConfigureAnalyzerRequest()
        for name in names:
            request.policyConfig[name].enforcementLevel = self._servicer._map_enforcement_level(
                level
            )
            request.policyConfig[name].properties.update(dict(settings or {}))
        self._servicer.Configure(request, None)

    def asked(self, resources: Iterable[Made]) -> proto.AnalyzeResponse:
        """What the rules say about resources, each by itself and all together."""
        response = proto.AnalyzeResponse()
        stack = proto.AnalyzeStackRequest()
        for one in resources:
            request = proto.AnalyzeRequest(type=one.type, urn=one.urn, name="made")
            request.properties.update(dict(one.props))
            request.options.parent = one.parent_urn
            response.MergeFrom(self._servicer.Analyze(request, None))
            resource = stack.resources.add(
                type=one.type, urn=one.urn, name="made", parent=one.parent_urn
            )
            resource.properties.update(dict(one.props))
            resource.options.parent = one.parent_urn
        response.MergeFrom(self._servicer.AnalyzeStack(stack, None))
        return response

    def violations(self, *resources: Made) -> list[str]:
        """The violations that are found, without the descriptions and steps of their rules."""
        return [one.message.splitlines()[1] for one in self.asked(resources).diagnostics]

    def not_applicable(self, *resources: Made) -> list[str]:
        """Why rules do not apply; fails where one reports something."""
        response = self.asked(resources)
        assert not response.diagnostics
        return [one.reason for one in response.not_applicable]

    def remedied(self, resource: Made) -> dict[str, Any] | None:
        """The properties of a resource as the last remediation leaves them."""
        request = proto.AnalyzeRequest(type=resource.type, urn=resource.urn, name="made")
        request.properties.update(dict(resource.props))
        request.options.parent = resource.parent_urn
        response = self._servicer.Remediate(request, None)
        assert not any(one.diagnostic for one in response.remediations)
        if not response.remediations:
            return None
        return dict(json_format.MessageToDict(response.remediations[-1].properties))
