"""The emulator in a thread of this process, for tests and for the command line."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from .accounts import Accounts, Caller
from .app import Application
from .certificates import Issuer
from .control import domain_above, status_named
from .dials import Dials
from .domains import DomainId, DomainSnapshot, Region, region_named
from .faults import Fault, Faults
from .history import History, RecordedRequest
from .problems import InvalidSetting
from .serving import ServerThread, listen
from .settings import NINETY_DAYS, CnameCheck, Settings
from .state_file import StateFile
from .store import Store

DEFAULT_ACCOUNT = "default"


class EmulatorError(Exception):
    """Something went wrong inside the emulator while it served; `__cause__` is the first."""


class Emulator:
    """Mailgun's side of domain tracking, on a free port of the loopback interface.

    Use it as a context manager, or call `start` and `close`. It is as strict as Mailgun and
    never kinder; what Mailgun leaves open is set by dials. All methods may be called from any
    thread while it serves, and none of them counts as a request.
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
        any_domain: bool = False,
        plan_has_certificates: bool = True,
        cname_check: CnameCheck = "off",
        cname_target: str | None = None,
        issuer: Issuer | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        on_answer: Callable[[RecordedRequest], None] | None = None,
    ) -> None:
        """Prepare an emulator; nothing listens before `start`.

        Args:
            domains: those that exist from the start, as `mg.example.com`, `eu/mg.example.com` or
                `eu/SUBACCOUNT/mg.example.com`; they belong to the account of the first key.
            keys: the account's name by API key; None is one random key of the account `default`.
            region: us or eu; what paths without a region's prefix belong to. `/us/...` and
                `/eu/...` always serve the one they name.
            state_file: where domains and certificates survive a restart; None is nowhere.
            dials: how it answers where Mailgun's documents are silent; None is all defaults.
            latency_seconds: how long each answer is held back.
            issuing_seconds: how long generating a certificate takes.
            certificate_lifetime_seconds: how long a certificate is valid.
            subaccounts: the ids that `X-Mailgun-On-Behalf-Of` may name.
            any_domain: whether a domain that is asked for comes into being.
            plan_has_certificates: False makes POST and PUT of certificates answer 402.
            cname_check: `off`, `invalid`, or a function that is given a tracking host.
            cname_target: what tracking CNAMEs have to point at; None is Mailgun's own.
            issuer: a real authority in place of the emulated one.
            host: the loopback address to listen on.
            port: 0 is a free one.
            on_answer: is called, in the server's thread, for each request once it is answered.

        Raises:
            InvalidSetting: an argument is malformed, or `host` is not a loopback address.
            StateFileError: the state file holds something else.
        """
        if not _is_loopback(host):
            raise InvalidSetting(f"the emulator only listens on a loopback address, not on {host}")
        default_region = region_named(region)
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
            ),
            state_file=StateFile(state_file) if state_file is not None else None,
            issuer=issuer,
        )
        self._history = History()
        self._faults = Faults()
        self._on_answer = on_answer
        self._host = host
        self._wanted_port = port
        self._running: ServerThread | None = None

    def __repr__(self) -> str:
        """Show the address, and never a key."""
        return f"<Emulator {self.url if self._running else 'not running'}>"

    # --- running ---

    def start(self) -> Emulator:
        """Listen, and serve in a thread until `close`.

        Raises:
            OSError: the port is taken.
            RuntimeError: it runs already.
        """
        if self._running is not None:
            raise RuntimeError("this emulator runs already")
        application = Application(self._store, self._history, self._faults, self._on_answer)
        running = ServerThread(application, listen(self._host, self._wanted_port))
        running.start()
        self._wanted_port = running.port
        self._running = running
        return self

    def close(self) -> None:
        """Stop serving; requests that are still held back are dropped.

        Raises:
            EmulatorError: something went wrong inside the emulator while it served.
        """
        if self._running is None:
            return
        running, self._running = self._running, None
        running.stop()
        errors = self._store.errors[:]
        self._store.errors.clear()
        if errors:
            texts = "; ".join(f"{type(error).__name__}: {error}" for error in errors)
            raise EmulatorError(f"inside the emulator: {texts}") from errors[0]

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
        """The port it listens on; kept when it is closed and started again."""
        if self._running is None:
            raise RuntimeError("this emulator does not run")
        return self._running.port

    @property
    def url(self) -> str:
        """The address of the API, for the region given at the start."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def key(self) -> str:
        """The first API key."""
        return self._accounts.first_key

    def has_tracking_host(self, host: str) -> bool:
        """Say whether links go, or once went, through this host."""
        return any(
            host == domain.tracking_host or host in domain.certificates
            for domain in self._store.domains()
        )

    # --- what was asked ---

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests to the API in order of arrival, as copies."""
        return self._history.all()

    def forget_requests(self) -> None:
        """Start the list of requests over."""
        self._history.forget()

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
            region: None is the region given at the start.
            account: None is the account of the first key.
            subaccount: None is none.
            settings: as for `drift`.

        Raises:
            DomainTaken: the region has one of that name.
            InvalidSetting: the name or a setting is malformed.
        """
        caller = Caller(self._region(region), account or self._accounts.default, subaccount)
        self._store.add(name, caller, settings)

    def remove_domain(self, name: str, region: str | None = None) -> None:
        """Remove a domain with its certificates; raises UnknownDomain."""
        with self._store.lock:
            self._store.remove(self._store.find(name, self._region(region)))

    def domain(self, name: str, region: str | None = None) -> DomainSnapshot:
        """Give a domain as it stands now; raises UnknownDomain."""
        with self._store.lock:
            return self._store.find(name, self._region(region)).snapshot(_now())

    def domains(self) -> list[DomainSnapshot]:
        """Give all domains as they stand now, by region and name."""
        with self._store.lock:
            return [domain.snapshot(_now()) for domain in self._store.domains()]

    def drift(self, name: str, region: str | None = None, **settings: Any) -> None:
        """Change a domain as somebody would by hand.

        Args:
            name: the domain.
            region: None is the region given at the start.
            settings: `open`, `click`, `unsubscribe` (a dict of the fields to change, or a bare
                value for `active`), `web_scheme`, `web_prefix`.

        Raises:
            UnknownDomain: there is no such domain.
            InvalidSetting: a setting is malformed; nothing was changed.
        """
        with self._store.lock:
            self._store.find(name, self._region(region)).set_by_hand(settings)
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
        """Put a tracking host's certificate into a state.

        Args:
            host: the tracking host, one label below its domain; not only the current one.
            status: processing, active, expired, error; None forgets that there ever was one.
            region: None is the region given at the start.
            error: the text of an error; None is Mailgun's usual one.
            lifetime_seconds: of an active or expired one; None is the setting.
            age_seconds: how long ago an active one was issued.
            ready_after_seconds: when a processing one becomes active; None is never.

        Raises:
            UnknownDomain: the host belongs to no domain.
            InvalidSetting: there is no such status.
        """
        with self._store.lock:
            self._store.put_certificate(
                domain_above(self._store, host, self._region(region)),
                host,
                status_named(status),
                error=error,
                lifetime_seconds=lifetime_seconds,
                age_seconds=age_seconds,
                ready_after_seconds=ready_after_seconds,
            )

    # --- settings, dials, faults ---

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._store.settings

    @property
    def dials(self) -> Dials:
        """The dials in force."""
        return self._store.dials

    def set(self, **changes: Any) -> None:
        """Change settings, by the names of `Settings`; raises InvalidSetting."""
        self._store.change_settings(changes)

    def set_dials(self, **changes: Any) -> None:
        """Turn dials, by the names of `Dials`; raises InvalidSetting."""
        self._store.change_dials(changes)

    def add_fault(self, **fields: Any) -> None:
        """Let something go wrong, by the fields of `Fault`; raises InvalidSetting."""
        self._faults.add(Fault.from_json(fields))

    def clear_faults(self) -> None:
        """Take all faults away."""
        self._faults.clear()

    def reset(self) -> None:
        """Go back to how it was constructed, on the same port, with no requests and no faults."""
        self._store.reset()
        self._faults.clear()
        self._history.forget()

    def _region(self, text: str | None) -> Region:
        return self._store.region if text is None else region_named(text)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _now() -> datetime:
    return datetime.now(timezone.utc)
