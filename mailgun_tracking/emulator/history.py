"""The requests that the API received, for tests to inspect."""

from __future__ import annotations

import dataclasses
import threading
from datetime import datetime
from typing import Any

SECRET_FIELDS = frozenset({"smtp_password"})


@dataclasses.dataclass
class RecordedRequest:
    """A request to the API."""

    method: str
    path: str
    """Without the prefix of a region and without the query."""
    region: str
    status: int | None
    """The status of the response; None until it is sent, and if the connection was dropped."""
    form: dict[str, str]
    """The fields sent, including unknown ones; if one was repeated, the first."""
    at: datetime
    """When the request arrived."""
    account: str | None
    """The account of the API key; None if the key is wrong or missing."""
    on_behalf_of: str | None
    user_agent: str | None
    query: dict[str, str] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the request as the control API shows it."""
        return {**dataclasses.asdict(self), "at": self.at.isoformat()}


class History:
    """The requests in order of arrival."""

    def __init__(self) -> None:
        """Start without any requests."""
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []

    def add(self, request: RecordedRequest) -> None:
        """Record a request."""
        with self._lock:
            self._requests.append(request)

    def clear(self) -> None:
        """Discard all requests."""
        with self._lock:
            self._requests.clear()

    def all(self) -> list[RecordedRequest]:
        """Return copies of all requests."""
        with self._lock:
            return [dataclasses.replace(request) for request in self._requests]
