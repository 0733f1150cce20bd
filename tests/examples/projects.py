"""The projects in examples/, as their folders say."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import yaml

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def text_of(example: str, file: str = "__main__.py") -> str:
    """The text of one of an example's files."""
    return (EXAMPLES / example / file).read_text(encoding="utf-8")


def project_of(example: str) -> dict[str, Any]:
    """What an example's Pulumi.yaml says."""
    return dict(yaml.safe_load(text_of(example, "Pulumi.yaml")))


def commands_of(example: str) -> list[str]:
    """The commands that an example's README gives, in order."""
    block = text_of(example, "README.md").split("```console\n")[1].split("```")[0]
    return block.splitlines()


def lines_of_code(program: str) -> int:
    """How many lines of a program hold code: not blank, no comment, not its docstring."""
    tree = ast.parse(program)
    lines = program.splitlines()
    first = tree.body[1].lineno if ast.get_docstring(tree) is not None else 1
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") for line in lines[first - 1 :]
    )
