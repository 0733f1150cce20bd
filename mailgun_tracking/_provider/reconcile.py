"""Making the changes that a program wants, and undoing them where that fails half-way."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .. import errors
from .._api.fields import Section, fields_at, footer_fingerprint, without_unmanaged_footers
from .changes import (
    FieldChange,
    changed_fields,
    host_outputs,
    is_applied,
    is_changed,
    paths_of,
    reads_back_differently,
    still_requested,
)
from .identity import ownership_key
from .operation import Operation
from .plugin_process import can_keep_state, keep_state
from .process import process
from .read_ahead import NO_RESPONSE, Kind
from .unfinished import SentFooter

Part = Section | None
"""What one PUT changes: a section, or, for None, the domain's web scheme and prefix."""


@dataclass
class Progress:
    """How far a call came that changes something, for the engine to save if it fails.

    Attributes:
        outputs: the outputs as they are now; None while nothing is worth saving.
    """

    outputs: Mapping[str, Any] | None = None


@contextlib.contextmanager
def keeping_progress(id_: str, *, refresh_before_update: bool) -> Iterator[Progress | None]:
    """If the block fails, have the engine save how far it came.

    Args:
        id_: the resource's ID.
        refresh_before_update: whether the engine reads the resource before it compares it again.

    Yields where to tell that; None if the engine can only know that it failed.
    """
    if not can_keep_state():
        yield None
        return
    progress = Progress()
    try:
        yield progress
    except errors.TrackingError as error:
        if progress.outputs is not None:
            reason = f"{type(error).__name__}: {error}"
            keep_state(id_, progress.outputs, reason, refresh_before_update=refresh_before_update)
        raise


def apply_changes(
    operation: Operation,
    state: Mapping[str, Any],
    inputs: Mapping[str, Any],
    changes: list[FieldChange],
    *,
    is_new: bool,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the changes, and those that the responses then show to be necessary.

    A response shows the whole section. Where somebody else has changed another managed field of
    it, that field is sent as well.

    Args:
        operation: the operation.
        state: the outputs so far.
        inputs: what the program wants.
        changes: what has to change.
        is_new: whether the resource is new. If a new one fails, the engine knows nothing of it.
        progress: where to tell how far it came. Without it, all changes are undone if one fails.

    Returns the outputs after that.

    Raises:
        TrackingError: the first failure; its message lists what has been changed.
    """
    reconciliation = _Reconciliation(operation, inputs, is_new=is_new, progress=progress)
    outputs = reconciliation.send(state, changes)
    if drifted := changed_fields(outputs, inputs):
        outputs = reconciliation.send(outputs, drifted)
    reconciliation.finish()
    return outputs


def outcome_unknown(error: errors.TrackingError) -> bool:
    """Whether Mailgun may have done what it was asked to, in spite of the error."""
    if isinstance(error, errors.UnexpectedResponse) and error.status is None:
        return True
    return error.is_unclear or isinstance(error, (errors.Unreachable, errors.ServerError))


class _Reconciliation:
    """Changes to one domain; if one fails, all are undone, or the engine is told of them.

    Args:
        operation: the operation.
        inputs: what the program wants.
        is_new: whether the resource is new.
        progress: where to tell how far it came; None if all is to be undone.
    """

    def __init__(
        self,
        operation: Operation,
        inputs: Mapping[str, Any],
        *,
        is_new: bool,
        progress: Progress | None,
    ) -> None:
        self._operation = operation
        self._inputs = inputs
        self._is_new = is_new
        self._progress = progress
        self._before: Mapping[str, Any] | None = None
        self._done: list[FieldChange] = []
        self._noted: set[str] = set()
        self._key = ownership_key(operation.target)

    def send(self, state: Mapping[str, Any], changes: list[FieldChange]) -> dict[str, Any]:
        """Send one PUT after another, for each part that changes; returns the outputs after that.

        Not at the same time: nothing says that Mailgun keeps both of two PUTs of one domain.
        """
        if self._before is None:
            self._before = state
        changes = self._note(changes)
        by_part = _by_part(changes)
        responses: dict[Part, Any] = {}

        def so_far() -> dict[str, Any]:
            return self._outputs_after(state, by_part, responses, may_read=False)

        for part, group in by_part.items():
            try:
                responses[part] = self._put(part, group)
            except errors.TrackingError as error:
                self._fail(error, so_far(), group if outcome_unknown(error) else [])
            self._done += group
        try:
            outputs = self._outputs_after(state, by_part, responses)
        except errors.TrackingError as error:
            self._fail(error, so_far())
        for change in changes:
            if not is_applied(change, outputs):
                self._done = [c for c in self._done if is_changed(c, outputs)]
                self._fail(self._not_applied(change, outputs), outputs)
        return outputs

    def finish(self) -> None:
        """The engine will know of everything that was changed."""
        process.unfinished.finish(self._key, self._noted, self._operation.log.urn)

    def _note(self, changes: list[FieldChange]) -> list[FieldChange]:
        """Note what is about to change, for after a kill.

        Returns the changes. Where a run that did not finish has sent the same footer, and Mailgun
        has had another one since, its old value may be what Mailgun has made of the new one. So it
        is left out, or that Mailgun returns it again would look as if the new one were ignored.
        """
        footers: dict[str, SentFooter] = {}
        known = []
        for change in changes:
            field, old = change.field, change.old
            if field.type == "footer":
                earlier = process.unfinished.footer(self._key, field.path)
                if earlier is None or not field.has_fingerprint(change.new, earlier.sent):
                    fingerprints = map(footer_fingerprint, (old, change.new))
                    footers[field.path] = SentFooter(*fingerprints)
                elif not field.has_fingerprint(old, earlier.before):
                    old = None
            known.append(FieldChange(field, old, change.new))
        # A new resource is created again after a kill, and create reads first.
        paths = [
            change.field.path
            for change in known
            if not self._is_new or change.field.type == "footer"
        ]
        self._noted.update(paths)
        process.unfinished.note(self._key, paths, self._operation.log.urn, footers)
        return known

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
        *,
        may_read: bool = True,
    ) -> dict[str, Any]:
        """The outputs after PUTs; reads once more where a response lacks what was sent.

        If it may not, what was sent counts instead.
        """
        client, target = self._operation.client, self._operation.target
        outputs = {name: value for name, value in state.items() if name != "asked"}
        tracking = functools.cache(lambda: client.get_tracking(target.domain))
        for part, response in responses.items():
            sent = {change.field.name: change.new for change in by_part[part]}
            if part is None:
                # Without its DNS records, a response does not tell the CNAME's value.
                complete = response if response and response.cname else None
                if complete or may_read:
                    outputs |= host_outputs(target, complete or client.get_domain(target.domain))
                else:
                    outputs |= sent
            elif all(name in response for name in sent):
                outputs[part] = {**outputs[part], **response}
            else:
                outputs[part] = tracking()[part] if may_read else {**outputs[part], **sent}
        changes = [change for part in responses for change in by_part[part]]
        requested = {
            path: value
            for path, value in still_requested(state, outputs).get("asked", {}).items()
            if path in state["managed"] and path not in [change.field.path for change in changes]
        } | {
            change.field.path: change.field.fingerprint(change.new)
            for change in changes
            if reads_back_differently(change, change.field.get(outputs))
        }
        outputs |= {"asked": requested} if requested else {}
        return without_unmanaged_footers(outputs)

    def _fail(
        self,
        error: errors.TrackingError,
        outputs: Mapping[str, Any],
        unclear: Sequence[FieldChange] = (),
    ) -> NoReturn:
        """Raise an error with the changes made before it, once the engine can know of them.

        Args:
            error: the error.
            outputs: the outputs, as far as they came.
            unclear: what may have been changed, or not.
        """
        if unclear:
            error.advise(f"despite the error, Mailgun may have changed {paths_of(unclear)}")
        changed = self._done
        if self._progress is None and changed:
            changed, unclear_now = self._undo()
            if unclear_now:
                error.advise(f"it is unclear whether Mailgun changed {paths_of(unclear_now)} back")
            elif not changed:
                which = "the other changes" if unclear else "all changes"
                error.advise(f"{which} were rolled back")
            unclear = [*unclear, *unclear_now]
        if changed:
            error.advise(f"already changed: {paths_of(changed)}")
        if self._progress is not None and (changed or unclear or self._shows_more(outputs)):
            self._progress.outputs = self._known(outputs)
            # What Mailgun makes of a footer is not known yet.
            footers = {change.field.path for change in unclear if change.field.type == "footer"}
            self._noted -= footers
            self.finish()
        elif not changed and not unclear:
            self.finish()
        raise error

    def _shows_more(self, outputs: Mapping[str, Any]) -> bool:
        """Whether a response has shown a managed field at another value than the state."""
        before = self._before or {}
        return any(
            not field.same(field.get(outputs), field.get(before))
            for field in fields_at(self._inputs.get("managed"))
        )

    def _known(self, outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs without footers that are not as the program says.

        The engine would take it from the program whether they are secret; `read` brings them back.
        """
        outputs = without_unmanaged_footers(outputs)
        section = dict(outputs.get("unsubscribe") or {})
        for change in changed_fields(outputs, self._inputs):
            if change.field.type == "footer":
                section.pop(change.field.name, None)
        return {**outputs, "unsubscribe": section} if section else outputs

    def _undo(self) -> tuple[list[FieldChange], list[FieldChange]]:
        """Send the old values; returns the changes that were not undone, and the unclear ones."""
        # A value that no response showed is not known.
        known = [change for change in self._done if change.old is not None]
        back = _by_part(FieldChange(change.field, change.new, change.old) for change in known)
        undone: set[Part] = set()
        unclear: set[Part] = set()
        for part, group in back.items():
            try:
                self._put(part, group)
                undone.add(part)
            except errors.TrackingError as error:
                if outcome_unknown(error):
                    unclear.add(part)
                if isinstance(error, NO_RESPONSE):
                    # Each further one would wait for as long, and in vain.
                    break
        return (
            [c for c in self._done if c.old is None or c.field.section not in undone | unclear],
            [c for c in known if c.field.section in unclear],
        )

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
