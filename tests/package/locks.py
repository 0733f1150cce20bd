"""Reads pyproject.toml and the files that `make lock` writes."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.engine.stack import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCKS = tuple(sorted(file.name for file in ROOT.glob("requirements*.txt")))


@dataclass(frozen=True)
class Locked:
    """One entry of a lock file: a requirement, and the hashes that its files may have."""

    requirement: Requirement
    hashes: tuple[str, ...]


def project() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pythons() -> list[str]:
    """The supported versions of Python."""
    classifiers = "\n".join(project()["project"]["classifiers"])
    return re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)


def applies(requirement: Requirement, python: str) -> bool:
    """Whether a version of Python needs it on this machine."""
    environment = {"python_version": python, "python_full_version": f"{python}.9"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def entries(file: str) -> list[Locked]:
    """The entries of a lock file."""
    text = (ROOT / file).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = []
    for line in lines:
        requirement, *hashes = line.split("--hash=")
        found.append(Locked(Requirement(requirement), tuple(one.strip() for one in hashes)))
    return found


def pins(file: str, python: str) -> dict[str, str]:
    """The versions that a lock file has for a Python on this machine, by name."""
    found: dict[str, str] = {}
    for entry in entries(file):
        if applies(entry.requirement, python):
            (specifier,) = entry.requirement.specifier
            name = canonicalize_name(entry.requirement.name)
            assert name not in found, f"{file} has {name} twice for Python {python}"
            found[name] = specifier.version
    return found
