"""`TrackingCertificate`: a tracking domain's TLS certificate, issued and renewed by Mailgun."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from . import errors
from ._api.issuance import Issuance, Issued, now, refresh_reason
from ._api.models import (
    CertificateStatus,
    normalize_domain,
    parse_certificate,
    rfc3339,
    sending_domain,
)
from ._api.target import Target
from ._provider.base import MailgunProvider, own_properties, plain_unknowns
from ._provider.domain_move import DomainMove
from ._provider.identity import IDENTITY, changed_identity, identity_outputs, ownership_key
from ._provider.operation import Operation
from ._provider.options import options_for_get, prepare_options
from ._provider.plugin_process import current_urn
from ._provider.process import process
from ._provider.resource_log import ResourceLog
from ._provider.validation import (
    Properties,
    unknown_inputs,
    validate_boolean,
    validate_identity,
    validate_seconds,
)

DEFAULT_TIMEOUT_SECONDS = 600
INPUTS = ("tracking_domain", "wait", "timeout", "move_domain", *IDENTITY)
OUTPUTS = ("status", "error", "names", "issuer", "serial", "fingerprint", "not_before", "not_after")

PROPERTIES = Properties(INPUTS, OUTPUTS)


class TrackingCertificate(Resource, module="mailgun", name="TrackingCertificate"):
    """The certificate that Mailgun gets from Let's Encrypt for a tracking domain.

    An active certificate is adopted, one that is being issued is waited for, a missing one is
    requested, and an expired or failed one is reissued. By default the resource waits until it is
    active. Mailgun renews certificates by itself and cannot delete them: destroy only removes the
    resource from the state.

    Endpoints: ``GET /v2/x509/{domain}/status``, ``POST`` and ``PUT /v2/x509/{domain}``.

    Args:
        resource_name: the resource's name in the stack.
        tracking_domain: the host ``web_prefix.domain``, for example ``email.mg.example.com``, and
            not the sending domain itself. `DomainTracking.tracking_domain` and
            `get_tracking_domain` return it. Its CNAME has to point to Mailgun. Changing it
            replaces the resource.
        wait: whether to wait until the certificate is active; true by default. Without it, a
            certificate that is being issued previews as an update until it is active.
        timeout: seconds to wait for the CNAME to become visible and the certificate to be issued;
            600 by default.
        move_domain: whether create may first make this the domain's tracking domain, where Mailgun
            only issues for the current one; false by default. The domain then uses http until the
            certificate is active. `HttpsTracking` sets it when it manages the web prefix.
        account: the name of another account, as for `DomainTracking`.
        region: ``"us"`` or ``"eu"``, as for `DomainTracking`.
        subaccount: a subaccount's ID, as for `DomainTracking`.
        opts: Pulumi's resource options; see `DomainTracking`.

    Raises:
        ConfigurationError: a key is stored in plain text in the stack's configuration.
        InvalidInput: ``import_`` was given.
    """

    tracking_domain: pulumi.Output[str]
    """The host that the certificate is for."""
    status: pulumi.Output[str]
    """``active``, ``processing``, ``expired`` or ``error``."""
    error: pulumi.Output[str]
    """Mailgun's message where there is a problem, or an empty string."""
    names: pulumi.Output[list]  # type: ignore[type-arg]
    """The hosts that the certificate is valid for."""
    issuer: pulumi.Output[str]
    """Who signed it, in RFC 4514 form."""
    serial: pulumi.Output[str]
    """Its serial number, hexadecimal."""
    fingerprint: pulumi.Output[str]
    """The SHA-256 of its DER encoding, hexadecimal."""
    not_before: pulumi.Output[str]
    """The start of its validity, in RFC 3339, UTC."""
    not_after: pulumi.Output[str]
    """When it expires, in RFC 3339, UTC."""
    account: pulumi.Output[str]
    """The name of the account in use."""
    region: pulumi.Output[str]
    """The region in use."""
    subaccount: pulumi.Output[str]
    """The subaccount in use, or an empty string."""

    def __init__(
        self,
        resource_name: str,
        tracking_domain: pulumi.Input[str],
        *,
        account: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        subaccount: pulumi.Input[str] | None = None,
        wait: pulumi.Input[bool] | None = None,
        timeout: pulumi.Input[float] | None = None,
        move_domain: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {name: value for name, value in locals().items() if name in INPUTS}
        opts = prepare_options(
            opts,
            "TrackingCertificate",
            resource_name,
            "--certificate TRACKING_DOMAIN",
            PROPERTIES,
        )
        props = inputs | dict.fromkeys(OUTPUTS)
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
            id: the tracking domain: ``email.mg.example.com``,
                ``eu/email.mg.example.com`` or ``us/SUBACCOUNT/email.mg.example.com``.
            account: the name of an account other than the default one.
            opts: Pulumi's resource options.

        Raises:
            CertificateNotFound: in the resource's row, where there is none.
        """
        opts = options_for_get(opts, id, "TrackingCertificate")
        host = pulumi.Output.from_input(id).apply(lambda known: Target.parse(known).domain)
        return cls(resource_name, host, account=account, opts=opts)


class TrackingCertificateProvider(MailgunProvider):
    """The provider of `TrackingCertificate`. Its import path is in every state."""

    domain_input = "tracking_domain"
    properties = PROPERTIES

    def validate(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        failures = unknown_inputs(own_properties(inputs), INPUTS)
        failures += validate_identity(inputs, "tracking_domain")
        host = inputs.get("tracking_domain")
        if not failures and host != UNKNOWN and normalize_domain(str(host)).count(".") < 2:
            message = (
                f"{host!r} is not a tracking domain; expected PREFIX.DOMAIN, "
                f"for example email.{host}"
            )
            failures.append(CheckFailure("tracking_domain", message))
        for name in ("wait", "move_domain"):
            failures += validate_boolean(name, inputs.get(name))
        failures += validate_seconds("timeout", inputs.get("timeout"))
        return failures

    def default_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        if UNKNOWN in inputs.values():
            process.certified.add(None)
        return {}

    def check_target(
        self, operation: Operation, olds: Mapping[str, Any], inputs: dict[str, Any]
    ) -> list[CheckFailure]:
        process.certified.add(ownership_key(operation.target))
        if olds:
            return []
        try:
            return not_a_tracking_domain(operation)
        except errors.TrackingError as error:
            return operation.check_failures(error)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if not changed_identity(olds, plain_unknowns(news), "tracking_domain"):
            reason = refresh_reason(olds, now())
            if reason:
                host = f"{olds['tracking_domain']}: " if "tracking_domain" in olds else ""
                ResourceLog(current_urn()).info(host + reason)
        return super().diff(id_, olds, news)

    def compute_diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
        """What inputs and time change in a state."""
        replaces = changed_identity(olds, news, "tracking_domain")
        if replaces:
            return DiffResult(replaces=replaces)
        return DiffResult(changes=refresh_reason(olds, now()) is not None)

    def create(self, props: dict[str, Any]) -> CreateResult:
        target = Target.from_inputs(props, "tracking_domain")
        return CreateResult(target.id, self._ensure(target, {}, props))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        target = Target.from_state(id_, props, "tracking_domain")
        operation = Operation.on(target)
        with operation.explaining_errors(is_from_state=True):
            try:
                certificate = operation.client.get_certificate(target.domain)
            except errors.CertificateNotFound as error:
                # Raises where the domain is only out of sight, as in another region.
                is_gone = operation.is_domain_gone(sending_domain(target.domain))
                if props.get("status"):
                    if is_gone:
                        operation.report_gone(sending_domain(target.domain))
                    else:
                        operation.log.info(
                            f"the certificate for {target.domain} no longer exists at Mailgun; "
                            "removing this resource from the state"
                        )
                    return ReadResult("", {})
                error.advise(
                    "it has no certificate yet; declare a TrackingCertificate to request one"
                )
                raise
        return ReadResult(target.id, outputs_from(target, certificate, props))

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        target = Target.from_inputs(news, "tracking_domain")
        return UpdateResult(self._ensure(target, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        host = Target.from_state(id_, props, "tracking_domain").domain
        ResourceLog(current_urn()).info(
            f"removed the certificate for {host} from the state only; "
            "Mailgun cannot delete it and renews it while the CNAME exists"
        )

    def _ensure(
        self, target: Target, olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> dict[str, Any]:
        operation = Operation.on(target)
        try:
            # What exists already is only kept active: a domain that somebody moved stays there.
            if news.get("move_domain") and not olds:
                issued = ensure_moving_domain(operation, news)
            else:
                issued = ensure_certificate(operation, news)
        except errors.TrackingError as error:
            explain_certificate_error(operation, error)
            raise
        outputs = outputs_from(target, issued.certificate, olds)
        report_outcome(operation, issued, olds, outputs)
        return outputs


def ensure_certificate(operation: Operation, inputs: Mapping[str, Any]) -> Issued:
    """Adopt or request the certificate, and wait as the inputs say."""
    client = operation.client
    wait, timeout = inputs.get("wait"), inputs.get("timeout")
    issuance = Issuance(client, sleep=client.pause, say=operation.log.progress)
    return issuance.ensure(
        operation.target.domain,
        wait=True if wait is None else wait,
        timeout=DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout,
    )


def ensure_moving_domain(operation: Operation, inputs: Mapping[str, Any]) -> Issued:
    """As `ensure_certificate`, but moves the domain where Mailgun requires that first."""
    try:
        return ensure_certificate(operation, inputs)
    except errors.CertificateNotFound:
        host = operation.target.domain
        before = operation.client.get_domain(sending_domain(host))
        if before.tracking_domain == host:
            raise
    with DomainMove(operation, before) as move:
        issued = ensure_certificate(operation, inputs)
        if issued.certificate.status == "active":
            move.restore_https()
    return issued


def not_a_tracking_domain(operation: Operation) -> list[CheckFailure]:
    """A failure where Mailgun says that the host cannot have a certificate.

    Raises:
        TrackingError: the key or the subaccount is wrong, or Mailgun is not available.
    """
    host = operation.target.domain
    domain = sending_domain(host)
    parent = operation.read_new_domain(domain)
    if parent is not None and parent.is_sandbox:
        message = f"{domain} is a sandbox domain, which cannot have a certificate"
        return [CheckFailure("tracking_domain", message)]
    if parent is not None and parent.tracking_domain == host:
        operation.report_new(domain, parent)
        return []
    # Also where the parent is in the account: moving that to this host would break its links.
    if process.read_ahead.is_sending_domain(operation.client, operation.target):
        given = operation.client.get_domain(host)
        message = f"{host} is a sending domain; use its tracking domain, {given.tracking_domain}"
        return [CheckFailure("tracking_domain", message)]
    failures = [] if parent is not None else operation.wrong_region(domain)
    if not failures:
        operation.report_new(domain, parent)
    return failures


def outputs_from(
    target: Target, certificate: CertificateStatus, olds: Mapping[str, Any]
) -> dict[str, Any]:
    """What Mailgun said about a certificate, as outputs.

    Raises:
        UnexpectedResponse: the certificate cannot be read.
    """
    outputs: dict[str, Any] = {
        "tracking_domain": target.domain,
        **identity_outputs(target),
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
                raise errors.UnexpectedResponse(
                    f"cannot read the certificate for {target.domain}",
                    "Mailgun's response is not valid PEM",
                    domain=target.domain,
                ) from None
    names = ("names", "issuer", "serial", "fingerprint", "not_before", "not_after")
    values = asdict(facts) if facts else dict.fromkeys(names, "") | {"names": []}
    return outputs | {name: values[name] for name in names} | {"names": list(values["names"])}


def explain_certificate_error(operation: Operation, error: errors.TrackingError) -> None:
    """Add the likely cause of an error, and what to do about it."""
    if isinstance(error, errors.CertificatesNotInPlan):
        error.advise(
            "your Mailgun plan does not include tracking certificates: upgrade it, or put your "
            'own CDN in front of the tracking domain and use DomainTracking with https_by="proxy"'
        )
    elif isinstance(error, errors.CnameNotValid):
        error.advise(_required_cname(operation))
    elif isinstance(error, errors.CertificateNotFound):
        error.advise(_why_not_found(operation))
    elif isinstance(error, errors.CertificateConflict):
        error.advise("Mailgun may still be processing an earlier request; try again in a minute")
    else:
        operation.explain(error)


def _required_cname(operation: Operation) -> str:
    """The record that a tracking domain needs, as advice."""
    host = operation.target.domain
    try:
        details = operation.client.get_domain(sending_domain(host))
    except errors.TrackingError:
        record = "the CNAME record that Mailgun shows for it"
    else:
        cname = details.cname
        record = (
            f"a CNAME record that points directly at {cname.value}"
            if cname and cname.name == host
            else "a CNAME record that points directly at Mailgun (the current tracking domain of "
            f"{details.name} is {details.tracking_domain})"
        )
    return (
        f"{host} needs {record}, with no proxy in front; "
        "add or fix the record and run `pulumi up` again"
    )


def _why_not_found(operation: Operation) -> str:
    """Why Mailgun may not know a host, as advice."""
    host = operation.target.domain
    domain = sending_domain(host)
    try:
        details = operation.client.get_domain(domain)
    except errors.DomainNotFound:
        pass
    except errors.TrackingError as error:
        return f"looking up its domain failed too: {error}"
    else:
        if details.tracking_domain == host:
            return f"{host} is the current tracking domain of {domain}; try again in a minute"
        return (
            f"the tracking domain of {domain} is {details.tracking_domain}; use that one, "
            "or run `pulumi refresh` if somebody changed it since the last `pulumi up`"
        )
    try:
        given = operation.client.get_domain(host)
    except errors.TrackingError:
        return operation.location_hint(domain)
    return f"{host} is a sending domain; use its tracking domain, {given.tracking_domain}"


def report_outcome(
    operation: Operation, issued: Issued, olds: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Say how the certificate was obtained, where create or update do not say so already."""
    is_renewed = olds.get("serial") and olds["serial"] != outputs["serial"]
    if issued.certificate.status == "processing":
        operation.log.info("issuance in progress; not waiting (wait=False)")
    elif issued.step == "adopted" and is_renewed:
        operation.log.info(f"renewed by Mailgun on {outputs['not_before'][:10]}")
    elif issued.step == "adopted":
        operation.log.info(f"adopted; valid until {outputs['not_after'][:10]}")
    elif issued.step == "joined":
        operation.log.info("issuance was already in progress; waited for it")
