"""Making the changes that a program wants, and undoing them where that fails half-way."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
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
    still_requested,
)
from .operation import Operation
from .process import process
from .read_ahead import NO_RESPONSE, Kind

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
        """Send one PUT after another, for each part that changes; returns the outputs after that.

        Not at the same time: nothing says that Mailgun keeps both of two PUTs of one domain.
        """
        by_part = _by_part(changes)
        responses: dict[Part, Any] = {}
        for part, group in by_part.items():
            try:
                responses[part] = self._put(part, group)
            except errors.TrackingError as error:
                is_unknown = outcome_unknown(error)
                if is_unknown:
                    error.advise(f"despite the error, Mailgun may have changed {paths_of(group)}")
                self._fail(error, is_all=not is_unknown)
            self._done += group
        try:
            outputs = self._outputs_after(state, by_part, responses)
        except errors.TrackingError as error:
            self._fail(error)
        for change in changes:
            if not is_applied(change, outputs):
                self._done = [c for c in self._done if is_applied(c, outputs)]
                self._fail(self._not_applied(change, outputs))
        return outputs

    def _put(self, part: Part, changes: list[FieldChange]) -> Any:
        """Send one PUT; returns what the response says."""
        client, target = self._operation.client, self._operation.target
        values = {change.field.name: change.new for change in changes}
        try:
            if part is None:
                return client.update_domain(target.domain, values)
            return client.update_tracking(target.domain, part, values)
        finally:
            # Not earlier: a check may have read the domain in the meantime.
            kinds: tuple[Kind, ...] = ("tracking",) if part else ("tracking", "details")
            process.read_ahead.forget(target, *kinds)

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
            for path, value in still_requested(state, outputs).get("asked", {}).items()
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
        back = _by_part(FieldChange(change.field, change.new, change.old) for change in known)
        undone: set[Part] = set()
        for part, group in back.items():
            try:
                self._put(part, group)
                undone.add(part)
            except NO_RESPONSE:
                # Each further one would wait for as long, and in vain.
                break
            except errors.TrackingError:
                continue
        return [
            change
            for change in self._done
            if change.old is None or change.field.section not in undone
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
