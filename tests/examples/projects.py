"""The projects in examples/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
VIRTUALENV = "python3 -m venv venv && venv/bin/pip install -r requirements.txt"
"""The first command in the README of each example."""


def text_of(example: str, file: str = "__main__.py") -> str:
    """The text of one of an example's files."""
    return (EXAMPLES / example / file).read_text(encoding="utf-8")


def project_of(example: str) -> dict[str, Any]:
    """The content of an example's Pulumi.yaml."""
    return dict(yaml.safe_load(text_of(example, "Pulumi.yaml")))


def commands_of(example: str) -> list[str]:
    """The commands in an example's README, in order."""
    block = text_of(example, "README.md").split("```console\n")[1].split("```")[0]
    return block.splitlines()


def github_jobs(example: str) -> dict[str, dict[str, Any]]:
    """The jobs of an example's GitHub workflows, by name."""
    jobs: dict[str, dict[str, Any]] = {}
    for file in (EXAMPLES / example / ".github" / "workflows").iterdir():
        jobs |= yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return jobs


def github_scripts(example: str) -> dict[str, list[str]]:
    """The scripts of each GitHub job's steps, in order."""
    return {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in github_jobs(example).items()
    }


def gitlab_jobs(example: str) -> dict[str, dict[str, Any]]:
    """The jobs in an example's `.gitlab-ci.yml`, by name."""
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(text_of(example, ".gitlab-ci.yml"))
    default = jobs.pop("default")
    return {name: {**default, **job} for name, job in jobs.items()}


def gitlab_scripts(example: str) -> dict[str, list[str]]:
    """The commands of each GitLab job, in order."""
    jobs = gitlab_jobs(example)
    return {name: [*job["before_script"], *job["script"]] for name, job in jobs.items()}
