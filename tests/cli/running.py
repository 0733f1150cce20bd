"""Running `mailgun-tracking import` in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mailgun_tracking.cli.import_command import import_command


@dataclass(frozen=True)
class Imported:
    """What a run of the command printed and wrote.

    Attributes:
        code: its exit code.
        printed: what it printed to stdout.
        told: the lines that it printed to stderr.
        directory: where it wrote.
    """

    code: int
    printed: str
    told: list[str]
    directory: Path

    @property
    def written(self) -> list[str]:
        """The names of the files that it wrote."""
        return (
            sorted(file.name for file in self.directory.iterdir())
            if self.directory.is_dir()
            else []
        )

    @property
    def program(self) -> str:
        """The program."""
        return (self.directory / "__main__.py").read_text(encoding="utf-8")

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The entries of the import file."""
        content = json.loads((self.directory / "import.json").read_text(encoding="utf-8"))
        return list(content["resources"])

    @property
    def ids(self) -> list[str]:
        """The type and id of each entry that has one."""
        return [
            f"{entry['type'].rpartition(':')[2]} {entry['id']}"
            for entry in self.resources
            if "id" in entry
        ]


def run_import(directory: Path, *arguments: str, stdin: str = "") -> Imported:
    """Run it with `--out` below a directory."""
    out = directory / "imported"
    done = CliRunner().invoke(
        import_command, [*arguments, "--out", str(out)], input=stdin, catch_exceptions=False
    )
    return Imported(done.exit_code, done.stdout, done.stderr.splitlines(), out)
