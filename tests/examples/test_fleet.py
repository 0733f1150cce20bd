"""The example of a fleet, on the real engine against the emulator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from mailgun_tracking.emulator import Emulator
from tests.docs.markdown import ROOT, Document, codes
from tests.engine.stack import engine_environment
from tests.examples.mocked import ANSWERS, Registered, kind_of, run_mocked
from tests.examples.projects import (
    EXAMPLES,
    VIRTUALENV,
    commands_of,
    github_jobs,
    project_of,
    text_of,
)

NAME = "fleet"
SECONDS = 600.0
"""How long a command may take, on a machine with much else to do."""


def copied(tmp_path: Path) -> Path:
    """A copy of the example, with this test run's virtualenv."""
    kept = shutil.ignore_patterns("venv", "emulator.json", "__pycache__")
    folder = shutil.copytree(EXAMPLES / NAME, tmp_path / NAME, ignore=kept)
    (folder / "venv").symlink_to(sys.prefix)
    return folder


def test_the_readme_can_be_followed(tmp_path: Path) -> None:
    """The commands of its README create what its files say, and then there is nothing to do."""
    folder = copied(tmp_path)
    (tmp_path / "backend").mkdir()
    # The time to save 150 growing states is not what this is about.
    environment = engine_environment(tmp_path) | {"PULUMI_SKIP_CHECKPOINTS": "true"}
    # No user has set it.
    del environment["PULUMI_DEBUG_COMMANDS"]

    def run(script: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}"
        return done.stdout

    first, *commands = commands_of(NAME)
    assert first == VIRTUALENV
    assigned, preview, up, again = map(run, commands)
    assert assigned == "stacks.csv has 200 domains in 2 stacks\n"
    assert (folder / "stacks.csv").read_text() == text_of(NAME, "stacks.csv")
    assert "200 to create\n" in preview
    assert "200 created\n" in up
    assert "200 unchanged\n2 stacks, 2 done\n" in again

    with Emulator(state_file=folder / "emulator.json") as mailgun:
        assert mailgun.domain("mail.amber-dental.example").web_scheme == "https"
        assert mailgun.domain("mail.amber-cafe.example", "eu").click == {"active": "htmlonly"}


def test_the_program_with_dns_records(tmp_path: Path) -> None:
    """With the program of its README and of the guide, the domains with https get a record each."""
    folder = copied(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", text_of(NAME, "README.md"), re.DOTALL)
    assert program in Document(ROOT / "docs" / "guides" / "fleets.md").text
    (done,) = run_mocked(
        [program],
        directory=folder,
        project=project_of(NAME)["name"],
        config={},
        answers=ANSWERS,
        stack="fleet-001",
    )
    assert not done.error, done.error
    made = [step for step in done.steps if isinstance(step, Registered)]
    https = re.findall(r"(.*),.*,true,.*,.*,.*\n", text_of(NAME, "domains.csv"))
    assert [one.name for one in made if kind_of(one.type) == "Record"] == https
    assert len([one for one in made if kind_of(one.type) == "DomainTracking"]) == 150


def test_the_slices_are_all_of_the_fleet() -> None:
    """The jobs of a pull request preview each stack once."""
    slices = github_jobs(NAME)["preview"]["strategy"]["matrix"]["slice"]
    assert slices == [f"{number}/{len(slices)}" for number in range(1, len(slices) + 1)]


def test_the_readme_has_each_job_and_each_variable() -> None:
    """And no others."""
    readme = Document(EXAMPLES / NAME / "README.md")
    assert {codes(job)[0] for job, *_ in readme.table("job")} == github_jobs(NAME).keys()
    variables = {codes(name)[0] for name, _ in readme.table("variable")}
    assert set(re.findall(r"\b(?:secrets|vars)\.(\w+)", str(github_jobs(NAME)))) == variables


def test_only_this_repository_gets_the_secrets() -> None:
    """A pull request from a fork starts no job that has them."""
    for file in (EXAMPLES / NAME / ".github" / "workflows").iterdir():
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        # YAML 1.1 reads the key `on` as true.
        if "pull_request" in str(workflow[True]):
            assert workflow[True] == "pull_request"
            for job in workflow["jobs"].values():
                assert job["if"].endswith("full_name == github.repository")
