"""The lock files: complete, hashed, and in agreement with pyproject.toml and with each other."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.engine.stack import ROOT
from tests.package.locks import LOCKS, applies, entries, pins, project, pythons


def declared(file: str) -> list[Requirement]:
    """What pyproject.toml asks for, that a lock file has to have."""
    content = project()
    package, groups = content["project"], content["dependency-groups"]
    name = file.removeprefix("requirements").removesuffix(".txt").lstrip("-")
    if name in ("", "emulator"):
        lines = list(package["dependencies"])
        if name:
            lines += [line for extra in package["optional-dependencies"].values() for line in extra]
            lines += [*groups["build"], *content["build-system"]["requires"]]
    else:
        lines = groups[name]
    return [Requirement(line) for line in lines]


@pytest.mark.behaviour(96)
@pytest.mark.parametrize("file", LOCKS)
def test_every_version_is_pinned_and_hashed(file: str) -> None:
    """So pip takes no other file from a package index than was locked."""
    assert entries(file)
    for entry in entries(file):
        (specifier,) = entry.requirement.specifier
        assert specifier.operator == "=="
        assert entry.requirement.url is None
        assert entry.hashes, entry.requirement
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for one in entry.hashes)


@pytest.mark.behaviour(96)
@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("file", LOCKS)
def test_the_versions_are_within_the_declared_ranges(file: str, python: str) -> None:
    """On each supported Python: whoever changes a range runs `make lock`."""
    locked = pins(file, python)
    for requirement in declared(file):
        if applies(requirement, python):
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("python", pythons())
def test_the_files_agree(python: str) -> None:
    """They are installed into one environment."""
    found: dict[str, set[str]] = {}
    for file in LOCKS:
        for name, version in pins(file, python).items():
            found.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in found.items() if len(versions) > 1} == {}


@pytest.mark.behaviour(96)
def test_nothing_is_installed_without_hashes() -> None:
    """But the package itself, whose dependencies are installed before."""
    for file in ("Makefile", ".ci/test-pythons"):
        lines = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", "").splitlines()
        commands = [line for line in lines if re.search(r"(PIP\)|pip) install ", line)]
        assert commands
        for command in commands:
            assert re.search(r"--require-hashes|\$\(LOCKED\)|--no-deps", command), command
