"""What differs between a program and Mailgun, and how it is reconciled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import errors
from .._api.fields import Field, Section, fields_at
from .._api.models import CNAME_VALUES, DomainDetails
from .._api.target import Target
from .concurrency import run_concurrently
from .operation import Operation
from .process import process
from .read_ahead import Kind

Part = Section | None
"""What one PUT changes: a section, or, for None, the domain's web scheme and prefix."""


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
            is_same = requested[field.path] == field.fingerprint(new)
        else:
            is_same = field.same(old, new)
        if not is_same:
            changes.append(FieldChange(field, old, new))
    return changes


def host_outputs(target: Target, details: DomainDetails) -> dict[str, Any]:
    """The web scheme, web prefix, tracking domain and CNAME of a domain."""
    value = details.cname.value if details.cname else CNAME_VALUES[target.region]
    return {
        "web_scheme": details.web_scheme,
        "web_prefix": details.web_prefix,
        "tracking_domain": details.tracking_domain,
        "cname": {"name": details.tracking_domain, "value": value},
    }


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
    domain = operation.target.domain
    host = f"{changed.get('web_prefix', state['web_prefix'])}.{domain}"
    try:
        certificate = operation.client.get_certificate(host)
    except errors.CertificateNotFound:
        reason = f"{host} has no certificate"
        advice = f"add a TrackingCertificate for {host} and list it in depends_on"
    else:
        if certificate.status == "active":
            return
        reason = f"the certificate for {host} is {certificate.status}"
        advice = f"a TrackingCertificate for {host} would have it reissued"
        if certificate.status == "processing":
            advice = (
                "set wait=True on its TrackingCertificate and list it in depends_on, "
                "or try again once it is active"
            )
    raise errors.CertificateMissing(
        f"cannot set web_scheme of {domain} to https"
        if "web_scheme" in changed
        else f"cannot move {domain}, which uses https, to {host}",
        reason,
        advice=f'{advice}; if your own proxy terminates TLS, set https_by="proxy"',
        domain=domain,
    )


def apply_changes(
    operation: Operation,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    changes: list[FieldChange],
    *,
    rollback: bool,
) -> dict[str, Any]:
    """Make the changes, and the ones that responses then show to be necessary.

    A response shows the whole section. Where somebody else has changed another managed field of
    it, that field is sent too.

    Args:
        operation: the operation.
        state: the outputs so far.
        inputs: what the program wants.
        changes: what has to change.
        rollback: whether to undo what was changed where a PUT fails.

    Returns the outputs after that.

    Raises:
        TrackingError: the first failure; its message lists what has been changed.
    """
    outputs = _send_changes(operation, state, changes, [], rollback=rollback)
    drifted = changed_fields(outputs, inputs)
    if drifted:
        outputs = _send_changes(operation, outputs, drifted, changes, rollback=rollback)
    return outputs


def _send_changes(
    operation: Operation,
    state: Mapping[str, Any],
    changes: list[FieldChange],
    before: list[FieldChange],
    *,
    rollback: bool,
) -> dict[str, Any]:
    """Send one PUT for each part that changes, all at once; returns the outputs after that.

    Args:
        operation: the operation.
        state: the outputs so far.
        changes: what has to change.
        before: what has been changed before.
        rollback: whether to undo all of it where a PUT fails.
    """
    by_part = _by_part(changes)
    responses = _put(operation, {part: _values(group) for part, group in by_part.items()})
    failed = {
        part: response
        for part, response in responses.items()
        if isinstance(response, errors.TrackingError)
    }
    done = before + [change for change in changes if change.field.section not in failed]
    if failed:
        error = next(iter(failed.values()))
        unknown = [part for part, reason in failed.items() if outcome_unknown(reason)]
        if unknown:
            paths = _paths(change for part in unknown for change in by_part[part])
            error.advise(f"may have been changed: {paths}")
        _account_for(operation, error, done, rollback=rollback, is_all=not unknown)
        raise error
    try:
        return outputs_after(operation, state, by_part, responses)
    except errors.TrackingError as error:
        _account_for(operation, error, done, rollback=rollback, is_all=True)
        raise


def _by_part(changes: Iterable[FieldChange]) -> dict[Part, list[FieldChange]]:
    by_part: dict[Part, list[FieldChange]] = {}
    for change in changes:
        by_part.setdefault(change.field.section, []).append(change)
    return by_part


def outcome_unknown(error: errors.TrackingError) -> bool:
    """Whether Mailgun may have done what it was asked to, in spite of the error."""
    if isinstance(error, errors.UnexpectedResponse):
        return error.status is None
    return isinstance(error, (errors.Unreachable, errors.ServerError))


def outputs_after(
    operation: Operation,
    state: Mapping[str, Any],
    by_part: Mapping[Part, list[FieldChange]],
    responses: Mapping[Part, Any],
) -> dict[str, Any]:
    """The outputs after PUTs; reads once more where a response lacks what was sent.

    Raises:
        UnexpectedResponse: a change was accepted and not applied.
        TrackingError: reading once more failed.
    """
    domain = operation.target.domain
    outputs = {name: value for name, value in state.items() if name != "asked"}
    tracking = functools.cache(lambda: operation.client.get_tracking(domain))
    for part, response in responses.items():
        if part is None:
            # Without its DNS records, a response does not tell the CNAME's value.
            complete = response if response and response.cname else None
            details = complete or operation.client.get_domain(domain)
            outputs |= host_outputs(operation.target, details)
        elif all(change.field.name in response for change in by_part[part]):
            outputs[part] = {**outputs[part], **response}
        else:
            outputs[part] = tracking()[part]
    changes = [change for group in by_part.values() for change in group]
    for change in changes:
        _require_applied(operation, change, change.field.get(outputs))
    requested = {
        path: value
        for path, value in (state.get("asked") or {}).items()
        if path in state["managed"] and path not in [change.field.path for change in changes]
    } | {
        change.field.path: change.field.fingerprint(change.new)
        for change in changes
        if reads_back_differently(change, change.field.get(outputs))
    }
    return outputs | ({"asked": requested} if requested else {})


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
        # Mailgun may tidy up a footer in its own way.
        return not any(change.field.same(value, known) for known in (change.new, change.old))
    return value is None or (change.new == "htmlonly" and value is True)


def _require_applied(operation: Operation, change: FieldChange, value: object) -> None:
    """Refuse to record a change that Mailgun accepted and did not apply.

    State would say one thing and the program another, and no preview would ever tell.

    Raises:
        UnexpectedResponse: with the field, and both values unless it is a footer.
    """
    if change.field.same(value, change.new) or reads_back_differently(change, value):
        return
    domain = operation.target.domain
    reason = f"Mailgun accepted {change.new!r} but reports {value!r}"
    if change.field.type == "footer":
        reason = "Mailgun accepted the footer but still reports the old one"
    raise errors.UnexpectedResponse(
        f"{change.field.path} of {domain} was not applied",
        reason,
        advice="try again",
        domain=domain,
    )


def _account_for(
    operation: Operation,
    error: errors.TrackingError,
    done: list[FieldChange],
    *,
    rollback: bool,
    is_all: bool,
) -> None:
    """Add to an error which changes were made before it, after rolling back what can be.

    Args:
        operation: the operation.
        error: the error.
        done: the changes that were made.
        rollback: whether to undo them.
        is_all: whether nothing else may have been changed.
    """
    changed = done
    if rollback and done:
        changed = _roll_back(operation, done)
        if not changed:
            which = "all changes" if is_all else "the other changes"
            error.advise(f"{which} were rolled back")
    if changed:
        error.advise(f"changed before it failed: {_paths(changed)}")


def _roll_back(operation: Operation, done: list[FieldChange]) -> list[FieldChange]:
    """Send the old values; returns the changes that could not be undone."""
    # A value that no response showed is not known.
    known = _by_part(change for change in done if change.old is not None)
    old = {part: {c.field.name: c.old for c in group} for part, group in known.items()}
    responses = _put(operation, old)
    return [
        change
        for change in done
        if change.old is None or isinstance(responses[change.field.section], errors.TrackingError)
    ]


def _put(operation: Operation, values: Mapping[Part, Mapping[str, Any]]) -> dict[Part, Any]:
    """One PUT for each part, all at once; returns its response or its error, by part."""
    kinds: tuple[Kind, ...] = ("tracking", "details") if None in values else ("tracking",)
    process.read_ahead.forget(operation.target, *kinds)
    domain = operation.target.domain

    def put(part: Part) -> Callable[[], Any]:
        if part is None:
            return lambda: operation.client.update_domain(domain, values[part])
        return lambda: operation.client.update_tracking(domain, part, values[part])

    return dict(zip(values, run_concurrently(*map(put, values)), strict=True))


def _values(changes: Iterable[FieldChange]) -> dict[str, Any]:
    return {change.field.name: change.new for change in changes}


def _paths(changes: Iterable[FieldChange]) -> str:
    return ", ".join(change.field.path for change in changes)


def turn_off_call(
    operation: Operation,
    props: Mapping[str, Any],
    current: Mapping[str, Any],
    section: Section,
) -> Callable[[], Any] | None:
    """The PUT that turns a section off, or None where it is not as this stack left it.

    Args:
        operation: the operation.
        props: the resource's outputs.
        current: what Mailgun has now.
        section: the section.
    """
    managed = [field for field in fields_at(props["managed"]) if field.section == section]
    drifted = [f.path for f in managed if not f.same(f.get(current), f.get(props))]
    domain = operation.target.domain
    if not drifted:
        return lambda: operation.client.update_tracking(domain, section, {"active": False})
    if current[section].get("active"):
        operation.log.info(
            f"{section} tracking left on: {', '.join(drifted)} was changed outside this stack"
        )
    return None
