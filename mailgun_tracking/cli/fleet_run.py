"""``mailgun-tracking fleet preview``, ``up``, ``refresh`` and ``destroy``."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from .. import errors
from ..fleet.assignment import in_order
from ..fleet.backend import Backend
from ..fleet.moving import refuse_misplaced
from ..fleet.outcome import Outcome
from ..fleet.project import Project, read_project
from ..fleet.run import Run
from .fleet import in_folder
from .fleet_summary import Command, as_json, finished, summary
from .import_plan import counted
from .reading import refused

SECONDS_OF_SILENCE = 20.0
"""How long it is quiet, where stderr is no terminal, before a line says what is going on."""

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_R = TypeVar("_R")


def _slice(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, int] | None:
    if text is None:
        return None
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise click.BadParameter("write it as 3/10, for the third tenth of the stacks")
    return int(number), int(of)


def default_jobs() -> int:
    """As many as there are cores: an engine, its program and its provider keep one busy."""
    return max(2, min(os.cpu_count() or 2, 8))


_WHICH = [
    in_folder,
    click.option("--stack", "stacks", multiple=True, metavar="NAME", help="Only this stack."),
    click.option(
        "--domain", "domains", multiple=True, metavar="NAME", help="Only the stack of this domain."
    ),
    click.option(
        "--slice",
        "part",
        metavar="N/OF",
        callback=_slice,
        help="Only a part of the stacks: 3/10 is the third tenth.",
    ),
]
_HOW = [
    click.option(
        "--jobs",
        default=default_jobs,
        type=click.IntRange(min=1),
        help="How many stacks run at a time; by default as many as there are cores, at most 8.",
    ),
    click.option(
        "--requests-per-minute",
        type=click.IntRange(min=1),
        help="How many requests all of them together make in a minute.",
    ),
    click.option(
        "--secrets-provider", metavar="NAME", help="For stacks that do not exist yet, as in Pulumi."
    ),
    click.option("--json", "show_json", is_flag=True, help="Print JSON."),
]
_YES = click.option("--yes", is_flag=True, help="Do not preview and ask first.")


def _options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    return lambda function: functools.reduce(
        lambda decorated, option: option(decorated), reversed(options), function
    )


@click.command()
@_options(*_WHICH, *_HOW)
@click.option("--expect-no-changes", is_flag=True, help="Exit with 1 if anything would change.")
def preview(expect_no_changes: bool, **options: Any) -> None:
    """Show what `up` would do, without changing anything at Mailgun.

    Stacks that do not exist yet are created, empty.
    """
    _Command("preview", **options).run(yes=True, expect_no_changes=expect_no_changes)


@click.command()
@_options(*_WHICH, *_HOW, _YES)
def up(yes: bool, **options: Any) -> None:
    """Make Mailgun as the files say, in all stacks.

    On a terminal it previews and asks first; elsewhere it needs --yes. A domain that fails does not
    hold up the others. Run it again after a failure or an interruption: it does what is left.
    """
    _Command("up", **options).run(yes=yes)


@click.command()
@_options(*_WHICH, *_HOW, _YES)
def refresh(yes: bool, **options: Any) -> None:
    """Read what Mailgun has into the states, and show where it differs from them."""
    _Command("refresh", **options).run(yes=yes)


@click.command()
@_options(*_WHICH, *_HOW, _YES)
@click.option("--remove", is_flag=True, help="Remove the stacks, too, with their configuration.")
def destroy(yes: bool, remove: bool, **options: Any) -> None:
    """Destroy what the stacks have: tracking that is managed is turned off."""
    if options["domains"]:
        raise click.UsageError(
            "destroy is about whole stacks; to stop managing a domain, take it out of the file"
        )
    _Command("destroy", **options).run(yes=yes, remove=remove)


@dataclass(frozen=True)
class _Command:
    """One of the commands, with the options that all of them have."""

    command: Command
    folder: Path
    stacks: tuple[str, ...]
    domains: tuple[str, ...]
    part: tuple[int, int] | None
    jobs: int
    requests_per_minute: int | None
    secrets_provider: str | None
    show_json: bool

    def run(self, *, yes: bool, expect_no_changes: bool = False, remove: bool = False) -> None:
        """Run it, print what became of the domains, and exit."""
        if not yes and not sys.stdin.isatty():
            raise click.UsageError("without a terminal, --yes is needed")
        try:
            project = read_project(self.folder)
            project.require_assigned()
            backend = Backend(self.folder)
            stacks = self._prepared(project, backend)
        except errors.TrackingError as error:
            raise refused(error) from None
        with tempfile.TemporaryDirectory(prefix="mailgun-tracking-fleet-") as folder:
            logs = Path(folder)
            shown = _Shown(project)
            run = Run(project, backend, self.jobs, self._environment(logs), logs, shown)
            if not yes:
                stacks = self._confirmed(run, shown, stacks)
            command = _COMMANDS[self.command]
            with shown.running(stacks):
                outcomes = run.stacks(stacks, *command, *(["--remove"] if remove else []))
        if self.show_json:
            click.echo(json.dumps(as_json(outcomes, self.command), indent=2))
        else:
            is_preview = self.command == "preview"
            click.echo(summary(outcomes, self.command, is_preview=is_preview))
        if expect_no_changes and not all(
            row.result == "unchanged" for outcome in outcomes for row in outcome.rows
        ):
            raise click.ClickException("no changes were expected")
        sys.exit(0 if all(outcome.is_done for outcome in outcomes) else 1)

    def _environment(self, shared: Path) -> Mapping[str, str]:
        limit = shared / "limit"
        limit.mkdir()
        environment = {
            **os.environ,
            "MAILGUN_TRACKING_SHARED_LIMIT": str(limit),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        if self.requests_per_minute is not None:
            environment["MAILGUN_REQUESTS_PER_MINUTE"] = str(self.requests_per_minute)
        return environment

    def _prepared(self, project: Project, backend: Backend) -> list[str]:
        """The stacks to run, once their states have been looked at; those missing are created."""
        existing = [name.rpartition("/")[2] for name in backend.stacks()]
        chosen = self._chosen(project, existing)
        present = [stack for stack in chosen if stack in existing]
        states = dict(
            zip(present, _in_parallel(backend.resources, present, self.jobs), strict=True)
        )
        for stack, resources in states.items():
            refuse_misplaced(resources, stack, project)
        if self.command in ("preview", "up"):
            missing = [stack for stack in chosen if stack not in existing]
            if missing:
                click.echo(f"creating {counted(len(missing), 'stack')}", err=True)
            create = functools.partial(backend.create, secrets_provider=self.secrets_provider)
            _in_parallel(create, missing, self.jobs)
            return [s for s in chosen if project.stacks.get(s) or states.get(s)]
        return [stack for stack in present if states[stack] or self.command == "destroy"]

    def _chosen(self, project: Project, existing: Sequence[str]) -> list[str]:
        # A stack without domains may still have what it had when it had some.
        left = [stack for stack in existing if not project.stacks.get(stack)]
        known = [*(s for s in project.stacks if project.stacks[s]), *sorted(left, key=in_order)]
        wanted = set(self.stacks)
        for domain in self.domains:
            places = [stack for stack, domains in project.stacks.items() if domain in domains]
            if not places:
                raise click.UsageError(f"{domain} is not among the domains of the fleet")
            wanted.update(places)
        if unknown := sorted(wanted.difference(known)):
            raise click.UsageError(f"there is no stack {', '.join(unknown)}")
        if wanted:
            known = [stack for stack in known if stack in wanted]
        number, of = self.part or (1, 1)
        return known[number - 1 :: of]

    def _confirmed(self, run: Run, shown: _Shown, stacks: list[str]) -> list[str]:
        """The stacks whose preview was done, once the user has agreed to it."""
        with shown.running(stacks):
            outcomes = run.stacks(stacks, *_PREVIEWS[self.command])
        click.echo(summary(outcomes, self.command, is_preview=True), err=self.show_json)
        ready = [outcome.stack for outcome in outcomes if outcome.is_done]
        if not ready:
            sys.exit(1)
        question = f"{self.command.capitalize()} {counted(len(ready), 'stack')}"
        if len(ready) < len(stacks):
            question += f", and leave out {len(stacks) - len(ready)} whose preview failed"
        click.confirm(f"{question}?", abort=True, err=self.show_json)
        return ready


_COMMANDS: Mapping[Command, Sequence[str]] = {
    "preview": ("preview",),
    # The domains of a stack have nothing to do with each other.
    "up": ("up", "--yes", "--skip-preview", "--continue-on-error"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview", "--continue-on-error"),
}
_PREVIEWS: Mapping[Command, Sequence[str]] = {
    "up": ("preview",),
    "refresh": ("refresh", "--preview-only"),
    "destroy": ("destroy", "--preview-only"),
}


def _in_parallel(function: Callable[[_T], _R], items: Sequence[_T], jobs: int) -> list[_R]:
    """What a function returns for each item. The first error ends it."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(function, items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Shown:
    """Shows how a run goes, on stderr: a progress bar on a terminal, lines anywhere else."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._bar: Any = None
        self._position = 0
        self._finished = 0
        self._last = time.monotonic()

    @contextlib.contextmanager
    def running(self, stacks: Sequence[str]) -> Iterator[None]:
        """Show the run of some stacks."""
        self._finished = 0
        total = sum(self._size(stack) for stack in stacks)
        if not sys.stderr.isatty():
            self.say(f"running {counted(len(stacks), 'stack')} with {counted(total)}")
            yield
            return
        with click.progressbar(
            length=total, file=sys.stderr, show_pos=True, label="Domains"
        ) as bar:
            self._bar = bar
            yield
        self._bar = None

    def going_on(self, running: Mapping[str, int], waiting: int) -> None:
        """Move the bar, or break the silence."""
        done = self._finished + sum(min(n, self._size(stack)) for stack, n in running.items())
        if self._bar is not None:
            self._bar.update(done - self._bar.pos)
        elif running and time.monotonic() - self._last > SECONDS_OF_SILENCE:
            parts = [f"{stack} ({done} of {self._size(stack)})" for stack, done in running.items()]
            self.say(f"running: {', '.join(parts)}; waiting: {counted(waiting, 'stack')}")

    def finished(self, outcome: Outcome) -> None:
        """A line for the stack, unless there is a bar."""
        self._finished += self._size(outcome.stack)
        if self._bar is None:
            self.say(finished(outcome))

    def say(self, message: str) -> None:
        """Print a line."""
        self._last = time.monotonic()
        click.echo(f"\n{message}" if self._bar is not None else message, err=True)

    def _size(self, stack: str) -> int:
        return len(self._project.stacks.get(stack, ()))
