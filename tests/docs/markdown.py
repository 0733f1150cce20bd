"""The Markdown files of the repository: their code, links, anchors and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^ *```(\S+).*?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
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
        """Its text."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Its text without blocks of code."""
        return _FENCE.sub("", self.text)

    def code(self) -> Iterator[str]:
        """Each line of its blocks of code, and each code span in its prose."""
        for _, block in _FENCE.findall(self.text):
            yield from block.splitlines()
        yield from _SPAN.findall(self.prose)

    def links(self) -> list[str]:
        """The targets of its links, as written."""
        return _LINK.findall(_SPAN.sub("", self.prose))

    def anchors(self) -> set[str]:
        """What can follow `#` in a link to it, spelled as GitHub does."""
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
    """The code spans in a table cell."""
    return _SPAN.findall(cell)


def documents() -> list[Document]:
    """Every Markdown file of the repository that is meant for readers."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")]
    files += ROOT.glob("examples/*/*.md")
    return [Document(file) for file in sorted(files)]


README = Document(ROOT / "README.md")
