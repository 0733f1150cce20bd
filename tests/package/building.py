"""Builds the package as a release would, and installs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.stack import ROOT


def build(directory: Path, *options: str) -> list[Path]:
    """Build into a directory: by default an sdist, and a wheel from it. Returns the files, sorted.

    `--no-isolation` builds with the pinned hatchling, and fails if pyproject.toml requires another.
    """
    command = [sys.executable, "-m", "build", "--no-isolation", *options]
    subprocess.run([*command, "--outdir", directory, ROOT], check=True, stdout=subprocess.DEVNULL)
    return sorted(directory.iterdir())


def uv(*arguments: str | Path) -> None:
    """Run uv, which installs much faster than pip."""
    subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", "--system-certs", *arguments], check=True
    )
