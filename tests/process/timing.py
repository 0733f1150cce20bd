"""What the emulator's record says of calls that were under way together."""

from __future__ import annotations

from collections.abc import Iterable

from mailgun_tracking.emulator.history import RecordedRequest


def most_at_a_time(requests: Iterable[RecordedRequest], latency: float) -> int:
    """The most requests that waited for their answers at one moment.

    :param latency: seconds that each answer took at the least.
    """
    times = sorted(request.at.timestamp() for request in requests)
    return max((sum(at <= other < at + latency for other in times) for at in times), default=0)


def round_trips(requests: Iterable[RecordedRequest], latency: float) -> int:
    """How many requests, each sent after the answer to the one before, are in the record at most.

    :param latency: seconds that each answer took.
    """
    count, answered = 0, float("-inf")
    for at in sorted(request.at.timestamp() for request in requests):
        if at >= answered:
            count, answered = count + 1, at + latency
    return count
