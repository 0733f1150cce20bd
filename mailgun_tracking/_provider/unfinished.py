"""Changes at Mailgun that no state tells of yet, on disk, so that a kill does not hide them.

After a kill the state has the old values, whatever was changed at Mailgun by then. So what an
update, a destroy or a move is about to change is noted before its first PUT, and forgotten once the
engine has saved the outcome. Where a note is found, Mailgun is asked instead of trusting the state.

There is one small file for each domain, in ``mailgun-tracking/unfinished`` of Pulumi's home. It
holds the paths of fields, never their values. Where it cannot be written, as on a read-only disk,
everything else works as ever. On another machine there is no note.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from .._api.fields import FIELDS
from .._api.target import Target

RESTORE_HTTPS = "https"
"""Noted beside fields while a move over http has taken a domain's https away."""
EVERYTHING = frozenset(field.path for field in FIELDS)


class Unfinished:
    """The notes, as this process wrote and found them.

    A domain's key is its `ownership_key`: the same however the domain is reached.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[Target, set[str]] = {}
        self._finished: dict[Target, set[str]] = {}

    def of(self, key: Target) -> frozenset[str]:
        """What a run that did not finish may have changed, as paths of fields."""
        with self._lock:
            return self._of(key) - self._finished.get(key, set())

    def note(self, key: Target, paths: Iterable[str]) -> None:
        """Note what is about to change."""
        with self._lock:
            paths = set(paths)
            noted = self._of(key)
            self._noted.setdefault(key, set()).update(paths)
            self._finished.get(key, set()).difference_update(paths)
            if not paths <= noted:
                _write(key, noted | paths)

    def finish(self, key: Target, paths: Iterable[str]) -> None:
        """What became of changes is about to be in the state; from now on, trust that."""
        with self._lock:
            self._finished.setdefault(key, set()).update(paths)

    def forget(self, key: Target, paths: Iterable[str]) -> None:
        """Forget what the state tells of."""
        with self._lock:
            self._forget(key, set(paths))

    def forget_finished(self) -> None:
        """Forget what the engine has saved: it ends a command only after that."""
        with self._lock:
            for key, paths in self._finished.items():
                self._forget(key, paths)
            self._finished.clear()

    def _of(self, key: Target) -> frozenset[str]:
        return frozenset(self._noted.get(key, ())) | _read(key)

    def _forget(self, key: Target, paths: set[str]) -> None:
        before = self._of(key)
        self._noted.get(key, set()).difference_update(paths)
        if before & paths:
            _write(key, before - paths)


def _folder() -> Path:
    home = os.environ.get("PULUMI_HOME") or os.path.expanduser("~/.pulumi")
    return Path(home) / "mailgun-tracking" / "unfinished"


def _file(key: Target) -> Path:
    name = hashlib.sha256(f"{key.region} {key.domain}".encode()).hexdigest()[:32]
    return _folder() / f"{name}.json"


def _read(key: Target) -> frozenset[str]:
    try:
        return frozenset(json.loads(_file(key).read_bytes())["fields"])
    except OSError:
        return frozenset()
    except (ValueError, TypeError, KeyError):
        return EVERYTHING


def _write(key: Target, paths: frozenset[str]) -> None:
    """Write a note, whole or not at all, so that it outlives the machine's power."""
    file = _file(key)
    with contextlib.suppress(OSError):
        if not paths:
            file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            json.dump({"domain": key.domain, "fields": sorted(paths)}, temporary)
            temporary.flush()
            os.fsync(temporary.fileno())
        os.replace(temporary.name, file)
