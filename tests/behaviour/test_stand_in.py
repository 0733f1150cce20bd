"""The stand-in for the engine that tests/providers use, compared with the real one."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import mailgun_tracking
from mailgun_tracking._provider import operation
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory
from tests.engine.result import PulumiFailed, Result
from tests.engine.stack import Stack
from tests.providers.conftest import emulator_is_mailgun, engine, new_engine
from tests.providers.engine import Engine, Program, Run, own

__all__ = ["emulator_is_mailgun", "engine", "new_engine"]

FIRST = """
DomainTracking("two", "two.example.com", click=True)
DomainTracking("gone", "gone.example.com", click=True)
mg = DomainTracking("mg", "mg.example.com", click="htmlonly", open=True, web_prefix="links",
                    unsubscribe={"text_footer": "Leave:\\n%unsubscribe_url%\\n"})
TrackingCertificate("certificate", mg.tracking_domain, timeout=60)
"""
CHANGED = """
mg = DomainTracking("mg", "mg.example.com", click=False, open={"place_at_the_top": True})
TrackingCertificate("certificate", mg.tracking_domain, timeout=30)
DomainTracking("two", "eu.example.com", region="eu", click=True)
"""
FLIPPED = FIRST.replace('click="htmlonly", open=True', "click=True, open=False")
REFUSED = 'DomainTracking("mg", "mg.example.com", click="all", web_prefix="a.b")'
NAMES = ("mg", "certificate", "two", "gone")
VOLATILE = ("serial", "fingerprint", "not_before", "not_after", "domain_id")

Seen = dict[str, Any]


class Commands(ABC):
    """The commands of one engine, and what is compared of each."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    @abstractmethod
    def run(self, command: str, program: str, *, refresh: bool = False) -> Seen:
        """Run a command; returns its steps, its rows, and the state after it."""

    def look(self, command: str, program: str = "", *, refresh: bool = False) -> Seen:
        """Run a command; returns what it did, with the changes that it sent to Mailgun."""
        self._emulator.forget_requests()
        seen = self.run(command, program, refresh=refresh)
        requests = [r for r in self._emulator.requests if r.method != "GET"]
        return seen | {"sent": sorted(f"{r.method} {r.path} {r.form}" for r in requests)}


class StandIn(Commands):
    """The stand-in."""

    def __init__(self, emulator: Emulator, engine: Engine) -> None:
        super().__init__(emulator)
        self._engine = engine

    def run(self, command: str, program: str, *, refresh: bool = False) -> Seen:
        run = self._run(command, compiled(program), refresh)
        rows = {name: run.rows.get(name, []) for name in NAMES}
        for name, failures in run.refused.items():
            rows[name] += failures
        for name, error in run.errors.items():
            rows[name] += [error]
        state = {
            name: (one.id, stable(one.inputs), stable(one.outputs))
            for name, one in self._engine.state.items()
        }
        return {"steps": run.steps, "rows": rows, "state": state}

    def _run(self, command: str, program: Program, refresh: bool) -> Run:
        if command == "refresh":
            return self._engine.refresh(check=False)
        if command == "destroy":
            return self._engine.destroy(check=False)
        run = self._engine.preview if command == "preview" else self._engine.up
        return run(program, refresh=refresh, check=False)


class RealEngine(Commands):
    """Pulumi's own."""

    def __init__(self, emulator: Emulator, stack: Stack) -> None:
        super().__init__(emulator)
        self._stack = stack

    def run(self, command: str, program: str, *, refresh: bool = False) -> Seen:
        self._stack.write_program("from mailgun_tracking import *\n" + program)
        method: Callable[..., Result] = getattr(self._stack, command)
        result = method(*["--refresh"] * refresh, check=False)
        rows = {name: list(map(plain, result.diagnostics(name))) for name in NAMES}
        resources = self._stack.export()["deployment"].get("resources", [])
        state = {
            one["urn"].rpartition("::")[2]: (
                one["id"],
                stable(one["inputs"]),
                stable(one["outputs"]),
            )
            for one in resources
            if one["type"].startswith("pulumi-python:dynamic")
        }
        return {"steps": dict(self._steps(result)), "rows": rows, "state": state}

    @staticmethod
    def _steps(result: Result) -> Iterator[tuple[str, str]]:
        for name in NAMES:
            try:
                step = result.step(name)
            except PulumiFailed:
                continue
            # A refresh that is part of an up, and removes the resource, ends without a result.
            yield name, "delete" if step == "refresh" else step


def compiled(program: str) -> Program:
    """A program's text as a function."""
    names = vars(mailgun_tracking) | {}
    return lambda: exec(compile(program, "program", "exec"), names)


def stable(properties: dict[str, Any]) -> dict[str, Any]:
    """A resource's properties, without what is another one each time."""
    return {name: value for name, value in own(properties).items() if name not in VOLATILE}


def plain(message: str) -> str:
    """A message as the provider wrote it, without what the engine adds to it."""
    what = r".* resource '\S+' has a problem: |1 error occurred:\s+\* "
    return re.sub(rf"\A(?:{what})", "", message).strip()


def live(commands: Commands, emulator: Emulator) -> Iterator[tuple[str, Seen]]:
    """A stack's life, with drift and failures."""
    emulator.reset()
    emulator.add_domain("gone.example.com")
    look = commands.look
    yield "refused", look("preview", REFUSED)
    yield "preview of new", look("preview", FIRST)
    yield "create", look("up", FIRST)
    emulator.drift("mg.example.com", open=False, click=True)
    yield "drift that nobody looked at", look("up", FIRST)
    yield "preview of drift", look("preview", FIRST, refresh=True)
    yield "refresh", look("refresh", FIRST)
    yield "drift reverted", look("up", FIRST)
    emulator.add_fault(method="PUT", path="*/mg.example.com/*/click", status=400, times=1)
    yield "failed update", look("up", FLIPPED)
    yield "preview after a failure", look("preview", FLIPPED)
    emulator.remove_domain("gone.example.com")
    yield "preview of changes", look("preview", CHANGED)
    yield "refresh and update", look("up", CHANGED, refresh=True)
    yield "no change", look("up", CHANGED, refresh=True)
    yield "destroy", look("destroy", CHANGED)


@pytest.mark.behaviour(7)
def test_both_do_the_same(
    emulator: Emulator, engine: Engine, mail: MailFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same steps, messages, requests and states, command by command."""
    monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)
    here = dict(live(StandIn(emulator, engine), emulator))
    stack = mail()
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 0.0})
    for stage, seen in live(RealEngine(emulator, stack), emulator):
        assert here[stage] == seen, stage
    assert here["failed update"]["rows"]["mg"]
    assert here["destroy"]["state"] == {}
