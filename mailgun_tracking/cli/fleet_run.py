"""``mailgun-tracking fleet preview``, ``up``, ``refresh`` and ``destroy``."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from .. import errors
from .._api.moments import SHARED_LIMIT
from ..fleet.backend import Backend, State, resources_of
from ..fleet.moving import refuse_misplaced
from ..fleet.outcome import Outcome, not_begun
from ..fleet.project import DIGEST_VARIABLE, Project, read_project
from ..fleet.run import Run
from ..fleet.secrets_provider import refuse_lost_secrets_provider
from ..fleet.standing import standing
from .fleet_choice import SECONDS_OF_SILENCE, WHICH, Choice, in_parallel, options
from .fleet_summary import Command, as_json, finished, summary
from .import_plan import counted
from .reading import refused


def default_jobs() -> int:
    """As many as there are cores: an engine, its program and its provider keep one busy."""
    return max(2, min(os.cpu_count() or 2, 8))


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
_POLICIES = [
    click.option(
        "--policy-pack",
        "policy_packs",
        multiple=True,
        metavar="DIRECTORY",
        type=click.Path(exists=True, file_okay=False, resolve_path=True),
        help="Check the rules of this policy pack, as in Pulumi; can be repeated.",
    ),
    click.option(
        "--policy-pack-config",
        "policy_configs",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        help="The settings of a policy pack: the first file is for the first pack, and so on.",
    ),
]
_YES = click.option("--yes", is_flag=True, help="Do not preview and ask first.")


@click.command()
@options(*WHICH, *_HOW, *_POLICIES)
@click.option("--expect-no-changes", is_flag=True, help="Exit with 1 if anything would change.")
def preview(expect_no_changes: bool, **options: Any) -> None:
    """Show what `up` would do, without changing anything at Mailgun.

    Stacks that do not exist yet are created, empty.
    """
    _Command("preview", **options).run(yes=True, expect_no_changes=expect_no_changes)


@click.command()
@options(*WHICH, *_HOW, *_POLICIES, _YES)
def up(yes: bool, **options: Any) -> None:
    """Bring Mailgun in line with the files, in all stacks.

    On a terminal it previews and asks first; elsewhere it needs --yes. A domain that fails does not
    hold up the others. Run it again after a failure or an interruption: it does what is left.
    """
    _Command("up", **options).run(yes=yes)


@click.command()
@options(*WHICH, *_HOW, _YES)
def refresh(yes: bool, **options: Any) -> None:
    """Read what Mailgun has into the states, and show where it differs from them."""
    _Command("refresh", **options).run(yes=yes)


@click.command()
@options(*WHICH, *_HOW, _YES)
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
    policy_packs: tuple[str, ...] = ()
    policy_configs: tuple[str, ...] = ()

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
            shown = _Shown(project, self.command)
            run = Run(project, backend, self.jobs, self._environment(logs, project), logs, shown)
            ready = stacks if yes or not stacks else self._confirmed(run, shown, stacks)
            command = [*_COMMANDS[self.command], *self._policies()]
            is_preview = self.command == "preview"
            with shown.running(ready, is_preview=is_preview):
                outcomes = run.stacks(ready, *command, *(["--remove"] if remove else []))
        left_out = [stack for stack in stacks if stack not in ready]
        outcomes += [not_begun(stack, project, "its preview failed") for stack in left_out]
        outcomes.sort(key=lambda outcome: stacks.index(outcome.stack))
        if self.show_json:
            click.echo(json.dumps(as_json(outcomes, self.command), indent=2))
        else:
            click.echo(summary(outcomes, self.command, is_preview=is_preview))
        if expect_no_changes and any(
            row.result in ("created", "changed", "deleted")
            for outcome in outcomes
            for row in outcome.rows
        ):
            raise click.ClickException("no changes were expected")
        sys.exit(0 if all(outcome.is_done for outcome in outcomes) else 1)

    def _policies(self) -> list[str]:
        """The arguments of `pulumi` for the policy packs."""
        packs = (("--policy-pack", path) for path in self.policy_packs)
        configs = (("--policy-pack-config", path) for path in self.policy_configs)
        return [*itertools.chain(*packs, *configs)]

    def _environment(self, shared: Path, project: Project) -> Mapping[str, str]:
        limit = shared / "limit"
        limit.mkdir()
        environment = {
            **os.environ,
            # Other runs on this machine may share one already.
            SHARED_LIMIT: os.environ.get(SHARED_LIMIT) or str(limit),
            DIGEST_VARIABLE: project.digest,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Without it, pulumi does not know --event-log.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        if self.requests_per_minute is not None:
            environment["MAILGUN_REQUESTS_PER_MINUTE"] = str(self.requests_per_minute)
        return environment

    def _prepared(self, project: Project, backend: Backend) -> list[str]:
        """The stacks to run, once their states have been looked at; those missing are created."""
        existing = backend.stacks()
        chosen = Choice(self.stacks, self.domains, self.part).of(project, existing)
        states = self._states(backend, [stack for stack in existing if stack in chosen])
        others: Mapping[str, State] = {}
        if self.command in ("preview", "up") and any(
            standing(stack, states.get(stack), project).missing for stack in chosen
        ):
            # What is new here may be in another stack still.
            others = self._states(backend, [stack for stack in existing if stack not in chosen])
        for stack, state in [*states.items(), *others.items()]:
            refuse_misplaced(resources_of(state), stack, project)
        for stack, state in states.items():
            refuse_lost_secrets_provider(stack, state, self.folder)
        held = {stack for stack, state in states.items() if resources_of(state)}
        if self.command in ("preview", "up"):
            self._create(backend, [stack for stack in chosen if stack not in existing])
            return [stack for stack in chosen if project.stacks.get(stack) or stack in held]
        return [s for s in chosen if s in held or (self.command == "destroy" and s in states)]

    def _states(self, backend: Backend, stacks: Sequence[str]) -> dict[str, State]:
        read = in_parallel("reading the state of", backend.state, stacks, self.jobs)
        return dict(zip(stacks, read, strict=True))

    def _create(self, backend: Backend, stacks: Sequence[str]) -> None:
        create = functools.partial(backend.create, secrets_provider=self.secrets_provider)
        in_parallel("creating", create, stacks, self.jobs)
        if stacks and self.secrets_provider:
            files = ", ".join(f"Pulumi.{stack}.yaml" for stack in stacks)
            click.echo(f"commit {files}: they have what decrypts the stacks' secrets", err=True)

    def _confirmed(self, run: Run, shown: _Shown, stacks: list[str]) -> list[str]:
        """The stacks whose preview was done, once the user has agreed to it."""
        with shown.running(stacks, is_preview=True):
            outcomes = run.stacks(stacks, *_PREVIEWS[self.command], *self._policies())
        click.echo(summary(outcomes, self.command, is_preview=True), err=self.show_json)
        ready = [outcome.stack for outcome in outcomes if outcome.is_done]
        if run.interrupted or not ready:
            sys.exit(1)
        verb = "Update" if self.command == "up" else self.command.capitalize()
        question = f"{verb} {counted(len(ready), 'stack')}"
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


class _Shown:
    """Shows how a run goes, on stderr: a progress bar on a terminal, lines anywhere else."""

    def __init__(self, project: Project, command: Command) -> None:
        self._project = project
        self._command: Command = command
        self._is_preview = False
        self._bar: Any = None
        self._finished = 0
        self._last = time.monotonic()

    @contextlib.contextmanager
    def running(self, stacks: Sequence[str], *, is_preview: bool) -> Iterator[None]:
        """Show the run of some stacks."""
        self._is_preview = is_preview
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
            with contextlib.suppress(OSError):
                self._bar.update(done - self._bar.pos)
        elif running and time.monotonic() - self._last > SECONDS_OF_SILENCE:
            parts = [f"{stack} ({done} of {self._size(stack)})" for stack, done in running.items()]
            self.say(f"running: {', '.join(parts)}; waiting: {counted(waiting, 'stack')}")

    def finished(self, outcome: Outcome) -> None:
        """A line for the stack, unless there is a bar."""
        self._finished += self._size(outcome.stack)
        if self._bar is None:
            self.say(finished(outcome, self._command, is_preview=self._is_preview))

    def say(self, message: str) -> None:
        """Print a line, unless the terminal is gone."""
        self._last = time.monotonic()
        with contextlib.suppress(OSError):
            click.echo(f"\n{message}" if self._bar is not None else message, err=True)

    def _size(self, stack: str) -> int:
        return len(self._project.stacks.get(stack, ()))
