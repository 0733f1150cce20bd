"""The projects in examples/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


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
