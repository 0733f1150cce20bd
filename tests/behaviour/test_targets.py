"""`--target`, `--exclude` and `--replace` on the parts of `HttpsTracking`, from the first up on."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack

PROGRAM = """
from record import Record

def cname(record, opts):
    return Record("shop-cname", record.name, record.value, opts=opts)

HttpsTracking("shop", "shop1.example.com", cname=cname, click={click})
DomainTracking("other", "other1.example.com", click=True)
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
CHILDREN = (
    "**::shop",
    "**:DomainTracking::shop",
    "**:TrackingCertificate::shop",
    "**:TrackingHost::shop",
    "**::shop-cname",
    "**::other",
)


@pytest.fixture
def stack(mail: MailFactory, emulator: Emulator) -> MailStack:
    """A stack with the component and a resource beside it, with nothing deployed."""
    for domain in ("shop1.example.com", "other1.example.com"):
        emulator.add_domain(domain)
    stack = mail(PROGRAM.format(click=True))
    (stack.directory / "record.py").write_text(RECORD)
    return stack


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("target", CHILDREN)
def test_each_part_can_be_a_target_once_all_exist(
    stack: MailStack, emulator: Emulator, target: str
) -> None:
    """What the program declares is the same before and after https is on."""
    stack.up()
    stack.up("--target", target)
    stack.up("--target", target, "--target-dependents")
    stack.up("--exclude", target)
    stack.preview("--expect-no-changes")
    stack.refresh("--expect-no-changes")
    assert emulator.domain("shop1.example.com").web_scheme == "https"


@pytest.mark.behaviour(38)
def test_each_part_can_be_replaced(stack: MailStack, emulator: Emulator) -> None:
    """Afterwards Mailgun is as the program says, whichever part it was."""
    stack.up()
    for target in CHILDREN[1:]:
        urns = [one["urn"] for one in stack.export()["deployment"]["resources"]]
        [urn] = [u for u in urns if u.endswith(target.lstrip("*"))]
        stack.up("--replace", urn)
        domain = emulator.domain("shop1.example.com")
        assert (domain.click["active"], domain.web_scheme) == (True, "https")
    stack.preview("--expect-no-changes")


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("target", CHILDREN)
def test_each_part_can_be_the_first_target(
    stack: MailStack, emulator: Emulator, target: str
) -> None:
    """A first up of a part either works or changes nothing; the up of the whole then works."""
    stack.up("--target", target, check=False)
    stack.up("--target", "**::other")
    stack.write(PROGRAM.format(click='"htmlonly"'))
    stack.up()
    domain = emulator.domain("shop1.example.com")
    assert (domain.click["active"], domain.web_scheme) == ("htmlonly", "https")
    stack.preview("--expect-no-changes")
    stack.destroy()


@pytest.mark.behaviour(38)
def test_settings_and_host_of_a_domain_are_no_drift_to_each_other(
    stack: MailStack, emulator: Emulator
) -> None:
    """The settings were read over http, and the host then turned https on."""
    stack.up()
    assert emulator.domain("shop1.example.com").web_scheme == "https"
    stack.preview("--refresh", "--expect-no-changes")
    stack.refresh("--expect-no-changes")
    stack.preview("--expect-no-changes")
