"""The stacks of a project, through the command `pulumi` in its folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import FleetError

Resource = Mapping[str, Any]
"""A resource of a state, as `pulumi stack export` prints it."""
State = Mapping[str, Any]
"""The state of a stack, as Pulumi calls a deployment."""
NEVER_ASK = ("--non-interactive", "--color", "never")
"""Options of every `pulumi` process."""


def resources_of(state: State) -> list[Resource]:
    """The resources in a state."""
    return state.get("resources") or []


class Backend:
    """The stacks of one project, wherever its backend is.

    Args:
        folder: where `Pulumi.yaml` is.

    Raises:
        FleetError: there is no `pulumi`; in each method, it failed.
    """

    def __init__(self, folder: Path) -> None:
        pulumi = shutil.which("pulumi")
        if pulumi is None:
            raise FleetError("a fleet needs pulumi, which is not on PATH")
        self.pulumi = pulumi
        self._folder = folder

    def stacks(self) -> list[str]:
        """The names of the stacks that exist."""
        listed = json.loads(self._run("cannot list the stacks", "stack", "ls", "--json"))
        # Pulumi Cloud names the organization, too, where it is not the default one.
        return [one["name"].rpartition("/")[2] for one in listed]

    def state(self, stack: str) -> State:
        """The state of a stack."""
        text = self._run(f"cannot read {stack}", "stack", "export", "--stack", stack)
        deployment: State = json.loads(text)["deployment"]
        return deployment

    def resources(self, stack: str) -> list[Resource]:
        """The resources in the state of a stack."""
        return resources_of(self.state(stack))

    def create(
        self, stack: str, secrets_provider: str | None = None, config_of: str | None = None
    ) -> None:
        """Create a stack, without selecting it.

        Args:
            stack: its name.
            secrets_provider: what encrypts its secrets; by default what is the backend's default.
            config_of: the stack whose configuration it gets.
        """
        provider = ["--secrets-provider", secrets_provider] if secrets_provider else []
        config = ["--copy-config-from", config_of] if config_of else []
        command = ["stack", "init", "--no-select", "--stack", stack, *provider, *config]
        self._run(f"cannot create {stack}", *command)

    def cancel(self, stack: str) -> None:
        """Release the lock of a stack."""
        self._run(f"cannot release the lock of {stack}", "cancel", "--yes", "--stack", stack)

    def move(self, urns: Sequence[str], source: str, dest: str) -> None:
        """Move resources, with all below them, from the state of a stack to that of another."""
        what = f"cannot move resources from {source} to {dest}"
        try:
            self._run(what, "state", "move", "--yes", "--source", source, "--dest", dest, *urns)
        except FleetError as error:
            if "already exists in destination stack" in error.reason:
                error.advise(
                    "the two had different configuration in their last update: with the stacks.csv "
                    "of before, run `mailgun-tracking fleet move` and `up`; then move again"
                )
            raise

    def forget(self, urns: Sequence[str], stack: str) -> None:
        """Take resources out of the state of a stack, even protected ones."""
        what = f"cannot take resources out of {stack}"
        self._run(what, "state", "delete", "--yes", "--force", "--stack", stack, *urns)

    def _run(self, what: str, *command: str) -> str:
        """What a command prints to stdout; `what` is how its error begins."""
        try:
            return subprocess.check_output(  # noqa: S603
                [self.pulumi, *command, *NEVER_ASK],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            lines = filter(None, map(str.strip, error.stderr.splitlines()))
            failure = FleetError(what, " ".join(lines).removeprefix("error: "))
            if "must be set for login" in failure.reason:
                failure.advise("run `pulumi login` first")
            raise failure from None
