"""What differs between a program and Mailgun."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from .. import errors
from .._api.fields import Field, Section, field_at, fields_at
from .._api.models import CNAME_VALUES, DomainDetails
from .._api.target import Target
from .operation import Operation


@dataclass(frozen=True)
class FieldChange:
    """One field that has to change.

    Attributes:
        field: the field.
        old: what Mailgun has.
        new: what the program wants.
    """

    field: Field
    old: Any
    new: Any


def changed_fields(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[FieldChange]:
    """The managed fields that are not as the program wants them."""
    requested = state.get("asked") or {}
    changes = []
    for field in fields_at(inputs.get("managed")):
        old, new = field.get(state), field.get(inputs)
        # A value that Mailgun reads back differently from the request counts as requested.
        if field.path in requested:
            is_same = field.has_fingerprint(new, requested[field.path])
        else:
            is_same = field.same(old, new)
        if not is_same:
            changes.append(FieldChange(field, old, new))
    return changes


def still_requested(olds: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What was requested but reads back differently, unless that has changed since."""
    requested = {
        path: value
        for path, value in (olds.get("asked") or {}).items()
        if field_at(path).get(olds) == field_at(path).get(outputs)
    }
    return {"asked": requested} if requested else {}


def host_outputs(target: Target, details: DomainDetails) -> dict[str, Any]:
    """The web scheme, web prefix, tracking domain and CNAME of a domain, and its id."""
    value = details.cname.value if details.cname else CNAME_VALUES[target.region]
    return {
        **({"domain_id": details.id} if details.id else {}),
        "web_scheme": details.web_scheme,
        "web_prefix": details.web_prefix,
        "tracking_domain": details.tracking_domain,
        "cname": {"name": details.tracking_domain, "value": value},
    }


def custom_host_refusal(domain: str, known: Mapping[str, Any], prefix: object) -> str:
    """Why a domain cannot have another web prefix, or an empty string where it can.

    Args:
        domain: the domain.
        known: its ``web_prefix`` and ``tracking_domain``.
        prefix: the web prefix that the program wants; None where it wants none.
    """
    usual = f"{known['web_prefix']}.{domain}"
    if prefix in (None, UNKNOWN, known["web_prefix"]) or known["tracking_domain"] == usual:
        return ""
    return (
        f"links of {domain} use the custom tracking host {known['tracking_domain']}, whatever the "
        "web prefix; leave web_prefix out, or remove the custom host at Mailgun"
    )


def refuse_prefix_of_custom_host(
    domain: str, state: Mapping[str, Any], changes: list[FieldChange]
) -> None:
    """Refuse to change the web prefix of a domain whose links use a custom host.

    Raises:
        InvalidInput: with that host.
    """
    for change in changes:
        if change.field.path == "web_prefix":
            reason = custom_host_refusal(domain, state, change.new)
            if reason:
                what = f"cannot change web_prefix of {domain}"
                raise errors.InvalidInput(what, reason, domain=domain)


def require_certificate_for_https(
    operation: Operation,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    changes: list[FieldChange],
) -> None:
    """Refuse to turn https on, or to move it, to a host that has no active certificate.

    Raises:
        CertificateMissing: with the host and its certificate's status.
    """
    changed = {change.field.path: change.new for change in changes}
    scheme = changed.get("web_scheme", state["web_scheme"])
    if scheme != "https" or not changed.keys() & {"web_scheme", "web_prefix"}:
        return
    if inputs["https_by"] == "proxy":
        return
    host = state["tracking_domain"]
    if "web_prefix" in changed:
        host = f"{changed['web_prefix']}.{operation.target.domain}"
    error = certificate_missing(operation, host, is_move="web_scheme" not in changed)
    if error:
        raise error


def certificate_missing(
    operation: Operation, host: str, *, is_move: bool
) -> errors.CertificateMissing | None:
    """The error where a host has no active certificate, so that https cannot be used.

    Args:
        operation: the operation.
        host: the tracking domain that is to use https.
        is_move: whether the domain uses https already, and only its host changes.
    """
    domain = operation.target.domain
    try:
        certificate = operation.client.get_certificate(host)
    except errors.CertificateNotFound:
        reason = f"{host} has no certificate"
        advice = (
            f"add a TrackingCertificate for {host} to this resource's depends_on; "
            "if there is one, run `pulumi up --refresh`"
        )
    else:
        if certificate.status == "active":
            return None
        reason = f"the certificate for {host} is {certificate.status}"
        advice = f"add a TrackingCertificate for {host} to depends_on to have it reissued"
        if certificate.status == "processing":
            advice = (
                "add its TrackingCertificate, with wait=True, to this resource's depends_on, "
                "or try again once it is active"
            )
    return errors.CertificateMissing(
        f"cannot move the https links of {domain} to {host}"
        if is_move
        else f"cannot change web_scheme of {domain} to https",
        reason,
        advice=f'{advice}; if your own proxy terminates TLS, set https_by="proxy"',
        domain=domain,
    )


def reads_back_differently(change: FieldChange, value: object) -> bool:
    """Whether Mailgun accepted a value and returns another one, or none, in its place.

    Then state has to remember what was requested, or each preview would show a change.

    Args:
        change: the change.
        value: what Mailgun returns.
    """
    if change.field.section is None:
        return False
    if change.field.type == "footer":
        if value is None:
            # Mailgun may leave out a footer that is empty.
            return change.field.same(change.new, "")
        # It may also tidy up a footer in its own way.
        return not any(change.field.same(value, known) for known in (change.new, change.old))
    return value is None or (change.new == "htmlonly" and value is True)


def is_applied(change: FieldChange, outputs: Mapping[str, Any]) -> bool:
    """Whether a change that Mailgun accepted shows in the outputs after it.

    Otherwise state would say one thing and the program another.
    """
    value = change.field.get(outputs)
    return change.field.same(value, change.new) or reads_back_differently(change, value)


def is_changed(change: FieldChange, outputs: Mapping[str, Any]) -> bool:
    """Whether a field is no longer as it was before a change, be it as the program wants it or not.

    Args:
        change: the change.
        outputs: the outputs after it.
    """
    return is_applied(change, outputs) or not change.field.same(
        change.field.get(outputs), change.old
    )


def paths_of(changes: Iterable[FieldChange]) -> str:
    """The paths of the changed fields, for a message."""
    return ", ".join(change.field.path for change in changes)


def turn_off_call(
    operation: Operation,
    props: Mapping[str, Any],
    current: Mapping[str, Any],
    section: Section,
    own: Collection[str] = (),
) -> Callable[[], Any] | None:
    """The PUT that turns a section off, or None where it is not as this stack left it.

    Args:
        operation: the operation.
        props: the resource's outputs.
        current: what Mailgun has now.
        section: the section.
        own: the paths of fields that this stack may have changed in spite of its state.
    """
    managed = [field for field in fields_at(props["managed"]) if field.section == section]
    drifted = [
        f.path for f in managed if not f.same(f.get(current), f.get(props)) and f.path not in own
    ]
    domain = operation.target.domain
    if not drifted:
        return lambda: operation.client.update_tracking(domain, section, {"active": False})
    if current[section].get("active"):
        operation.log.info(
            f"{section} tracking of {domain} left on; "
            f"changed outside this stack: {', '.join(drifted)}"
        )
    return None
