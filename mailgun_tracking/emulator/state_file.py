"""The file that keeps an emulator's domains across restarts."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import StateFileError

VERSION = 1


class StateFile:
    """Reads and writes the file. Writes are atomic."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Set the path.

        Args:
            path: the file; its folder is created by the first write.
        """
        self._path = Path(path)

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, or None if there is no file.

        Raises:
            StateFileError: the file was not written by an emulator.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            content = json.loads(text)
        except ValueError as error:
            raise StateFileError(
                f"{self._path} is not valid JSON ({error}); delete it, or choose another file"
            ) from error
        if not isinstance(content, dict) or content.get("version") != VERSION:
            raise StateFileError(
                f"{self._path} is not an emulator's state file (version {VERSION}); "
                "delete it, or choose another file"
            )
        return content

    def invalid(self, error: Exception) -> StateFileError:
        """Return the error for a file whose content cannot be restored."""
        return StateFileError(
            f"{self._path} is not a valid emulator state file ({error!r}); "
            "delete it, or choose another file"
        )

    def save(self, content: dict[str, Any]) -> None:
        """Replace the content of the file.

        Raises:
            OSError: the file cannot be written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            prefix=f".{self._path.name}.", dir=self._path.parent, text=True
        )
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                # Not `dump`, and no indentation: both take ten times as long, for each change.
                file.write(json.dumps({"version": VERSION, **content}))
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
