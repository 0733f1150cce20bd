"""HttpsTracking under mocks: its record, its children, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs

from mailgun_tracking import (
    DomainTracking,
    HttpsTracking,
    InvalidInput,
    TrackingCertificate,
    TrackingRecord,
)
from tests.unit.conftest import run_program

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"


class Engine(Mocks):
    """Mocks with one domain, that record what is looked up and registered, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.inputs: dict[str, dict[str, Any]] = {}

    def call(self, args: MockCallArgs) -> Any:
        self.events.append("lookup")
        return {
            "domain": DOMAIN,
            "tracking_domain": HOST,
            "web_prefix": "email",
            "web_scheme": "http",
            "cname_name": HOST,
            "cname_value": "mailgun.org",
        }

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.events.append(kind)
        self.inputs[kind] = dict(args.inputs)
        outputs = {"tracking_domain": HOST, "not_after": "2027-01-30T12:00:00Z"}
        return f"{args.name}-id", {**args.inputs, **outputs}


@pytest.fixture
def engine(use_mocks: Callable[[Mocks], None]) -> Engine:
    """In place of the engine."""
    engine = Engine()
    use_mocks(engine)
    return engine


def own(inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs without what the SDK adds."""
    return {name: value for name, value in inputs.items() if name != "__provider"}


class Record(pulumi.CustomResource):
    """A DNS record."""

    def __init__(
        self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("dns:index:Record", name, props, opts)


def make_record(record: TrackingRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """What a program passes as `cname`."""
    return Record("cname", {"name": record.name, "value": record.value}, opts)


def declare(**arguments: Any) -> HttpsTracking:
    """Declare the component, and wait for its outputs."""
    made: list[HttpsTracking] = []

    def program() -> Any:
        made.append(HttpsTracking("mg", DOMAIN, **arguments))
        outputs = made[0].tracking_domain, made[0].certificate.urn
        return pulumi.Output.all(*outputs, made[0].cname.urn if made[0].cname else None)

    run_program(program)
    return made[0]


def test_its_children_are_the_record_the_certificate_the_settings_and_the_host(
    engine: Engine,
) -> None:
    component = declare(cname=make_record, click=True, timeout=5, region="eu")
    assert engine.inputs["Record"] == {"name": HOST, "value": "mailgun.org"}
    certificate, tracking, host = (
        engine.inputs[kind] for kind in ("TrackingCertificate", "DomainTracking", "TrackingHost")
    )
    assert certificate["tracking_domain"] == HOST
    assert certificate["timeout"] == 5
    assert "move_domain" not in certificate
    assert own(tracking) == {"domain": DOMAIN, "click": {"active": True}, "region": "eu"}
    web = {"web_scheme": "https", "managed": ["web_scheme"]}
    assert own(host) == {"domain": DOMAIN, **web, "region": "eu"}
    assert certificate["region"] == "eu"
    assert isinstance(component.cname, Record)


def test_a_web_prefix_of_its_own_may_move_the_domain(engine: Engine) -> None:
    declare(cname=make_record, web_prefix="go")
    assert engine.inputs["Record"]["name"] == f"go.{DOMAIN}"
    assert engine.inputs["TrackingCertificate"]["tracking_domain"] == f"go.{DOMAIN}"
    assert engine.inputs["TrackingCertificate"]["move_domain"] is True
    assert engine.inputs["TrackingHost"]["web_prefix"] == "go"
    assert "web_prefix" not in engine.inputs["DomainTracking"]


def test_the_record_may_exist_already(engine: Engine) -> None:
    assert declare().cname is None
    assert "Record" not in engine.inputs


@pytest.mark.parametrize(("arguments", "kept"), [({}, True), ({"delete_record": True}, False)])
def test_the_record_is_kept_when_the_component_goes(
    engine: Engine, arguments: dict[str, bool], kept: bool
) -> None:
    """Links in mail already sent need it."""
    options: list[pulumi.ResourceOptions] = []

    def cname(record: TrackingRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
        options.append(opts)
        return make_record(record, opts)

    component = declare(cname=cname, **arguments)
    assert [opts.retain_on_delete for opts in options] == [kept]
    assert [opts.parent for opts in options] == [component]


def without_options(record: TrackingRecord, _opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Drops the options, which make destroy keep the record."""
    return Record("cname", {"name": record.name}, pulumi.ResourceOptions())


def failing(_record: TrackingRecord, _opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Has a bug."""
    raise KeyError("zone")


def calling(record: TrackingRecord, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Calls a library that has one."""
    return failing(record, opts)


@pytest.mark.behaviour(45)
@pytest.mark.parametrize(
    ("cname", "word"),
    [
        (lambda _record, _opts: None, "must return the DNS resource it creates, not None"),
        ("email.mg.example.com", "must be a function, not a string"),
        (lambda _record: None, "two arguments"),
        (without_options, "opts=opts"),
        (failing, "KeyError: 'zone'"),
    ],
)
def test_a_cname_function_that_cannot_be_used_is_one_line(
    engine: Engine, cname: Any, word: str
) -> None:
    with pytest.raises(InvalidInput, match=word) as caught:
        declare(cname=cname)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cname", [failing, calling])
def test_an_error_of_a_cname_function_says_where_it_is_from(engine: Engine, cname: Any) -> None:
    """The line of the function, not that of the library it calls."""
    line = cname.__code__.co_firstlineno + 2
    with pytest.raises(InvalidInput, match=f"line {line} of test_https_tracking.py"):
        declare(cname=cname)


@pytest.mark.behaviour(45)
@pytest.mark.parametrize("resource", [HttpsTracking, DomainTracking, TrackingCertificate])
def test_what_follows_the_domain_is_named(resource: Any) -> None:
    """Options given by position would be taken for another argument."""
    with pytest.raises(TypeError, match="positional"):
        resource("mg", DOMAIN, pulumi.ResourceOptions())


class Zone(pulumi.ComponentResource):
    """A component with a child, which makes the domain."""

    def __init__(self) -> None:
        super().__init__("dns:index:Zone", "zone")
        Record("domain", {}, pulumi.ResourceOptions(parent=self))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Record("domain", {}), id="a resource"),
        pytest.param(lambda: [Record("domain", {})], id="a list"),
        pytest.param(lambda: pulumi.Output.from_input([Record("domain", {})]), id="an output"),
        pytest.param(Zone, id="a component"),
    ],
)
def test_the_domain_is_looked_up_once_it_is_created(
    engine: Engine, make: Callable[[], Any]
) -> None:
    """`depends_on` names what creates it."""

    def program() -> Any:
        opts = pulumi.ResourceOptions(depends_on=make())
        return HttpsTracking("mg", DOMAIN, opts=opts).tracking_domain

    run_program(program)
    assert engine.events.index("Record") < engine.events.index("lookup")


@pytest.mark.parametrize(
    ("name", "zone", "relative"),
    [
        (HOST, "example.com", "email.mg"),
        (HOST, DOMAIN, "email"),
        (HOST, "Example.COM.", "email.mg"),
    ],
)
def test_a_record_has_a_name_relative_to_its_zone(
    engine: Engine, name: str, zone: str, relative: str
) -> None:
    seen: list[str] = []

    def program() -> Any:
        value = pulumi.Output.from_input("mailgun.org")
        record = TrackingRecord(pulumi.Output.from_input(name), value)
        return record.relative_to(zone).apply(seen.append)

    run_program(program)
    assert seen == [relative]


@pytest.mark.parametrize("zone", ["example.org", HOST, "ample.com"])
def test_a_record_outside_of_a_zone_has_none(engine: Engine, zone: str) -> None:
    def program() -> Any:
        value = pulumi.Output.from_input("mailgun.org")
        return TrackingRecord(pulumi.Output.from_input(HOST), value).relative_to(zone)

    with pytest.raises(InvalidInput, match=zone) as caught:
        run_program(program)
    assert caught.value.domain == HOST
