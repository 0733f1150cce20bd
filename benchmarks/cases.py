"""What is measured: programs of N resources, and the no-op resources beside them."""

from __future__ import annotations

from dataclasses import dataclass

NO_OP_MODULE = "no_op.py"
OPERATIONS = ("up", "preview", "flip", "refresh", "destroy")
"""In this order: `up --skip-preview` from nothing, a preview without changes, one setting changed
on all resources with `up --skip-preview`, refresh, destroy."""

NO_OP = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult


class NoOpProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("no-op", dict(props))

    def update(self, _id, _olds, news):
        return UpdateResult(dict(news))


class NoOp(Resource, module="bench", name="NoOp"):
    pass
"""
RESOURCES = """
for i in range({n}):
    NoOp(NoOpProvider(), f"d{{i}}", {{"value": {flipped}}})
"""
FLOOR = NO_OP + RESOURCES
LEAN_FLOOR = "from no_op import NoOp, NoOpProvider\n" + RESOURCES
SETTINGS = """
from mailgun_tracking import DomainTracking

for i in range({n}):
    DomainTracking(
        f"d{{i}}", f"d{{i}}.example.com", open=True, click=not {flipped}, unsubscribe=True
    )
"""
CERTIFICATES = """
from mailgun_tracking import TrackingCertificate

for i in range({n}):
    TrackingCertificate(f"d{{i}}", f"email.d{{i}}.example.com", timeout=900 if {flipped} else 600)
"""


@dataclass(frozen=True)
class Case:
    """A program and how it is run.

    Attributes:
        name: what the tables call it.
        program: the text of `__main__.py`, with `{n}` and `{flipped}`.
        latency: seconds that the emulator holds back each answer.
        parallel: the engine's `--parallel`; None is its default.
        floor: the name of the case with no-op resources that it is compared with.
    """

    name: str
    program: str
    latency: float = 0.0
    parallel: int | None = None
    floor: str = ""


LEAN = "no-op from a module"
"""The leanest no-op resource: state holds the path of its provider, and not the provider itself."""


def cases(latencies: list[float]) -> list[Case]:
    """All cases; each floor stands before those that are compared with it."""
    floor, wide_floor = "no-op", "no-op, --parallel 512"
    settings = [
        Case(f"DomainTracking, {latency * 1000:.0f} ms", SETTINGS, latency, floor=floor)
        for latency in latencies
    ]
    return [
        Case(floor, FLOOR),
        Case(LEAN, LEAN_FLOOR),
        *settings,
        Case(wide_floor, FLOOR, parallel=512),
        Case("TrackingCertificate, 10 s", CERTIFICATES, parallel=512, floor=wide_floor),
    ]
