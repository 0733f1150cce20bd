"""What a program can ask Mailgun while it runs: settings, tracking domains, certificates.

Each lookup has a plain form, which waits for the answer and returns it, and an output form, which
takes inputs, returns an output, and is unknown in a preview where the domain does not exist yet.
Under ``pulumi.runtime.set_mocks`` both ask the mocks' ``call``, and never the network: the token is
``mailgun-tracking:index:getDomainTracking`` (and so on), the answer's keys are the result's fields.
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
from .models import (
    CNAME_VALUES,
    DEFAULT_ACCOUNT,
    Target,
    normalize_domain,
    parse_certificate,
    sending_domain,
)
from .provider import (
    CHECK_DEADLINE,
    Call,
    identity_problems,
    refuse_keys_in_clear,
    shown_by_program,
    warn_of_no_answer,
)
from .reads import NO_ANSWER
from .settings import Settings

_T = TypeVar("_T")


@dataclass(frozen=True)
class TrackingDomainResult:
    """A domain's tracking host, and the record it needs.

    Attributes:
        domain: the sending domain.
        tracking_domain: the host of rewritten links, ``web_prefix.domain``.
        web_prefix: its first label.
        web_scheme: ``http`` or ``https``.
        cname_name: the full name of the CNAME record that Mailgun wants.
        cname_value: what it has to point at.
    """

    domain: str
    tracking_domain: str
    web_prefix: str
    web_scheme: str
    cname_name: str
    cname_value: str


@dataclass(frozen=True)
class DomainTrackingResult:
    """A domain's tracking settings.

    Attributes:
        domain: the sending domain.
        open: ``active`` and ``place_at_the_top``.
        click: ``active``: true, false or ``"htmlonly"``.
        unsubscribe: ``active``, ``html_footer`` and ``text_footer``.
        web_scheme: ``http`` or ``https``; an empty text where Mailgun's answer has none.
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
        error: Mailgun's text where there is a problem, else an empty text.
        certificate: the certificate as PEM; an empty text where there is none yet.
        names: the hosts it is valid for.
        issuer: who signed it, as in RFC 4514.
        serial: its serial number, hexadecimal.
        fingerprint: the SHA-256 of its DER form, hexadecimal.
        not_before: when it begins to be valid: RFC 3339, UTC.
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
    """A domain's tracking host and the CNAME it needs, before any resource exists.

    Endpoint: ``GET /v4/domains/{name}``.

    Args:
        domain: the sending domain.
        account: the name of another account than the default one.
        region: ``us`` or ``eu``; the stack's default if not given.
        subaccount: a subaccount's id; the stack's default if not given.

    Raises:
        DomainNotFound: Mailgun has no such domain there.
        TrackingError: Mailgun could not be asked.
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

    Endpoint: ``GET /v3/domains/{name}/tracking``.

    Args:
        domain: the sending domain.
        account: the name of another account than the default one.
        region: ``us`` or ``eu``; the stack's default if not given.
        subaccount: a subaccount's id; the stack's default if not given.

    Raises:
        DomainNotFound: Mailgun has no such domain there.
        TrackingError: Mailgun could not be asked.
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

    Endpoint: ``GET /v2/x509/{domain}/status``.

    Args:
        tracking_domain: the host, ``web_prefix.domain``.
        account: the name of another account than the default one.
        region: ``us`` or ``eu``; the stack's default if not given.
        subaccount: a subaccount's id; the stack's default if not given.

    Raises:
        CertificateNotFound: no certificate was ever asked for there.
        DomainNotFound: Mailgun has no such domain there.
        TrackingError: Mailgun could not be asked.
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
    """A lookup: its token for mocks, the argument's name, its result, and how Mailgun is asked."""

    token: str
    argument: str
    result: type[_T]
    ask: Callable[[Call], _T]


def _ask_tracking_domain(call: Call) -> TrackingDomainResult:
    details = call.client.get_domain(call.target.domain)
    return TrackingDomainResult(
        domain=call.target.domain,
        tracking_domain=details.tracking_domain,
        web_prefix=details.web_prefix,
        web_scheme=details.web_scheme,
        cname_name=details.tracking_domain,
        cname_value=details.cname.value if details.cname else CNAME_VALUES[call.target.region],
    )


def _ask_domain_tracking(call: Call) -> DomainTrackingResult:
    tracking = call.client.get_tracking(call.target.domain)
    return DomainTrackingResult(domain=call.target.domain, **{"web_scheme": "", **tracking})


def _ask_tracking_certificate(call: Call) -> TrackingCertificateResult:
    try:
        certificate = call.client.get_certificate(call.target.domain)
    except errors.CertificateNotFound:
        call.client.get_domain(sending_domain(call.target.domain))
        raise
    facts: dict[str, Any] = dict.fromkeys(
        ("issuer", "serial", "fingerprint", "not_before", "not_after"), ""
    )
    facts["names"] = ()
    if certificate.pem:
        try:
            facts = asdict(parse_certificate(certificate.pem))
        except (ValueError, IndexError):
            pulumi.log.warn(f"the certificate of {call.target.domain} is no PEM")
    return TrackingCertificateResult(
        tracking_domain=call.target.domain,
        status=certificate.status,
        error=certificate.error or "",
        certificate=certificate.pem or "",
        **{**facts, "names": list(facts["names"])},
    )


_TRACKING_DOMAIN = _Lookup(
    "mailgun-tracking:index:getTrackingDomain",
    "domain",
    TrackingDomainResult,
    _ask_tracking_domain,
)
_DOMAIN_TRACKING = _Lookup(
    "mailgun-tracking:index:getDomainTracking",
    "domain",
    DomainTrackingResult,
    _ask_domain_tracking,
)
_TRACKING_CERTIFICATE = _Lookup(
    "mailgun-tracking:index:getTrackingCertificate",
    "tracking_domain",
    TrackingCertificateResult,
    _ask_tracking_certificate,
)


@shown_by_program()
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
    refuse_keys_in_clear()
    for problem in identity_problems(
        {lookup.argument: name, "account": account, "region": region, "subaccount": subaccount},
        lookup.argument,
    ):
        raise errors.InvalidInput(f"{problem.property}: {problem.reason}")
    settings = Settings(get_config)
    account = account or DEFAULT_ACCOUNT
    target = Target(
        account,
        region.lower() if region else settings.region(),
        settings.subaccount(account) if subaccount is None else subaccount,
        normalize_domain(name),
    )
    call = Call.about(target, deadline=CHECK_DEADLINE if is_dry_run() else None, settings=settings)
    with call.explained():
        # In an up the domain may have been made a moment ago.
        return call.until_found(lambda: lookup.ask(call)) if patient else lookup.ask(call)


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
        answer = asyncio.ensure_future(known(given))

        async def value() -> Any:
            return (await answer)[0]

        async def is_known() -> bool:
            await asyncio.wait([answer])
            return answer.exception() is not None or answer.result()[1]

        # A task, since the SDK leaves it alone where the value raises.
        return pulumi.Output(set(), value(), asyncio.ensure_future(is_known()))

    async def known(given: list[Any]) -> tuple[Any, bool]:
        try:
            ask = functools.partial(_plain, lookup, *given, patient=not is_dry_run())
            return await asyncio.to_thread(ask), True
        except (errors.DomainNotFound, errors.CertificateNotFound):
            if is_dry_run():
                return None, False
            raise
        except NO_ANSWER as error:
            if is_dry_run():
                warn_of_no_answer(error, pulumi.log.warn)
                return None, False
            raise

    return pulumi.Output.all(name, account, region, subaccount).apply(look)
