"""Pulumi's own options for large stacks, as `docs/guides/large-stacks.md` recommends them."""

from __future__ import annotations

import mmap
import re
import shutil
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, puts
from tests.engine.stack import ROOT

COUNT = 4
RECORD = """
from pathlib import Path
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class RecordProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        Path(props["file"]).touch(exist_ok=False)
        return CreateResult(props["file"], props)

class Record(Resource, module="dns", name="Record"):
    pass
"""
"""Like a DNS record: it can only be created where it does not exist."""
PROGRAM = """
import record

if {has_record}:
    record.Record(record.RecordProvider(), "record", {{"file": "record.txt"}})
for i in range({count}):
    DomainTracking(f"d{{i}}", f"d{{i}}.example.com", click={click})
"""


def kill_half_way(stack: MailStack, emulator: Emulator) -> list[str]:
    """Kill the engine once all domains but one are changed; returns the resources in the state."""
    emulator.forget_requests()
    emulator.add_fault(method="PUT", path="/v3/domains/d0.*", delay_seconds=600)
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: len(puts(emulator)) >= COUNT, "all are sent but one")
        below = running.processes()
        running.process.kill()
        assert all(process.gone_within(60) for process in below)
    emulator.clear_faults()
    stack.cancel()
    resources = stack.export()["deployment"].get("resources", [])
    return [one["urn"].split("::")[-1] for one in resources if one.get("id")]


def clicks(emulator: Emulator) -> set[object]:
    """What Mailgun has."""
    return {emulator.domain(f"d{i}.example.com").click["active"] for i in range(COUNT)}


@pytest.mark.behaviour(127)
def test_without_checkpoints_a_kill_costs_nothing_but_other_resources(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The state knows nothing of a run that was killed: ours are adopted, a DNS record is not."""
    for i in range(COUNT):
        emulator.add_domain(f"d{i}.example.com", click=False)

    def program(*, click: bool, has_record: bool = False) -> str:
        return PROGRAM.format(count=COUNT, click=click, has_record=has_record)

    stack = mail(program(click=True, has_record=True), env={"PULUMI_SKIP_CHECKPOINTS": "true"})
    stack.write_program(RECORD, "record.py")
    assert kill_half_way(stack, emulator) == []
    assert True in clicks(emulator)

    again = stack.up(check=False)
    assert again.code != 0
    assert "FileExistsError" in again.output

    stack.write(program(click=True))
    stack.up()
    stack.write(program(click=False))
    kill_half_way(stack, emulator)
    assert stack.resource("d1")["outputs"]["click"]["active"] is True
    assert clicks(emulator) == {True, False}
    # The notes on this machine tell what the state does not: also the program of before is true.
    stack.write(program(click=True))
    stack.up()
    assert clicks(emulator) == {True}
    stack.write(program(click=False))
    kill_half_way(stack, emulator)
    stack.up()
    assert clicks(emulator) == {False}
    stack.preview("--expect-no-changes")


def test_the_variables_on_the_page_are_those_of_this_engine() -> None:
    page = (ROOT / "docs" / "guides" / "large-stacks.md").read_text(encoding="utf-8")
    # The engine puts the prefix before a name when it looks.
    names = set(re.findall(r"`PULUMI_(\w+)", page))
    assert len(names) > 5
    pulumi = shutil.which("pulumi", path=str(ROOT / ".engine" / "bin"))
    assert pulumi is not None
    with Path(pulumi).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as text:
        assert [name for name in names if text.find(name.encode()) < 0] == []
