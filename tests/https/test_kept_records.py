"""The CNAME record that stays in DNS, with providers that refuse to create what exists, as most do.

Each case starts from a stack with https on, and ends with a record in a real DNS server.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.result import Result
from tests.engine.stack import StackFactory
from tests.https.conftest import ExampleFactory
from tests.https.example import ExampleStack, example_stack
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import Bind

HOST = "email.mg.example.test"
MOVED = "links.mg.example.test"
REFUSED = "YXDOMAIN"
"""BIND's own answer where an update requires that a name does not exist, and it does."""

RECORDS = '''
"""DNS records at providers of several kinds."""

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult
from rfc2136 import CnameRecordProvider, absolute


class Strict(CnameRecordProvider):
    """Refuses to create a record that exists."""

    renames = False
    deletes_first = False

    def diff(self, id, olds, news):
        found = super().diff(id, olds, news)
        replaces = [name for name in found.replaces if name != "name" or not self.renames]
        # None makes the engine compare the inputs; real providers say what has changed.
        changes = None if self.renames else found.changes
        return DiffResult(changes, replaces, delete_before_replace=self.deletes_first)

    def create(self, props):
        name = absolute(props["name"])
        update = self._update(props)
        update.absent(name)
        update.add(name, int(props["ttl"]), "CNAME", absolute(props["value"]).to_text())
        self._send(update, props)
        return CreateResult(props["name"], props)

    def update(self, id, olds, news):
        self.delete(id, olds)
        return UpdateResult(self.create(news).outs)


class DeletingFirst(Strict):
    """Deletes before it replaces, as most of Pulumi's providers do with a given name."""

    deletes_first = True


class Overwriting(Strict):
    """Takes over what exists."""

    create = CnameRecordProvider.create


class Renaming(Strict):
    """Renames a record in place, as those of Cloudflare and DigitalOcean do."""

    renames = True


class Record(Resource, name="Record"):
    """A record."""


class OtherRecord(Resource, name="OtherRecord"):
    """A resource of another type for the same record."""


def record(provider, name="record", zone="example.test", kind=Record, alias=None):
    def cname(wanted, opts):
        props = {"zone": zone, "name": wanted.name, "value": wanted.value, "ttl": 300}
        aliases = pulumi.ResourceOptions(aliases=[pulumi.Alias(name=alias)] if alias else [])
        return kind(provider(), name, props, pulumi.ResourceOptions.merge(opts, aliases))

    return cname
'''

HINT = (
    f"the CNAME record {HOST} already exists; if your DNS provider refuses to create it, "
    "import it or leave out `cname`"
)


def program(cname: str = "record(Strict)", more: str = "") -> str:
    """The component, with an expression for `cname`, and more arguments."""
    return f'HttpsTracking("mail", "mg.example.test", cname={cname}, click=True{more})\n'


def write(stack: ExampleStack, body: str) -> None:
    """Replace a stack's program; it may use the records above."""
    stack.write_program(RECORDS, "records.py")
    stack.write("from records import *\n" + body)


def in_dns(bind: Bind) -> list[str]:
    """The tracking hosts that have their record."""
    found = []
    for host in (HOST, MOVED):
        if records := bind.lookup(host, "CNAME"):
            assert records == [f"{host}. 300 IN CNAME mailgun.test."]
            found.append(host)
    return found


def refused(result: Result) -> bool:
    """Whether a command failed because a record exists, and for no other reason."""
    errors = [text for text in result.all_diagnostics() if "Exception: " in text]
    return result.code != 0 and len(errors) == 1 and REFUSED in errors[0]


@pytest.mark.behaviour(65, 66)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("record(Strict)", 'record(Strict, zone="example.test.")'),
        ("record(DeletingFirst)", 'record(DeletingFirst, zone="example.test.")'),
        ("record(Strict)", 'record(Strict, name="other")'),
        ("record(Strict)", "record(Strict, kind=OtherRecord)"),
    ],
    ids=["zone", "zone, deleted first", "resource name", "resource type"],
)
def test_a_record_that_is_declared_anew(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, before: str, after: str
) -> None:
    """The provider's refusal changes nothing; the old program works, and so does no `cname`."""
    stack = example("")
    write(stack, program(before))
    stack.up()
    write(stack, program(after))

    preview = stack.preview()
    assert HINT in preview.diagnostics("HttpsTracking::mail")
    for _ in range(2):
        assert refused(stack.up(check=False))
        assert in_dns(bind) == [HOST]
    write(stack, program(before))
    assert HINT not in stack.preview("--expect-no-changes").output
    stack.refresh("--expect-no-changes")

    write(stack, program(after))
    assert refused(stack.up(check=False))
    write(stack, program("None"))
    assert stack.up().changes == {"same": 4, "delete": 1}
    stack.preview("--refresh", "--expect-no-changes")
    assert in_dns(bind) == [HOST]
    assert mailgun.domain("mg.example.test").web_scheme == "https"


@pytest.mark.behaviour(65)
@pytest.mark.parametrize(
    "after",
    [
        'record(Overwriting, zone="example.test.")',
        'record(Overwriting, name="other")',
        "record(Overwriting, kind=OtherRecord)",
    ],
    ids=["zone", "resource name", "resource type"],
)
def test_a_provider_that_takes_over_what_exists(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, after: str
) -> None:
    """Then the record can be declared anew, and stays in DNS all the time."""
    stack = example("")
    write(stack, program("record(Overwriting)"))
    stack.up()
    write(stack, program(after))
    stack.up()
    assert in_dns(bind) == [HOST]
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(66)
def test_a_replacement_that_has_begun(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, tmp_path: Path
) -> None:
    """Where the state has it as half done, as earlier versions left it: no `cname` ends that."""
    stack = example("")
    write(stack, program("record(DeletingFirst)"))
    stack.up()
    state = stack.export()
    [entry] = [one for one in state["deployment"]["resources"] if one["urn"].endswith("::record")]
    entry["pendingReplacement"] = True
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state), encoding="utf-8")
    stack.run("stack", "import", "--file", str(file))
    assert refused(stack.up(check=False))
    write(stack, program("None"))
    stack.up()
    stack.preview("--refresh", "--expect-no-changes")
    assert in_dns(bind) == [HOST]
    assert mailgun.domain("mg.example.test").web_scheme == "https"


@pytest.mark.behaviour(65)
def test_an_alias_for_another_resource_name(example: ExampleFactory, bind: Bind) -> None:
    """Then nothing is created at all."""
    stack = example("")
    write(stack, program("record(Strict)"))
    stack.up()
    write(stack, program('record(Strict, name="other", alias="record")'))
    assert stack.up().changes == {"same": 5}
    assert in_dns(bind) == [HOST]


@pytest.mark.behaviour(35, 65, 66)
@pytest.mark.parametrize("provider", ["Strict", "DeletingFirst", "Renaming"])
def test_a_prefix_that_moves_away_and_back(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, provider: str
) -> None:
    """Away is another record, whatever the provider would do; back needs no new one."""
    cname = f"record({provider})"
    stack = example("")
    write(stack, program(cname))
    stack.up()
    write(stack, program(cname, ', web_prefix="links"'))
    moved = stack.up()
    assert moved.steps("record") == ["create-replacement", "replace", "delete-replaced"]
    assert in_dns(bind) == [HOST, MOVED]
    stack.preview("--refresh", "--expect-no-changes")

    write(stack, program(cname, ', web_prefix="email"'))
    assert refused(stack.up(check=False))
    assert mailgun.domain("mg.example.test").web_prefix == "links"
    write(stack, program(cname, ', web_prefix="links"'))
    stack.preview("--expect-no-changes")

    write(stack, program("None", ', web_prefix="email"'))
    stack.up()
    domain = mailgun.domain("mg.example.test")
    assert (domain.web_prefix, domain.web_scheme) == ("email", "https")
    assert in_dns(bind) == [HOST, MOVED]
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(65, 66)
def test_a_second_stack_and_a_stack_that_is_created_again(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    new_stack: StackFactory,
) -> None:
    """The preview says that the record exists, and without `cname` it is used as it is."""
    first = example("")
    write(first, program())
    assert HINT not in first.preview().output
    first.up()
    second = example_stack(new_stack, mailgun, bind)
    second.config_set("key", bind.key)

    for stack in (second, first):
        if stack is first:
            stack.destroy()
            assert in_dns(bind) == [HOST]
        write(stack, program())
        assert HINT in stack.preview().diagnostics("HttpsTracking::mail")
        assert refused(stack.up(check=False))
        write(stack, program("None"))
        stack.up()
        stack.preview("--refresh", "--expect-no-changes")
        assert in_dns(bind) == [HOST]


@pytest.mark.behaviour(35, 66)
@pytest.mark.parametrize("provider", ["Strict", "DeletingFirst"])
def test_delete_record_counts_as_of_the_last_up(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, provider: str
) -> None:
    """It can be changed either way; a prefix that moves deletes its old record at the very end."""
    cname, deleted = f"record({provider})", ", delete_record=True"
    stack = example("")
    write(stack, program(cname, deleted))
    stack.up()
    write(stack, program(cname, deleted + ', web_prefix="links"'))
    moved = stack.up()
    assert moved.steps("record") == ["create-replacement", "replace", "delete-replaced"]
    urns = [
        event["resourcePreEvent"]["metadata"]["urn"].rpartition("::")[0].rpartition(":")[2]
        for event in moved.events
        if "resourcePreEvent" in event
        and event["resourcePreEvent"]["metadata"]["op"] in ("update", "delete-replaced")
    ]
    assert urns.index("TrackingHost") < urns.index("Record"), "links move first"
    assert in_dns(bind) == [MOVED]

    write(stack, program(cname, ', web_prefix="links"'))
    assert stack.up().changes == {"same": 5}
    stack.destroy()
    assert in_dns(bind) == [MOVED]

    bind.remove(MOVED)
    stack.up()
    write(stack, program(cname, deleted + ', web_prefix="links"'))
    assert stack.up().changes == {"same": 5}
    stack.destroy()
    assert in_dns(bind) == []


@pytest.mark.behaviour(65)
def test_a_record_that_somebody_deleted_is_created_again(
    example: ExampleFactory, bind: Bind
) -> None:
    """`up --refresh` finds out."""
    stack = example("")
    write(stack, program())
    stack.up()
    bind.remove(HOST)
    assert stack.up("--refresh").step("record") == "create"
    assert in_dns(bind) == [HOST]
