"""Making the changes that a program wants, and undoing them where that fails half-way."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from .. import errors
from .._api.fields import Section
from .changes import (
    FieldChange,
    changed_fields,
    host_outputs,
    is_applied,
    paths_of,
    reads_back_differently,
)
from .concurrency import run_concurrently
from .operation import Operation
from .process import process
from .read_ahead import Kind

Part = Section | None
"""What one PUT changes: a section, or, for None, the domain's web scheme and prefix."""


def apply_changes(
    operation: Operation,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    changes: list[FieldChange],
    *,
    rollback: bool,
) -> dict[str, Any]:
    """Make the changes, and those that the responses then show to be necessary.

    A response shows the whole section. Where somebody else has changed another managed field of
    it, that field is sent as well.

    Args:
        operation: the operation.
        state: the outputs so far.
        inputs: what the program wants.
        changes: what has to change.
        rollback: whether to undo all changes where one fails.

    Returns the outputs after that.

    Raises:
        TrackingError: the first failure; its message lists what has been changed.
    """
    reconciliation = _Reconciliation(operation, rollback=rollback)
    outputs = reconciliation.send(state, changes)
    if drifted := changed_fields(outputs, inputs):
        outputs = reconciliation.send(outputs, drifted)
    return outputs


def outcome_unknown(error: errors.TrackingError) -> bool:
    """Whether Mailgun may have done what it was asked to, in spite of the error."""
    if isinstance(error, errors.UnexpectedResponse):
        return error.status is None
    # A call may be cancelled before it is repeated, after an attempt that got no response.
    return isinstance(error, (errors.Unreachable, errors.ServerError, errors.Cancelled))


class _Reconciliation:
    """Changes to one domain, of which all are undone where one fails.

    Args:
        operation: the operation.
        rollback: whether to undo changes at all.
    """

    def __init__(self, operation: Operation, *, rollback: bool) -> None:
        self._operation = operation
        self._rollback = rollback
        self._done: list[FieldChange] = []

    def send(self, state: Mapping[str, Any], changes: list[FieldChange]) -> dict[str, Any]:
        """Send one PUT for each part that changes, all at once; returns the outputs after that."""
        by_part = _by_part(changes)
        responses = self._put(by_part)
        failed = {
            part: response
            for part, response in responses.items()
            if isinstance(response, errors.TrackingError)
        }
        self._done += [change for change in changes if change.field.section not in failed]
        if failed:
            error = next(iter(failed.values()))
            unknown = [part for part, reason in failed.items() if outcome_unknown(reason)]
            if unknown:
                paths = paths_of(change for part in unknown for change in by_part[part])
                error.advise(f"despite the error, Mailgun may have changed {paths}")
            self._fail(error, is_all=not unknown)
        try:
            outputs = self._outputs_after(state, by_part, responses)
        except errors.TrackingError as error:
            self._fail(error)
        for change in changes:
            if not is_applied(change, outputs):
                self._done = [c for c in self._done if is_applied(c, outputs)]
                self._fail(self._not_applied(change, outputs))
        return outputs

    def _put(self, by_part: Mapping[Part, list[FieldChange]]) -> dict[Part, Any]:
        """One PUT for each part, all at once; returns its response or its error, by part."""
        client, domain = self._operation.client, self._operation.target.domain

        def put(part: Part) -> Callable[[], Any]:
            values = {change.field.name: change.new for change in by_part[part]}
            if part is None:
                return lambda: client.update_domain(domain, values)
            return lambda: client.update_tracking(domain, part, values)

        try:
            return dict(zip(by_part, run_concurrently(*map(put, by_part)), strict=True))
        finally:
            # Not earlier: a check may have read the domain in the meantime.
            kinds: tuple[Kind, ...] = ("tracking", "details") if None in by_part else ("tracking",)
            process.read_ahead.forget(self._operation.target, *kinds)

    def _outputs_after(
        self,
        state: Mapping[str, Any],
        by_part: Mapping[Part, list[FieldChange]],
        responses: Mapping[Part, Any],
    ) -> dict[str, Any]:
        """The outputs after PUTs; reads once more where a response lacks what was sent."""
        client, target = self._operation.client, self._operation.target
        outputs = {name: value for name, value in state.items() if name != "asked"}
        tracking = functools.cache(lambda: client.get_tracking(target.domain))
        for part, response in responses.items():
            if part is None:
                # Without its DNS records, a response does not tell the CNAME's value.
                complete = response if response and response.cname else None
                outputs |= host_outputs(target, complete or client.get_domain(target.domain))
            elif all(change.field.name in response for change in by_part[part]):
                outputs[part] = {**outputs[part], **response}
            else:
                outputs[part] = tracking()[part]
        changes = [change for group in by_part.values() for change in group]
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

    def _fail(self, error: errors.TrackingError, *, is_all: bool = True) -> NoReturn:
        """Raise an error with the changes made before it, after undoing what can be undone.

        Args:
            error: the error.
            is_all: whether nothing else may have been changed.
        """
        changed = self._done
        if self._rollback and changed:
            changed = self._undo()
            if not changed:
                which = "all changes" if is_all else "the other changes"
                error.advise(f"{which} were rolled back")
        if changed:
            error.advise(f"already changed: {paths_of(changed)}")
        raise error

    def _undo(self) -> list[FieldChange]:
        """Send the old values; returns the changes that could not be undone."""
        # A value that no response showed is not known.
        known = [change for change in self._done if change.old is not None]
        back = [FieldChange(change.field, change.new, change.old) for change in known]
        responses = self._put(_by_part(back))
        return [
            change
            for change in self._done
            if change.old is None
            or isinstance(responses[change.field.section], errors.TrackingError)
        ]

    def _not_applied(
        self, change: FieldChange, outputs: Mapping[str, Any]
    ) -> errors.UnexpectedResponse:
        domain = self._operation.target.domain
        reason = f"Mailgun accepted {change.new!r} but reports {change.field.get(outputs)!r}"
        if change.field.type == "footer":
            reason = "Mailgun accepted the footer but still reports the old one"
        return errors.UnexpectedResponse(
            f"{change.field.path} of {domain} was not applied",
            reason,
            advice="try again",
            domain=domain,
        )


def _by_part(changes: Iterable[FieldChange]) -> dict[Part, list[FieldChange]]:
    by_part: dict[Part, list[FieldChange]] = {}
    for change in changes:
        by_part.setdefault(change.field.section, []).append(change)
    return by_part
