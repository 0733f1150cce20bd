"""`--target`, `--exclude` and `--replace` on the parts of `HttpsTracking`, from the first up on."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack

PROGRAM = """
from record import Record

def cname_of(name):
    return lambda record, opts: Record(name, record.name, record.value, opts=opts)

for i in range({count}):
    cname = cname_of(f"shop{{i}}-cname")
    HttpsTracking(f"shop{{i}}", f"shop{{i}}.example.com", cname=cname, click={click})
    DomainTracking(f"other{{i}}", f"other{{i}}.example.com", click=True)
"""
RECORD = """
import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult

class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult(props["host"], props)
    def update(self, id, olds, news):
        return UpdateResult(news)

class Record(Resource, module="dns", name="Record"):
    def __init__(self, name, host, value, opts):
        super().__init__(Provider(), name, {"host": host, "value": value}, opts)
"""
WAITED_FOR = ("::shop{i}", ":TrackingCertificate::shop{i}", "::shop{i}-cname")
"""What others depend on."""
PARTS = (*WAITED_FOR, ":DomainTracking::shop{i}", ":TrackingHost::shop{i}", "::other{i}")


def stack_of(mail: MailFactory, emulator: Emulator, count: int = 1) -> MailStack:
    """A stack with components and as many resources beside them, with nothing deployed."""
    for i in range(count):
        emulator.add_domain(f"shop{i}.example.com")
        emulator.add_domain(f"other{i}.example.com")
    stack = mail(PROGRAM.format(count=count, click=True))
    (stack.directory / "record.py").write_text(RECORD)
    return stack


@pytest.mark.behaviour(38)
def test_each_part_can_be_a_target_once_all_exist(mail: MailFactory, emulator: Emulator) -> None:
    """What the program declares is the same before and after https is on.

    Settings and host of a domain are no drift to each other: the settings were read over http, and
    the host then turned https on.
    """
    stack = stack_of(mail, emulator)
    stack.up()
    assert emulator.domain("shop0.example.com").web_scheme == "https"
    stack.preview("--refresh", "--expect-no-changes")
    stack.refresh("--expect-no-changes")
    for part in PARTS:
        target = "**" + part.format(i=0)
        # What nothing depends on is with its dependents as it is alone.
        more = (["--target-dependents", "--target"], ["--exclude"]) if part in WAITED_FOR else ()
        for options in (["--target"], *more):
            changes = stack.up(*options, target).changes
            assert set(changes) <= {"same"}, (options, target)
    stack.preview("--expect-no-changes")


@pytest.mark.behaviour(38)
def test_each_part_can_be_replaced(mail: MailFactory, emulator: Emulator) -> None:
    """Afterwards Mailgun is as the program says, whichever part it was."""
    stack = stack_of(mail, emulator)
    stack.up()
    for part in (part for part in PARTS if part != "::shop{i}"):
        urns = [one["urn"] for one in stack.export()["deployment"]["resources"]]
        [urn] = [u for u in urns if u.endswith(part.format(i=0))]
        stack.up("--replace", urn)
        domain = emulator.domain("shop0.example.com")
        assert (domain.click["active"], domain.web_scheme) == (True, "https")
    stack.preview("--expect-no-changes")


@pytest.mark.behaviour(38)
def test_each_part_can_be_the_first_target(mail: MailFactory, emulator: Emulator) -> None:
    """A first up of a part either works or changes nothing; the up of the whole then works.

    Each is the part of a component of its own.
    """
    count = len(PARTS)
    stack = stack_of(mail, emulator, count)
    for i, part in enumerate(PARTS):
        stack.up("--target", "**" + part.format(i=i), check=False)
    # The state can be read.
    stack.up(*(word for i in range(count) for word in ("--target", f"**::other{i}")))
    stack.write(PROGRAM.format(count=count, click='"htmlonly"'))
    stack.up()
    for i in range(count):
        domain = emulator.domain(f"shop{i}.example.com")
        assert (domain.click["active"], domain.web_scheme) == ("htmlonly", "https")
    stack.preview("--expect-no-changes")
    stack.destroy()
