"""The file in which an emulator's domains outlive it."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

VERSION = 1


class StateFileError(Exception):
    """A state file that cannot be read: not JSON, or not written by an emulator."""


class StateFile:
    """Reads and writes one file; a reader never sees it half written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file.

        Args:
            path: where it is or will be; its folder is made when first written.
        """
        self._path = Path(path)

    def load(self) -> dict[str, Any] | None:
        """Give what was saved last, or None if nothing was.

        Raises:
            StateFileError: there is something else in the file.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            content = json.loads(text)
        except ValueError as error:
            raise StateFileError(f"{self._path} is not JSON: {error}") from error
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise StateFileError(
                f"{self._path} is not the state of an emulator (version {VERSION}); "
                "remove it, or name another file"
            )
        return content

    def refuse(self, error: Exception) -> StateFileError:
        """Give the error for a file whose content makes no sense."""
        return StateFileError(f"{self._path} holds what no emulator writes: {error!r}")

    def save(self, content: dict[str, Any]) -> None:
        """Replace the file's content in one step.

        Raises:
            OSError: the folder cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            prefix=f".{self._path.name}.", dir=self._path.parent, text=True
        )
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, **content}, file, indent=1)
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
