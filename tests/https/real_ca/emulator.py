"""The emulator with real DNS and a real certificate authority behind it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from mailgun_tracking.emulator import Emulator

from .acme_issuer import PATIENCE_SECONDS, AcmeIssuer
from .name_server import NameServer
from .tracking_host import TrackingHost


class AcmeEmulator(Emulator):
    """An emulator that gets its certificates from a CA over ACME, and serves tracking links.

    Like Mailgun, it looks up the CNAME of a tracking host before it orders a certificate. Private
    keys only exist in memory.
    """

    def __init__(
        self,
        *,
        domains: Iterable[str],
        directory: str,
        root: Path | None,
        profile: str,
        name_server: NameServer,
        cname_target: str,
        http_port: int,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Create an emulator; it listens after `start`.

        Args:
            domains: the initial domains.
            directory: the URL of the CA's ACME directory.
            root: a file with the root certificate of that URL's own TLS; None means the system's.
            profile: the certificate profile to order.
            name_server: where CNAME and CAA records are looked up.
            cname_target: the host that tracking CNAMEs must lead to.
            http_port: where the CA looks for challenges; 0 picks a free port.
            patience_seconds: how long to retry while the CA cannot be reached.
        """
        self.tracking_host = TrackingHost(self._has_tracking_host, http_port=http_port)
        self.issuer = AcmeIssuer(
            directory,
            name_server,
            self.tracking_host,
            root=root,
            profile=profile,
            patience_seconds=patience_seconds,
        )
        super().__init__(
            domains,
            issuer=self.issuer,
            cname_check=lambda host: name_server.leads_to(host, cname_target),
            cname_target=cname_target,
        )

    def start(self) -> AcmeEmulator:
        """Listen on all ports and serve until `close`; raises OSError if one is in use."""
        with contextlib.ExitStack() as on_error:
            on_error.callback(self.tracking_host.close)
            self.tracking_host.start()
            super().start()
            on_error.pop_all()
        return self

    def __enter__(self) -> AcmeEmulator:
        """Start."""
        return self.start()

    def close(self) -> None:
        """Stop serving, and cancel issuance; raises EmulatorError as `Emulator` does."""
        with contextlib.ExitStack() as closing:
            closing.callback(super().close)
            closing.callback(self.tracking_host.close)
            self.issuer.close()

    def _has_tracking_host(self, host: str) -> bool:
        """Return whether tracking links use this host, or did before a prefix was changed."""
        return any(
            host == domain.tracking_host or host in domain.certificates for domain in self.domains()
        )
