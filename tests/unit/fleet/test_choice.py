"""Which stacks a command is about."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mailgun_tracking.cli import fleet_choice
from mailgun_tracking.cli.commands import commands
from mailgun_tracking.cli.fleet_choice import Choice, in_parallel
from mailgun_tracking.fleet.project import Project

STACKS = {f"fleet-{number:03}": (f"mg{number}.test",) for number in range(1, 8)}
PROJECT = Project(Path(), "mail", {}, {**STACKS, "empty": ()}, ())


def chosen(*stacks: str, domains: tuple[str, ...] = (), part: tuple[int, int] | None = None) -> str:
    """The numbers of the stacks."""
    existing = ["fleet-002", "fleet-1000", "prod", "dev", "fleet-010", "fleet-001"]
    return " ".join(Choice(stacks, domains, part).of(PROJECT, existing)).replace("fleet-00", "")


def test_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    """All of the files, then those that were; a stack that was never the fleet's is left alone."""
    assert chosen() == "1 2 3 4 5 6 7 fleet-010 fleet-1000"
    assert (
        capsys.readouterr().err
        == "left out: dev, prod (not in stacks.csv; to run one, name it with --stack)\n"
    )
    assert chosen("fleet-010", "fleet-003", "dev") == "3 dev fleet-010"
    assert chosen("fleet-001", domains=("mg7.test",)) == "1 7"
    assert capsys.readouterr().err == ""


def test_slices_are_all_of_it() -> None:
    slices = [chosen(part=(number, 4)) for number in (1, 2, 3, 4)]
    assert slices == ["1 5 fleet-1000", "2 6", "3 7", "4 fleet-010"]


def test_what_does_not_exist() -> None:
    with pytest.raises(click.UsageError, match=r"^x\.test is not among the domains"):
        chosen(domains=("x.test",))
    with pytest.raises(click.UsageError, match=r"^there is no stack empty, fleet-9$"):
        chosen("fleet-9", "empty")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["up", "--yes", "--slice", "0/3"], "write it as 3/10"),
        (["up", "--yes", "--slice", "4/3"], "write it as 3/10"),
        (["status", "--slice", "x"], "write it as 3/10"),
        (["destroy", "--yes", "--domain", "mg1.test"], "destroy is about whole stacks"),
    ],
)
def test_arguments(arguments: list[str], error: str) -> None:
    done = CliRunner().invoke(commands, ["fleet", *arguments])
    assert (done.exit_code, error in done.stderr) == (2, True)


def test_it_is_never_quiet_for_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet_choice, "SECONDS_OF_SILENCE", -1.0)
    assert in_parallel("reading", str.upper, ["a", "b"], 2) == ["A", "B"]
    said = ["reading 2 stacks", "reading 2 stacks: 1 done", "reading 2 stacks: 2 done"]
    assert capsys.readouterr().err.splitlines() == said
