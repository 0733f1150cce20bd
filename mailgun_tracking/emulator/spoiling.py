"""Random faults: what becomes of responses on a bad day, the same again with the same seed."""

from __future__ import annotations

import dataclasses
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidSetting, reject_unknown
from .faults import Fault

_HTML: dict[str, Any] = {
    "body": "<html><title>Gateway</title></html>",
    "headers": {"Content-Type": "text/html"},
}
_TOO_MANY: dict[str, Any] = {"status": 429, "body": {"message": "Too many requests"}}

KINDS: Mapping[str, Fault] = {
    "408": Fault(status=408),
    "425": Fault(status=425),
    "429": Fault(**_TOO_MANY),
    "429-reset": Fault(**_TOO_MANY),
    "429-retry-after": Fault(**_TOO_MANY, headers={"Retry-After": "1"}),
    "499-carried-out": Fault(status=499, carried_out=True),
    "500": Fault(status=500),
    "500-carried-out": Fault(status=500, carried_out=True),
    "502": Fault(status=502, **_HTML),
    "502-carried-out": Fault(status=502, carried_out=True, **_HTML),
    "503": Fault(status=503),
    "503-retry-after": Fault(status=503, headers={"Retry-After": "1"}),
    "504-carried-out": Fault(status=504, carried_out=True, **_HTML),
    "507": Fault(status=507),
    "524-carried-out": Fault(status=524, carried_out=True, **_HTML),
    "reset": Fault(drop_connection=True),
    "answer-lost": Fault(drop_connection=True, carried_out=True),
    "cut-off": Fault(cut_off=True),
    "html": Fault(status=200, **_HTML),
    "html-carried-out": Fault(status=200, carried_out=True, **_HTML),
    "empty-carried-out": Fault(status=200, body="", carried_out=True),
    "broken-json-carried-out": Fault(status=200, body='{"message": "Doma', carried_out=True),
    "slow": Fault(delay_seconds=0.3),
    "hang": Fault(delay_seconds=3600, drop_connection=True),
    "drip": Fault(drip_seconds=0.5),
}
"""The kinds of random faults. What `-carried-out` and `answer-lost` spoil takes effect, and so does
what is slow, dripped or cut off; everything else does not."""


@dataclasses.dataclass(frozen=True)
class Spoil:
    """Spoils a share of all responses at random.

    The same requests get the same faults with the same seed, in whatever order they arrive: what
    becomes of a request depends on its method, its path and how many like it came before.

    Raises:
        InvalidSetting: a field has an invalid value.
    """

    share: float
    """The share of all responses that is spoiled, from 0 to 1."""
    seed: int = 0
    """What the random numbers start from."""
    kinds: Sequence[str] = tuple(KINDS)
    """The kinds of faults, each as likely as the others."""

    def __post_init__(self) -> None:
        """Validate the fields."""
        if (
            isinstance(self.share, bool)
            or not isinstance(self.share, (int, float))
            or not 0 <= self.share <= 1
        ):
            raise InvalidSetting(f"share must be a number from 0 to 1, not {self.share!r}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise InvalidSetting(f"seed must be an integer, not {self.seed!r}")
        if isinstance(self.kinds, str) or not isinstance(self.kinds, Sequence) or not self.kinds:
            raise InvalidSetting(f"kinds must be a list of kinds of faults, not {self.kinds!r}")
        reject_unknown("kind of fault", self.kinds, KINDS)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Spoil:
        """Read it as the control API receives it.

        Raises:
            InvalidSetting: a field is unknown or missing, or has an invalid value.
        """
        reject_unknown("field", data, [field.name for field in dataclasses.fields(cls)])
        return cls(**{"share": None, **data})


class Spoiler:
    """Decides for each request whether its response is spoiled, and how."""

    def __init__(self, spoil: Spoil) -> None:
        """Start without any requests."""
        self.counts: Counter[str] = Counter()
        """How many responses were spoiled, by kind."""
        self._spoil = spoil
        self._requests: Counter[tuple[str, str]] = Counter()

    def as_json(self) -> dict[str, Any]:
        """Return what it does, and how many responses were spoiled, by kind."""
        return {**dataclasses.asdict(self._spoil), "spoiled": dict(sorted(self.counts.items()))}

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault to apply to a request, if any, and count it."""
        number = self._requests[method, path]
        self._requests[method, path] += 1
        chance = random.Random(f"{self._spoil.seed} {method} {path} {number}")  # noqa: S311
        if chance.random() >= self._spoil.share:
            return None
        kind = chance.choice(self._spoil.kinds)
        self.counts[kind] += 1
        if kind == "429-reset":
            reset = {"X-RateLimit-Reset": str(int(time.time()) + 1)}
            return dataclasses.replace(KINDS[kind], headers=reset)
        return KINDS[kind]
