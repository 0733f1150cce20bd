"""What `fleet assign` and `fleet move` say."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgun_tracking.cli.commands import commands


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet of three domains, none of which has a stack."""
    (tmp_path / "Pulumi.yaml").write_text("name: mail\nruntime: python\n")
    declare(tmp_path, "abc")
    return tmp_path


def declare(folder: Path, letters: str) -> None:
    """Have these domains in the file."""
    (folder / "domains.csv").write_text(
        "domain\n" + "".join(f"{letter}.example.com\n" for letter in letters)
    )


def run(folder: Path, *arguments: str) -> Result:
    """Run `mailgun-tracking fleet`."""
    line = ["fleet", *arguments, "-C", str(folder)]
    return CliRunner().invoke(commands, line, catch_exceptions=False)


@pytest.mark.behaviour(118)
def test_assign(folder: Path) -> None:
    first = run(folder, "assign", "--size", "2")
    assert (first.exit_code, first.stdout.splitlines()) == (
        0,
        [
            "fleet-001: 2 new domains",
            "fleet-002: 1 new domain",
            "stacks.csv has 3 domains in 2 stacks",
        ],
    )
    declare(folder, "bcd")
    assert run(folder, "assign", "--size", "2").stdout.splitlines() == [
        "fleet-001: 1 new domain",
        "dropped: 1 domain",
        "stacks.csv has 3 domains in 2 stacks",
    ]
    assert run(folder, "assign", "--size", "3", "--recut").stdout.splitlines() == [
        "1 domain to move: run `mailgun-tracking fleet move`",
        "stacks.csv has 3 domains in 1 stack",
    ]
    assert run(folder, "assign").stdout == "stacks.csv has 3 domains in 1 stack\n"


@pytest.mark.behaviour(117)
def test_what_is_wrong_with_a_file(folder: Path) -> None:
    """It is one line, exit code 2, and nothing is written."""
    declare(folder, "aa")
    for command in ("assign", "move"):
        done = run(folder, command)
        error = "Error: domains.csv, line 3: a.example.com is in line 2 already\n"
        assert (done.exit_code, done.stderr) == (2, error)
    assert not (folder / "stacks.csv").exists()


@pytest.mark.behaviour(118)
def test_move_assigns_nothing(folder: Path) -> None:
    done = run(folder, "move")
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: a.example.com and 2 more have no stack; "
        "run `mailgun-tracking fleet assign`, and commit stacks.csv\n",
    )


def test_a_stacks_file_that_cannot_be_written(folder: Path) -> None:
    (folder / "stacks.csv").symlink_to(folder / "nowhere" / "stacks.csv")
    done = run(folder, "assign")
    assert (done.exit_code, done.stderr) == (
        2,
        f"Error: cannot write {folder / 'stacks.csv'}: No such file or directory\n",
    )
