"""A Pulumi stack of its own for a test: program, local backend, and the literal `pulumi` command.

What a command costs with two trivial resources, in processor time, and what was done about it:

- `up --skip-preview` and `preview` take about 0.9 s, `refresh` and `destroy` 0.7 s; `up` with its
  preview 1.5 s. Hence `skip_preview=True` is the default here.
- 0.15 s of each is the engine's own start (`pulumi version` takes as long), 0.25 s Python importing
  the Pulumi SDK for the program, and as much again for the provider's process. The engine starts
  both anew for preview and update. What the program imports comes on top, in both: Python compiles
  it each time, unless it is compiled already (`make test` sees to that).
- `up` and `preview` start one more language host only to learn Python's version, `refresh` and
  `destroy` one that runs nothing. The stand-in imports the SDK only to run a program, which saves
  0.2 s.
- A key that is derived from a passphrase would cost 0.16 s: see `key_service`.
- `pulumi stack init` is done once a session, and each stack starts as a copy. `config_set` writes
  the file itself unless a value is secret.
- Go's garbage collector would cost 0.07 s: `GOGC=off`; Python's as much: `site/sitecustomize.py`.
- No other setting is worth its place: journaling, checkpoints and `PULUMI_HOME` change less than
  0.05 s, and an empty `PULUMI_HOME` costs nothing.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from mailgun_tracking.testing import backends
from tests.engine.key_service import SECRETS_PROVIDER, key_service
from tests.engine.processes import Process, descendants
from tests.engine.result import Event, PulumiFailed, Result, read_events

ROOT = Path(__file__).resolve().parents[2]
STACK_NAME = "dev"
TIMEOUT_SECONDS = 120.0


def engine_environment(folder: Path) -> dict[str, str]:
    """The environment that `pulumi` runs in, with the backend in a folder.

    It has the project's engine and this test run's own Python.
    Nothing that would lead a test to a real account is taken over.
    """
    private = re.compile(r"(MAILGUN|PULUMI)_")
    environment = {key: value for key, value in os.environ.items() if not private.match(key)}
    path = [str(ROOT / ".engine" / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment.update(
        backends.environment(folder),
        PATH=os.pathsep.join(path),
        PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / "tests" / "engine" / "site")]),
        # A program that is replaced within a second would else run as it was.
        PYTHONDONTWRITEBYTECODE="1",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true",
        PULUMI_DEBUG_COMMANDS="true",
        NO_COLOR="1",
        # The engine ends before collecting garbage pays.
        GOGC="off",
        GOMEMLIMIT="1GiB",
        **key_service(),
    )
    return environment


class Running:
    """A `pulumi` command that is under way. Leaving its `with` block ends whatever still runs."""

    def __init__(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str], logs: Path
    ) -> None:
        self.command = list(command)
        self._events = logs / "events.json"
        self._stdout = logs / "stdout"
        self._stderr = logs / "stderr"
        self._started = time.monotonic()
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                self.command,
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill_all()

    @property
    def output(self) -> str:
        """What was printed so far."""
        return self._stdout.read_text() + self._stderr.read_text()

    @property
    def events(self) -> list[Event]:
        """The engine's events so far."""
        return read_events(self._events)

    def processes(self) -> list[Process]:
        """What runs below the engine now: language host, program, provider process."""
        return descendants(self.process.pid)

    def signal(self, number: int = signal.SIGINT) -> None:
        """Send the engine a signal, as Ctrl-C does by default."""
        self.process.send_signal(number)

    def wait_until(self, true: Callable[[], bool], what: str, timeout: float = 90.0) -> None:
        """Wait for something to become true; fails with all output when it does not, or too late.

        :param what: what is waited for, for the failure's text.
        :param timeout: seconds.
        """
        deadline = time.monotonic() + timeout
        while not true():
            if self.process.poll() is not None and not true():
                raise PulumiFailed(f"pulumi ended before {what}\n{self.output}")
            if time.monotonic() > deadline:
                raise PulumiFailed(f"waited {timeout:.0f} s in vain for {what}\n{self.output}")
            time.sleep(0.05)

    def wait(self, timeout: float = TIMEOUT_SECONDS) -> Result:
        """Wait for the end; after `timeout` seconds everything is killed and the test fails."""
        is_too_late = threading.Event()

        def end() -> None:
            is_too_late.set()
            self.kill_all()

        # With a time-out of its own, Popen.wait would look only every 50 ms.
        alarm = threading.Timer(timeout, end)
        alarm.start()
        try:
            code = self.process.wait()
            seconds = time.monotonic() - self._started
        finally:
            alarm.cancel()
            alarm.join()
        if is_too_late.is_set():
            raise PulumiFailed(f"{' '.join(self.command)} took over {timeout:.0f} s\n{self.output}")
        stdout, stderr = self._stdout.read_text(), self._stderr.read_text()
        return Result(self.command, code, stdout, stderr, self.events, seconds)

    def kill_all(self) -> None:
        """Kill the engine and all that it started."""
        below = self.processes()
        self.process.kill()
        self.process.wait()
        for process in below:
            process.end()
            process.gone_within(10)


class Stack:
    """One stack, with its program, its configuration and its state, all in one folder.

    Each command is the literal `pulumi` one. `check=True`, the default, raises `PulumiFailed`
    with all that was printed where the exit status is not 0. `args` are passed on to `pulumi` as
    they stand; `env` is added to the environment, where None takes a variable away; `timeout` is
    in seconds.
    """

    def __init__(self, directory: Path, program: str, project: str) -> None:
        """Use `StackFactory` instead: it gives the folder its backend."""
        self.directory = directory
        self.project = project
        self.name = STACK_NAME
        self.environment = engine_environment(directory)
        self.config_file = directory / f"Pulumi.{self.name}.yaml"
        self._runs = 0
        self.write_program(program)

    def write_program(self, text: str, file: str = "__main__.py") -> None:
        """Replace the program, or put a module beside it."""
        (self.directory / file).write_text(text)

    # -- the commands

    def up(self, *args: str, skip_preview: bool = True, check: bool = True, **how: Any) -> Result:
        """`pulumi up --yes`."""
        more = ["--skip-preview"] if skip_preview else []
        return self.run("up", "--yes", *more, *args, check=check, **how)

    def preview(self, *args: str, check: bool = True, **how: Any) -> Result:
        """`pulumi preview`."""
        return self.run("preview", *args, check=check, **how)

    def refresh(
        self, *args: str, skip_preview: bool = True, check: bool = True, **how: Any
    ) -> Result:
        """`pulumi refresh --yes`."""
        more = ["--skip-preview"] if skip_preview else []
        return self.run("refresh", "--yes", *more, *args, check=check, **how)

    def destroy(
        self, *args: str, skip_preview: bool = True, check: bool = True, **how: Any
    ) -> Result:
        """`pulumi destroy --yes`."""
        more = ["--skip-preview"] if skip_preview else []
        return self.run("destroy", "--yes", *more, *args, check=check, **how)

    def import_(
        self,
        resources: Path | Sequence[Mapping[str, Any]],
        *args: str,
        check: bool = True,
        **how: Any,
    ) -> Result:
        """`pulumi import --file`, without protection and generated code.

        :param resources: the file, or its list of resources.
        """
        if isinstance(resources, Path):
            file = resources
        else:
            file = self._logs() / "import.json"
            file.write_text(json.dumps({"resources": list(resources)}))
        fixed = ["--yes", "--skip-preview", "--protect=false", "--generate-code=false"]
        return self.run("import", "--file", str(file), *fixed, *args, check=check, **how)

    def cancel(self, check: bool = True, **how: Any) -> Result:
        """`pulumi cancel --yes`: take away the lock that a killed engine left."""
        return self.run("cancel", "--yes", check=check, **how)

    def config_set(
        self, key: str, value: Any, secret: bool = False, path: bool = False, **how: Any
    ) -> None:
        """Set one value of the stack's configuration, as `pulumi config set` does.

        :param key: with or without a namespace; without one it is the project's.
        :param value: a text, a number or a bool; also a list or dict if neither secret nor path.
        """
        if secret or path:
            flags = ["--secret"] * secret + ["--path"] * path
            self.run("config", "set", *flags, "--", key, str(value), **how)
            return
        content = yaml.safe_load(self.config_file.read_text()) or {}
        full_key = key if ":" in key else f"{self.project}:{key}"
        content.setdefault("config", {})[full_key] = value
        self.config_file.write_text(yaml.safe_dump(content))

    def export(self, *args: str, **how: Any) -> dict[str, Any]:
        """The state, as `pulumi stack export` gives it; secrets stay encrypted.

        Without arguments it is read from the backend, which saves the command.
        """
        if args or how:
            return dict(json.loads(self.run("stack", "export", *args, **how).stdout))
        backend = Path(unquote(urlsplit(self.environment["PULUMI_BACKEND_URL"]).path))
        file = backend / ".pulumi" / "stacks" / self.project / f"{self.name}.json"
        saved = json.loads(file.read_text())
        return {"version": saved["version"], "deployment": saved["checkpoint"]["latest"]}

    def resource(self, name: str) -> dict[str, Any]:
        """One resource of the state, by its name in the program."""
        resources = self.export()["deployment"].get("resources", [])
        found = [one for one in resources if one["urn"].endswith(f"::{name}")]
        if len(found) != 1:
            raise PulumiFailed(f"{len(found)} resources in state are called {name!r}")
        return dict(found[0])

    def outputs(self, show_secrets: bool = False, **how: Any) -> dict[str, Any]:
        """The stack's outputs; secrets read "[secret]" unless they are to be shown."""
        flags = ["--show-secrets"] if show_secrets else []
        return dict(json.loads(self.run("stack", "output", "--json", *flags, **how).stdout))

    # -- how they run

    def run(
        self,
        *command: str,
        check: bool = True,
        timeout: float = TIMEOUT_SECONDS,
        env: Mapping[str, str | None] | None = None,
    ) -> Result:
        """Run any `pulumi` command on this stack to its end."""
        with self.start(*command, env=env) as running:
            result = running.wait(timeout)
        if check and result.code != 0:
            raise PulumiFailed(
                f"{' '.join(result.command)} exited with {result.code}\n{result.output}"
            )
        return result

    def start(self, *command: str, env: Mapping[str, str | None] | None = None) -> Running:
        """Start any `pulumi` command on this stack, for tests that look at it or signal it.

        Unlike `up` and its like it adds no `--yes`.
        """
        logs = self._logs()
        more = ["--stack", self.name, "--non-interactive", "--color", "never"]
        if command[0] in ("up", "preview", "refresh", "destroy", "import"):
            more += ["--event-log", str(logs / "events.json")]
        place = command.index("--") if "--" in command else len(command)
        full = ["pulumi", *command[:place], *more, *command[place:]]
        environment = {**self.environment, **(env or {})}
        kept = {key: value for key, value in environment.items() if value is not None}
        return Running(full, self.directory, kept, logs)

    def _logs(self) -> Path:
        self._runs += 1
        logs = self.directory / "logs" / str(self._runs)
        logs.mkdir(parents=True, exist_ok=True)
        return logs


class StackFactory:
    """Makes stacks below one folder; `pulumi stack init` runs once a project, for all of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._initialized = backends.InitializedStacks(folder / "initialized")

    def __call__(
        self,
        program: str,
        *,
        project: str = "mail",
        config: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Stack:
        """A new stack, with nothing deployed.

        :param program: the text of `__main__.py`.
        :param config: plain values for `config_set`.
        :param settings: more top-level entries for `Pulumi.yaml`; `runtime` is Python by default.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(prefix="stack-", dir=self._folder))
        description = {"name": project, "runtime": "python", **(settings or {})}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(description))
        stack = Stack(directory, program, project)
        if shutil.which("pulumi", path=stack.environment["PATH"]) is None:
            raise PulumiFailed("there is no pulumi: run `make engine`")
        init = functools.partial(stack.run, "stack", "init", "--secrets-provider", SECRETS_PROVIDER)
        self._initialized.create(directory, stack.name, init)
        for key, value in (config or {}).items():
            stack.config_set(key, value)
        return stack
