"""The connections to Mailgun, and calls that are made at the same time or again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mailgun_tracking import DomainTracking, errors
from mailgun_tracking._api import client
from mailgun_tracking._api.target import Target
from mailgun_tracking._api.transport import Transport
from mailgun_tracking._provider.process import process
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
CLICK = f"/v3/domains/{DOMAIN}/tracking/click"
LONG_SECONDS = 60.0
"""How long a test waits for what has to come: only a failure takes that long."""


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Holds calls back until as many of their method are under way; fails where they never are."""

    def hold(**parties: int) -> None:
        send = Transport.send
        barriers = {method: threading.Barrier(number) for method, number in parties.items()}

        def together(self: Transport, method: str, *args: Any, **options: Any) -> Any:
            barriers[method].wait(LONG_SECONDS)
            return send(self, method, *args, **options)

        monkeypatch.setattr(Transport, "send", together)

    return hold


@pytest.mark.behaviour(16, 70)
def test_create_reads_at_once_and_writes_in_turn(
    engine: Engine, emulator: Emulator, meet: Callable[..., None]
) -> None:
    """Its two GETs are made at the same time, and then one PUT after another."""
    meet(GET=2, PUT=1)
    engine.up(
        lambda: DomainTracking(
            "mg", DOMAIN, click=True, open=True, unsubscribe=True, web_prefix="links"
        )
    )
    tracking = f"PUT /v3/domains/{DOMAIN}/tracking"
    assert calls(emulator)[2:] == [
        *(f"{tracking}/{section}" for section in ("open", "click", "unsubscribe")),
        f"PUT /v4/domains/{DOMAIN}",
    ]


def test_refresh_takes_one_round_trip(
    engine: Engine, emulator: Emulator, meet: Callable[..., None]
) -> None:
    """Its two GETs are made at the same time."""
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    emulator.forget_requests()
    meet(GET=2)
    engine.refresh()
    assert len(calls(emulator)) == 2


@pytest.mark.behaviour(11)
def test_checks_of_many_new_domains_do_not_wait_for_each(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second domain on, the account's list answers; the GETs may take what they take."""
    names = [DOMAIN, "two.example.com", *(f"d{number}.example.com" for number in range(10))]
    for name in names[2:]:
        emulator.add_domain(name)
    checked = threading.Event()
    send = Transport.send

    def late(self: Transport, method: str, path: str, *args: Any, **options: Any) -> Any:
        if DOMAIN not in path and not path.startswith("/v4/domains?"):
            assert checked.wait(LONG_SECONDS)
        return send(self, method, path, *args, **options)

    def program() -> None:
        for name in names:
            DomainTracking(name, name, click=True)
        checked.set()

    monkeypatch.setattr(Transport, "send", late)
    preview = engine.preview(program)
    assert preview.steps == dict.fromkeys(names, "create")
    assert calls(emulator).count("GET /v4/domains") == 1


@pytest.mark.behaviour(30)
def test_calls_are_sent_without_delay(
    engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Header and body are written apart; without TCP_NODELAY that costs 40 ms a call."""
    made = []
    connect = socket.socket.connect

    def note(self: socket.socket, address: Any) -> None:
        connect(self, address)
        if address[1] == emulator.port:
            made.append(self)

    monkeypatch.setattr(socket.socket, "connect", note)
    engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
    assert 1 <= len(made) <= 2
    assert len(calls(emulator)) == 3
    assert all(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for one in made)


@pytest.mark.behaviour(29)
@pytest.mark.parametrize(("failures", "messages"), [(1, 0), (4, 1)])
def test_a_call_that_is_retried_is_told_of_from_the_third_try_on(
    engine: Engine,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    messages: int,
) -> None:
    """Once in 15 s; it goes on until Mailgun answers again."""
    monkeypatch.setattr(client, "_BACK_OFF", lambda _state: 0.0)
    emulator.add_fault(method="PUT", path=CLICK, status=503, times=failures)
    run = engine.up(lambda: DomainTracking("mg", DOMAIN, click="htmlonly"))
    told = [row for row in run.rows["mg"] if "(503): retrying in" in row]
    assert len(told) == messages
    assert puts(emulator) == [f"PUT {CLICK}"] * (failures + 1)
    assert emulator.domain(DOMAIN).click["active"] == "htmlonly"


class CancelledOnceItWaits(threading.Event):
    """Is set by the first wait, whose seconds it keeps."""

    waited: float | None = None

    def wait(self, timeout: float | None = None) -> bool:
        self.waited = timeout
        return True


@pytest.mark.behaviour(26)
def test_a_rate_limit_holds_all_calls_of_the_account(engine: Engine, emulator: Emulator) -> None:
    """As soon as one is refused, nobody asks until Mailgun allows it again."""
    emulator.add_fault(path="/v4/*", status=429, headers={"Retry-After": "100"})
    for read in ("get_domain", "get_tracking"):
        cancelled = CancelledOnceItWaits()
        client = replace(process.settings.client(Target.parse(DOMAIN)), cancelled=cancelled)
        with pytest.raises(errors.Cancelled):
            getattr(client, read)(DOMAIN)
        assert cancelled.waited is not None
        assert 0 < cancelled.waited <= 100
    assert calls(emulator) == [f"GET /v4/domains/{DOMAIN}"]
