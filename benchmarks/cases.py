"""The cases: Pulumi programs with N resources, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass

COMMANDS = ("create", "preview", "update", "refresh", "destroy")
"""What each run of a case does, in this order: `up` on an empty stack, `preview` without changes,
`up` after one setting of every resource has changed, `refresh`, `destroy`."""

NO_OP_MODULE = '''
"""A dynamic resource that does nothing.

It lives in a module, like this package's resources, so that the state holds a reference to its
provider instead of the pickled provider.
"""

from pulumi.dynamic import CheckResult, CreateResult, Resource, ResourceProvider, UpdateResult


class NoOpProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("no-op", dict(props))

    def update(self, _id, _olds, news):
        return UpdateResult(dict(news))


class ManyProvider(NoOpProvider):
    """With the properties of a DomainTracking that manages three fields."""

    def check(self, _olds, news):
        computed = {
            "account": "default",
            "cname": {"name": "email.example.com", "value": "mailgun.org"},
            "https_by": "mailgun",
            "managed": ["open.active", "click.active", "unsubscribe.active"],
            "region": "us",
            "subaccount": "",
            "tracking_domain": "email.example.com",
            "web_prefix": "email",
            "web_scheme": "http",
        }
        return CheckResult(news | computed, [])

    def create(self, props):
        return CreateResult("no-op", props | {"domain_id": "f230d2df17aaa319e5482eb2"})

    def update(self, _id, _olds, news):
        return UpdateResult(news | {"domain_id": "f230d2df17aaa319e5482eb2"})


class NoOp(Resource, module="bench", name="NoOp"):
    pass
'''
NO_OP = """
from no_op import NoOp, NoOpProvider

for i in range({n}):
    NoOp(NoOpProvider(), f"d{{i}}", {{"value": {changed}}})
"""
NO_OP_MANY = """
from no_op import NoOp, ManyProvider

for i in range({n}):
    section, changed = {{"active": True}}, {{"active": {changed}}}
    inputs = {{"domain": "example.com", "open": section, "click": changed, "unsubscribe": section}}
    NoOp(ManyProvider(), f"d{{i}}", inputs)
"""
DOMAIN_TRACKING = """
from mailgun_tracking import DomainTracking

for i in range({n}):
    DomainTracking(
        f"d{{i}}", f"d{{i}}.example.com", open=True, click=not {changed}, unsubscribe=True
    )
"""
TRACKING_CERTIFICATE = """
from mailgun_tracking import TrackingCertificate

for i in range({n}):
    TrackingCertificate(f"d{{i}}", f"email.d{{i}}.example.com", timeout=900 if {changed} else 600)
"""


@dataclass(frozen=True)
class Case:
    """A program and how it is run.

    Attributes:
        name: its name in the tables.
        template: the text of `__main__.py`, with the placeholders `{n}` and `{changed}`.
        latency: how long the emulator waits before each answer, in seconds.
        parallel: the value of `--parallel`; None leaves it to Pulumi.
        baseline: the name of the no-op case that it is compared with; empty for those themselves.
    """

    name: str
    template: str
    latency: float = 0.0
    parallel: int | None = None
    baseline: str = ""

    def program(self, n: int, changed: bool) -> str:
        """The program with `n` resources, before or after one setting of each has changed."""
        return self.template.format(n=n, changed=changed)


BASELINE = Case("no-op", NO_OP)
BASELINE_MANY = Case("no-op, as many properties", NO_OP_MANY, baseline=BASELINE.name)
BASELINE_64 = Case("no-op, --parallel 64", NO_OP, parallel=64)
BASELINE_512 = Case("no-op, --parallel 512", NO_OP, parallel=512)
TRACKING_100_MS = Case("DomainTracking, 100 ms", DOMAIN_TRACKING, 0.1, baseline=BASELINE.name)

CASES = (
    BASELINE,
    BASELINE_MANY,
    Case("DomainTracking, 0 ms", DOMAIN_TRACKING, baseline=BASELINE.name),
    TRACKING_100_MS,
    Case("DomainTracking, 200 ms", DOMAIN_TRACKING, 0.2, baseline=BASELINE.name),
    BASELINE_64,
    Case("DomainTracking, 100 ms, --parallel 64", DOMAIN_TRACKING, 0.1, 64, BASELINE_64.name),
    BASELINE_512,
    Case(
        "TrackingCertificate, 10 s, --parallel 512",
        TRACKING_CERTIFICATE,
        parallel=512,
        baseline=BASELINE_512.name,
    ),
)


def select(text: str) -> list[Case]:
    """The cases whose name contains `text`, and their baselines."""
    named = [case for case in CASES if text in case.name]
    baselines = {case.baseline for case in named}
    return [case for case in CASES if case in named or case.name in baselines]
