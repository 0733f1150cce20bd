"""What the sdist and the wheel contain."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailgun_tracking import __version__
from tests.engine.stack import ROOT
from tests.package.building import build

NAME = f"mailgun_tracking-{__version__}"


@dataclass(frozen=True)
class Distributions:
    """The sdist, and the wheel built from it."""

    sdist: Path
    wheel: Path

    @property
    def sdist_files(self) -> set[str]:
        """Paths below the sdist's only folder."""
        with tarfile.open(self.sdist) as archive:
            paths = [member.name.split("/", 1) for member in archive if member.isfile()]
        assert {folder for folder, _ in paths} == {NAME}
        return {path for _, path in paths}

    @property
    def wheel_files(self) -> set[str]:
        """Paths in the wheel."""
        return set(zipfile.ZipFile(self.wheel).namelist())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    wheel, sdist = build(tmp_path_factory.mktemp("dist"))
    return Distributions(sdist, wheel)


def package_files() -> set[str]:
    """The files of the package in this checkout."""
    return {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "mailgun_tracking").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def outside_the_package(files: Iterable[str]) -> set[str]:
    return {file for file in files if not file.startswith("mailgun_tracking/")}


def test_the_sdist_contains_the_package_and_its_documents(built: Distributions) -> None:
    """The build backend adds PKG-INFO, pyproject.toml and .gitignore."""
    assert built.sdist.name == f"{NAME}.tar.gz"
    assert built.sdist_files - outside_the_package(built.sdist_files) == package_files()
    assert outside_the_package(built.sdist_files) == {
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
    }


def test_the_wheel_contains_only_the_package(built: Distributions) -> None:
    """It is pure Python, and declares its type hints and its command."""
    assert built.wheel.name == f"{NAME}-py3-none-any.whl"
    assert built.wheel_files - outside_the_package(built.wheel_files) == package_files()
    assert "mailgun_tracking/py.typed" in built.wheel_files
    metadata = {
        f"{NAME}.dist-info/{file}"
        for file in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert outside_the_package(built.wheel_files) == metadata


def test_the_sdist_builds_the_same_wheel_as_the_checkout(
    built: Distributions, tmp_path: Path
) -> None:
    """Byte for byte."""
    (wheel,) = build(tmp_path, "--wheel")
    assert wheel.name == built.wheel.name
    assert wheel.read_bytes() == built.wheel.read_bytes()
