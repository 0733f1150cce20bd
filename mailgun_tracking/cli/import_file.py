"""``mailgun-tracking import``: writes the file that ``pulumi import --file`` takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from pulumi.dynamic.dynamic import ResourceProvider, serialize_provider

from .. import errors, tracking_certificate
from .._api.fields import FIELDS, SECTIONS
from .._api.settings import Settings
from .._api.target import Target
from .._provider.changes import host_outputs
from .._provider.identity import IDENTITY
from .._provider.operation import Operation
from ..domain_tracking import DomainTrackingProvider, inputs_from, outputs_from
from ..tracking_certificate import TrackingCertificateProvider

DEFAULT_FIELDS = tuple(f"{section}.active" for section in SECTIONS)
_TYPE = "pulumi-python:dynamic/mailgun:"


@click.command(name="import")
@click.argument("ids", nargs=-1)
@click.option(
    "--all",
    "all_domains",
    is_flag=True,
    help="Import every domain that the key can list, in the region of MAILGUN_REGION.",
)
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="ID",
    help="The ID of a tracking domain whose certificate to import. Can be repeated.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    type=click.Choice([field.path for field in FIELDS]),
    help="A field that your program sets; by default `active` of all three sections. "
    "Can be repeated.",
)
@click.option("--account", default="default", help="The name of the account whose key is used.")
def import_file(
    ids: tuple[str, ...],
    all_domains: bool,
    certificates: tuple[str, ...],
    fields: tuple[str, ...],
    account: str,
) -> None:
    """Print a file for `pulumi import --file` with domains that exist at Mailgun.

    IDS are resource IDs: mg.example.com, eu/mg.example.com or us/SUBACCOUNT/mg.example.com.
    Each resource is named after its domain. The key is read from MAILGUN_API_KEY (or, for another
    account, MAILGUN_API_KEY_NAME).
    """
    settings = Settings()
    try:
        if all_domains:
            ids += tuple(_every_domain(settings, account))
        if not ids and not certificates:
            raise click.UsageError("give a domain, --certificate or --all")
        resources = [_domain(settings, id_, account, fields or DEFAULT_FIELDS) for id_ in ids]
        resources += [_certificate(settings, id_, account) for id_ in certificates]
    except errors.TrackingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps({"resources": resources}, indent=2))


def _every_domain(settings: Settings, account: str) -> Iterator[str]:
    region, subaccount = settings.region(), settings.subaccount(account)
    prefix = f"{region}/{subaccount}/" if subaccount else f"{region}/"
    operation = Operation.on(Target.parse(f"{prefix}any.domain", account), settings=settings)
    with operation.explaining_errors():
        # Mailgun lists the newest domain first.
        for name in sorted(details.name for details in operation.client.list_domains()):
            yield prefix + name


def _domain(settings: Settings, id_: str, account: str, fields: tuple[str, ...]) -> dict[str, Any]:
    target = Target.parse(id_, account)
    operation = Operation.on(target, settings=settings)
    with operation.explaining_errors():
        tracking = operation.client.get_tracking(target.domain)
        details = operation.client.get_domain(target.domain)
    known = {**tracking, **host_outputs(target, details)}
    managed = []
    for field in FIELDS:
        if field.path in fields and field.get(known) is not None:
            managed.append(field.path)
        elif field.path in fields:
            click.echo(f"{target.id}: Mailgun does not return {field.path}; left out", err=True)
    outputs = outputs_from(target, tracking, details, {"managed": managed})
    inputs = inputs_from(outputs)
    return _entry(target, "DomainTracking", DomainTrackingProvider(), inputs, outputs)


def _certificate(settings: Settings, id_: str, account: str) -> dict[str, Any]:
    target = Target.parse(id_, account)
    operation = Operation.on(target, settings=settings)
    with operation.explaining_errors():
        certificate = operation.client.get_certificate(target.domain)
        outputs = tracking_certificate.outputs_from(target, certificate, {})
    inputs = {name: outputs[name] for name in ("tracking_domain", *IDENTITY)}
    return _entry(target, "TrackingCertificate", TrackingCertificateProvider(), inputs, outputs)


def _entry(
    target: Target,
    resource: str,
    provider: ResourceProvider,
    inputs: dict[str, Any],
    outputs: dict[str, Any],
) -> dict[str, Any]:
    serialized = {"__provider": serialize_provider(provider)}
    return {
        "type": _TYPE + resource,
        "name": target.domain,
        "id": target.id,
        "inputs": inputs | serialized,
        "outputs": outputs | serialized,
    }
