"""Lookups that a program can make while it runs: settings, tracking domains, certificates.

Each lookup has a plain form, which returns the result, and an ``_output`` form, which takes inputs
and returns an output, unknown in a preview while the domain does not exist yet. Under
``pulumi.runtime.set_mocks`` both call the mocks' ``call`` and never the network: the token is
``mailgun-tracking:index:getDomainTracking`` (and so on), the keys are the fields of the result.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

import pulumi
from pulumi.runtime import get_config, invoke, is_dry_run
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.settings import get_monitor

from . import errors
from ._api.models import CNAME_VALUES, normalize_domain, parse_certificate
from ._api.target import DEFAULT_ACCOUNT, Target
from ._provider.operation import CHECK_DEADLINE_SECONDS, Operation, warn_of_no_response
from ._provider.options import refuse_plain_text_keys
from ._provider.process import process
from ._provider.read_ahead import NO_RESPONSE
from ._provider.validation import failure_text, validate_identity

_T = TypeVar("_T")


@dataclass(frozen=True)
class TrackingDomainResult:
    """A domain's tracking domain, and the record it needs.

    Attributes:
        domain: the sending domain.
        tracking_domain: the host of rewritten links: ``web_prefix.domain``, or its custom host.
        web_prefix: its first label, unless it is a custom host.
        web_scheme: ``http`` or ``https``.
        cname_name: the full name of the CNAME record that Mailgun expects.
        cname_value: what it has to point to.
        cname_is_valid: whether Mailgun has found that record in DNS.
    """

    domain: str
    tracking_domain: str
    web_prefix: str
    web_scheme: str
    cname_name: str
    cname_value: str
    cname_is_valid: bool = False


@dataclass(frozen=True)
class DomainTrackingResult:
    """A domain's tracking settings.

    Attributes:
        domain: the sending domain.
        open: ``active`` and ``place_at_the_top``.
        click: ``active``: true, false or ``"htmlonly"``.
        unsubscribe: ``active``, ``html_footer`` and ``text_footer``.
        web_scheme: ``http`` or ``https``; an empty string where Mailgun's response has none.
    """

    domain: str
    open: dict[str, Any]
    click: dict[str, Any]
    unsubscribe: dict[str, Any]
    web_scheme: str


@dataclass(frozen=True)
class TrackingCertificateResult:
    """A tracking domain's certificate.

    Attributes:
        tracking_domain: the host it is for.
        status: ``active``, ``processing``, ``expired`` or ``error``.
        error: Mailgun's message where there is a problem, or an empty string.
        certificate: the certificate as PEM; an empty string where there is none yet.
        names: the hosts it is valid for.
        issuer: who signed it, in RFC 4514 form.
        serial: its serial number, hexadecimal.
        fingerprint: the SHA-256 of its DER encoding, hexadecimal.
        not_before: the start of its validity: RFC 3339, UTC.
        not_after: when it expires: RFC 3339, UTC.
    """

    tracking_domain: str
    status: str
    error: str
    certificate: str
    names: list[str]
    issuer: str
    serial: str
    fingerprint: str
    not_before: str
    not_after: str


def get_tracking_domain(
    domain: str,
    *,
    account: str | None = None,
    region: str | None = None,
    subaccount: str | None = None,
) -> TrackingDomainResult:
    """A domain's tracking domain and the CNAME record it needs, before any resource exists.

    Endpoint: ``GET /v4/domains/{name}``.

    Args:
        domain: the sending domain.
        account: the name of an account other than the default one.
        region: ``us`` or ``eu``; defaults to the stack's region.
        subaccount: a subaccount's ID; defaults to the stack's subaccount.

    Raises:
        DomainNotFound: Mailgun has no such domain there.
        TrackingError: the lookup failed for another reason.
    """
    return _plain(_TRACKING_DOMAIN, domain, account, region, subaccount)


def get_tracking_domain_output(
    domain: pulumi.Input[str],
    *,
    account: pulumi.Input[str] | None = None,
    region: pulumi.Input[str] | None = None,
    subaccount: pulumi.Input[str] | None = None,
) -> pulumi.Output[TrackingDomainResult]:
    """`get_tracking_domain` of inputs; unknown in a preview while the domain does not exist."""
    return _output(_TRACKING_DOMAIN, domain, account, region, subaccount)


def get_domain_tracking(
    domain: str,
    *,
    account: str | None = None,
    region: str | None = None,
    subaccount: str | None = None,
) -> DomainTrackingResult:
    """A domain's tracking settings, without managing them.

    Endpoint: ``GET /v3/domains/{name}/tracking``. Arguments and errors: as for
    `get_tracking_domain`.
    """
    return _plain(_DOMAIN_TRACKING, domain, account, region, subaccount)


def get_domain_tracking_output(
    domain: pulumi.Input[str],
    *,
    account: pulumi.Input[str] | None = None,
    region: pulumi.Input[str] | None = None,
    subaccount: pulumi.Input[str] | None = None,
) -> pulumi.Output[DomainTrackingResult]:
    """`get_domain_tracking` of inputs; unknown in a preview while the domain does not exist."""
    return _output(_DOMAIN_TRACKING, domain, account, region, subaccount)


def get_tracking_certificate(
    tracking_domain: str,
    *,
    account: str | None = None,
    region: str | None = None,
    subaccount: str | None = None,
) -> TrackingCertificateResult:
    """A tracking domain's certificate with its PEM, without managing it.

    Endpoint: ``GET /v2/x509/{domain}/status``. Arguments and errors: as for
    `get_tracking_domain`, but for those below.

    Args:
        tracking_domain: the host, ``web_prefix.domain``.

    Raises:
        CertificateNotFound: no certificate was ever requested for it.
    """
    return _plain(_TRACKING_CERTIFICATE, tracking_domain, account, region, subaccount)


def get_tracking_certificate_output(
    tracking_domain: pulumi.Input[str],
    *,
    account: pulumi.Input[str] | None = None,
    region: pulumi.Input[str] | None = None,
    subaccount: pulumi.Input[str] | None = None,
) -> pulumi.Output[TrackingCertificateResult]:
    """`get_tracking_certificate` of inputs; unknown in a preview while there is none."""
    return _output(_TRACKING_CERTIFICATE, tracking_domain, account, region, subaccount)


@dataclass(frozen=True)
class _Lookup(Generic[_T]):
    """A lookup: its function, token for mocks, argument's name, result, and how it is made."""

    function: str
    token: str
    argument: str
    result: type[_T]
    read: Callable[[Operation], _T]


def _read_tracking_domain(operation: Operation) -> TrackingDomainResult:
    details = operation.client.get_domain(operation.target.domain)
    return TrackingDomainResult(
        domain=operation.target.domain,
        tracking_domain=details.tracking_domain,
        web_prefix=details.web_prefix,
        web_scheme=details.web_scheme,
        cname_name=details.tracking_domain,
        cname_value=details.cname.value if details.cname else CNAME_VALUES[operation.target.region],
        cname_is_valid=details.cname_is_valid,
    )


def _read_domain_tracking(operation: Operation) -> DomainTrackingResult:
    tracking = operation.client.get_tracking(operation.target.domain)
    return DomainTrackingResult(domain=operation.target.domain, **{"web_scheme": "", **tracking})


def _read_tracking_certificate(operation: Operation) -> TrackingCertificateResult:
    try:
        certificate = operation.client.get_certificate(operation.target.domain)
    except errors.CertificateNotFound:
        operation.domain_of_host()
        raise
    facts: dict[str, Any] = dict.fromkeys(
        ("issuer", "serial", "fingerprint", "not_before", "not_after"), ""
    )
    facts["names"] = ()
    if certificate.pem:
        try:
            facts = asdict(parse_certificate(certificate.pem))
        except (ValueError, IndexError):
            pulumi.log.warn(
                f"cannot read the certificate for {operation.target.domain}: it is not valid PEM"
            )
    return TrackingCertificateResult(
        tracking_domain=operation.target.domain,
        status=certificate.status,
        error=certificate.error or "",
        certificate=certificate.pem or "",
        **{**facts, "names": list(facts["names"])},
    )


_TRACKING_DOMAIN = _Lookup(
    "get_tracking_domain",
    "mailgun-tracking:index:getTrackingDomain",
    "domain",
    TrackingDomainResult,
    _read_tracking_domain,
)
_DOMAIN_TRACKING = _Lookup(
    "get_domain_tracking",
    "mailgun-tracking:index:getDomainTracking",
    "domain",
    DomainTrackingResult,
    _read_domain_tracking,
)
_TRACKING_CERTIFICATE = _Lookup(
    "get_tracking_certificate",
    "mailgun-tracking:index:getTrackingCertificate",
    "tracking_domain",
    TrackingCertificateResult,
    _read_tracking_certificate,
)


def _plain(
    lookup: _Lookup[_T],
    name: str,
    account: str | None,
    region: str | None,
    subaccount: str | None,
    *,
    patient: bool = False,
) -> _T:
    if isinstance(get_monitor(), MockMonitor):
        given = {"account": account, "region": region, "subaccount": subaccount}
        arguments = {lookup.argument: name} | {k: v for k, v in given.items() if v is not None}
        return lookup.result(**invoke(lookup.token, arguments).value)
    refuse_plain_text_keys()
    for failure in validate_identity(
        {lookup.argument: name, "account": account, "region": region, "subaccount": subaccount},
        lookup.argument,
    ):
        raise errors.InvalidInput(f"{lookup.function}: {failure_text(failure)}")
    settings = process.settings_from(get_config)
    account = account or DEFAULT_ACCOUNT
    target = Target(
        account,
        region.lower() if region else settings.region(),
        settings.subaccount(account) if subaccount is None else subaccount,
        normalize_domain(name),
    )
    deadline = CHECK_DEADLINE_SECONDS if is_dry_run() else None
    operation = Operation.on(target, deadline=deadline, settings=settings)
    with operation.explaining_errors():
        if patient:
            # In an update the domain may have been created a moment ago.
            return operation.until_found(lambda: lookup.read(operation))
        return lookup.read(operation)


def _output(
    lookup: _Lookup[_T],
    name: pulumi.Input[str],
    account: pulumi.Input[str] | None,
    region: pulumi.Input[str] | None,
    subaccount: pulumi.Input[str] | None,
) -> pulumi.Output[_T]:
    def look(given: list[Any]) -> Any:
        if isinstance(get_monitor(), MockMonitor):
            return _plain(lookup, *given)
        result = asyncio.ensure_future(known(given))

        async def value() -> Any:
            return (await result)[0]

        async def is_known() -> bool:
            await asyncio.wait([result])
            return result.exception() is not None or result.result()[1]

        # A task, since the SDK leaves it alone where the value raises.
        return pulumi.Output(set(), value(), asyncio.ensure_future(is_known()))

    async def known(given: list[Any]) -> tuple[Any, bool]:
        try:
            read = functools.partial(_plain, lookup, *given, patient=not is_dry_run())
            return await asyncio.to_thread(read), True
        except (errors.DomainNotFound, errors.CertificateNotFound):
            if is_dry_run():
                return None, False
            raise
        except NO_RESPONSE as error:
            if is_dry_run():
                # A process may run the programs of several stacks, each with a monitor of its own.
                warn_of_no_response(error, pulumi.log.warn, get_monitor() or process)
                return None, False
            raise

    return pulumi.Output.all(name, account, region, subaccount).apply(look)
