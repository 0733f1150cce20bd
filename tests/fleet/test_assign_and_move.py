"""What `fleet assign` and `fleet move` say."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

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


@pytest.mark.behaviour(118)
@pytest.mark.parametrize(
    "command", ["preview", "up --yes", "refresh --yes", "destroy --yes", "status", "move"]
)
def test_a_file_that_has_lost_domains(folder: Path, command: str) -> None:
    """Only `assign`, whose result is reviewed, lets go of them."""
    run(folder, "assign")
    declare(folder, "c")
    refused = run(folder, *command.split())
    assert (refused.exit_code, refused.stderr) == (
        2,
        "Error: a.example.com and 1 more are in stacks.csv, but not in domains.csv; "
        "run `mailgun-tracking fleet assign` if they are to go, and commit stacks.csv\n",
    )
    assert run(folder, "assign").stdout.startswith("dropped: 2 domains\n")


@pytest.mark.behaviour(118)
def test_a_stack_that_loses_its_last_domain(folder: Path) -> None:
    """Commands for all stacks leave it out, if its name could be that of something else."""
    (folder / "stacks.csv").write_text(
        "domain,stack\na.example.com,fleet-002\nb.example.com,brand-b\nc.example.com,fleet-001\n"
    )
    declare(folder, "c")
    assert run(folder, "assign").stdout.splitlines() == [
        "dropped: 2 domains",
        "brand-b has no domains left; "
        "`mailgun-tracking fleet up --stack brand-b` deletes what it still has",
        "stacks.csv has 1 domain in 1 stack",
    ]


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


@pytest.mark.behaviour(120)
@pytest.mark.parametrize("answer", ["n", "y"])
def test_move_asks_on_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """It says what moves and what stays; Pulumi's refusal is an error. Elsewhere it needs --yes."""
    of_stack = "urn:pulumi:old::mail::"
    state = [
        {"urn": f"{of_stack}aws:route53/record:Record::{name}", "type": "aws:route53/record:Record"}
        for name in ("record", "a.example.com")
    ]
    answers = {
        "ls": [{"name": "old"}, {"name": "fleet-001"}],
        "export-old": {"deployment": {"resources": state}},
        "export-fleet-001": {"deployment": {}},
    }
    for name, content in answers.items():
        (folder / name).write_text(json.dumps(content))
    pulumi = folder / "pulumi"
    pulumi.write_text('#!/bin/sh\ncat "$2-$4" || cat "$2" || exit 255\n')
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    run(folder, "assign")
    done = run(folder, "move")
    assert done.exit_code == 2
    assert "Error: without a terminal, --yes is needed to move them" in done.stderr
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("mailgun_tracking.cli.fleet_move.sys", terminal)
    done = CliRunner().invoke(commands, ["fleet", "move", "-C", str(folder)], input=answer)
    assert done.stdout.splitlines() == [
        f"stays in old, as no domain is in its name: {state[0]['urn']}",
        "old → fleet-001: 1 domain: a.example.com",
        f"Move them? [y/N]: {answer}",
    ]
    assert done.exit_code == 1
    error = "Error: cannot move resources from old to fleet-001: "
    assert (error in done.stderr) == (answer == "y")

    stacks = (folder / "stacks.csv").read_text()
    (folder / "stacks.csv").write_text(
        stacks.replace("a.example.com,fleet-001", "a.example.com,old")
    )
    done = run(folder, "move")
    assert done.stdout == "Each domain is in its stack.\n"
    assert done.stderr == "reading the state of 2 stacks\n"


def test_a_stacks_file_that_cannot_be_written(folder: Path) -> None:
    (folder / "stacks.csv").symlink_to(folder / "nowhere" / "stacks.csv")
    done = run(folder, "assign")
    assert (done.exit_code, done.stderr) == (
        2,
        f"Error: cannot write {folder / 'stacks.csv'}: No such file or directory\n",
    )
