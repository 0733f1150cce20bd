"""Faults: failures that a test injects into the API, one by one or at random."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import InvalidSetting, check_count, check_seconds, reject_unknown

if TYPE_CHECKING:
    from .spoiling import Spoiler

_PATTERN = re.compile(r"[/*][A-Za-z0-9._~@:%*/-]*")
_HEADER_NAME = re.compile(r"(?!content-length$|transfer-encoding$)[a-z0-9-]+", re.IGNORECASE)
"""The server itself says how long a response is."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """A failure of the requests that it matches.

    With neither ``status`` nor ``drop_connection``, requests are carried out and answered as
    usual, but delayed by ``delay_seconds`` and with ``headers`` added to the response.

    Raises:
        InvalidSetting: a field has an invalid value.
    """

    method: str | None = None
    """The HTTP method; None matches any."""
    path: str = "*"
    """The whole path, without the prefix of a region; ``*`` stands for any characters."""
    status: int | None = None
    """The status of the response that replaces the regular one."""
    body: Any = None
    """A string is sent as plain text, anything else as JSON; None means ``{"message": ...}``."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Headers of the response; they replace existing ones of the same name."""
    times: int | None = None
    """How many requests it applies to; None means all."""
    after: int = 0
    """How many matching requests succeed before it starts."""
    drop_connection: bool = False
    """Close the connection without a response."""
    delay_seconds: float = 0.0
    """How long to delay the request before anything else."""
    carried_out: bool = False
    """Let the request take effect although its response is replaced or lost."""
    cut_off: bool = False
    """Send half of the response's body, and close the connection."""
    drip_seconds: float = 0.0
    """How long to wait before each byte of the response's body."""

    def __post_init__(self) -> None:
        """Validate the fields."""
        # Regular expressions could take forever, and are refused rather than never match.
        if not isinstance(self.path, str) or not _PATTERN.fullmatch(self.path) or "/." in self.path:
            raise InvalidSetting(
                f"path must be a path, in which * stands for any characters, not {self.path!r}"
            )
        if self.status is not None and (
            not isinstance(self.status, int) or not 200 <= self.status <= 599
        ):
            raise InvalidSetting(f"status must be from 200 to 599, not {self.status!r}")
        if self.method is not None and not isinstance(self.method, str):
            raise InvalidSetting(f"method must be a string, not {self.method!r}")
        if self.times is not None:
            check_count("times", self.times, 1)
        check_count("after", self.after, 0)
        check_seconds("delay_seconds", self.delay_seconds)
        check_seconds("drip_seconds", self.drip_seconds)
        for name in ("drop_connection", "carried_out", "cut_off"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidSetting(f"{name} must be true or false, not {getattr(self, name)!r}")
        if not isinstance(self.headers, Mapping) or not all(
            _is_header(name, value) for name, value in self.headers.items()
        ):
            raise InvalidSetting(f"headers must be strings by name, not {self.headers!r}")
        try:
            json.dumps(self.body, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidSetting(f"body must be valid as JSON: {error}") from error

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fault:
        """Read a fault as the control API receives it.

        Raises:
            InvalidSetting: a field is unknown or has an invalid value.
        """
        reject_unknown("fault field", data, [field.name for field in dataclasses.fields(cls)])
        return cls(**data)

    def matches(self, method: str, path: str) -> bool:
        """Return whether this fault applies to a request with that method and path."""
        if self.method is not None and self.method.upper() != method:
            return False
        return _matches(self.path, path)

    @property
    def replaces_response(self) -> bool:
        """Whether the client does not get the regular response."""
        return self.drop_connection or self.status is not None

    def content(self) -> tuple[bytes, str]:
        """Return the body of its response, and the content type."""
        if isinstance(self.body, str):
            return self.body.encode(), "text/plain; charset=utf-8"
        body = {"message": "a fault injected by the emulator"} if self.body is None else self.body
        return json.dumps(body).encode(), "application/json"


class Faults:
    """The active faults. To each request, only the first one that matches is applied;
    where none does, its response may be spoiled at random."""

    def __init__(self) -> None:
        """Start without any faults."""
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._spoiler: Spoiler | None = None

    def add(self, fault: Fault) -> None:
        """Add a fault after the existing ones."""
        with self._lock:
            self._entries.append(_Entry(fault))

    def spoil(self, spoiler: Spoiler | None) -> None:
        """Spoil responses at random from now on, instead of as before; None ends it."""
        with self._lock:
            self._spoiler = spoiler

    def clear(self) -> None:
        """Remove all faults, random ones too."""
        with self._lock:
            self._entries.clear()
            self._spoiler = None

    def next_match(self, method: str, path: str) -> Fault | None:
        """Return the fault to apply to a request, if any, and count the request."""
        with self._lock:
            for entry in self._entries:
                if not entry.is_exhausted and entry.fault.matches(method, path) and entry.count():
                    return entry.fault
            return self._spoiler.next_fault(method, path) if self._spoiler else None

    @property
    def spoiler(self) -> Spoiler | None:
        """What spoils responses at random, if anything does."""
        return self._spoiler

    def as_json(self) -> list[dict[str, Any]]:
        """Return the faults, each with the number of requests that it was applied to."""
        with self._lock:
            return [
                {**dataclasses.asdict(entry.fault), "applied": entry.applied}
                for entry in self._entries
            ]


@dataclasses.dataclass
class _Entry:
    fault: Fault
    matched: int = 0
    applied: int = 0

    @property
    def is_exhausted(self) -> bool:
        return self.fault.times is not None and self.applied >= self.fault.times

    def count(self) -> bool:
        """Count a matching request, and return whether the fault applies to it."""
        self.matched += 1
        if self.matched <= self.fault.after:
            return False
        self.applied += 1
        return True


def _matches(pattern: str, path: str) -> bool:
    """Return whether `path` is as `pattern` says, in time proportional to its length."""
    if "*" not in pattern:
        return path == pattern
    start, *middle, end = pattern.split("*")
    if len(path) < len(start) + len(end) or not (path.startswith(start) and path.endswith(end)):
        return False
    position, limit = len(start), len(path) - len(end)
    for part in middle:
        # The first place is as good as any: what follows has all the more room.
        position = path.find(part, position, limit)
        if position < 0:
            return False
        position += len(part)
    return True


def _is_header(name: object, value: object) -> bool:
    text = str(value)
    is_name = isinstance(name, str) and _HEADER_NAME.fullmatch(name) is not None
    return is_name and text.isascii() and text.isprintable()
