"""Programs under test: a function, or a folder with a Pulumi project in Python."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Union

import yaml

Program = Union[Callable[[], object], str, "os.PathLike[str]"]
"""A function that declares resources, or the folder of a `Pulumi.yaml`."""

PROJECT_OF_FUNCTIONS = "test"
"""The project's name where the program is a function."""


def project_settings(program: Program) -> dict[str, Any]:
    """The content of `Pulumi.yaml`, such that it can be stored in any folder.

    Raises:
        FileNotFoundError: the folder has no `Pulumi.yaml`.
    """
    if callable(program):
        return {"name": PROJECT_OF_FUNCTIONS, "runtime": "python", "main": str(Path.cwd())}
    folder = Path(program).absolute()
    settings: dict[str, Any] = yaml.safe_load((folder / "Pulumi.yaml").read_text("utf-8"))
    settings["main"] = str(folder / settings.get("main", ""))
    runtime = settings.get("runtime")
    if isinstance(runtime, dict) and "virtualenv" in runtime.get("options", {}):
        options = dict(runtime["options"])
        options["virtualenv"] = str(folder / options["virtualenv"])
        settings["runtime"] = {**runtime, "options": options}
    # State and configuration of the stack under test are its own, beside the copy.
    for name in ("backend", "stackConfigDir"):
        settings.pop(name, None)
    return settings


@contextlib.contextmanager
def run_in(folder: Path) -> Iterator[None]:
    """Be in a program's folder, as Pulumi is; afterwards forget the modules that came from there.

    A module is only executed when it is first imported, and a program's module may declare
    resources or read the configuration.
    """
    before, cwd = set(sys.modules), Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(cwd)
        for name in sys.modules.keys() - before:
            file = Path(getattr(sys.modules[name], "__file__", None) or "/")
            is_installed = "site-packages" in file.parts or name.startswith("mailgun_tracking")
            if folder in file.parents and not is_installed:
                del sys.modules[name]


def full_key(key: str, project: str) -> str:
    """A configuration key with its namespace, which is the project unless it has one."""
    return key if ":" in key else f"{project}:{key}"


def config_text(value: object) -> str:
    """A configuration value as Pulumi stores it."""
    return value if isinstance(value, str) else json.dumps(value)
