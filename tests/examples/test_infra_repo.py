"""The example of an infrastructure repository, with only the built wheel installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mailgun_tracking.emulator import Emulator
from tests.docs.markdown import Document, codes
from tests.engine.stack import ROOT, TIMEOUT_SECONDS, engine_environment
from tests.examples.projects import (
    EXAMPLES,
    VIRTUALENV,
    commands_of,
    github_jobs,
    github_scripts,
    gitlab_jobs,
    gitlab_scripts,
    text_of,
)
from tests.package.building import build, uv

NAME = "infra-repo"
DRIFT = 7
"""The exit code of `pulumi preview --expect-no-changes` if there are changes."""


def installed(tmp_path: Path) -> Path:
    """A copy of the repository, whose virtualenv has the wheel and what it asks for.

    The versions are the locked ones.
    """
    repository = tmp_path / NAME
    kept = shutil.ignore_patterns("venv", "emulator.json", "__pycache__", ".pytest_cache")
    shutil.copytree(EXAMPLES / NAME, repository, ignore=kept)
    (wheel,) = build(tmp_path / "dist", "--wheel")
    requirements = repository / "requirements.txt"
    ours = re.sub(
        r"^\.\./\.\.(\[.*?\]).*$",
        rf"mailgun-tracking\1 @ {wheel.as_uri()}",
        requirements.read_text(),
        flags=re.MULTILINE,
    )
    requirements.write_text(ours)
    python = repository / "venv" / "bin" / "python"
    uv("venv", "--no-project", "--python", sys.executable, repository / "venv")
    locks = [
        f"--constraint={ROOT / file}"
        for file in ("requirements-emulator.txt", "requirements-dev.txt")
    ]
    uv("pip", "install", "--python", python, *locks, "--requirement", requirements)
    return repository


def test_all_that_it_does_without_an_account(tmp_path: Path) -> None:
    """Its README and its tests, the job for forks, and the nightly jobs with their exit codes."""
    repository = installed(tmp_path)
    (tmp_path / "backend").mkdir()
    environment = engine_environment(tmp_path) | {
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        "PULUMI_OPTION_SKIP_PREVIEW": "true",
    }
    # Nothing leads to this checkout and its virtualenv, and all is compiled only once.
    for name in ("PYTHONPATH", "PULUMI_PYTHON_CMD", "PYTHONDONTWRITEBYTECODE"):
        del environment[name]

    def run(script: str, expected: int = 0) -> str:
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert done.returncode == expected, f"{script}\n{done.stdout}"
        return done.stdout

    first, *commands = commands_of(NAME)
    assert first == VIRTUALENV
    for command in commands:
        printed = run(command)
    assert re.search(r"=+ \d+ passed", printed)

    jobs = github_scripts(NAME)
    (preview,) = set(jobs["preview-of-fork"]) - set(commands_of(NAME))
    assert "+ 40 to create" in run(preview)

    drift, status = (jobs[name][-1] for name in ("drift", "status"))
    drift = drift.replace("--stack prod", "--stack dev")
    with Emulator(state_file=repository / "emulator.json") as mailgun:
        environment |= mailgun.environment
        run(drift)
        assert "12 domains: all well" in run(status)
        mailgun.drift("app.notify.example.com", click=True)
        assert "~ 1 to update" in run(drift, DRIFT)
        environment["MAILGUN_API_KEY"] = "revoked"
        assert "Invalid private key" in run(drift, 1)


def test_github_and_gitlab_do_the_same() -> None:
    """Their jobs have the same names and commands, but for how Git gets its token."""

    def commands(scripts: Mapping[str, list[str]]) -> dict[str, list[str]]:
        return {
            name: [
                line for script in job for line in script.splitlines() if "git config" not in line
            ]
            for name, job in scripts.items()
        }

    assert commands(github_scripts(NAME)) == commands(gitlab_scripts(NAME))


def test_the_readme_has_each_job_and_each_variable() -> None:
    """And no others."""
    readme = Document(EXAMPLES / NAME / "README.md")
    assert [codes(job)[0] for job, *_ in readme.table("job")] == list(gitlab_jobs(NAME))
    assert github_jobs(NAME).keys() == gitlab_jobs(NAME).keys()
    variables = {codes(name)[0] for name, _ in readme.table("variable")}
    assert set(re.findall(r"\b(?:secrets|vars)\.(\w+)", str(github_jobs(NAME)))) == variables


def test_a_fork_gets_no_secret() -> None:
    """Its job names none, and all others run only where it does not."""
    jobs: dict[str, Any] = github_jobs(NAME)
    assert "${{" not in str(jobs["preview-of-fork"])
    here = jobs["preview"]["if"]
    assert here.replace("==", "!=") == jobs["preview-of-fork"]["if"]
    triggers = {
        # YAML 1.1 reads the key `on` as true.
        file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))[True]
        for file in (EXAMPLES / NAME / ".github" / "workflows").iterdir()
    }
    assert triggers["pull-request"] == "pull_request"
    assert [name for name, on in triggers.items() if "pull_request" in str(on)] == ["pull-request"]
    (rule,), (other,) = (
        gitlab_jobs(NAME)[name]["rules"] for name in ("preview", "preview-of-fork")
    )
    first, _, last = rule["if"].rpartition("==")
    assert other["if"] == f"{first}!={last}"


def test_the_policy_pack_uses_the_virtualenv_of_the_program() -> None:
    """So there is one to install."""
    pack = yaml.safe_load(text_of(NAME, "policy-pack/PulumiPolicy.yaml"))
    path = Path("policy-pack") / pack["runtime"]["options"]["virtualenv"]
    assert (EXAMPLES / NAME / path).resolve() == EXAMPLES / NAME / "venv"
