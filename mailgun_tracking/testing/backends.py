"""A local backend in a folder that is thrown away after the test."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

PASSPHRASE = "a passphrase"  # noqa: S105 - of a backend that is thrown away
_BACKEND = "backend"


def environment(folder: Path) -> dict[str, str]:
    """The variables with which `pulumi` uses the backend in a folder, and a home beside it."""
    return {
        # A killed engine can leave its files of metadata empty, and then reads nothing.
        "PULUMI_BACKEND_URL": f"{(folder / _BACKEND).as_uri()}?metadata=skip",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The provider's Python is the one that runs the tests.
        "PULUMI_PYTHON_CMD": sys.executable,
    }


class InitializedStacks:
    """Empty stacks to copy.

    `pulumi stack init` takes half a second of processor time, as a passphrase is made slow to
    guess. So it runs once for each project and name.
    """

    def __init__(self, folder: Path) -> None:
        """Keep the stacks in a folder, for as long as that exists."""
        self._folder = folder

    def create(self, folder: Path, name: str, init: Callable[[], object]) -> None:
        """Create an empty stack of the project in a folder.

        Args:
            folder: it has a `Pulumi.yaml`.
            name: the stack's name.
            init: runs `pulumi stack init` there.
        """
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text("utf-8"))["name"]
        kept = self._folder / project / name.replace("/", "-")
        if kept.exists():
            shutil.copytree(kept, folder, dirs_exist_ok=True)
            return
        (folder / _BACKEND).mkdir()
        init()
        shutil.copytree(folder / _BACKEND, kept / _BACKEND)
        for file in folder.glob("Pulumi.*.yaml"):
            shutil.copy(file, kept)
