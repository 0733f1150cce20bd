"""Text in a file that a command writes, between two markers."""

from __future__ import annotations

import re
from pathlib import Path

import click


def replace_marked(file: Path, name: str, text: str) -> None:
    """Replace what a file has between `<!-- NAME: by ... -->` and `<!-- end of NAME -->`."""
    marked = re.compile(
        rf"(<!-- {re.escape(name)}: by [^\n]* -->\n).*(<!-- end of {re.escape(name)} -->)",
        re.DOTALL,
    )
    content = file.read_text(encoding="utf-8")
    new, count = marked.subn(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", content)
    if count != 1:
        raise click.ClickException(f"{file.name} lacks the markers of the {name} table")
    file.write_text(new, encoding="utf-8")
