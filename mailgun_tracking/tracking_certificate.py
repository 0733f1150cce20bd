"""`TrackingCertificate`: a tracking domain's TLS certificate, issued and renewed by Mailgun."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
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
from ._api.issuance import Issuance, Issued, is_expired, now, refresh_reason, status_since
from ._api.models import (
    CNAME_VALUES,
    CertificateStatus,
    DomainDetails,
    parse_certificate,
    rfc3339,
    sending_domain,
)
from ._api.resolving import what_is_missing
from ._api.target import Target
from ._provider.base import MailgunProvider, own_properties
from ._provider.constructors import domain_of_id, refuse_bad_call, sendable_inputs
from ._provider.domain_move import DomainMove, finish_move, lost_https, moved_domain
from ._provider.identity import IDENTITY, changed_identity, identity_outputs, ownership_key
from ._provider.operation import CHECK_DEADLINE_SECONDS, Operation, warn_of_no_response
from ._provider.options import options_for_get, prepare_options
from ._provider.plugin_process import current_urn
from ._provider.process import process
from ._provider.program_process import wait_for_urn_only
from ._provider.read_ahead import NO_RESPONSE
from ._provider.reconcile import Progress, keeping_progress
from ._provider.resource_log import ResourceLog
from ._provider.unfinished import https_of
from ._provider.validation import (
    Properties,
    unknown_inputs,
    validate_boolean,
    validate_identity,
    validate_seconds,
)

DEFAULT_TIMEOUT_SECONDS = 600
LIMITS = (
    "several certificates failed in this run: Let's Encrypt issues at most 50 a week for each "
    "registered domain, and accepts 300 new orders in three hours; if that is the cause, wait, "
    "then request them in smaller batches"
)
INPUTS = ("tracking_domain", "wait", "timeout", "move_domain", *IDENTITY)
OUTPUTS = ("status", "error", "names", "issuer", "serial", "fingerprint", "not_before", "not_after")

PROPERTIES = Properties(INPUTS, OUTPUTS)

TOOK_HTTPS = "took_https"
"""The output that a move has taken the domain's https, which has to be turned on again."""
HTTPS_FOLLOWS = "its links lost https in a move that did not finish; https will be turned on again"


class TrackingCertificate(Resource, module="mailgun", name="TrackingCertificate"):
    """The certificate that Mailgun gets from Let's Encrypt for a tracking domain.

    An active certificate is adopted, one that is being issued is waited for, a missing one is
    requested, and an expired or failed one is reissued. By default the resource waits until it is
    active. Mailgun renews certificates by itself and cannot delete them: destroy only removes the
    resource from the state. ``pulumi up --replace`` requests a new certificate, which Mailgun
    refuses while the old one is valid.

    Endpoints: ``GET /v2/x509/{domain}/status``, ``POST`` and ``PUT /v2/x509/{domain}``.

    Args:
        resource_name: the resource's name in the stack.
        tracking_domain: the host ``web_prefix.domain``, for example ``email.mg.example.com``, or
            the domain's custom host, and not the sending domain itself.
            `DomainTracking.tracking_domain` and `get_tracking_domain` return it. Its CNAME has to
            point to Mailgun. Changing it replaces the resource.
        wait: whether to wait until the certificate is active; true by default. Without it, a
            certificate that is being issued previews as an update until it is active.
        timeout: seconds to wait for the CNAME to become visible and the certificate to be issued;
            600 by default.
        move_domain: whether create may first make this the domain's tracking domain, where Mailgun
            only issues for the current one; false by default. It moves once the new host points to
            Mailgun in DNS, and then uses http until the certificate is active. `HttpsTracking`
            sets it when it manages the web prefix.
        account: the name of another account, as for `DomainTracking`.
        region: ``"us"`` or ``"eu"``, as for `DomainTracking`.
        subaccount: a subaccount's ID, as for `DomainTracking`.
        opts: Pulumi's resource options; see `DomainTracking`.

    Raises:
        ConfigurationError: a key is stored in plain text in the stack's configuration.
        InvalidInput: ``import_`` was given, or an argument of a type that cannot be used.
    """

    tracking_domain: pulumi.Output[str]
    """The host that the certificate is for."""
    status: pulumi.Output[str]
    """``active``, ``processing``, ``expired``, ``error``, or another one that Mailgun reports."""
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
        inputs = sendable_inputs("TrackingCertificate", resource_name, inputs)
        opts = prepare_options(opts, "TrackingCertificate", resource_name, PROPERTIES)
        if opts.delete_before_replace is None:
            # Delete changes nothing at Mailgun, but tells a create after it of the replacement.
            opts.delete_before_replace = True
        props = inputs | dict.fromkeys(OUTPUTS)
        super().__init__(TrackingCertificateProvider(), resource_name, props, opts)
        wait_for_urn_only(self, props)

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
            InvalidInput: it is not an ID.
            CertificateNotFound: in the resource's row, where there is none.
        """
        refuse_bad_call("TrackingCertificate", resource_name, opts)
        host = domain_of_id("TrackingCertificate", resource_name, id)
        opts = options_for_get(opts, id, "TrackingCertificate")
        return cls(resource_name, host, account=account, opts=opts)


class TrackingCertificateProvider(MailgunProvider):
    """The provider of `TrackingCertificate`. Its import path is in every state."""

    domain_input = "tracking_domain"
    properties = PROPERTIES
    always_in_state = ("tracking_domain", *IDENTITY, *OUTPUTS)

    def validate(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        failures = unknown_inputs(own_properties(inputs), INPUTS)
        failures += validate_identity(inputs, "tracking_domain")
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
        # From here on, a diff is not that of a refresh.
        process.refreshed.pop(operation.log.urn, None)
        if olds:
            return []
        is_moving = inputs.get("move_domain") is True
        if is_moving:
            process.moving.add(moved_domain(operation))
        if lost_https(operation, is_moving=is_moving):
            process.restoring.add(ownership_key(operation.target))
            operation.log.info(f"{operation.target.domain}: {HTTPS_FOLLOWS}")
        try:
            if is_moving:
                # Fail the preview if the setting is invalid.
                operation.settings.name_server()
            return not_a_tracking_domain(operation, is_moving=is_moving)
        except errors.TrackingError as error:
            return operation.check_failures(error)

    def compute_diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
        """What inputs and time change in a state; asks Mailgun before it reports an expiry.

        The engine also compares what a refresh has read with the inputs: then only another status
        is a change, and nothing will be done about it in that command.
        """
        replaces = changed_identity(olds, news, "tracking_domain")
        if replaces:
            return DiffResult(replaces=replaces)
        reason = refresh_reason(olds, now())
        follows = HTTPS_FOLLOWS if olds.get(TOOK_HTTPS) else None
        if reason is None and follows is None:
            return DiffResult(changes=False)
        # After a refresh these are the inputs in state, which may lack what the outputs have.
        target = Target.from_inputs({**news, **olds}, "tracking_domain")
        operation = Operation.on(target, deadline=CHECK_DEADLINE_SECONDS)
        found_by_refresh = process.refreshed.get(operation.log.urn)
        if found_by_refresh is not None:
            operation.log.info(f"{target.domain}: {reason or follows} by the next `pulumi up`")
            return DiffResult(changes=found_by_refresh)
        if reason and is_expired(olds, now()):
            reason = ask_about_expired(operation, reason)
        if follows:
            process.restoring.add(ownership_key(target))
        told = "; ".join(filter(None, (reason, follows)))
        if told:
            operation.log.info(f"{target.domain}: {told}")
        return DiffResult(changes=bool(told))

    def create(self, props: dict[str, Any]) -> CreateResult:
        target = Target.from_inputs(props, "tracking_domain")
        anew = target in process.forgotten
        return CreateResult(target.id, self._ensure(target, {}, props, anew=anew))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        target = self.target_in_state(id_, props)
        operation = Operation.on(target)
        with operation.explaining_errors(is_from_state=True):
            try:
                certificate = operation.client.get_certificate(target.domain)
            except errors.CertificateNotFound as error:
                # Raises where the domain is only out of sight, as in another region.
                domain = domain_name_of_host(operation)
                is_gone = operation.is_domain_gone(domain)
                if props.get(TOOK_HTTPS) and not is_gone:
                    # Not requested yet: the move was interrupted before that.
                    process.refreshed[operation.log.urn] = False
                    return ReadResult(target.id, own_properties(props))
                if props.get("status"):
                    if is_gone:
                        operation.report_gone(domain)
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
        outputs = outputs_from(target, certificate, props)
        if props.get(TOOK_HTTPS):
            outputs[TOOK_HTTPS] = True
        process.refreshed[operation.log.urn] = outputs["status"] != props.get("status")
        return ReadResult(target.id, outputs)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        target = Target.from_inputs(news, "tracking_domain")
        return UpdateResult(self._ensure(target, olds, news))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        target = self.target_in_state(id_, props)
        process.forgotten.add(target)
        if props.get(TOOK_HTTPS):
            operation = Operation.on(target)
            # For a resource that takes this one's place.
            noted = ("web_scheme", https_of(target.domain))
            process.unfinished.note(moved_domain(operation), noted, operation.log.urn)
            operation.log.warn(
                f"the links that were moved to {target.domain} lost https in a move that did not "
                "finish; `pulumi up --refresh` compares them with the program"
            )
        ResourceLog(current_urn()).info(
            f"removed the certificate for {target.domain} from the state only; "
            "Mailgun cannot delete it and renews it while the CNAME exists"
        )

    def _ensure(
        self,
        target: Target,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        anew: bool = False,
    ) -> dict[str, Any]:
        operation = Operation.on(target)
        with keeping_progress(target.id, refresh_before_update=False) as progress:
            try:
                # What already exists is only kept active: a domain that somebody moved stays there.
                if news.get("move_domain") and (not olds or olds.get(TOOK_HTTPS)):
                    issued = ensure_moving_domain(operation, news, anew=anew, progress=progress)
                else:
                    issued = ensure_certificate(operation, news, anew=anew)
                outputs = outputs_from(target, issued.certificate, olds)
                # Not because of a note that no preview has shown.
                if olds.get(TOOK_HTTPS) or ownership_key(target) in process.restoring:
                    outputs[TOOK_HTTPS] = True
                    if issued.certificate.status == "active":
                        if progress is not None:
                            progress.outputs = outputs
                        finish_move(operation)
                        del outputs[TOOK_HTTPS]
            except errors.TrackingError as error:
                explain_certificate_error(operation, error, olds)
                if is_blocked(error) and (found := looking_at_dns(operation)()):
                    error.advise(f"found: {found}")
                raise
        report_outcome(operation, issued, olds, outputs)
        return outputs


def ask_about_expired(operation: Operation, reason: str) -> str | None:
    """What to report of a certificate that is expired in the state; None if it is active.

    Mailgun may have renewed it. If Mailgun does not answer, what the state says counts.

    Args:
        operation: an operation on the tracking domain.
        reason: what to report according to the state.
    """
    if process in process.warned:
        return reason
    host = operation.target.domain
    try:
        certificate = operation.client.get_certificate(host)
    except errors.CertificateNotFound:
        return reason
    except NO_RESPONSE as error:
        warn_of_no_response(error, operation.log.warn, process)
        return reason
    except errors.TrackingError as error:
        operation.log.warn(f"cannot tell whether the certificate was renewed: {error}")
        return reason
    if certificate.status == "active":
        operation.log.info(
            f"{host}: {reason.partition(';')[0]} according to the state, "
            "but Mailgun has renewed it; `pulumi refresh` updates the state"
        )
        return None
    if certificate.status in ("expired", "error"):
        return reason
    return f"{reason.partition(';')[0]}; Mailgun is already issuing a new one"


def ensure_certificate(
    operation: Operation, inputs: Mapping[str, Any], *, anew: bool = False
) -> Issued:
    """Adopt or request the certificate, and wait as the inputs say.

    Args:
        operation: an operation on the tracking domain.
        inputs: the resource's inputs.
        anew: whether to request a new one even where there is one.
    """
    issuance, patience = waiting(operation, inputs)
    return issuance.ensure(operation.target.domain, **patience, anew=anew)


def waiting(operation: Operation, inputs: Mapping[str, Any]) -> tuple[Issuance, dict[str, Any]]:
    """The issuance, and whether and how long it waits, according to the inputs."""
    client = operation.client
    wait, timeout = inputs.get("wait"), inputs.get("timeout")
    say = functools.partial(operation.log.progress, look=looking_at_dns(operation))
    return Issuance(client, sleep=client.pause, say=say), {
        "wait": True if wait is None else wait,
        "timeout": DEFAULT_TIMEOUT_SECONDS if timeout is None else timeout,
    }


def is_blocked(error: errors.TrackingError) -> bool:
    """Whether something in DNS may be the reason of an error that does not say so yet."""
    if isinstance(error, errors.CnameNotValid):
        # Without a status it is not from Mailgun: DNS was looked at before a move.
        return error.status is not None
    return isinstance(error, (errors.CertificateFailed, errors.CertificateTimeout))


def looking_at_dns(operation: Operation) -> Callable[[], str]:
    """Says what in DNS keeps the certificate from being issued, or nothing.

    Args:
        operation: an operation on the tracking domain.
    """
    domain = functools.cache(operation.domain_of_host)

    def look() -> str:
        # Takes 20 ms to import: only for commands that wait.
        from ._diagnosis.look import obstacle

        try:
            return obstacle(operation.target, domain(), operation.settings.name_server())
        except errors.TrackingError:
            return ""

    return look


def ensure_moving_domain(
    operation: Operation,
    inputs: Mapping[str, Any],
    *,
    anew: bool = False,
    progress: Progress | None = None,
) -> Issued:
    """As `ensure_certificate`, but moves the domain where Mailgun requires that first.

    The domain is moved only once the new host points to Mailgun; its links would break otherwise.
    If that is left half-way, and the domain has lost its https, `progress` is told.
    """
    host = operation.target.domain
    try:
        issued = ensure_certificate(operation, inputs, anew=anew)
    except errors.CertificateNotFound:
        before = operation.domain_of_host()
        if before.custom_host or before.tracking_domain == host:
            raise
    else:
        # Issuing one proves that the new host points to Mailgun; an older one proves nothing.
        if issued.step == "adopted":
            before = operation.domain_of_host()
            if before.tracking_domain != host:
                wait_for_dns(operation, before, inputs)
        return issued
    left = wait_for_dns(operation, before, inputs)
    move = DomainMove(operation, before)
    try:
        with move:
            issued = ensure_certificate(operation, {**inputs, "timeout": left})
            if issued.certificate.status == "active":
                move.finish()
    finally:
        if progress is not None and move.took_https:
            waiting_for = CertificateStatus("processing")
            progress.outputs = outputs_from(operation.target, waiting_for, {}) | {TOOK_HTTPS: True}
    return issued


def wait_for_dns(operation: Operation, before: DomainDetails, inputs: Mapping[str, Any]) -> float:
    """Wait until a new host points to Mailgun; returns the seconds that are left after that.

    Args:
        operation: an operation on the new host.
        before: the domain as it is.
        inputs: the certificate's inputs.

    Raises:
        CnameNotValid: it did not in time.
    """
    host = operation.target.domain
    target = before.cname.value if before.cname else CNAME_VALUES[operation.target.region]
    server = operation.settings.name_server()
    stay = f"the links of {before.name} stay on {before.tracking_domain}"

    def too_late(reason: str) -> errors.CnameNotValid:
        what = f"cannot move the links of {before.name} to {host}"
        return errors.CnameNotValid(what, reason, advice=stay, domain=host)

    def say(message: str) -> None:
        operation.log.progress(f"{message}; until then {stay}")

    issuance, patience = waiting(operation, inputs)
    look = functools.partial(what_is_missing, host, target, server)
    return replace(issuance, say=say).wait_for(look, too_late, **patience)


def domain_name_of_host(operation: Operation) -> str:
    """The name of the domain that a tracking domain belongs to, whether or not Mailgun has it."""
    try:
        return operation.domain_of_host().name
    except errors.DomainNotFound:
        return sending_domain(operation.target.domain)


def not_a_tracking_domain(operation: Operation, *, is_moving: bool) -> list[CheckFailure]:
    """A failure where Mailgun says that the host cannot have a certificate.

    Args:
        operation: an operation on the host.
        is_moving: whether create may move the domain to the host.

    Raises:
        TrackingError: the key or the subaccount is wrong, or Mailgun is not available.
    """
    client, target, host = operation.client, operation.target, operation.target.domain
    domain = sending_domain(host)
    parent = operation.read_new_domain(domain) if "." in domain else None
    if parent is not None and parent.is_sandbox:
        message = f"{domain} is a sandbox domain, which cannot have a certificate"
        return [CheckFailure("tracking_domain", message)]
    if parent is not None and parent.tracking_domain == host:
        operation.report_new(domain, parent)
        return []
    if process.read_ahead.is_custom_host(client, target):
        return []
    message = ""
    # Also where the parent is in the account: moving that to this host would break its links.
    if process.read_ahead.is_sending_domain(client, target):
        given = client.get_domain(host)
        message = f"{host} is a sending domain; use its tracking domain, {given.tracking_domain}"
    elif "." not in domain:
        message = (
            f"{host} is not a tracking domain; expected PREFIX.DOMAIN, for example email.{host}"
        )
    elif parent is not None and is_moving and parent.custom_host:
        message = (
            f"links of {domain} use the custom tracking host {parent.custom_host}; "
            f"they cannot be moved to {host}"
        )
    if message:
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
    if certificate.status not in ("active", "expired"):
        is_same = olds.get("status") == certificate.status
        outputs["status_since"] = (is_same and status_since(olds)) or rfc3339(now())
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


def explain_certificate_error(
    operation: Operation, error: errors.TrackingError, olds: Mapping[str, Any]
) -> None:
    """Add the likely cause of an error, and what to do about it.

    Args:
        operation: the operation.
        error: the error.
        olds: the resource's outputs so far.
    """
    status, since = olds.get("status"), status_since(olds)
    is_as_before = isinstance(error, (errors.CertificateTimeout, errors.CertificateConflict)) or (
        isinstance(error, errors.CertificateFailed) and status == "error"
    )
    if since and is_as_before:
        error.advise(f"Mailgun has reported the status {status} since {since}")
    if isinstance(error, (errors.CertificateFailed, errors.CertificateTimeout)):
        process.failed.add(operation.target)
        if len(process.failed) > 1:
            error.advise(LIMITS)
    elif isinstance(error, errors.CertificatesNotInPlan):
        error.advise(
            "your Mailgun plan does not include tracking certificates: upgrade it, or put your "
            'own CDN in front of the tracking domain and use DomainTracking with https_by="proxy"'
        )
    elif isinstance(error, errors.CnameNotValid):
        error.advise(_required_cname(operation))
    elif isinstance(error, errors.CertificateNotFound):
        error.advise(_why_not_found(operation))
    elif isinstance(error, errors.CertificateConflict):
        error.advise(
            "Mailgun may still be processing an earlier request: try again in a minute, "
            "and contact Mailgun support if it persists"
        )
    else:
        operation.explain(error)


def _required_cname(operation: Operation) -> str:
    """The record that a tracking domain needs, as advice."""
    host = operation.target.domain
    try:
        details = operation.domain_of_host()
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
        details = operation.domain_of_host()
    except errors.DomainNotFound:
        pass
    except errors.TrackingError as error:
        return f"looking up its domain failed too: {error}"
    else:
        domain = details.name
        if details.tracking_domain == host:
            return f"{host} is the current tracking domain of {domain}; try again in a minute"
        if details.custom_host:
            return f"links of {domain} use its custom tracking host {details.custom_host}; use that"
        return (
            f"the tracking domain of {domain} is {details.tracking_domain}: use that one, and run "
            "`pulumi up --refresh` if it comes from another resource; or, to move the links back "
            f"to {host}, set move_domain=True on this TrackingCertificate and run "
            "`pulumi up --refresh`"
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
    if issued.refusal:
        operation.log.info(f"Mailgun did not issue a new certificate: {issued.refusal}")
    if issued.certificate.status not in ("active", "processing"):
        operation.log.info(
            f"Mailgun reports the status {issued.certificate.status}; not waiting (wait=False)"
        )
    elif issued.certificate.status == "processing":
        operation.log.info("issuance in progress; not waiting (wait=False)")
    elif issued.step == "adopted" and is_renewed:
        operation.log.info(f"renewed by Mailgun on {outputs['not_before'][:10]}")
    elif issued.step == "adopted":
        operation.log.info(f"adopted; valid until {outputs['not_after'][:10]}")
    elif issued.step == "joined":
        operation.log.info("issuance was already in progress; waited for it")
