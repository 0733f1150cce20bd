"""What `make dist` builds, and what is in it."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mailgun_tracking import __version__
from tests.engine.stack import ROOT
from tests.package.building import build
from tests.package.locks import pins, project

NAME = f"mailgun_tracking-{__version__}"


@dataclass(frozen=True)
class Distributions:
    """The sdist, the wheel built from it, and the wheel's SBOM."""

    sdist: Path
    wheel: Path
    sbom: Path

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
    """Built by `make dist`, with what is installed for these tests."""
    folder = tmp_path_factory.mktemp("dist")
    variables = [f"BIN={Path(sys.executable).parent}", f"DIST={folder}"]
    command = ["make", "--silent", "--old-file=.venv/dev", "dist", *variables]
    subprocess.run(command, cwd=ROOT, check=True)
    wheel, sbom, sdist = sorted(folder.iterdir())
    return Distributions(sdist, wheel, sbom)


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
        "pytest_mailgun_tracking.py",
    }


def test_the_wheel_contains_only_the_package(built: Distributions) -> None:
    """It is pure Python, and declares its type hints, its command and its pytest plugin."""
    assert built.wheel.name == f"{NAME}-py3-none-any.whl"
    assert built.wheel_files - outside_the_package(built.wheel_files) == package_files()
    assert "mailgun_tracking/py.typed" in built.wheel_files
    metadata = {
        f"{NAME}.dist-info/{file}"
        for file in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert outside_the_package(built.wheel_files) == metadata | {"pytest_mailgun_tracking.py"}
    with zipfile.ZipFile(built.wheel) as wheel:
        declared = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert "[pytest11]\npytest_mailgun_tracking = pytest_mailgun_tracking\n" in f"{declared}\n"


def test_the_sdist_builds_the_same_wheel_as_the_checkout(
    built: Distributions, tmp_path: Path
) -> None:
    """Byte for byte."""
    (wheel,) = build(tmp_path, "--wheel")
    assert wheel.name == built.wheel.name
    assert wheel.read_bytes() == built.wheel.read_bytes()


@pytest.mark.behaviour(96)
def test_the_sbom_names_the_wheel_and_what_is_installed_with_it(built: Distributions) -> None:
    """With the versions that requirements.txt has for this Python, and no path of this machine."""
    assert built.sbom.name == f"{built.wheel.name}.cdx.json"
    text = built.sbom.read_text(encoding="utf-8")
    assert "file:" not in text
    sbom: dict[str, Any] = json.loads(text)
    assert sbom["bomFormat"] == "CycloneDX"
    named: dict[str, str] = {
        canonicalize_name(one["name"]): one["version"] for one in sbom["components"]
    }
    assert named.pop("mailgun-tracking") == __version__
    assert named == pins("requirements.txt", "{}.{}".format(*sys.version_info))
    [needs] = [one for one in sbom["dependencies"] if one["ref"].startswith("mailgun-tracking=")]
    declared = {Requirement(line).name for line in project()["project"]["dependencies"]}
    found = {canonicalize_name(Requirement(ref).name) for ref in needs["dependsOn"]}
    # Pulumi brings along what the extra `cli` needs.
    assert found - declared <= {"pyyaml"}
    assert found >= declared
