"""Running the engine on many stacks, a few at a time.

Each stack is one process of the command `pulumi`, whose events are read from its event log. Such a
process is the leader of a session of its own, so that Ctrl-C in a terminal reaches it only through
`run_stacks`: the engine takes a second signal as an order to leave everything as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .._provider.unfinished import notes_folder
from ..errors import FleetError
from .backend import NEVER_ASK, Backend
from .outcome import Events, Outcome, not_begun, one_line
from .project import Project

SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_LEAVE = 5.0
"""How long an engine has after a second signal before it is killed."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IN_USE = re.compile("currently locked by|Another update is currently in progress")
_DAMAGED = "snapshot integrity error"
_LOCK = re.compile(r"created by \S+@(\S+) \(pid (\d+)\)")


class Watcher(Protocol):
    """Is told how a run goes, always from the same thread."""

    def going_on(self, running: Mapping[str, int], waiting: int) -> None:
        """Called several times a second.

        Args:
            running: how many domains of each running stack are done.
            waiting: how many stacks have not been started.
        """

    def finished(self, outcome: Outcome) -> None:
        """A stack has ended."""

    def say(self, message: str) -> None:
        """Something that the user should know."""


@dataclass
class Run:
    """How stacks are run.

    Attributes:
        project: what the files say.
        backend: where the stacks are.
        jobs: how many run at a time.
        environment: the environment of the engines.
        logs: a folder for their logs.
        watcher: is told how it goes.
        interrupted: whether it was interrupted.
    """

    project: Project
    backend: Backend
    jobs: int
    environment: Mapping[str, str]
    logs: Path
    watcher: Watcher
    interrupted: bool = False

    def stacks(self, stacks: Sequence[str], *command: str) -> list[Outcome]:
        """Run a command on stacks, and wait for its end, even if it is interrupted.

        The first SIGINT, SIGTERM or SIGHUP interrupts the engines, which then end what they are
        at; nothing more is started. The second one ends them at once.

        Args:
            stacks: the stacks; they exist.
            command: the arguments of `pulumi`, without options on which stack it is.
        """
        waiting = deque(stacks)
        running: list[_Engine] = []
        outcomes: list[Outcome] = []
        with _signals() as received:
            try:
                while running or (waiting and not self._why_to_stop(outcomes)):
                    self._start(waiting, running, outcomes, command)
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                    while received:
                        self._interrupt(running, received.pop())
                    self._collect(waiting, running, outcomes)
                    self.watcher.going_on({one.stack: one.done for one in running}, len(waiting))
            finally:
                # Only after an error of our own. They use the folder of the logs until they end.
                for engine in running:
                    engine.interrupt(is_last=False)
                for engine in running:
                    engine.wait()
        why = self._why_to_stop(outcomes)
        outcomes += [not_begun(stack, self.project, why) for stack in waiting]
        return sorted(outcomes, key=lambda outcome: stacks.index(outcome.stack))

    def _why_to_stop(self, outcomes: Sequence[Outcome]) -> str:
        """Why nothing more is started; empty if there is no reason.

        If two stacks could not begin for the same reason, no other one can.
        """
        if self.interrupted:
            return "interrupted"
        reasons = Counter(outcome.error for outcome in outcomes if not outcome.has_begun)
        return next((reason for reason, count in reasons.items() if count > 1), "")

    def _start(
        self,
        waiting: deque[str],
        running: list[_Engine],
        outcomes: Sequence[Outcome],
        command: Sequence[str],
    ) -> None:
        while waiting and len(running) < self.jobs and not self._why_to_stop(outcomes):
            running.append(_Engine(self, waiting.popleft(), command))

    def _interrupt(self, running: Sequence[_Engine], number: int) -> None:
        is_last, self.interrupted = self.interrupted, True
        for engine in running:
            engine.interrupt(is_last=is_last)
        name = signal.Signals(number).name
        if is_last:
            self.watcher.say(f"{name} again: ending at once")
        else:
            self.watcher.say(f"{name}: waiting for what is under way; once more ends it at once")

    def _collect(
        self, waiting: deque[str], running: list[_Engine], outcomes: list[Outcome]
    ) -> None:
        for engine in [*running]:
            outcome = engine.look()
            if outcome is None:
                continue
            running.remove(engine)
            if not self.interrupted and self._unlock(outcome):
                waiting.appendleft(engine.stack)
                continue
            outcomes.append(outcome)
            self.watcher.finished(outcome)

    def _unlock(self, outcome: Outcome) -> bool:
        """Release the lock that an earlier run on this machine left when it was killed.

        Returns:
            Whether there was one.
        """
        holders = set(_LOCK.findall(outcome.error))
        note = _Note(self.project, outcome.stack)
        if outcome.has_begun or not holders:
            return False
        # Another run may have released it already, and have a lock of its own by now.
        with note.alone():
            if not all(map(note.is_of_the_dead, holders)):
                return False
            try:
                self.backend.cancel(outcome.stack)
            except FleetError:
                # The outcome says which command to type, and that says why it fails.
                return False
            note.remove()
        self.watcher.say(f"{outcome.stack}: released the lock of an earlier run that was killed")
        return True


class _Engine:
    """One `pulumi` process."""

    def __init__(self, run: Run, stack: str, command: Sequence[str]) -> None:
        self.stack = stack
        self._project = run.project
        self._events = Events()
        self._log = run.logs / f"{stack}.json"
        self._log.unlink(missing_ok=True)
        self._position = 0
        self._errors = run.logs / f"{stack}.txt"
        self._interrupted = False
        self._kill_at: float | None = None
        self._started = time.monotonic()
        options = ["--stack", stack, "--event-log", str(self._log), *NEVER_ASK]
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603
                [run.backend.pulumi, *command, *options],
                cwd=run.project.folder,
                env=run.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self._note = _Note(run.project, stack)
        self._note.add(self._process.pid)

    @property
    def done(self) -> int:
        """How many of its domains are done."""
        return self._events.done

    def interrupt(self, *, is_last: bool) -> None:
        """Have it end what it is at; the last time, give that up."""
        self._interrupted = True
        self._process.send_signal(signal.SIGINT)
        if is_last and self._kill_at is None:
            self._kill_at = time.monotonic() + SECONDS_TO_LEAVE

    def wait(self) -> None:
        """Wait for its end."""
        self._process.wait()

    def look(self) -> Outcome | None:
        """Read what it has written; the outcome, if it has ended."""
        code = self._process.poll()
        self._read()
        if code is None:
            if self._kill_at is not None and time.monotonic() > self._kill_at:
                self._process.kill()
            return None
        if code >= 0 and self._events.has_begun:
            self._note.remove()
        seconds = time.monotonic() - self._started
        error = self._error(code)
        if self._events.has_begun or code == 0:
            return self._events.outcome(self.stack, self._project, error, seconds)
        return not_begun(self.stack, self._project, error, seconds)

    def _read(self) -> None:
        if not self._log.exists():
            return
        with self._log.open("rb") as log:
            log.seek(self._position)
            for line in log:
                if line.endswith(b"\n"):
                    self._position += len(line)
                    self._events.add(json.loads(line))

    def _error(self, code: int) -> str:
        if code == 0:
            return ""
        if self._interrupted:
            return "interrupted"
        if code < 0:
            return f"pulumi was killed ({signal.Signals(-code).name})"
        text = one_line(self._errors.read_text("utf-8", "replace"))
        if _IN_USE.search(text):
            command = f"`pulumi cancel --stack {self.stack}`"
            text += f"; if no other run is at work, release it with {command}"
        if _DAMAGED in text:
            command = f"`pulumi state repair --stack {self.stack}`"
            text = f"Pulumi does not read its state (a {_DAMAGED}); run {command}"
        return text or f"pulumi exited with {code}"


class _Note:
    """The engines that were started for a stack and may hold its lock, in Pulumi's home.

    Pulumi's lock has the number of a process and the name of a machine. Other containers may have
    the same name and other processes, so only the locks of engines that are noted are released.
    """

    def __init__(self, project: Project, stack: str) -> None:
        self._file = notes_folder("fleet") / f"{project.name}.{stack}"

    def add(self, pid: int) -> None:
        """Note an engine."""
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as file:
                file.write(f"{socket.gethostname()} {pid}\n")

    def remove(self) -> None:
        """Forget all of them: the lock was free."""
        with contextlib.suppress(OSError):
            self._file.unlink()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs from here."""
        with contextlib.ExitStack() as entered:
            with contextlib.suppress(OSError):
                file = entered.enter_context(Path(f"{self._file}.lock").open("w"))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_of_the_dead(self, holder: tuple[str, str]) -> bool:
        """Whether a lock's machine and process are those of a noted engine that has ended."""
        host, pid = holder
        try:
            noted = f"{host} {pid}" in self._file.read_text().splitlines()
        except OSError:
            return False
        return noted and host == socket.gethostname() and not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        # Where nobody waits for it, as in many containers, a process that has ended stays listed.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return True


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals to end that arrive meanwhile."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _frame: received.append(number))
        for number in _SIGNALS
        # As `nohup` has it.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
