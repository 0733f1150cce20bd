"""What of a state is whose, and what has to move."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking.errors import FleetError
from mailgun_tracking.fleet.backend import Backend, Resource
from mailgun_tracking.fleet.moving import Move, misplaced, plan_moves, refuse_misplaced, units
from mailgun_tracking.fleet.project import Project

STACKS = {
    "one": ("example.com", "a.example.com"),
    "two": ("mg.example.com", "b-c.example.com"),
}
DOMAINS = [domain for domains in STACKS.values() for domain in domains]
PROJECT = Project(Path(), "mail", {domain: {} for domain in DOMAINS}, STACKS, ())

OURS = "pulumi-python:dynamic/mailgun:"
ROOT = {"urn": "urn:pulumi:one::mail::pulumi:pulumi:Stack::mail-one", "type": "pulumi:pulumi:Stack"}


def resource(
    name: str, kind: str = "aws:route53/record:Record", below: Resource = ROOT, **more: Any
) -> dict[str, Any]:
    """A resource in the state of the stack `one`."""
    above = "" if below is ROOT else below["type"] + "$"
    urn = f"urn:pulumi:one::mail::{above}{kind}::{name}"
    return {"urn": urn, "type": kind, "parent": below["urn"], "inputs": {}, **more}


def tracking(name: str, domain: Any, below: Resource = ROOT, **more: Any) -> dict[str, Any]:
    """A `DomainTracking`."""
    return resource(name, f"{OURS}DomainTracking", below, inputs={"domain": domain}, **more)


def domains(*resources: Resource) -> list[set[str]]:
    """The domains of each unit of a state."""
    return [set(unit.domains) for unit in units([ROOT, *resources], PROJECT)]


def in_stack(stack: str, resources: Sequence[Resource]) -> list[Resource]:
    """The same state as that of another stack."""
    return [{**one, "urn": one["urn"].replace(":one::", f":{stack}::", 1)} for one in resources]


@pytest.mark.behaviour(120)
@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("example.com", "example.com"),
        ("email.mg.example.com", "mg.example.com"),
        ("record-of-MG.example.com_2", "mg.example.com"),
        ("cname-b-c.example.com", "b-c.example.com"),
        ("email.other.example.com", "example.com"),
        ("mg.example.community", None),
        ("amg.example.org", None),
        ("record", None),
    ],
)
def test_a_resource_that_says_its_domain_in_its_name(name: str, domain: str | None) -> None:
    assert domains(resource(name)) == [{domain} if domain else set()]


@pytest.mark.behaviour(120)
def test_what_is_one_unit() -> None:
    """A component with all below it, but no provider, and nothing that is only read."""
    component = resource("mail", "mailgun-tracking:index:HttpsTracking")
    state = [
        resource("dns", "pulumi:providers:aws"),
        component,
        resource("record", below=component),
        resource("dns", "pulumi:providers:aws", below=component),
        tracking("any", "mg.example.com", below=component),
        tracking("example.com", "a.example.com"),
        tracking("mg.example.com", "mg.example.com", external=True),
        resource("example.com", "aws:route53/zone:Zone", external=True),
        tracking("read", "a.example.com", below=component, external=True),
        tracking("secret", {"ciphertext": "…"}),
        resource("host", f"{OURS}TrackingCertificate", inputs={"tracking_domain": "e.example.com"}),
    ]
    assert domains(*state) == [
        {"mg.example.com"},
        {"a.example.com"},
        set(),
        {"example.com"},
    ]
    assert len(units([ROOT, *state], PROJECT)[0].urns) == 4


@pytest.mark.behaviour(120)
def test_other_spellings() -> None:
    """A state has a domain as the program spelled it."""
    state = [tracking("any", "MG.example.com"), tracking("idn", "Bücher.example.")]
    assert domains(*state) == [{"mg.example.com"}, {"xn--bcher-kva.example"}]
    assert misplaced(state[:1], "one", PROJECT).keys() == {"two"}
    stacks = {"two": ("xn--bcher-kva.example",)}
    project = Project(Path(), "mail", {"xn--bcher-kva.example": {}}, stacks, ())
    host = {"tracking_domain": "email.bücher.example"}
    state.append(resource("host", f"{OURS}TrackingCertificate", inputs=host))
    assert misplaced(state[1:], "one", project) == {"two": units(state[1:], project)}


@pytest.mark.behaviour(120)
def test_what_is_misplaced() -> None:
    """A domain that is not in the file stays, and so does what is about no domain."""
    state = [
        tracking("a", "a.example.com"),
        tracking("b", "gone.example.com"),
        resource("record"),
    ]
    assert misplaced(state, "one", PROJECT) == {}
    refuse_misplaced(state, "one", PROJECT)
    state += [tracking("mail", "mg.example.com"), resource("record-mg.example.com")]
    assert misplaced(state, "one", PROJECT) == {"two": units(state[3:], PROJECT)}
    with pytest.raises(FleetError) as raised:
        refuse_misplaced(state, "one", PROJECT)
    assert str(raised.value) == (
        "mg.example.com is in one, and stacks.csv says two; update your checkout and, "
        "if stacks.csv still says so, run `mailgun-tracking fleet move`"
    )


@pytest.mark.behaviour(120)
def test_a_component_with_domains_of_two_stacks() -> None:
    """Its children cannot leave it."""
    both = resource("both", "my:index:Domains")
    state = [both, *(tracking(domain, domain, below=both) for domain in DOMAINS)]
    with pytest.raises(FleetError, match=r"::both in one has domains of several stacks below it"):
        misplaced(state, "one", PROJECT)


@pytest.mark.behaviour(120)
def test_what_is_there_already() -> None:
    """The old stack forgets what the new one has whole; half of it is for a person."""
    component = resource("mg.example.com", "mailgun-tracking:index:HttpsTracking")
    https = [component, tracking("mg.example.com", "mg.example.com", below=component)]
    plain = [tracking("b-c.example.com", "b-c.example.com")]
    both: dict[str, list[Resource]] = {"one": [*https, *plain], "two": in_stack("two", https)}
    whole, new = units(both["one"], PROJECT)
    assert plan_moves(both, PROJECT) == [
        Move("one", "two", (whole,), is_copied=True),
        Move("one", "two", (new,), is_copied=False),
    ]
    assert plan_moves({"one": plain}, PROJECT) == [Move("one", "two", (new,), is_copied=False)]
    with pytest.raises(FleetError) as raised:
        plan_moves({"one": https, "two": in_stack("two", https[:1])}, PROJECT)
    assert str(raised.value) == (
        "mg.example.com is in one, and some of it in two as well; "
        "take it out of two with `pulumi state delete`"
    )


@pytest.mark.behaviour(120)
def test_stacks_with_different_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi's refusal does not say what to do."""
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(
        "#!/bin/sh\necho 'error: provider p already exists in destination stack' >&2\nexit 255\n"
    )
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(FleetError) as raised:
        Backend(tmp_path).move(["urn"], "one", "two")
    assert str(raised.value) == (
        "cannot move resources from one to two: provider p already exists in destination stack; "
        "the two had different configuration in their last update: with the stacks.csv of before, "
        "run `mailgun-tracking fleet move` and `up`; then move again"
    )
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FleetError, match="a fleet needs pulumi, which is not on PATH"):
        Backend(tmp_path)
