"""Moving a domain to another tracking domain, and back if no certificate is issued."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import TracebackType

from .. import errors
from .._api.models import DomainDetails, sending_domain
from .._api.target import Target
from .identity import ownership_key
from .operation import Operation
from .process import process
from .reconcile import outcome_unknown
from .unfinished import EVERYTHING, https_of

_PATHS = ("web_prefix", "web_scheme")
"""What a move changes."""


class DomainMove:
    """Moves a domain to the operation's host, over http, while a certificate is issued for it.

    Some domains can only have a certificate for their current tracking domain. Use it in a
    ``with`` block: leaving the block after an error undoes the move where that makes sense, and
    adds to the error where the domain is now.

    Endpoint: ``PUT /v4/domains/{name}``.

    Args:
        operation: an operation on the new tracking domain.
        before: the domain, as it was before.

    Attributes:
        took_https: whether the domain has lost its https, or may have, until the move is finished.
    """

    def __init__(self, operation: Operation, before: DomainDetails) -> None:
        self._operation = operation
        self._before = before
        self._host = operation.target.domain
        self._key = moved_domain(operation)
        self._found = process.unfinished.of(self._key)
        # The note of an earlier move that did not finish, and left the domain where it is now.
        self._earlier = {https_of(before.tracking_domain)} & self._found
        self._used_https = before.web_scheme == "https" or bool(self._earlier)
        self.took_https = False

    def __enter__(self) -> DomainMove:
        before = self._before
        process.moving.discard(self._key)
        unfinished, urn = process.unfinished, self._operation.log.urn
        noted = {*_PATHS, *([https_of(self._host)] if self._used_https else [])}
        unfinished.note(self._key, noted, urn)
        # Of moves to other hosts, which are over.
        unfinished.forget(self._key, self._found - EVERYTHING - noted - self._earlier, urn)
        if self._used_https:
            self.took_https = True
            process.restoring.add(ownership_key(self._operation.target))
        try:
            self._update({"web_prefix": self._host.partition(".")[0], "web_scheme": "http"})
        except errors.TrackingError as error:
            if outcome_unknown(error):
                self._advise(error, "may now use")
            else:
                self._settle()
            raise
        self._operation.log.info(
            f"moved the links of {before.name} from {before.tracking_domain} to {self._host}, over "
            "http for now, because Mailgun only issues certificates for the current tracking domain"
        )
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, errors.TrackingError):
            self._undo(error)

    def finish(self) -> None:
        """Turn https on again where it was on before; the certificate is active now."""
        if self._used_https and self._key not in process.http_declared:
            self._update({"web_scheme": "https"})
        self._settle(self._earlier)

    def _settle(self, earlier: Collection[str] = ()) -> None:
        self.took_https = False
        process.restoring.discard(ownership_key(self._operation.target))
        # What an earlier run may have changed stays noted, for the resources that manage it.
        settled = {*_PATHS} - self._found | {https_of(self._host), *earlier}
        process.unfinished.finish(self._key, settled, self._operation.log.urn)

    def _undo(self, error: errors.TrackingError) -> None:
        before = self._before
        # The certificate may still come after a time-out, Ctrl-C or a lost response, but not if the
        # domain moved.
        may_come = isinstance(error, (errors.Cancelled, errors.CertificateTimeout))
        if not may_come and not outcome_unknown(error):
            try:
                self._update({"web_prefix": before.web_prefix, "web_scheme": before.web_scheme})
            except errors.TrackingError as failure:
                if outcome_unknown(failure):
                    self._advise(error, "may now use")
                    return
            else:
                self._settle()
                error.advise(
                    f"the links of {before.name} were moved back to {before.tracking_domain}"
                )
                return
        self._advise(error, "now use")

    def _advise(self, error: errors.TrackingError, verb: str) -> None:
        before = self._before
        error.advise(
            f"the links of {before.name} {verb} {self._host} over http; run `pulumi up` again to "
            "continue, or `pulumi refresh` before you revert the program"
        )
        if self._used_https:
            error.advise(
                "they used https before; `pulumi up` turns it on again with the certificate"
            )

    def _update(self, changes: Mapping[str, str]) -> None:
        _update(self._operation, self._before.name, changes)


def moved_domain(operation: Operation) -> Target:
    """The key of the sending domain that moves to the operation's host, see `ownership_key`."""
    target = operation.target
    return ownership_key(target.with_domain(sending_domain(target.domain)))


def lost_https(operation: Operation, *, is_moving: bool) -> bool:
    """Whether links lost https in a move that did not finish, and the certificate gives it back.

    So says the note of an earlier run; it is outdated where the domain is no longer as that move
    left it.

    Args:
        operation: an operation on the certificate's host.
        is_moving: whether the certificate may move the domain on, from another host.
    """
    host = operation.target.domain
    noted = process.unfinished.of(moved_domain(operation)) - EVERYTHING
    if not noted or not (is_moving or https_of(host) in noted):
        return False
    try:
        domain = operation.read_new_domain(sending_domain(host))
    except errors.TrackingError:
        return True
    if (
        domain is None
        or domain.web_scheme != "http"
        or https_of(domain.tracking_domain) not in noted
    ):
        return False
    return is_moving or domain.tracking_domain == host


def finish_move(operation: Operation) -> None:
    """Turn https on again for a domain that an earlier run has moved; the certificate is active.

    Args:
        operation: an operation on the tracking domain.
    """
    domain, host = operation.domain_of_host(), operation.target.domain
    key = moved_domain(operation)
    if domain.tracking_domain != host:
        # Somebody has moved it since.
        process.unfinished.finish(key, [https_of(host)], operation.log.urn)
        return
    if domain.web_scheme == "http" and key not in process.http_declared:
        _update(operation, domain.name, {"web_scheme": "https"})
        # Whoever manages the scheme compares it with Mailgun, not with the state.
        process.moving.add(key)
        operation.log.info(
            f"turned https on again for the links of {domain.name}, which used it before they "
            f"were moved to {host}"
        )
    process.unfinished.finish(key, ("web_prefix", "web_scheme"), operation.log.urn)


def _update(operation: Operation, domain: str, changes: Mapping[str, str]) -> None:
    try:
        operation.client.update_domain(domain, changes)
    finally:
        process.read_ahead.forget(operation.target.with_domain(domain), "tracking", "details")
