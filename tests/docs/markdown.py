"""The repository's Markdown files: their code, links, anchors and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """A Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """It without its blocks of code."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """Its blocks of code in a language, in order."""
        return [code for found, code in _FENCE.findall(self.text) if found == language]

    def code(self) -> Iterator[str]:
        """Each line of its blocks of code, and each piece of code in its prose."""
        for _, block in _FENCE.findall(self.text):
            yield from block.splitlines()
        yield from _SPAN.findall(self.prose)

    def links(self) -> list[str]:
        """What its links lead to, as written."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    def anchors(self) -> set[str]:
        """What a link can name after `#`, spelled as GitHub does."""
        anchors: set[str] = set()
        for heading in _HEADING.findall(self.prose):
            plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            number, anchor = 0, plain
            while anchor in anchors:
                number += 1
                anchor = f"{plain}-{number}"
            anchors.add(anchor)
        return anchors

    def table(self, first: str) -> list[list[str]]:
        """The rows of the table whose first column has this heading, cell by cell."""
        lines = self.text.splitlines()
        (start,) = [at for at, line in enumerate(lines) if line.startswith(f"| {first} |")]
        rows = []
        for line in lines[start + 2 :]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        return rows


def codes(cell: str) -> list[str]:
    """The pieces of code in a table's cell."""
    return _SPAN.findall(cell)


def documents() -> list[Document]:
    """Every Markdown file that readers are led to."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")]
    files += ROOT.glob("examples/*/*.md")
    return [Document(file) for file in sorted(files)]


README = Document(ROOT / "README.md")
