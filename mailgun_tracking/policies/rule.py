"""What a rule is, and how it becomes a policy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Union

from pulumi_policy import (
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from .._api.models import sending_domain
from .reading import at, canonical, domain_at
from .types import HTTPS_TRACKING, STACK, TRACKING_CERTIFICATE

Subject = Union[ResourceValidationArgs, PolicyResource]
"""A resource that a rule looks at: its inputs, or in a rule about the stack its outputs."""

Settings = Mapping[str, Any]
"""A rule's settings."""

Find = Callable[[Subject, Settings], Iterator[str]]
"""Says what is wrong with a resource; raises `UnknownValueError` where that is not known yet."""

EXCEPT: Mapping[str, Any] = {
    "except": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Domains that the rule leaves out: names, or patterns such as "
        "*.example.com.",
    }
}
"""The setting that every rule about domains has."""


@dataclass(frozen=True)
class Rule(ABC):
    """A rule, without its level.

    Attributes:
        name: its name in configuration, and the heading of its section in the docs.
        title: its name for readers.
        description: what has to be so.
        severity: how bad it is if it is not.
        steps: how to put it right.
        types: the types of the resources that it looks at.
        properties: the JSON schemas of its settings.
        steps_by_mode: how to put it right in each mode, if the rule has modes.
    """

    name: str
    title: str
    description: str
    severity: Severity
    steps: str
    types: tuple[str, ...]
    properties: Mapping[str, dict[str, Any]] = field(default_factory=lambda: EXCEPT)
    steps_by_mode: Mapping[str, str] = field(default_factory=dict)

    @abstractmethod
    def policy(self, url: str | None) -> Policy:
        """The rule as a policy.

        Args:
            url: the address of its docs.
        """

    def _metadata(self, url: str | None) -> dict[str, Any]:
        return {
            "name": self.name,
            "display_name": self.title,
            "description": self.description,
            "severity": self.severity,
            "remediation_steps": self.steps,
            "config_schema": PolicyConfigSchema(dict(self.properties)),
            "url": url,
        }

    def _report(
        self,
        subjects: Sequence[Subject],
        find: Find,
        args: ResourceValidationArgs | StackValidationArgs,
        report: ReportViolation,
    ) -> None:
        """Report what is wrong, with the steps, which Pulumi's command line does not show."""
        default = self.properties.get("mode", {}).get("default")
        steps = self.steps_by_mode.get(args.get_config().get("mode", default), self.steps)
        for message, urn in self._violations(subjects, find, args):
            report(f"{message}\n{steps}", urn)

    def _report_unknown(
        self, args: ResourceValidationArgs | StackValidationArgs, report: ReportViolation
    ) -> None:
        """Report settings that the rule does not have.

        Pulumi takes any setting, and a misspelt one would leave the rule without effect.
        """
        unknown = sorted(args.get_config().keys() - self.properties.keys())
        if unknown:
            report(f"the rule has no setting {', '.join(unknown)}", None)

    def _violations(
        self,
        subjects: Sequence[Subject],
        find: Find,
        args: ResourceValidationArgs | StackValidationArgs,
    ) -> Iterator[tuple[str, str]]:
        """What is wrong, each with the URN of its resource.

        The rule is not applicable where nothing is wrong with what is known, and something is
        unknown.
        """
        settings = args.get_config()
        subjects = [subject for subject in subjects if subject.resource_type in self.types]
        reason = "" if subjects else "there is no such resource"
        is_wrong = False
        for subject in subjects:
            try:
                if _is_left_out(subject, settings):
                    continue
                for message in find(subject, settings):
                    is_wrong = True
                    yield message, subject.urn
            except UnknownValueError as error:
                reason = f"{'.'.join(error.props)} of {subject.name} is not known yet"
        if reason and not is_wrong:
            args.not_applicable(reason)


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule about the inputs of one resource.

    Attributes:
        find: says what is wrong with a resource.
        fix: puts the inputs right as far as it can, and says whether it changed any; in place, so
            that secrets stay secret. None if it takes more than other inputs.
    """

    find: Find
    fix: Callable[[Any, Settings], bool] | None = None

    def policy(self, url: str | None) -> Policy:
        return ResourceValidationPolicy(
            **self._metadata(url),
            validate=self._validate,
            remediate=self._remediate if self.fix else None,
        )

    def _validate(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type == STACK:
            # Every stack has this resource, once.
            self._report_unknown(args, report)
        self._report([args], self.find, args, report)

    def _remediate(self, args: ResourceValidationArgs) -> Any:
        is_wrong = next(self._violations([args], self.find, args), None)
        is_fixed = is_wrong and self.fix and self.fix(args.props, args.get_config())
        return args.props if is_fixed else None


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule about the outputs of resources, and how they fit together.

    Attributes:
        find: takes all resources of the stack, and returns what says what is wrong with one.
    """

    find: Callable[[Sequence[PolicyResource]], Find]

    def policy(self, url: str | None) -> Policy:
        return StackValidationPolicy(**self._metadata(url), validate=self._validate)

    def _validate(self, args: StackValidationArgs, report: ReportViolation) -> None:
        self._report_unknown(args, report)
        self._report(args.resources, self.find(args.resources), args, report)


def _is_left_out(subject: Subject, settings: Settings) -> bool:
    patterns = settings.get("except")
    if not patterns:
        return False
    if subject.resource_type in (TRACKING_CERTIFICATE, HTTPS_TRACKING):
        host = domain_at(subject.props, "tracking_domain")
        return matches(host, patterns) or matches(sending_domain(host), patterns)
    return matches(domain_at(subject.props, "domain") or domain_at(subject.props, "name"), patterns)


def matches(domain: str, patterns: Iterable[str]) -> bool:
    """Whether a canonical domain is one of a list of names and patterns."""
    return any(fnmatchcase(domain, _canonical_pattern(pattern)) for pattern in patterns)


def _canonical_pattern(pattern: str) -> str:
    labels = pattern.strip().lower().rstrip(".").split(".")
    return ".".join(label if "*" in label else canonical(label) for label in labels)


def is_managed(subject: Subject) -> bool:
    """Whether the program sets anything of a domain; `get` only reads it.

    Raises:
        UnknownValueError: it is not known yet.
    """
    return bool(at(subject.props, "managed"))
