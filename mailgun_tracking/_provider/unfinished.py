"""Changes at Mailgun that no state tells of yet, on disk, so that a kill does not hide them.

After a kill the state has the old values, whatever was changed at Mailgun by then. So what an
update, a destroy or a move is about to change is noted before its first PUT, and forgotten once the
engine has saved the outcome. Where a note is found, Mailgun is asked instead of trusting the state.

There is one small file for each domain, in ``mailgun-tracking/unfinished`` of Pulumi's home. It
holds the paths of fields, never their values; of footers, salted hashes. Where it cannot be
written, as on a read-only disk, everything else works as ever. On another machine there is no note.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .._api.fields import FIELDS, is_fingerprint
from .._api.target import Target

EVERYTHING = frozenset(field.path for field in FIELDS)
_HTTPS_OF = "https of "


def https_of(host: str) -> str:
    """What is noted beside fields while a move to a host, over http, has taken a domain's https."""
    return f"{_HTTPS_OF}{host}"


@dataclass(frozen=True)
class SentFooter:
    """A footer that was sent, as fingerprints.

    Attributes:
        before: what Mailgun had before.
        sent: what was sent.
    """

    before: str
    sent: str


@dataclass(frozen=True)
class _Note:
    paths: frozenset[str] = frozenset()
    footers: Mapping[str, SentFooter] = field(default_factory=dict)


class Unfinished:
    """The notes, as this process wrote and found them.

    A domain's key is its `ownership_key`: the same however the domain is reached. `by` is the URN
    of the resource that changes something. What several resources change at the same time is only
    finished once each of them says so; what is found from an earlier run, if any of them does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: defaultdict[Target, dict[str, set[str]]] = defaultdict(dict)
        self._footers: defaultdict[Target, dict[str, SentFooter]] = defaultdict(dict)
        self._finished: defaultdict[Target, set[str]] = defaultdict(set)

    def of(self, key: Target) -> frozenset[str]:
        """What a run that did not finish may have changed: paths of fields, and `https_of`."""
        with self._lock:
            return self._all(key).paths - self._finished[key]

    def footer(self, key: Target, path: str) -> SentFooter | None:
        """The footer that a run that did not finish has sent."""
        with self._lock:
            return self._all(key).footers.get(path)

    def note(
        self,
        key: Target,
        paths: Iterable[str],
        by: str,
        footers: Mapping[str, SentFooter] | None = None,
    ) -> None:
        """Note what is about to change, and the footers that are about to be sent."""
        with self._lock:
            paths = set(paths)
            before = self._all(key)
            for path in paths:
                self._noted[key].setdefault(path, set()).add(by)
            self._footers[key].update(footers or {})
            self._finished[key] -= paths
            after = _Note(before.paths | paths, {**before.footers, **self._footers[key]})
            if after != before:
                _write(key, after)

    def finish(self, key: Target, paths: Iterable[str], by: str) -> None:
        """What became of changes is about to be in the state; from now on, trust that."""
        with self._lock:
            self._finished[key] |= self._released(key, paths, by)

    def forget(self, key: Target, paths: Iterable[str], by: str) -> None:
        """Forget what the state tells of."""
        with self._lock:
            self._forget(key, self._released(key, paths, by))

    def forget_finished(self) -> None:
        """Forget what the engine has saved: it ends a command only after that."""
        with self._lock:
            for key, paths in self._finished.items():
                self._forget(key, paths)
            self._finished.clear()

    def _all(self, key: Target) -> _Note:
        found = _read(key)
        footers = {**found.footers, **self._footers[key]}
        return _Note(found.paths | self._noted[key].keys(), footers)

    def _released(self, key: Target, paths: Iterable[str], by: str) -> set[str]:
        """What of some paths nobody else in this process is changing."""
        paths, noted = set(paths), self._noted[key]
        if "web_scheme" in paths:
            # It is as it should be, so no https has to be turned on again.
            paths |= {path for path in self._all(key).paths if path.startswith(_HTTPS_OF)}
        for path in paths & noted.keys():
            noted[path].discard(by)
            if not noted[path]:
                del noted[path]
        return paths - noted.keys()

    def _forget(self, key: Target, paths: set[str]) -> None:
        before = self._all(key)
        for path in paths & self._footers[key].keys():
            del self._footers[key][path]
        if before.paths & paths:
            footers = {path: sent for path, sent in before.footers.items() if path not in paths}
            _write(key, _Note(before.paths - paths, footers))


def notes_folder(name: str) -> Path:
    """Where notes of a kind are kept in Pulumi's home."""
    home = os.environ.get("PULUMI_HOME") or os.path.expanduser("~/.pulumi")
    return Path(home) / "mailgun-tracking" / name


def _file(key: Target) -> Path:
    name = hashlib.sha256(f"{key.region} {key.domain}".encode()).hexdigest()[:32]
    return notes_folder("unfinished") / f"{name}.json"


def _read(key: Target) -> _Note:
    try:
        note = json.loads(_file(key).read_bytes())
        footers = {
            path: SentFooter(before, sent)
            for path, (before, sent) in note.get("footers", {}).items()
            if is_fingerprint(before) and is_fingerprint(sent)
        }
        return _Note(frozenset(note["fields"]), footers)
    except OSError:
        return _Note()
    except (ValueError, TypeError, KeyError, AttributeError):
        return _Note(EVERYTHING)


def _write(key: Target, note: _Note) -> None:
    """Write a note, whole or not at all, so that it outlives the machine's power."""
    file = _file(key)
    with contextlib.suppress(OSError):
        if not note.paths:
            file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        content: dict[str, object] = {"domain": key.domain, "fields": sorted(note.paths)}
        if note.footers:
            content["footers"] = {path: [f.before, f.sent] for path, f in note.footers.items()}
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False) as temporary:
            json.dump(content, temporary)
            temporary.flush()
            os.fsync(temporary.fileno())
        os.replace(temporary.name, file)
