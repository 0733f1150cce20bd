"""`TrackingCertificate`: a tracking domain's TLS certificate, which Mailgun gets and renews."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from . import errors
from .issuance import Issuance, Issued, due, now
from .models import (
    CertificateStatus,
    DomainDetails,
    Target,
    normalize_domain,
    parse_certificate,
    parse_id,
    rfc3339,
    sending_domain,
)
from .plugin_process import Row, current_urn
from .provider import (
    CHECK_DEADLINE,
    IDENTITY,
    Call,
    MailgunProvider,
    check_failures,
    differing_identity,
    effective_target,
    id_option,
    identity_inputs,
    identity_problems,
    key_problems,
    kind_of,
    misplaced,
    one_line_errors,
    own_properties,
    plain_unknowns,
    prepare_options,
    read_domain_for_check,
    recorded_target,
    refuse_to_read_with_old_sdk,
    unknown_fields,
)
from .reads import reads

DEFAULT_TIMEOUT = 600
INPUTS = ("tracking_domain", "wait", "timeout", "move_domain", *IDENTITY)


class TrackingCertificate(Resource, module="mailgun", name="TrackingCertificate"):
    """The certificate that Mailgun gets from Let's Encrypt for a tracking domain.

    An active certificate is adopted, one in the making is joined, a missing one is generated, an
    expired or failed one regenerated. Then, unless told otherwise, the resource waits until it is
    active. Mailgun renews by itself and cannot delete one: destroy only forgets it.

    Endpoints: ``GET /v2/x509/{domain}/status``, ``POST`` and ``PUT /v2/x509/{domain}``.

    Args:
        resource_name: the resource's name in the stack.
        tracking_domain: the host ``web_prefix.domain``, as in ``email.mg.example.com``; never the
            sending domain itself. `DomainTracking.tracking_domain` and `get_tracking_domain` give
            it. Its CNAME has to point at Mailgun. Another one replaces the resource.
        wait: whether to wait until the certificate is active; true by default. Without it, a
            certificate in the making previews as an update until it is active.
        timeout: seconds to wait, for the CNAME to become visible and the certificate to be
            issued; 600 by default.
        move_domain: whether create may move the domain to this host, where Mailgun issues for the
            current one alone: over http, until create has waited for the certificate; false by
            default. `HttpsTracking` sets it when it manages the web prefix.
        account: the name of another account, as for `DomainTracking`.
        region: ``"us"`` or ``"eu"``, as for `DomainTracking`.
        subaccount: a subaccount's id, as for `DomainTracking`.
        opts: Pulumi's resource options; see `DomainTracking`.

    Raises:
        ConfigurationError: a key stands in clear in the stack's configuration.
        InvalidInput: ``import_`` was given.
    """

    tracking_domain: pulumi.Output[str]
    """The host that the certificate is for."""
    status: pulumi.Output[str]
    """``active``, ``processing``, ``expired`` or ``error``."""
    error: pulumi.Output[str]
    """Mailgun's text where there is a problem, else an empty text."""
    names: pulumi.Output[list]  # type: ignore[type-arg]
    """The hosts that the certificate is valid for."""
    issuer: pulumi.Output[str]
    """Who signed it, as in RFC 4514."""
    serial: pulumi.Output[str]
    """Its serial number, hexadecimal."""
    fingerprint: pulumi.Output[str]
    """The SHA-256 of its DER form, hexadecimal."""
    not_before: pulumi.Output[str]
    """When it begins to be valid: RFC 3339, UTC."""
    not_after: pulumi.Output[str]
    """When it expires: RFC 3339, UTC."""
    account: pulumi.Output[str]
    """The name of the account in use."""
    region: pulumi.Output[str]
    """The region in use."""
    subaccount: pulumi.Output[str]
    """The subaccount in use, or an empty text."""

    def __init__(
        self,
        resource_name: str,
        tracking_domain: pulumi.Input[str],
        account: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        subaccount: pulumi.Input[str] | None = None,
        wait: pulumi.Input[bool] | None = None,
        timeout: pulumi.Input[float] | None = None,
        move_domain: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "tracking_domain": tracking_domain,
            "account": account,
            "region": region,
            "subaccount": subaccount,
            "wait": wait,
            "timeout": timeout,
            "move_domain": move_domain,
            "status": None,
            "error": None,
            "names": None,
            "issuer": None,
            "serial": None,
            "fingerprint": None,
            "not_before": None,
            "not_after": None,
        }
        opts = prepare_options(opts, "TrackingCertificate", "--certificate TRACKING_DOMAIN")
        super().__init__(TrackingCertificateProvider(), resource_name, props, opts)

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],
        *,
        account: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> TrackingCertificate:
        """Read a tracking domain's certificate without managing it.

        Args:
            resource_name: the resource's name in the stack.
            id: the tracking domain, as in ``email.mg.example.com``,
                ``eu/email.mg.example.com`` or ``us/SUBACCOUNT/email.mg.example.com``.
            account: the name of another account than the default one.
            opts: Pulumi's resource options.

        Raises:
            CertificateNotFound: in the resource's row, where there is none.
        """
        refuse_to_read_with_old_sdk("TrackingCertificate")
        host = pulumi.Output.from_input(id).apply(lambda known: parse_id(known).domain)
        return cls(resource_name, host, account=account, opts=id_option(opts, id))


class TrackingCertificateProvider(MailgunProvider):
    """The provider of `TrackingCertificate`. Its import path is in every state: it stays."""

    @one_line_errors
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        news = plain_unknowns(news)
        inputs = dict(news)
        failures = problems(news)
        if failures:
            return CheckResult(inputs, failures)
        inputs |= identity_inputs(news, "tracking_domain")
        target = effective_target(inputs, "tracking_domain")
        if target is None:
            return CheckResult(inputs, [])
        failures = key_problems(target)
        if olds or failures:
            return CheckResult(inputs, failures)
        try:
            call = Call.about(target, deadline=CHECK_DEADLINE)
        except errors.ConfigurationError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        try:
            failures = misdirected(call)
        except errors.TrackingError as error:
            failures = check_failures(call, error)
        return CheckResult(inputs, failures)

    @one_line_errors
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        result, reason = difference(olds, plain_unknowns(news), now())
        if reason:
            host = f"{olds['tracking_domain']}: " if "tracking_domain" in olds else ""
            Row(current_urn()).tell(host + reason)
        return result

    @one_line_errors
    def create(self, props: dict[str, Any]) -> CreateResult:
        target = target_of(props)
        return CreateResult(target.id, self._ensure(target, {}, props))

    @one_line_errors
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        target = recorded_target(id_, props, "tracking_domain")
        call = Call.about(target)
        with call.explained(recorded_key=True):
            try:
                certificate = call.client.get_certificate(target.domain)
            except errors.CertificateNotFound as error:
                # Raises where the domain is only out of sight, as in another region.
                call.is_domain_gone(sending_domain(target.domain))
                if props.get("status"):
                    return ReadResult("", {})
                error.advise(f"there is nothing to read: {target.domain} has no certificate")
                raise
        return ReadResult(target.id, recorded(target, certificate, props))

    @one_line_errors
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._ensure(target_of(news), olds, news))

    @one_line_errors
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        host = recorded_target(id_, props, "tracking_domain").domain
        Row(current_urn()).tell(
            f"the certificate of {host} is only forgotten: "
            "Mailgun has no way to delete one, and renews it as long as the CNAME stands"
        )

    def _ensure(
        self, target: Target, olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> dict[str, Any]:
        call = Call.about(target)
        wait = news.get("wait")
        timeout = news.get("timeout")
        issuance = Issuance(call.client, sleep=call.client.pause, say=call.row.wait)
        ensure = functools.partial(
            issuance.ensure,
            target.domain,
            wait=True if wait is None else wait,
            timeout=DEFAULT_TIMEOUT if timeout is None else timeout,
        )
        try:
            try:
                issued = ensure()
            except errors.CertificateNotFound:
                # What is there already is only looked after: a domain that others have moved stays.
                before = moved(call) if news.get("move_domain") and not olds else None
                if before is None:
                    raise
                try:
                    issued = ensure()
                    put_https_back(call, before, issued)
                except errors.TrackingError as error:
                    move_back(call, before, error)
                    raise
        except errors.TrackingError as error:
            explain_certificate(call, error)
            raise
        outputs = recorded(target, issued.certificate, olds)
        tell_outcome(call, issued, olds, outputs)
        return outputs


def problems(news: Mapping[str, Any]) -> list[CheckFailure]:
    """What can be known to be wrong with inputs before Mailgun is asked."""
    failures = unknown_fields(own_properties(news), INPUTS)
    failures += identity_problems(news, "tracking_domain")
    host = news.get("tracking_domain")
    checked = isinstance(host, str) and host != UNKNOWN and not failures
    if checked and normalize_domain(str(host)).count(".") < 2:
        failures.append(
            CheckFailure(
                "tracking_domain",
                f"{host!r} is no tracking domain: it is web_prefix.domain, perhaps email.{host}",
            )
        )
    for name in ("wait", "move_domain"):
        value = news.get(name)
        if value not in (None, UNKNOWN) and not isinstance(value, bool):
            failures.append(CheckFailure(name, f"must be true or false, not {kind_of(value)}"))
    timeout = news.get("timeout")
    if timeout not in (None, UNKNOWN) and not (
        isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and timeout > 0
    ):
        failures.append(CheckFailure("timeout", "must be a number of seconds above 0"))
    return failures


def misdirected(call: Call) -> list[CheckFailure]:
    """What a look at Mailgun tells of a tracking domain that cannot have a certificate.

    Raises:
        TrackingError: the key or the subaccount is wrong.
    """
    host = call.target.domain
    domain = sending_domain(host)
    parent = replace(call, target=replace(call.target, domain=domain))
    if read_domain_for_check(parent) is not None:
        return []
    given = read_domain_for_check(call)
    if given is not None:
        return [
            CheckFailure(
                "tracking_domain",
                f"{host} is a sending domain; its tracking domain is {given.tracking_domain}",
            )
        ]
    return misplaced(call, domain)


def moved(call: Call) -> DomainDetails | None:
    """Move the domain to the host at hand, over http; None where it is there already.

    Returns what it was before.

    Endpoint: one ``PUT /v4/domains/{name}``. A certificate for the host can only be had then, and
    https over the host only after that.
    """
    host = call.target.domain
    details = call.client.get_domain(sending_domain(host))
    if details.tracking_domain == host:
        return None
    put_domain(call, {"web_prefix": host.partition(".")[0], "web_scheme": "http"})
    call.row.tell(
        f"{details.name} moved from {details.tracking_domain} to {host}, over http until "
        "https is turned on: Mailgun issues for the current tracking domain alone"
    )
    return details


def put_domain(call: Call, changes: Mapping[str, str]) -> None:
    """Change the domain of the host at hand; what was read of it before is no longer so."""
    domain = sending_domain(call.target.domain)
    try:
        call.client.update_domain(domain, changes)
    finally:
        reads.forget(replace(call.target, domain=domain), "tracking", "details")


def put_https_back(call: Call, before: DomainDetails, issued: Issued) -> None:
    """Turn https on again at the new host, where it was on before the move."""
    if before.web_scheme == "https" and issued.certificate.status == "active":
        put_domain(call, {"web_scheme": "https"})


def move_back(call: Call, before: DomainDetails, error: errors.TrackingError) -> None:
    """Move a domain back where there is no certificate to be had; say where it stands now.

    Where the certificate may still come, in a time-out or Ctrl-C, the domain stays: moved back, it
    could never be issued.
    """
    if not isinstance(error, (errors.Cancelled, errors.CertificateTimeout)):
        changes = {"web_prefix": before.web_prefix, "web_scheme": before.web_scheme}
        try:
            put_domain(call, changes)
        except errors.TrackingError:
            pass
        else:
            error.advise(f"{before.name} was moved back to {before.tracking_domain}")
            return
    error.advise(
        f"{before.name} stands at {call.target.domain} now, over http: run up again, "
        "or `pulumi refresh` before you take the move back"
    )
    if before.web_scheme == "https":
        error.advise(
            'it was on https: a DomainTracking with web_scheme="https" turns that on again, '
            "once the certificate is there"
        )


def target_of(inputs: Mapping[str, Any]) -> Target:
    """Whom checked inputs are about."""
    target = effective_target(inputs, "tracking_domain")
    assert target is not None, "the engine creates and updates with known inputs alone"
    return target


def difference(
    olds: Mapping[str, Any], news: Mapping[str, Any], moment: datetime
) -> tuple[DiffResult, str | None]:
    """What inputs and time change of a state, and the reason that is not an input; pure."""
    replaces = differing_identity(olds, news, "tracking_domain")
    if replaces:
        return DiffResult(replaces=replaces), None
    reason = due(
        str(olds.get("status") or ""),
        str(olds.get("error") or ""),
        str(olds.get("not_after") or ""),
        str(olds.get("processing_since") or ""),
        moment,
    )
    return DiffResult(changes=reason is not None), reason


def recorded(
    target: Target, certificate: CertificateStatus, olds: Mapping[str, Any]
) -> dict[str, Any]:
    """What Mailgun said of a certificate, as outputs.

    Raises:
        UnexpectedAnswer: the certificate cannot be read.
    """
    outputs: dict[str, Any] = {
        "tracking_domain": target.domain,
        "account": target.account,
        "region": target.region,
        "subaccount": target.subaccount,
        "status": certificate.status,
        "error": certificate.error or "",
    }
    if certificate.status == "processing":
        outputs["processing_since"] = olds.get("processing_since") or rfc3339(now())
    facts = None
    if certificate.pem:
        try:
            facts = parse_certificate(certificate.pem)
        except (ValueError, IndexError):
            if certificate.status == "active":
                raise errors.UnexpectedAnswer(
                    f"cannot read the certificate of {target.domain}",
                    "Mailgun's answer holds no PEM",
                    domain=target.domain,
                ) from None
    names = ("names", "issuer", "serial", "fingerprint", "not_before", "not_after")
    values = asdict(facts) if facts else dict.fromkeys(names, "") | {"names": []}
    return outputs | {name: values[name] for name in names} | {"names": list(values["names"])}


def tell_outcome(
    call: Call, issued: Issued, olds: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Say what became of the certificate where that is not what create or update says already."""
    renewed = olds.get("serial") and olds["serial"] != outputs["serial"]
    if issued.certificate.status == "processing":
        call.row.tell(f"{call.target.domain}: Mailgun is at work on it; not waited for")
    elif issued.step == "adopted" and renewed:
        call.row.tell(f"renewed by Mailgun on {outputs['not_before'][:10]}")
    elif issued.step == "adopted":
        call.row.tell(f"adopted: valid until {outputs['not_after'][:10]}")
    elif issued.step == "joined":
        call.row.tell("joined: Mailgun was at work on it already")


def explain_certificate(call: Call, error: errors.TrackingError) -> None:
    """Add the likely cause of a refusal, and the way out."""
    if isinstance(error, errors.CertificatesNotInPlan):
        error.advise(
            "the account's plan has no tracking certificates: change the plan, or put your own "
            'CDN before the tracking domain and set https_by="proxy" on its DomainTracking'
        )
    elif isinstance(error, errors.CnameNotValid):
        error.advise(cname_wanted(call))
    elif isinstance(error, errors.CertificateNotFound):
        error.advise(why_not_found(call))
    elif isinstance(error, errors.CertificateConflict):
        error.advise("another change is under way at Mailgun: run again in a minute")
    else:
        call.explain(error)


def cname_wanted(call: Call) -> str:
    """The record that a tracking domain needs, as advice."""
    host = call.target.domain
    try:
        details = call.client.get_domain(sending_domain(host))
    except errors.TrackingError:
        record = f"the CNAME record of {host} that Mailgun shows for its domain"
    else:
        cname = details.cname
        record = (
            f"a CNAME record {cname.name} that points at {cname.value}"
            if cname and cname.name == host
            else f"a CNAME record for {host}; the current tracking domain of "
            f"{details.name} is {details.tracking_domain}"
        )
    return f"it needs {record}, straight and with no proxy before it; add it and run again"


def why_not_found(call: Call) -> str:
    """Why Mailgun may not know a host, as advice."""
    host = call.target.domain
    domain = sending_domain(host)
    try:
        details = call.client.get_domain(domain)
    except errors.DomainNotFound:
        pass
    except errors.TrackingError as error:
        return f"and the domain could not be looked at: {error}"
    else:
        if details.tracking_domain == host:
            return f"{host} is the tracking domain of {domain}: run again in a minute"
        return (
            f"the tracking domain of {domain} is {details.tracking_domain}: give that one; "
            "if somebody moved it since the last up, run `pulumi refresh`"
        )
    try:
        given = call.client.get_domain(host)
    except errors.TrackingError:
        return call.whereabouts(domain)
    return f"{host} is a sending domain; give its tracking domain, {given.tracking_domain}"
