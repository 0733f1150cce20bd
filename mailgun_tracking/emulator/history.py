"""What was asked of the API: the record that tests count."""

from __future__ import annotations

import dataclasses
import threading
from datetime import datetime
from typing import Any

SECRET_FIELDS = frozenset({"smtp_password"})


@dataclasses.dataclass
class RecordedRequest:
    """One request to the API, in order of arrival."""

    method: str
    path: str
    """Without a region's prefix and without the query."""
    region: str
    status: int | None
    """What was answered; None while it is not, or when the connection was dropped."""
    form: dict[str, str]
    """The fields sent, whether Mailgun knows them or not; of a repeated one, the first."""
    at: datetime
    account: str | None
    """The account whose key was used; None if the key is wrong or missing."""
    on_behalf_of: str | None
    user_agent: str | None
    query: dict[str, str] = dataclasses.field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give it as the control surface shows it."""
        return {**dataclasses.asdict(self), "at": self.at.isoformat()}


class History:
    """The requests since the start, or since they were last forgotten."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._requests: list[RecordedRequest] = []

    def add(self, request: RecordedRequest) -> None:
        """Keep a request that has arrived."""
        with self._lock:
            self._requests.append(request)

    def forget(self) -> None:
        """Start over."""
        with self._lock:
            self._requests.clear()

    def all(self) -> list[RecordedRequest]:
        """Give copies of all requests."""
        with self._lock:
            return [dataclasses.replace(request) for request in self._requests]
