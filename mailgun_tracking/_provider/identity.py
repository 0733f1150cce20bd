"""Which account, region, subaccount and domain a resource is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pulumi.dynamic import CheckFailure
from pulumi.runtime.rpc import UNKNOWN

from .. import errors
from .._api.models import normalize_domain
from .._api.target import DEFAULT_ACCOUNT, Target
from .process import process

IDENTITY = ("account", "region", "subaccount")
"""The inputs that say where a domain is, beside its name."""


def effective_target(inputs: Mapping[str, Any], domain_input: str) -> Target | None:
    """The target of inputs, with defaults from the configuration; None while it is unknown.

    Args:
        inputs: the resource's inputs, which are valid.
        domain_input: the name of the input that holds the domain.
    """
    values = [inputs.get(key) for key in (domain_input, *IDENTITY)]
    if UNKNOWN in values or not inputs.get(domain_input):
        return None
    account = str(inputs.get("account") or DEFAULT_ACCOUNT)
    region = inputs.get("region") or process.settings.region()
    subaccount = inputs.get("subaccount")
    if subaccount is None:
        subaccount = process.settings.subaccount(account)
    domain = normalize_domain(inputs[domain_input])
    return Target(account, str(region).lower(), str(subaccount), domain)


def identity_inputs(inputs: Mapping[str, Any], domain_input: str) -> dict[str, Any]:
    """The effective account, region and subaccount, as inputs."""
    target = effective_target(inputs, domain_input)
    if target is not None:
        return identity_outputs(target)
    return {key: inputs[key] for key in IDENTITY if inputs.get(key) is not None}


def identity_outputs(target: Target) -> dict[str, Any]:
    """A target's account, region and subaccount, as properties."""
    return {key: getattr(target, key) for key in IDENTITY}


def ownership_key(target: Target) -> Target:
    """A key for a domain that is the same however the domain is reached.

    A domain belongs to one account, by whatever name or key; and one base URL may serve both
    regions.
    """
    try:
        address = process.settings.base_url(target.region)
    except errors.ConfigurationError:
        # Reported wherever Mailgun is needed.
        address = target.region
    return replace(target, account="", subaccount="", region=address)


def key_failures(target: Target) -> list[CheckFailure]:
    """What is wrong with the settings that a target needs."""
    try:
        process.settings.rate_limit(target.account)
        process.settings.base_url(target.region)
    except errors.ConfigurationError as error:
        return [CheckFailure("", str(error))]
    return []


def changed_identity(
    olds: Mapping[str, Any], news: Mapping[str, Any], domain_input: str
) -> list[str]:
    """The identity inputs that now name another domain, or another place: they need a replacement.

    Args:
        olds: the old inputs or outputs.
        news: the new inputs.
        domain_input: the name of the input that holds the domain.
    """
    changed = []
    for key in (domain_input, *IDENTITY):
        old, new = olds.get(key), news.get(key)
        # What a state does not say is no change: it is found out, and said from then on.
        if old is None or (new is None and key != domain_input):
            continue
        if key == domain_input and isinstance(new, str) and isinstance(old, str) and new != UNKNOWN:
            old, new = normalize_domain(old), normalize_domain(new)
        if old != new:
            changed.append(key)
    return changed
