"""`engine/install`, on a copy of the module and a PATH that holds only what a test puts there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.stack import ROOT

VERSION = "v3.259.0"


class Machine:
    """A project in a folder with a space in its name, and the programs of a machine."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a project"
        self.programs = folder / "programs"
        self.programs.mkdir()
        shutil.copytree(ROOT / "engine", self.project / "engine")
        self.has("sh", f'exec {shutil.which("sh")} "$@"')

    def has(self, program: str, script: str) -> None:
        """Put a program on PATH, as a script for sh."""
        file = self.programs / program
        file.write_text(f"#!{shutil.which('sh')}\n{script}\n")
        file.chmod(0o755)

    def has_engine(self, version: str) -> None:
        self.has("pulumi", f"echo {version}")
        self.has("pulumi-language-python", "exit 1")

    def install(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.project / "engine" / "install"],
            env={"PATH": str(self.programs)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def installed(self) -> set[str]:
        return {file.name for file in (self.project / ".engine" / "bin").glob("*")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_fit_engine_on_path_is_used(machine: Machine) -> None:
    """Nothing is fetched or built then."""
    machine.has_engine("v3.300.1")
    result = machine.install()
    assert result.returncode == 0
    assert result.stdout == f"engine: using {machine.programs / 'pulumi'} v3.300.1\n"
    assert machine.installed() == set()


def test_an_engine_that_is_too_old_is_left_alone(machine: Machine) -> None:
    """The text names both versions, and what is needed to build one."""
    machine.has_engine("v3.199.9")
    result = machine.install()
    assert result.returncode == 1
    assert "it is v3.199.9, and 3.200.0 is the oldest fit" in result.stdout
    assert "there is no fit pulumi on PATH and no `go`. Go 1.26 or newer" in result.stdout


def test_an_engine_without_its_language_host_is_left_alone(machine: Machine) -> None:
    """It could not run a Python program."""
    machine.has("pulumi", "echo v3.300.1")
    result = machine.install()
    assert result.returncode == 1
    assert "is left alone: it has no pulumi-language-python" in result.stdout


def test_the_official_release_comes_before_a_build(machine: Machine) -> None:
    """Its installer is told version and place; a second run does nothing, not even ask for it."""
    engine = f"printf '#!/bin/sh\\necho {VERSION}\\n' > \"$4/bin/pulumi\""
    installer = f'mkdir -p "$4/bin"; {engine}; chmod +x "$4/bin/pulumi"; echo "args: $1 $2 $3"'
    machine.has("curl", f"cat <<'END'\n{installer}\nEND")
    for tool in ("cat", "mkdir", "chmod"):
        machine.has(tool, f'exec {shutil.which(tool)} "$@"')
    first = machine.install()
    assert first.returncode == 0, first.stdout
    assert "args: --version 3.259.0 --install-root" in first.stdout
    assert f"engine: pulumi {VERSION} is in .engine/bin (the official release)" in first.stdout
    assert machine.installed() == {"pulumi"}

    machine.has("curl", "echo asked again >&2; exit 1")
    second = machine.install()
    assert second.stdout == f"engine: pulumi {VERSION} is in .engine/bin\n"


def test_a_go_that_is_too_old_says_so(machine: Machine) -> None:
    machine.has("go", 'echo "go: go.mod requires go >= 1.26 (running go 1.19)" >&2; exit 1')
    result = machine.install()
    assert result.returncode == 1
    assert "running go 1.19" in result.stdout
    assert "Go 1.26 or newer is needed" in result.stdout


def test_a_failed_build_leaves_nothing_behind(machine: Machine) -> None:
    """Go's own words are shown, and the next run starts anew."""
    machine.has("go", '[ "$1" = version ] || { echo "no space left" >&2; exit 1; }')
    result = machine.install()
    assert result.returncode == 1
    assert "building pulumi failed:\nno space left" in result.stdout
    assert machine.installed() == set()
    assert [file.name for file in (machine.project / ".engine").iterdir()] == ["lock"]
