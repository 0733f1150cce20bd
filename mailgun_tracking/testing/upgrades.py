"""States of earlier runs, for `MailgunStack.assert_upgrades`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .._api.fields import SECTIONS, field_at
from .._api.models import sending_domain
from ..emulator import Emulator, UnknownDomain

PROVIDERS = "pulumi:providers:"
STACK = "pulumi:pulumi:Stack"
_CIPHERTEXT = "ciphertext"
_PLAINTEXT = "plaintext"
"""How Pulumi writes a secret: an object with one of these."""


def read_deployment(file: str | os.PathLike[str], *, project: str, stack: str) -> dict[str, Any]:
    """The deployment in a state that `pulumi stack export` wrote, for another stack to import.

    What is encrypted is left out where nothing depends on it: in stack outputs, and in providers,
    as their configuration comes from the test.

    Args:
        file: the file.
        project: the project of the stack that is to import it.
        stack: that stack's name.

    Raises:
        ValueError: the file is no such state, or has something encrypted in another place.
    """
    text = Path(file).read_text("utf-8")
    resources = (json.loads(text).get("deployment") or {}).get("resources")
    if not resources:
        raise ValueError(f"{file} has no resources: it has to be what `pulumi stack export` prints")
    old_stack, old_project = resources[0]["urn"].removeprefix("urn:pulumi:").split("::")[:2]
    for old, new in (
        (f"urn:pulumi:{old_stack}::{old_project}::", f"urn:pulumi:{stack}::{project}::"),
        (f'::{STACK}::{old_project}-{old_stack}"', f'::{STACK}::{project}-{stack}"'),
    ):
        text = text.replace(old, new)
    deployment: dict[str, Any] = json.loads(text)["deployment"]
    # Without it the passphrase would have to be the same.
    deployment.pop("secrets_providers", None)
    for resource in deployment["resources"]:
        for properties in (resource.get("inputs") or {}, resource.get("outputs") or {}):
            encrypted = [name for name, value in properties.items() if _is_encrypted(value)]
            if encrypted and not resource["type"].startswith((PROVIDERS, STACK)):
                name = resource["urn"].rpartition("::")[2]
                raise ValueError(
                    f"{file}: {encrypted[0]} of {name} is encrypted; only the stack that wrote "
                    "it can read it, so write the state in a test, with `export()` of its stack"
                )
            for name in encrypted:
                del properties[name]
    return deployment


def seed(mailgun: Emulator, deployment: Mapping[str, Any]) -> None:
    """Give the emulator the domains and certificates of a state."""
    for kind in ("DomainTracking", "TrackingHost"):
        # A host is more recent than the settings, where there are both.
        for outputs in _outputs(deployment, kind):
            _add_domain(mailgun, outputs["domain"], outputs)
    for outputs in _outputs(deployment, "TrackingCertificate"):
        host, status = outputs["tracking_domain"], outputs["status"]
        try:
            mailgun.set_certificate(host, status, outputs["region"], _error(outputs))
        except UnknownDomain:
            prefix = {"web_prefix": host.partition(".")[0]}
            _add_domain(mailgun, sending_domain(host), {**outputs, **prefix})
            mailgun.set_certificate(host, status, outputs["region"], _error(outputs))


def _error(outputs: Mapping[str, Any]) -> str | None:
    return outputs["error"] if outputs["status"] == "error" else None


def _add_domain(mailgun: Emulator, name: str, outputs: Mapping[str, Any]) -> None:
    """Add a domain, unless it is there, and set what outputs say."""
    region, account = outputs["region"], outputs["account"]
    try:
        mailgun.domain(name, region)
    except UnknownDomain:
        mailgun.add_domain(
            name,
            region,
            # By whatever name, the emulator's first account is the default one.
            account=None if account == "default" else account,
            subaccount=outputs["subaccount"] or None,
        )
    settings: dict[str, Any] = {
        section: {field: value for field, value in outputs[section].items() if value is not None}
        for section in SECTIONS
        if isinstance(outputs.get(section), Mapping)
    }
    for path, value in (outputs.get("asked") or {}).items():
        # Mailgun reads it back differently. Of a footer the state has a hash only.
        field = field_at(path)
        if field.type != "footer":
            settings[str(field.section)][field.name] = value
    settings |= {key: outputs[key] for key in ("web_scheme", "web_prefix") if outputs.get(key)}
    host, prefix = outputs.get("tracking_domain"), outputs.get("web_prefix")
    if "domain" in outputs and host not in (None, f"{prefix}.{name}"):
        settings["custom_host"] = host
    mailgun.drift(name, region, **settings)


def _outputs(deployment: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    for resource in deployment["resources"]:
        if resource["type"] == f"pulumi-python:dynamic/mailgun:{kind}":
            yield _plain(resource["outputs"])


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return _CIPHERTEXT in value or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))


def _plain(value: Any) -> Any:
    """A property, with secrets as plain values."""
    if isinstance(value, dict):
        if _PLAINTEXT in value:
            return json.loads(value[_PLAINTEXT])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
