"""What differs between a program and Mailgun, and how it is put right."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from . import errors
from .arguments import value_at
from .models import CNAME_VALUES, FOOTERS, DomainDetails, Target, same_value
from .provider import Call, together
from .reads import Kind, reads


@dataclass(frozen=True)
class Change:
    """One field that has to change.

    Attributes:
        path: the field, as in ``click.active``.
        old: what Mailgun has.
        new: what the program wants.
    """

    path: str
    old: Any
    new: Any

    @property
    def kind(self) -> str:
        """The kind of tracking, or ``web`` for the scheme and the prefix."""
        kind, _, field = self.path.partition(".")
        return kind if field else "web"

    @property
    def field(self) -> str:
        """The field's name at Mailgun."""
        return self.path.rpartition(".")[2]


def differing_fields(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[Change]:
    """The managed fields that are not as the program wants them."""
    changes = []
    for path in inputs["managed"] if inputs.get("managed") != UNKNOWN else ():
        old, new = value_at(state, path), value_at(inputs, path)
        # What reads back otherwise than it was asked for is as it was asked for.
        asked = (state.get("asked") or {}).get(path)
        if not same_value(path.rpartition(".")[2], old if asked is None else asked, new):
            changes.append(Change(path, old, new))
    return changes


def host_of(target: Target, details: DomainDetails) -> dict[str, Any]:
    """The web scheme, web prefix, tracking domain and CNAME of a domain."""
    value = details.cname.value if details.cname else CNAME_VALUES[target.region]
    return {
        "web_scheme": details.web_scheme,
        "web_prefix": details.web_prefix,
        "tracking_domain": details.tracking_domain,
        "cname": {"name": details.tracking_domain, "value": value},
    }


def refuse_https_without_certificate(
    call: Call, state: Mapping[str, Any], inputs: Mapping[str, Any], changes: list[Change]
) -> None:
    """Refuse to turn https on, or to move it, over a host that has no active certificate.

    Raises:
        CertificateMissing: naming the host and what its certificate's status is.
    """
    changed = {change.path: change.new for change in changes}
    scheme = changed.get("web_scheme", state["web_scheme"])
    if scheme != "https" or not changed.keys() & {"web_scheme", "web_prefix"}:
        return
    if inputs["https_by"] == "proxy":
        return
    prefix = changed.get("web_prefix", state["web_prefix"])
    host = f"{prefix}.{call.target.domain}"
    try:
        certificate = call.client.get_certificate(host)
    except errors.CertificateNotFound:
        reason = f"{host} has no certificate"
        advice = f"add a TrackingCertificate for {host} and depends_on it"
    else:
        if certificate.status == "active":
            return
        reason = f"the certificate of {host} is {certificate.status}"
        advice = {
            "processing": "set wait=True on its TrackingCertificate and depends_on it, "
            "or run again once it is active",
        }.get(certificate.status, f"a TrackingCertificate for {host} regenerates it")
    raise errors.CertificateMissing(
        f"cannot set web_scheme of {call.target.domain} to https"
        if "web_scheme" in changed
        else f"cannot move {call.target.domain}, which is on https, to {host}",
        reason,
        advice=f'{advice}; with TLS at your own proxy set https_by="proxy"',
        domain=call.target.domain,
    )


def apply_changes(
    call: Call, state: Mapping[str, Any], changes: list[Change], *, undo: bool
) -> dict[str, Any]:
    """Send one PUT for each section that changes, all at once; return the outputs that follow.

    Args:
        call: the call at hand.
        state: the outputs so far.
        changes: what has to change.
        undo: whether to put back what was changed, where another PUT fails for good.

    Raises:
        TrackingError: the first failure; its text lists what now stands changed.
    """
    by_kind: dict[str, list[Change]] = {}
    for change in changes:
        by_kind.setdefault(change.kind, []).append(change)
    answers = _put_all(call, by_kind)
    failed = {k: a for k, a in answers.items() if isinstance(a, errors.TrackingError)}
    if failed:
        error = next(iter(failed.values()))
        done = {kind: by_kind[kind] for kind in answers if kind not in failed}
        unclear = [
            change.path
            for kind, reason in failed.items()
            if leaves_open(reason)
            for change in by_kind[kind]
        ]
        if unclear:
            error.advise(f"perhaps changed nevertheless: {', '.join(unclear)}")
        raise _with_what_stands(call, error, done, undo=undo, all_of_it=not unclear)

    try:
        outputs = confirmed(call, state, by_kind, answers)
    except errors.TrackingError as error:
        raise _with_what_stands(call, error, by_kind, undo=undo) from None
    asked = {k: v for k, v in (state.get("asked") or {}).items() if k in state["managed"]}
    for change in changes:
        asked.pop(change.path, None)
        if reads_back_otherwise(change, value_at(outputs, change.path)):
            asked[change.path] = change.new
    outputs.pop("asked", None)
    return outputs | ({"asked": asked} if asked else {})


def leaves_open(error: errors.TrackingError) -> bool:
    """Whether Mailgun may have done what it was asked to, all the same."""
    if isinstance(error, errors.UnexpectedAnswer):
        return error.status is None
    return isinstance(error, (errors.Unreachable, errors.ServerError))


def confirmed(
    call: Call,
    state: Mapping[str, Any],
    by_kind: Mapping[str, list[Change]],
    answers: Mapping[str, Any],
) -> dict[str, Any]:
    """The outputs after the answers to PUTs; read once more where an answer lacks what was sent."""
    outputs = dict(state)
    tracking = functools.cache(lambda: call.client.get_tracking(_name(call)))
    for kind, answer in answers.items():
        if kind == "web":
            # Without its records an answer does not tell what the CNAME has to point at.
            details = answer if answer and answer.cname else call.client.get_domain(_name(call))
            outputs |= host_of(call.target, details)
        elif all(change.field in answer for change in by_kind[kind]):
            outputs[kind] = {**outputs[kind], **answer}
        else:
            outputs[kind] = tracking()[kind]
    for changes in by_kind.values():
        for change in changes:
            refuse_what_was_not_taken(call, change, value_at(outputs, change.path))
    return outputs


def refuse_what_was_not_taken(call: Call, change: Change, said: object) -> None:
    """Refuse to record a change that Mailgun accepted and does not show.

    State would say one thing, and the program another, and no preview would ever tell. A footer
    is let pass: Mailgun may tidy it in its own way.

    Raises:
        UnexpectedAnswer: naming the field and both values.
    """
    if change.field in FOOTERS or reads_back_otherwise(change, said) or said == change.new:
        return
    raise errors.UnexpectedAnswer(
        f"{change.path} of {_name(call)} is not as asked for",
        f"Mailgun accepted {change.new!r} and shows {said!r}",
        advice="run again",
        domain=_name(call),
    )


def reads_back_otherwise(change: Change, said: object) -> bool:
    """Whether Mailgun took a value and tells another, or none, of the same meaning.

    Then state has to remember what was asked for, or each preview would show it as a change.
    """
    if change.kind == "web" or change.field in FOOTERS:
        return False
    return said is None or (change.new == "htmlonly" and said is True)


def _name(call: Call) -> str:
    return call.target.domain


def _put_all(
    call: Call, by_kind: Mapping[str, list[Change]], *, back: bool = False
) -> dict[str, Any]:
    """One PUT for each section, all at once; its answer or its error, by section."""

    kinds: tuple[Kind, ...] = ("tracking", "details") if "web" in by_kind else ("tracking",)
    reads.forget(call.target, *kinds)

    def put(kind: str) -> Callable[[], Any]:
        fields = {change.field: change.old if back else change.new for change in by_kind[kind]}
        if kind == "web":
            return lambda: call.client.update_domain(_name(call), fields)
        return lambda: call.client.update_tracking(_name(call), kind, fields)

    return dict(zip(by_kind, together(*[put(kind) for kind in by_kind]), strict=True))


def _with_what_stands(
    call: Call,
    error: errors.TrackingError,
    done: Mapping[str, list[Change]],
    *,
    undo: bool,
    all_of_it: bool = True,
) -> errors.TrackingError:
    stands = dict(done)
    if undo and done:
        # What no answer showed before cannot be put back.
        shown = {k: [c for c in changes if c.old is not None] for k, changes in done.items()}
        results = _put_all(call, {k: changes for k, changes in shown.items() if changes}, back=True)
        failed = [k for k, result in results.items() if isinstance(result, errors.TrackingError)]
        stands = {
            k: [c for c in changes if c.old is None or k in failed] for k, changes in done.items()
        }
        if not any(stands.values()):
            nothing = "nothing was changed: what had been" if all_of_it else "what else was changed"
            error.advise(f"{nothing} was put back")
    changed = [change.path for changes in stands.values() for change in changes]
    if changed:
        error.advise(f"changed before it failed: {', '.join(changed)}")
    return error


def deletion(call: Call, props: Mapping[str, Any], now: Mapping[str, Any], kind: str) -> Any:
    """The PUT that turns a kind of tracking off, or None where it is not as this state left it."""
    paths = [path for path in props["managed"] if path.startswith(f"{kind}.")]
    drifted = [
        p for p in paths if not same_value(p[len(kind) + 1 :], value_at(now, p), value_at(props, p))
    ]
    if not drifted:
        return lambda: call.client.update_tracking(_name(call), kind, {"active": False})
    if value_at(now, f"{kind}.active"):
        call.row.tell(f"{kind} tracking left on: {', '.join(drifted)} was changed by somebody else")
    return None
