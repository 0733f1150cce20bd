"""What a process holds: one object, shared by everything that runs in it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakSet

from .._api.settings import Connections, Lookup, Settings
from .._api.target import Target
from .domains_seen import DomainsSeen
from .field_owners import FieldOwners
from .read_ahead import ReadAhead
from .unfinished import Unfinished

WORKERS = 256


class Process:
    """The state of this process: that of the provider, or that of the program.

    Attributes:
        connections: the connections to Mailgun.
        settings: the stack's settings, once the engine has sent them.
        read_ahead: what checks read about new domains.
        field_owners: which resource manages which field.
        domains_seen: which domains this run is about.
        certified: the hosts for which the program declares a certificate, see `ownership_key`;
            None among them stands for one whose host is not known yet.
        unfinished: what runs that did not finish may have changed at Mailgun.
        http_declared: the sending domains, see `ownership_key`, whose links the program wants over
            http.
        moving: the sending domains that a certificate new to the stack may move, or may have moved
            in a run that did not finish; see `ownership_key`.
        restoring: the hosts for which a certificate turns https on again, as its row says; see
            `ownership_key`.
        just_read: the URNs of settings that were read: a refresh compares, or has compared, these.
        refreshed: by URN, whether the read of a certificate found another status than the state.
        forgotten: the tracking domains whose certificates this run has removed from the state.
        failed: the tracking domains whose certificates were not issued in this run.
        cancelled: is set once the engine asked to stop; every wait ends then.
        warned: the runs that have warned that Mailgun cannot be reached: programs of the
            Automation API run in one process, also at the same time.
        workers: the threads for calls that do not depend on each other.
    """

    def __init__(self) -> None:
        self.workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="mailgun-tracking-call")
        self.connections = Connections()
        self.reset()

    def reset(self) -> None:
        """Start afresh, as a new process would."""
        self.connections.close()
        self.settings = self.settings_from(lambda _name: None)
        self.read_ahead = ReadAhead()
        self.field_owners = FieldOwners()
        self.domains_seen = DomainsSeen()
        self.certified: set[Target | None] = set()
        self.unfinished = Unfinished()
        self.moving: set[Target] = set()
        self.http_declared: set[Target] = set()
        self.restoring: set[Target] = set()
        self.just_read: set[str] = set()
        self.refreshed: dict[str, bool] = {}
        self.forgotten: set[Target] = set()
        self.failed: set[Target] = set()
        self.cancelled = threading.Event()
        self.warned: WeakSet[object] = WeakSet()

    def on_cancel(self, seconds: float) -> None:
        """The engine ends a command, or was interrupted: come to an end in as many seconds."""
        self.unfinished.forget_finished()
        self.read_ahead.drain(seconds)

    def settings_from(self, configuration: Lookup) -> Settings:
        """Settings from a stack's configuration, with this process's connections."""
        return Settings(configuration, connections=self.connections)


process = Process()
