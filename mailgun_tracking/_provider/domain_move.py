"""Moving a domain to another tracking domain, and back if no certificate is issued."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from .. import errors
from .._api.models import DomainDetails
from .operation import Operation
from .process import process
from .reconcile import outcome_unknown


class DomainMove:
    """Moves a domain to the operation's host, over http, while a certificate is issued for it.

    Some domains can only have a certificate for their current tracking domain. Use it in a
    ``with`` block: leaving the block after an error undoes the move where that makes sense, and
    adds to the error where the domain is now.

    Endpoint: ``PUT /v4/domains/{name}``.

    Args:
        operation: an operation on the new tracking domain.
        before: the domain, as it was before.
    """

    def __init__(self, operation: Operation, before: DomainDetails) -> None:
        self._operation = operation
        self._before = before
        self._host = operation.target.domain

    def __enter__(self) -> DomainMove:
        before = self._before
        try:
            self._update({"web_prefix": self._host.partition(".")[0], "web_scheme": "http"})
        except errors.TrackingError as error:
            if outcome_unknown(error):
                self._advise(error, "may now use")
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

    def restore_https(self) -> None:
        """Turn https on again where it was on before; the certificate is active now."""
        if self._before.web_scheme == "https":
            self._update({"web_scheme": "https"})

    def _undo(self, error: errors.TrackingError) -> None:
        before = self._before
        # The certificate may still come after a time-out or Ctrl-C, but not if the domain moved.
        if not isinstance(error, (errors.Cancelled, errors.CertificateTimeout)):
            try:
                self._update({"web_prefix": before.web_prefix, "web_scheme": before.web_scheme})
            except errors.TrackingError:
                pass
            else:
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
        if before.web_scheme == "https":
            error.advise(
                'they used https before; a DomainTracking with web_scheme="https" turns it on '
                "again, once the certificate is active"
            )

    def _update(self, changes: Mapping[str, str]) -> None:
        domain = self._before.name
        try:
            self._operation.client.update_domain(domain, changes)
        finally:
            target = self._operation.target.with_domain(domain)
            process.read_ahead.forget(target, "tracking", "details")
