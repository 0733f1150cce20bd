"""The emulator in a thread of this process, for tests and for the command line."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from .accounts import Accounts, Caller
from .app import Application
from .certificates import CertificateSpec, Issuer
from .dials import Dials
from .domains import DomainId, DomainSnapshot, Region, parse_region
from .errors import EmulatorError, InvalidSetting
from .faults import Fault, Faults
from .history import History, RecordedRequest
from .name_server import NameServer
from .serving import ServerThread, is_loopback, listen
from .settings import NINETY_DAYS, CnameCheck, Role, Settings
from .spoiling import Spoil, Spoiler
from .state_file import StateFile
from .store import Store

DEFAULT_ACCOUNT = "default"


class Emulator:
    """Emulates Mailgun's domain tracking on a port of the loopback interface.

    Use it as a context manager, or call `start` and `close`. It is as strict as Mailgun; dials
    decide what Mailgun's documentation leaves open. All methods can be called from any thread
    while it is serving, and none of them counts as a request.
    """

    def __init__(
        self,
        domains: Iterable[str] = (),
        keys: Mapping[str, str] | None = None,
        region: str = "us",
        state_file: str | Path | None = None,
        dials: Dials | None = None,
        latency_seconds: float = 0,
        issuing_seconds: float = 0,
        certificate_lifetime_seconds: float = NINETY_DAYS,
        subaccounts: Iterable[str] = (),
        *,
        requests_per_minute: int | None = None,
        rate_window_seconds: float = 60,
        roles: Mapping[str, Role] | None = None,
        any_domain: bool = False,
        plan_has_certificates: bool = True,
        cname_check: CnameCheck = "off",
        cname_target: str | None = None,
        issuer: Issuer | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        on_response: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        """Create an emulator; it listens after `start`.

        Args:
            domains: the initial domains, as `mg.example.com`, `eu/mg.example.com` or
                `eu/SUBACCOUNT/mg.example.com`; they belong to the account of the first key.
            keys: account names by API key; None means a random key of the account `default`.
            region: us or eu, the region of paths without a region's prefix. `/us/...` and
                `/eu/...` always mean that region.
            state_file: where domains and certificates are saved; None means nowhere.
            dials: how to respond where Mailgun's documentation is silent; None means all
                defaults.
            latency_seconds: how long each response is delayed.
            issuing_seconds: how long it takes to issue a certificate.
            certificate_lifetime_seconds: how long a certificate is valid.
            subaccounts: the ids that `X-Mailgun-On-Behalf-Of` may name, beside those of domains.
            requests_per_minute: how many requests each account may make in a window before it
                gets 429; None means any number.
            rate_window_seconds: how long that window is.
            roles: by account, the role of its keys: `admin` (default), `developer`, `basic`,
                `analyst`, `support`, or `sending`.
            any_domain: whether a domain is created when it is first requested; not again after it
                was deleted.
            plan_has_certificates: if False, POST and PUT of certificates return 402.
            cname_check: `off`, `invalid`, or a function of the tracking host that returns
                whether its CNAME record is valid.
            cname_target: the host that tracking CNAMEs must point to; None means Mailgun's.
            issuer: issues certificates instead of the emulated authority.
            host: the loopback address to listen on.
            port: 0 picks a free one.
            on_response: called in the server's thread for each request after its response.

        Raises:
            InvalidSetting: an argument is invalid, or `host` is not a loopback address.
            StateFileError: the state file was not written by an emulator.
        """
        if not is_loopback(host):
            raise InvalidSetting(f"host must be a loopback address, not {host}")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise InvalidSetting(f"port must be an integer from 0 to 65535, not {port!r}")
        default_region = parse_region(region)
        self._accounts = Accounts(
            {f"key-{secrets.token_hex(16)}": DEFAULT_ACCOUNT} if keys is None else keys,
            subaccounts,
        )
        self._store = Store(
            self._accounts,
            region=default_region,
            seeds=[DomainId.parse(text, default_region) for text in domains],
            any_domain=any_domain,
            dials=dials,
            settings=Settings(
                latency_seconds=latency_seconds,
                issuing_seconds=issuing_seconds,
                certificate_lifetime_seconds=certificate_lifetime_seconds,
                cname_check=cname_check,
                cname_target=cname_target,
                plan_has_certificates=plan_has_certificates,
                requests_per_minute=requests_per_minute,
                rate_window_seconds=rate_window_seconds,
                roles=roles or {},
            ),
            state_file=StateFile(state_file) if state_file is not None else None,
            issuer=issuer,
        )
        self._history = History()
        self._faults = Faults()
        self._on_response = on_response
        self._control_token = secrets.token_hex(16)
        self._host = host
        self._port = port
        self._name_port = 0
        self._running: ServerThread | None = None
        self._name_server: NameServer | None = None

    def __repr__(self) -> str:
        """Show the URL, and no key."""
        return f"<Emulator {self.url if self._running else 'not running'}>"

    # --- running ---

    def start(self) -> Emulator:
        """Listen, and serve in a thread until `close`.

        Raises:
            OSError: the port is in use.
            RuntimeError: the emulator is already running.
        """
        if self._running is not None:
            raise RuntimeError("the emulator is already running")
        application = Application(
            self._store, self._history, self._faults, self._control_token, self._on_response
        )
        with contextlib.ExitStack() as on_error:
            name_server = NameServer(
                self._host, self._name_port, self._store.cname_value, self._store.has_domain
            )
            on_error.callback(name_server.close)
            running = ServerThread(application, listen(self._host, self._port))
            running.start()
            on_error.pop_all()
        self._port, self._name_port = running.port, name_server.port
        self._running, self._name_server = running, name_server
        return self

    def close(self) -> None:
        """Stop serving; delayed requests are dropped.

        Raises:
            EmulatorError: the emulator itself failed while it was serving.
            RuntimeError: its server does not stop.
        """
        if self._running is None:
            return
        running, self._running = self._running, None
        if self._name_server is not None:
            self._name_server.close()
        running.stop()
        errors = self._store.errors[:]
        self._store.errors.clear()
        if errors:
            texts = "; ".join(f"{type(error).__name__}: {error}" for error in errors)
            raise EmulatorError(f"the emulator failed: {texts}") from errors[0]

    def __enter__(self) -> Emulator:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    @property
    def port(self) -> int:
        """The port that it listens on; the same after a restart."""
        if self._running is None:
            raise RuntimeError("the emulator is not running")
        return self._running.port

    @property
    def url(self) -> str:
        """The base URL of the API, for the region given at the start."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def name_server(self) -> str:
        """A DNS server, ``HOST:PORT``, with the CNAME records of hosts that pass the check."""
        if self._running is None:
            raise RuntimeError("the emulator is not running")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._name_port}"

    @property
    def key(self) -> str:
        """The first API key."""
        return self._accounts.first_key

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead a program to it, in both regions, with the first key."""
        return {
            "MAILGUN_BASE_URL": f"{self.url}/{{region}}",
            "MAILGUN_API_KEY": self.key,
            "MAILGUN_TRACKING_NAMESERVER": self.name_server,
        }

    @property
    def control_token(self) -> str:
        """The token of the control API, sent to it as ``Authorization: Bearer TOKEN``."""
        return self._control_token

    # --- requests ---

    @property
    def requests(self) -> list[RecordedRequest]:
        """Copies of the requests to the API, in order of arrival."""
        return self._history.all()

    def forget_requests(self) -> None:
        """Discard all recorded requests."""
        self._history.clear()

    # --- domains ---

    def add_domain(
        self,
        name: str,
        region: str | None = None,
        account: str | None = None,
        subaccount: str | None = None,
        **settings: Any,
    ) -> None:
        """Add a domain.

        Args:
            name: its name.
            region: None means the region given at the start.
            account: None means the account of the first key.
            subaccount: None means none.
            settings: as for `drift`.

        Raises:
            DomainTaken: the region already has a domain of that name.
            InvalidSetting: the name or a setting is invalid.
        """
        caller = Caller(self._region(region), account or self._accounts.default, subaccount)
        self._store.add(name, caller, settings)

    def remove_domain(self, name: str, region: str | None = None) -> None:
        """Remove a domain and its certificates; raises UnknownDomain."""
        with self._store.lock:
            self._store.remove(self._store.find(name, self._region(region)))

    def domain(self, name: str, region: str | None = None) -> DomainSnapshot:
        """Return the current state of a domain; raises UnknownDomain."""
        with self._store.lock:
            return self._store.find(name, self._region(region)).snapshot(_now())

    def domains(self) -> list[DomainSnapshot]:
        """Return the current state of all domains, by region and name."""
        with self._store.lock:
            return [domain.snapshot(_now()) for domain in self._store.domains()]

    def drift(self, name: str, region: str | None = None, **settings: Any) -> None:
        """Change a domain as if by hand, in the dashboard.

        Args:
            name: the domain.
            region: None means the region given at the start.
            settings: ``open``, ``click``, ``unsubscribe`` (a dict of the fields to change, or the
                value of ``active``), ``web_scheme``, ``web_prefix``; and what no request changes:
                ``type`` (custom, sandbox), ``state`` (active, unverified, disabled),
                ``disabled_reason`` and ``custom_host`` (empty for none).

        Raises:
            UnknownDomain: there is no such domain.
            InvalidSetting: a setting is invalid; nothing was changed.
        """
        with self._store.lock:
            self._store.find(name, self._region(region)).change_settings(settings)
            self._store.save()

    def set_certificate(
        self,
        host: str,
        status: str | None = "active",
        region: str | None = None,
        error: str | None = None,
        lifetime_seconds: float | None = None,
        age_seconds: float = 0,
        ready_after_seconds: float | None = None,
    ) -> None:
        """Put the certificate of a tracking host into a state.

        Args:
            host: a domain's custom host, or one label below a domain; not only the current one.
            status: processing, active, expired or error; None removes the certificate.
            region: None means the region given at the start.
            error: the error, if the status is ``error``; None means Mailgun's usual one.
            lifetime_seconds: how long an active or expired certificate is valid in total; None
                means the setting.
            age_seconds: how long ago an active certificate was issued.
            ready_after_seconds: when a processing certificate becomes active; None means never.

        Raises:
            UnknownDomain: the host does not belong to a domain.
            InvalidSetting: an argument is invalid.
        """
        spec = CertificateSpec.from_json(
            {
                "status": status,
                "error": error,
                "lifetime_seconds": lifetime_seconds,
                "age_seconds": age_seconds,
                "ready_after_seconds": ready_after_seconds,
            }
        )
        with self._store.lock:
            domain = self._store.find_by_host(host, self._region(region))
            self._store.set_certificate(domain, host, spec)

    # --- settings, dials, faults ---

    @property
    def settings(self) -> Settings:
        """The current settings."""
        return self._store.settings

    @property
    def dials(self) -> Dials:
        """The current dials."""
        return self._store.dials

    def set(self, **changes: Any) -> None:
        """Change settings, by the names of `Settings`; raises InvalidSetting."""
        self._store.change_settings(changes)

    def set_dials(self, **changes: Any) -> None:
        """Change dials, by the names of `Dials`; raises InvalidSetting."""
        self._store.change_dials(changes)

    def add_fault(self, **fields: Any) -> None:
        """Add a fault, by the fields of `Fault`; raises InvalidSetting."""
        self._faults.add(Fault.from_json(fields))

    def clear_faults(self) -> None:
        """Remove all faults, random ones too."""
        self._faults.clear()

    def spoil(self, share: float, **fields: Any) -> None:
        """Spoil responses at random from now on; raises InvalidSetting.

        Args:
            share: the share of all responses that is spoiled; 0 ends it.
            fields: the other fields of `Spoil`.
        """
        spoil = Spoil.from_json({"share": share, **fields})
        self._faults.spoil(Spoiler(spoil) if share else None)

    @property
    def spoiled(self) -> dict[str, int]:
        """How many responses were spoiled at random since the last call of `spoil`, by kind."""
        spoiler = self._faults.spoiler
        return dict(sorted(spoiler.counts.items())) if spoiler else {}

    def reset(self) -> None:
        """Restore the initial state, on the same port, and clear requests and faults."""
        self._store.reset()
        self._faults.clear()
        self._history.clear()

    def _region(self, text: str | None) -> Region:
        return self._store.region if text is None else parse_region(text)


def _now() -> datetime:
    return datetime.now(timezone.utc)
