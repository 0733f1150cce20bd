"""``mailgun-tracking import``: a file for ``pulumi import --file``, from what Mailgun has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from pulumi.dynamic.dynamic import ResourceProvider, serialize_provider

from .. import errors
from ..domain_tracking import DomainTrackingProvider, recorded, recorded_inputs
from ..models import SECTIONS, parse_id
from ..provider import Call
from ..settings import Settings
from ..tracking_certificate import TrackingCertificateProvider
from ..tracking_certificate import recorded as recorded_certificate

FIELDS = tuple(f"{kind}.{field}" for kind, fields in SECTIONS.items() for field in fields)
DEFAULT_FIELDS = tuple(f"{kind}.active" for kind in SECTIONS)
_TYPE = "pulumi-python:dynamic/mailgun:"


@click.command(name="import")
@click.argument("ids", nargs=-1)
@click.option("--all", "all_domains", is_flag=True, help="Every domain that the key lists.")
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="ID",
    help="A tracking domain, as an id.",
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    type=click.Choice([*FIELDS, "web_scheme", "web_prefix"]),
    help="A field that your program mentions; by default the three kinds' active.",
)
@click.option("--account", default="default", help="The account whose key is used.")
def import_file(
    ids: tuple[str, ...],
    all_domains: bool,
    certificates: tuple[str, ...],
    fields: tuple[str, ...],
    account: str,
) -> None:
    """Print a file for `pulumi import --file`, of domains that Mailgun has.

    IDS are as in state: mg.example.com, eu/mg.example.com or us/SUBACCOUNT/mg.example.com. A
    resource is named after its domain. The key comes from MAILGUN_API_KEY (or, for another
    account, MAILGUN_API_KEY_NAME).
    """
    settings = Settings(lambda _name: None)
    try:
        if all_domains:
            ids += tuple(_every_domain(settings, account))
        if not ids and not certificates:
            raise click.UsageError("name a domain or a --certificate, or give --all")
        resources = [_domain(settings, id_, account, fields or DEFAULT_FIELDS) for id_ in ids]
        resources += [_certificate(settings, id_, account) for id_ in certificates]
    except errors.TrackingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps({"resources": resources}, indent=2))


def _every_domain(settings: Settings, account: str) -> Iterator[str]:
    region, subaccount = settings.region(), settings.subaccount(account)
    prefix = f"{region}/{subaccount}/" if subaccount else f"{region}/"
    call = Call.about(parse_id(f"{prefix}any.domain", account), settings=settings)
    with call.explained():
        for details in call.client.list_domains():
            yield prefix + details.name


def _domain(settings: Settings, id_: str, account: str, fields: tuple[str, ...]) -> dict[str, Any]:
    call = Call.about(parse_id(id_, account), settings=settings)
    with call.explained():
        tracking = call.client.get_tracking(call.target.domain)
        outputs = recorded(call.target, tracking, call.client.get_domain(call.target.domain))
    outputs |= {"managed": [f for f in (*FIELDS, "web_scheme", "web_prefix") if f in fields]}
    outputs |= {"https_by": "mailgun"}
    inputs = recorded_inputs(outputs)
    return _entry(call, "DomainTracking", DomainTrackingProvider(), inputs, outputs)


def _certificate(settings: Settings, id_: str, account: str) -> dict[str, Any]:
    call = Call.about(parse_id(id_, account), settings=settings)
    with call.explained():
        outputs = recorded_certificate(
            call.target, call.client.get_certificate(call.target.domain), {}
        )
    names = ("tracking_domain", "account", "region", "subaccount")
    inputs = {name: outputs[name] for name in names}
    return _entry(call, "TrackingCertificate", TrackingCertificateProvider(), inputs, outputs)


def _entry(
    call: Call,
    kind: str,
    provider: ResourceProvider,
    inputs: dict[str, Any],
    outputs: dict[str, Any],
) -> dict[str, Any]:
    serialized = {"__provider": serialize_provider(provider)}
    return {
        "type": _TYPE + kind,
        "name": call.target.domain,
        "id": call.target.id,
        "inputs": inputs | serialized,
        "outputs": outputs | serialized,
    }
