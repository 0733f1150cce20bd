"""Faults: answers that the API gives instead of, or around, its own."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from collections.abc import Mapping
from typing import Any

from .problems import InvalidSetting


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for the requests that it matches.

    Without `status` and `drop_connection` the request is carried out and answered as ever, only
    later by `delay_seconds` and with `headers` added.

    Raises:
        InvalidSetting: a field is malformed.
    """

    method: str | None = None
    """The HTTP method; None is any."""
    path: str = ".*"
    """A regular expression for the whole path, without a region's prefix."""
    status: int | None = None
    """The status answered instead."""
    body: Any = None
    """A text is answered as plain text, anything else as JSON; None is `{"message": ...}`."""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Headers of the answer, over those it would have."""
    times: int | None = None
    """How many requests it befalls; None is all."""
    after: int = 0
    """How many matching requests pass unharmed before it starts."""
    drop_connection: bool = False
    """Close the connection without an answer."""
    delay_seconds: float = 0.0
    """Hold the request back before anything else."""
    carried_out: bool = False
    """Let the request take effect though its answer is replaced or lost."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        try:
            re.compile(self.path)
        except (re.error, TypeError) as error:
            raise InvalidSetting(f"path is not a regular expression: {error}") from error
        if self.status is not None and (
            not isinstance(self.status, int) or not 100 <= self.status <= 599
        ):
            raise InvalidSetting(f"status is an HTTP status, not {self.status!r}")
        if self.method is not None and not isinstance(self.method, str):
            raise InvalidSetting(f"method is a text or nothing, not {self.method!r}")
        if self.times is not None and (not isinstance(self.times, int) or self.times < 1):
            raise InvalidSetting(f"times is 1 or more, or nothing, not {self.times!r}")
        if not isinstance(self.after, int) or self.after < 0:
            raise InvalidSetting(f"after is 0 or more, not {self.after!r}")
        if not isinstance(self.delay_seconds, (int, float)) or self.delay_seconds < 0:
            raise InvalidSetting(f"delay_seconds is 0 or more, not {self.delay_seconds!r}")
        if not isinstance(self.headers, Mapping):
            raise InvalidSetting("headers holds texts by name")

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Fault:
        """Read what the control surface was sent.

        Raises:
            InvalidSetting: it has a field that a fault has not, or a malformed one.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(given) - names)
        if unknown:
            raise InvalidSetting(f"a fault has no field {unknown[0]!r}")
        return cls(**given)

    def matches(self, method: str, path: str) -> bool:
        """Say whether a request is one that this fault is about."""
        if self.method is not None and self.method.upper() != method:
            return False
        return re.fullmatch(self.path, path) is not None

    @property
    def replaces_answer(self) -> bool:
        """Whether the request's own answer is not given."""
        return self.drop_connection or self.status is not None

    def content(self) -> tuple[bytes, str]:
        """Give the body of its answer, and the content type."""
        if isinstance(self.body, str):
            return self.body.encode(), "text/plain; charset=utf-8"
        body = {"message": "a fault of the emulator"} if self.body is None else self.body
        return json.dumps(body).encode(), "application/json"


class Faults:
    """The faults in force; the first one that matches a request befalls it."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force, behind those already there."""
        with self._lock:
            self._entries.append(_Entry(fault))

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._entries.clear()

    def befalling(self, method: str, path: str) -> Fault | None:
        """Give the fault that befalls this request, and count it."""
        if not self._entries:
            return None
        with self._lock:
            for entry in self._entries:
                if not entry.is_spent and entry.fault.matches(method, path) and entry.strikes():
                    return entry.fault
        return None

    def as_json(self) -> list[dict[str, Any]]:
        """Give the faults with how often each has struck."""
        with self._lock:
            return [
                {**dataclasses.asdict(entry.fault), "struck": entry.struck}
                for entry in self._entries
            ]


@dataclasses.dataclass
class _Entry:
    fault: Fault
    seen: int = 0
    struck: int = 0

    @property
    def is_spent(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times

    def strikes(self) -> bool:
        self.seen += 1
        if self.seen <= self.fault.after:
            return False
        self.struck += 1
        return True
