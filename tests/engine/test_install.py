"""`make -C engine` on a copy of that folder, with a PATH that each test fills."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.stack import ROOT

VERSION = "v3.259.0"
NEEDED = [
    "cat",
    "chmod",
    "dirname",
    "install",
    "ln",
    "make",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sed",
    "sh",
    "touch",
]

# `go build -o FILE` writes the file, and `go list -m -f` prints the folder of the Pulumi SDK.
GO = """
case "$*" in
    "list -m") ;;
    "list -m -f "*) printf '%s\\n' "$GO_SDK" ;;
    build\\ *" -o "*)
        echo "built ${*##* }"
        file=${*##* -o }
        file=${file%% *}
        echo program >"$file" ;;
    *) exit 1 ;;
esac
"""


class Machine:
    """A project in a folder with a space in its name, and the programs of a machine."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "a project"
        self.bin = self.project / ".engine" / "bin"
        self.programs = folder / "programs"
        self.programs.mkdir()
        shutil.copytree(ROOT / "engine", self.project / "engine")
        self.sdk = folder / "sdk"
        (self.sdk / "python" / "dist").mkdir(parents=True)
        (self.sdk / "python" / "dist" / "pulumi-resource-pulumi-python").touch()
        for program in NEEDED:
            found = shutil.which(program)
            assert found is not None
            (self.programs / program).symlink_to(found)

    def has(self, program: str, script: str) -> None:
        """Put a program on PATH, as a shell script."""
        file = self.programs / program
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def has_pulumi(self, version: str) -> None:
        self.has("pulumi", f"echo {version}")
        self.has("pulumi-language-python", "exit 1")

    def can_download(self, version: str) -> None:
        """Serve an installer whose engine reports a version."""
        engine = f"printf '#!/bin/sh\\necho {version}\\n' > \"$4/bin/pulumi\""
        self.has(
            "curl",
            "cat <<'END'\n"
            f'mkdir -p "$4/bin"; {engine}; chmod +x "$4/bin/pulumi"; echo "args: $1 $2 $3 $5"\n'
            "END",
        )

    def make(self, target: str = "pulumi") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "-s", "-C", self.project / "engine", target],
            env={"PATH": str(self.programs), "GO_SDK": str(self.sdk)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def installed(self) -> set[str]:
        return {file.name for file in self.bin.glob("*")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("version", ["v3.200.0", "v3.300.1", "v3.1000.0-alpha.1"])
def test_a_suitable_pulumi_on_path_is_used(machine: Machine, version: str) -> None:
    """Nothing is downloaded or built."""
    machine.has_pulumi(version)
    result = machine.make()
    assert (result.returncode, result.stdout) == (0, "")
    assert machine.installed() == set()


@pytest.mark.parametrize("version", ["v3.199.9", "v4.300.0", "v2.300.0", "unknown"])
def test_a_pulumi_of_another_version_is_not_used(machine: Machine, version: str) -> None:
    """The message gives its version and the required one."""
    machine.has_pulumi(version)
    machine.has("go", GO)
    result = machine.make()
    program = machine.programs / "pulumi"
    message = f"Not using {program}: its version is {version}, but 3.200 or newer is required.\n"
    assert result.stdout.startswith(message)
    assert "pulumi" in machine.installed()


def test_a_pulumi_without_its_language_host_is_not_used(machine: Machine) -> None:
    """It could not run a Python program."""
    machine.has("pulumi", "echo v3.300.1")
    result = machine.make()
    assert f"{machine.programs / 'pulumi'}: pulumi-language-python is missing.\n" in result.stdout


def test_the_language_host_is_found_beside_a_linked_pulumi(machine: Machine) -> None:
    """The engine looks there too."""
    folder = machine.project / "pulumi"
    folder.mkdir()
    machine.has_pulumi("v3.300.1")
    for name in ("pulumi", "pulumi-language-python"):
        (machine.programs / name).rename(folder / name)
    (machine.programs / "pulumi").symlink_to(folder / "pulumi")
    assert (machine.make().returncode, machine.installed()) == (0, set())


def test_the_official_release_is_preferred_to_a_build(machine: Machine) -> None:
    """It is installed once, and again after go.mod was changed."""
    machine.can_download(VERSION)
    machine.has("go", GO)
    first = machine.make()
    assert first.returncode == 0, first.stdout
    assert "args: --version 3.259.0 --install-root --no-edit-path" in first.stdout
    assert machine.installed() == {"pulumi"}
    second = machine.make()
    assert (second.returncode, second.stdout) == (0, "")

    os.utime(machine.bin / "pulumi", (0, 0))
    assert f"Downloading Pulumi {VERSION}" in machine.make().stdout
    assert machine.make().stdout == ""


def test_a_release_that_does_not_run_is_replaced_by_a_build(machine: Machine) -> None:
    """For example on a machine that Pulumi publishes no release for."""
    machine.can_download("")
    machine.has("go", GO)
    result = machine.make()
    assert f"Pulumi {VERSION} could not be downloaded, or does not run on this" in result.stdout
    assert "built github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" in result.stdout
    assert (machine.bin / "pulumi").read_text() == "program\n"


def test_a_build_is_complete_and_done_once(machine: Machine) -> None:
    """It adds what starts Python programs and dynamic providers, and repeats if go.mod is newer."""
    machine.has("go", GO)
    first = machine.make()
    assert first.returncode == 0, first.stdout
    assert "Cannot download Pulumi from https://get.pulumi.com.\n" in first.stdout
    assert "Building pulumi with Go. The first build takes several minutes.\n" in first.stdout
    others = {"pulumi-language-python", "pulumi-resource-pulumi-python"}
    assert machine.installed() == {"pulumi", *others}
    assert all(os.access(machine.bin / name, os.X_OK) for name in others)
    language_host = (machine.bin / "pulumi-language-python").resolve()
    assert language_host == machine.project.resolve() / "engine" / "pulumi-language-python"
    second = machine.make()
    assert (second.returncode, second.stdout) == (0, "")

    os.utime(machine.bin / "pulumi", (0, 0))
    assert "Building pulumi" in machine.make().stdout
    assert machine.make().stdout == ""


def test_pebble_is_built_once(machine: Machine) -> None:
    """It has no official release that could be downloaded here."""
    machine.has("go", GO)
    first = machine.make("pebble")
    assert first.returncode == 0, first.stdout
    assert "built github.com/letsencrypt/pebble/v2/cmd/pebble" in first.stdout
    assert machine.installed() == {"pebble"}
    assert machine.make("pebble").stdout == ""


@pytest.mark.parametrize("target", ["pulumi", "pebble"])
def test_without_go_the_message_says_what_to_install(machine: Machine, target: str) -> None:
    result = machine.make(target)
    assert result.returncode != 0
    assert f"Building {target} needs Go 1.26 or newer: https://go.dev/doc/install" in result.stdout


def test_with_an_old_go_the_message_says_what_to_install(machine: Machine) -> None:
    """Go's own error is shown as well."""
    machine.has("go", 'echo "go: go.mod requires go >= 1.26 (running go 1.19)" >&2; exit 1')
    result = machine.make()
    assert result.returncode != 0
    assert "running go 1.19" in result.stdout
    assert "Building pulumi needs Go 1.26 or newer" in result.stdout


def test_a_failed_build_installs_nothing(machine: Machine) -> None:
    """Go's own error is shown, and the next run tries again."""
    machine.has("go", '[ "$1" = list ] || { echo "no space left" >&2; exit 1; }')
    result = machine.make()
    assert result.returncode != 0
    assert "no space left" in result.stdout
    assert machine.installed() == set()
    machine.has("go", GO)
    assert machine.make().returncode == 0
    assert "pulumi" in machine.installed()
