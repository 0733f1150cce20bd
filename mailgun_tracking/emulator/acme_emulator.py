"""The emulator with real DNS and a real certificate authority behind it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .acme import PATIENCE_SECONDS, AcmeIssuer
from .domains import CNAME_VALUES
from .name_server import NameServer
from .server import Emulator
from .tracking_host import TrackingHost


@dataclasses.dataclass(frozen=True)
class Acme:
    """Where an `AcmeEmulator` gets certificates from, and where it serves them.

    Attributes:
        directory: the address of the authority's ACME directory.
        dns: the DNS server that is asked for CNAME and CAA records, as `ADDRESS:PORT`.
        root: a file with the root of the directory's own TLS; None is those of the system.
        cname_target: what a tracking CNAME has to lead to, and what domains say that it should;
            None is Mailgun's own.
        profile: the certificate profile to order; None leaves it to the authority.
        http_port: where the authority finds the challenges; 0 is a free one.
        https_port: where tracking links are served over HTTPS; 0 is a free one.
        patience_seconds: how long a generation goes on while the authority is away.
    """

    directory: str
    dns: str
    root: str | Path | None = None
    cname_target: str | None = None
    profile: str | None = None
    http_port: int = 0
    https_port: int = 0
    patience_seconds: float = PATIENCE_SECONDS


class AcmeEmulator(Emulator):
    """An emulator whose certificates come from an ACME authority, and which serves links.

    A tracking CNAME is looked up before anything is ordered, as Mailgun does, and the tracking
    hosts themselves are served over HTTP and HTTPS. Private keys are kept in memory alone.
    """

    def __init__(
        self,
        acme: Acme,
        domains: Iterable[str] = (),
        keys: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Prepare an emulator; nothing listens before `start`.

        Args:
            acme: where certificates come from.
            domains: as for `Emulator`.
            keys: as for `Emulator`.
            options: the others of `Emulator`, but for `issuer`, `cname_check` and `state_file`.

        Raises:
            InvalidSetting: an argument is malformed.
        """
        name_server = NameServer.parse(acme.dns)
        targets = [acme.cname_target] if acme.cname_target else list(CNAME_VALUES.values())
        self.tracking_host = TrackingHost(
            self.has_tracking_host, http_port=acme.http_port, https_port=acme.https_port
        )
        self.issuer = AcmeIssuer(
            acme.directory,
            name_server,
            self.tracking_host,
            root=str(acme.root) if acme.root else None,
            profile=acme.profile,
            patience_seconds=acme.patience_seconds,
        )
        super().__init__(
            domains,
            keys,
            issuer=self.issuer,
            cname_check=lambda host: name_server.leads_to(host, targets),
            cname_target=acme.cname_target,
            **options,
        )

    def start(self) -> AcmeEmulator:
        """Listen on all three ports, and serve until `close`; raises OSError if one is taken."""
        self.tracking_host.start()
        try:
            super().start()
        except BaseException:
            self.tracking_host.close()
            raise
        return self

    def __enter__(self) -> AcmeEmulator:
        """Start."""
        return self.start()

    def close(self) -> None:
        """Stop serving; generations under way fail. Raises EmulatorError as `Emulator` does."""
        with contextlib.ExitStack() as ending:
            ending.callback(super().close)
            ending.callback(self.tracking_host.close)
            self.issuer.close()
