"""The CNAME record that stays in DNS, with providers that refuse to create what exists, as most do.

Each case starts from a stack with https on, and ends with a record in a real DNS server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
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
PREFIXES = ("email", "links")
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


def hint(host: str) -> str:
    """What the preview says of a record that exists."""
    return (
        f"the CNAME record {host} already exists; if your DNS provider refuses to create it, "
        "import it or leave out `cname`"
    )


HINT = hint(HOST)


def program(cname: str = "record(Strict)", more: str = "") -> str:
    """The component, with an expression for `cname`, and more arguments."""
    return f'HttpsTracking("mail", "mg.example.test", cname={cname}, click=True{more})\n'


def write(stack: ExampleStack, body: str) -> None:
    """Replace a stack's program; it may use the records above."""
    stack.write_program(RECORDS, "records.py")
    stack.write("from records import *\n" + body)


def trackings(cnames: dict[str, str], more: str = "") -> str:
    """One component for each domain of the zone, with an expression for its `cname`."""
    return "".join(
        f'HttpsTracking("{name}", "{name}.example.test", cname={cname}, click=True{more})\n'
        for name, cname in cnames.items()
    )


def in_dns(bind: Bind, domains: Iterable[str] = ("mg",)) -> list[str]:
    """The tracking hosts of domains of the zone that have their record."""
    found = []
    for host in [f"{prefix}.{name}.example.test" for prefix in PREFIXES for name in domains]:
        if records := bind.lookup(host, "CNAME"):
            assert records == [f"{host}. 300 IN CNAME mailgun.test."]
            found.append(host)
    return found


def refused(result: Result, count: int = 1) -> bool:
    """Whether a command failed because so many records exist, and for no other reason."""
    errors = [text for text in result.all_diagnostics() if "Exception: " in text]
    return result.code != 0 and [REFUSED in error for error in errors] == [True] * count


@pytest.mark.behaviour(65, 66)
def test_a_record_that_is_declared_anew(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind
) -> None:
    """The provider's refusal changes nothing; the old program works, and so does no `cname`."""
    mailgun.add_domain("four.example.test")
    before = {
        "mg": 'record(Strict, "mg")',
        "two": 'record(DeletingFirst, "two")',
        "three": 'record(Strict, "three")',
        "four": 'record(Strict, "four")',
    }
    after = {
        "mg": 'record(Strict, "mg", zone="example.test.")',
        "two": 'record(DeletingFirst, "two", zone="example.test.")',
        "three": 'record(Strict, "another name")',
        "four": 'record(Strict, "four", kind=OtherRecord)',
    }
    hosts = [f"email.{name}.example.test" for name in before]
    stack = example("")
    write(stack, trackings(before))
    stack.up()
    write(stack, trackings(after))

    preview = stack.preview()
    for name, host in zip(before, hosts, strict=True):
        assert hint(host) in preview.diagnostics(f"HttpsTracking::{name}")
    for name in before:
        write(stack, trackings({**before, name: after[name]}))
        assert refused(stack.up(check=False)), name
        assert in_dns(bind, before) == hosts
    write(stack, trackings(before))
    result = stack.preview("--expect-no-changes")
    assert not any(hint(host) in result.output for host in hosts)
    stack.refresh("--expect-no-changes")

    write(stack, trackings(after))
    for _ in range(2):
        assert REFUSED in stack.up(check=False).output
    write(stack, trackings(dict.fromkeys(before, "None")))
    assert stack.up().changes == {"same": 16, "delete": 4}
    stack.preview("--refresh", "--expect-no-changes")
    assert in_dns(bind, before) == hosts
    assert all(mailgun.domain(f"{name}.example.test").web_scheme == "https" for name in before)


@pytest.mark.behaviour(65)
def test_a_provider_that_takes_over_what_exists(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind
) -> None:
    """Then the record can be declared anew, and stays in DNS all the time."""
    after = {
        "mg": 'record(Overwriting, "mg", zone="example.test.")',
        "two": 'record(Overwriting, "another name")',
        "three": 'record(Overwriting, "three", kind=OtherRecord)',
    }
    stack = example("")
    write(stack, trackings({name: f'record(Overwriting, "{name}")' for name in after}))
    stack.up()
    write(stack, trackings(after))
    stack.up()
    assert in_dns(bind, after) == [f"email.{name}.example.test" for name in after]
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
def test_a_prefix_that_moves_away_and_back(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind
) -> None:
    """Away is another record, whatever the provider would do; back needs no new one."""
    providers = {"mg": "Strict", "two": "DeletingFirst", "three": "Renaming"}
    cnames = {name: f'record({provider}, "{name}")' for name, provider in providers.items()}
    both = [f"{prefix}.{name}.example.test" for prefix in PREFIXES for name in providers]
    stack = example("")
    write(stack, trackings(cnames))
    stack.up()
    write(stack, trackings(cnames, ', web_prefix="links"'))
    moved = stack.up()
    for name in providers:
        steps = moved.steps(f"Record::{name}")
        assert steps == ["create-replacement", "replace", "delete-replaced"]
    assert in_dns(bind, providers) == both
    stack.preview("--refresh", "--expect-no-changes")

    write(stack, trackings(cnames, ', web_prefix="email"'))
    assert refused(stack.up("--continue-on-error", check=False), len(providers))
    for name in providers:
        assert mailgun.domain(f"{name}.example.test").web_prefix == "links"
    write(stack, trackings(cnames, ', web_prefix="links"'))
    stack.preview("--expect-no-changes")

    write(stack, trackings(dict.fromkeys(providers, "None"), ', web_prefix="email"'))
    stack.up()
    for name in providers:
        domain = mailgun.domain(f"{name}.example.test")
        assert (domain.web_prefix, domain.web_scheme) == ("email", "https")
    assert in_dns(bind, providers) == both
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
def test_delete_record_counts_as_of_the_last_up(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind
) -> None:
    """It can be changed either way; a prefix that moves deletes its old record at the very end."""
    providers = {"mg": "Strict", "two": "DeletingFirst"}
    cnames = {name: f'record({provider}, "{name}")' for name, provider in providers.items()}
    links = [f"links.{name}.example.test" for name in providers]
    kept, deleted = ', web_prefix="links"', ', delete_record=True, web_prefix="links"'
    stack = example("")
    write(stack, trackings(cnames, ", delete_record=True"))
    stack.up()
    write(stack, trackings(cnames, deleted))
    moved = stack.up()
    urns = [
        event["resourcePreEvent"]["metadata"]["urn"]
        for event in moved.events
        if "resourcePreEvent" in event
        and event["resourcePreEvent"]["metadata"]["op"] in ("update", "delete-replaced")
    ]
    for name in providers:
        steps = moved.steps(f"Record::{name}")
        assert steps == ["create-replacement", "replace", "delete-replaced"]
        [host] = [urn for urn in urns if urn.endswith(f":TrackingHost::{name}")]
        [record] = [urn for urn in urns if urn.endswith(f":Record::{name}")]
        assert urns.index(host) < urns.index(record), "links move first"
    assert in_dns(bind, providers) == links

    write(stack, trackings(cnames, kept))
    assert stack.up().changes == {"same": 10}
    stack.destroy()
    assert in_dns(bind, providers) == links

    for host in links:
        bind.remove(host)
    stack.up()
    write(stack, trackings(cnames, deleted))
    assert stack.up().changes == {"same": 10}
    stack.destroy()
    assert in_dns(bind, providers) == []


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
