"""How many calls were under way at the same time."""

from __future__ import annotations

from collections.abc import Iterable

from mailgun_tracking.emulator.history import RecordedRequest


def most_at_a_time(requests: Iterable[RecordedRequest], latency: float) -> int:
    """The most requests that waited for their answers at one moment.

    :param latency: seconds that each answer took at the least.
    """
    times = sorted(request.at.timestamp() for request in requests)
    return max((sum(at <= other < at + latency for other in times) for at in times), default=0)
