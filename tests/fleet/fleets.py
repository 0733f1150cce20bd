"""A fleet for a test: its files, a backend of its own, and the commands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from click.testing import CliRunner, Result

from mailgun_tracking.cli.commands import commands
from mailgun_tracking.emulator import Emulator
from tests.engine.stack import engine_environment

PROGRAM = "from mailgun_tracking.fleet import declare\n\ndeclare()\n"


class Fleet:
    """A fleet in a folder, which talks to an emulator."""

    def __init__(self, folder: Path, emulator: Emulator, program: str = PROGRAM) -> None:
        self.folder = folder
        (folder / "backend").mkdir()
        self.write("Pulumi.yaml", "name: mail\nruntime: python\n")
        self.write("__main__.py", program)
        self.environment = {
            **engine_environment(folder),
            "MAILGUN_BASE_URL": f"{emulator.url}/{{region}}",
            "MAILGUN_API_KEY": emulator.key,
            "MAILGUN_TRACKING_NAMESERVER": emulator.name_server,
        }
        # No user has set it.
        del self.environment["PULUMI_DEBUG_COMMANDS"]

    def write(self, file: str, text: str) -> None:
        """Write one of its files."""
        (self.folder / file).write_text(text, encoding="utf-8")

    def read(self, file: str) -> str:
        """Read one of its files."""
        return (self.folder / file).read_text(encoding="utf-8")

    def run(self, command: str, *arguments: str, code: int = 0) -> Result:
        """Run `mailgun-tracking fleet COMMAND` on it, which ends with this exit code."""
        line = ["fleet", command, "--cwd", str(self.folder), *arguments]
        done = CliRunner().invoke(commands, line, env=self.environment, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done

    def pulumi(self, *arguments: str, code: int = 0) -> str:
        """Run `pulumi` in its folder, which ends with this exit code; returns all it printed."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def state(self, stack: str) -> Path:
        """The file in the backend that has the state of a stack."""
        return self.folder / "backend" / ".pulumi" / "stacks" / "mail" / f"{stack}.json"

    def resources(self, stack: str) -> list[str]:
        """The types and names of what is in a state, without the stack itself and providers."""
        latest = json.loads(self.state(stack).read_text())["checkpoint"]["latest"] or {}
        return sorted(
            f"{one['type'].rpartition(':')[2]} {one['urn'].rpartition('::')[2]}"
            for one in latest.get("resources") or []
            if not one["type"].startswith(("pulumi:pulumi:", "pulumi:providers:"))
        )
