"""The examples for cloud providers, under Pulumi's mocks and with the providers' real SDKs."""

from __future__ import annotations

import ast
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.examples.mocked import (
    ANSWERS,
    LOOKUP,
    ZONE_LOOKUP,
    Asked,
    Done,
    Registered,
    kind_of,
    run_mocked,
)
from tests.examples.projects import commands_of, project_of, text_of


@dataclass(frozen=True)
class Example:
    """What an example's program has to register.

    Attributes:
        record: the type token of the DNS record.
        inputs: its inputs by their names on the wire.
        extra: the kinds of its other resources, besides the component and its children.
    """

    name: str
    record: str
    inputs: dict[str, Any]
    extra: tuple[str, ...] = field(default=())


SECOND_DOMAIN = """
HttpsTracking("two", "two.example.com", cname=partial(cname, "two.example.com"), click=True)
"""
"""What is added to a program for a second domain."""
ROUTE53 = {
    "zoneId": "Z0123",
    "name": "email.mg.example.com",
    "type": "CNAME",
    "ttl": 300,
    "records": ["mailgun.org"],
}
EXAMPLES = {
    example.name: example
    for example in (
        Example("route53", "aws:route53/record:Record", ROUTE53),
        Example("new-domain", "aws:route53/record:Record", ROUTE53, extra=("Domain",)),
        Example(
            "cloudflare",
            "cloudflare:index/dnsRecord:DnsRecord",
            {
                "zoneId": "023e105f4ecef8ad9ca31a8372d0c353",
                "name": "email.mg.example.com",
                "type": "CNAME",
                "ttl": 300,
                "content": "mailgun.org",
                "proxied": False,
            },
        ),
        Example(
            "google-cloud-dns",
            "gcp:dns/recordSet:RecordSet",
            {
                "managedZone": "example-com",
                "name": "email.mg.example.com.",
                "type": "CNAME",
                "ttl": 300,
                "rrdatas": ["mailgun.org."],
            },
        ),
        Example(
            "azure-dns",
            "azure-native:dns:RecordSet",
            {
                "resourceGroupName": "dns",
                "zoneName": "example.com",
                "relativeRecordSetName": "email.mg",
                "recordType": "CNAME",
                "ttl": 300,
                "cnameRecord": {"cname": "mailgun.org"},
            },
        ),
        Example(
            "digitalocean",
            "digitalocean:index/dnsRecord:DnsRecord",
            {
                "domain": "example.com",
                "name": "email.mg",
                "type": "CNAME",
                "ttl": 300,
                "value": "mailgun.org.",
            },
        ),
    )
}


def configured(name: str) -> dict[str, str]:
    """The configuration that the commands of an example's README set."""
    config = {}
    words = shlex.split(" && ".join(commands_of(name)))
    for place in (at for at in range(len(words)) if words[at : at + 2] == ["config", "set"]):
        key, value = words[place + 2 : place + 4]
        config[key if ":" in key else f"{project_of(name)['name']}:{key}"] = value
    return config


def misspelt(program: str) -> dict[str, str]:
    """One program for each keyword argument of a program, with that argument misspelt."""
    programs = {}
    lines = program.splitlines(keepends=True)
    for call in (node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            assert keyword.arg, "written out, so that a renamed argument is found"
            line = lines[keyword.lineno - 1]
            changed = line[: keyword.col_offset] + "un" + line[keyword.col_offset :]
            text = [*lines[: keyword.lineno - 1], changed, *lines[keyword.lineno :]]
            programs[f"un{keyword.arg}, line {keyword.lineno}"] = "".join(text)
    return programs


@dataclass(frozen=True)
class Runs:
    """What an example's program did.

    Attributes:
        broken: the same with one argument misspelt, by that argument.
        second: the same with a second domain.
    """

    example: Example
    done: Done
    broken: dict[str, Done]
    second: Done


@pytest.fixture(scope="module", params=list(EXAMPLES))
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """An example's runs, with one import of its provider's SDK, which can take ten seconds."""
    example = EXAMPLES[request.param]
    program = text_of(example.name)
    broken = misspelt(program)
    done, second, *others = run_mocked(
        [program, program + SECOND_DOMAIN, *broken.values()],
        directory=tmp_path_factory.mktemp(example.name),
        project=project_of(example.name)["name"],
        config=configured(example.name),
        answers=ANSWERS,
    )
    return Runs(example, done, dict(zip(broken, others, strict=True)), second)


@pytest.mark.behaviour(34)
def test_the_record_is_the_one_that_mailgun_expects(runs: Runs) -> None:
    """It has the provider's names for name, type, value and TTL, and is retained on delete."""
    assert not runs.done.error
    record = runs.done.resources[kind_of(runs.example.record)]
    assert record.type == runs.example.record
    assert record.inputs == runs.example.inputs
    assert not record.inputs.get("proxied")
    assert record.parent == "HttpsTracking"
    assert record.retain_on_delete
    assert not record.delete_before_replace


@pytest.mark.behaviour(34)
def test_record_then_certificate_then_https(runs: Runs) -> None:
    """The certificate waits for the record, https for the certificate, the settings for neither."""
    record = kind_of(runs.example.record)
    made = runs.done.resources
    assert set(made) == {
        "HttpsTracking",
        record,
        "TrackingCertificate",
        "DomainTracking",
        "TrackingHost",
        *runs.example.extra,
    }
    assert made["TrackingCertificate"].inputs == {"tracking_domain": "email.mg.example.com"}
    assert record in made["TrackingCertificate"].depends_on
    assert made["DomainTracking"].inputs == {
        "domain": "mg.example.com",
        "click": {"active": True},
        "open": {"active": True},
    }
    assert made["TrackingHost"].inputs == {
        "domain": "mg.example.com",
        "web_scheme": "https",
        "managed": ["web_scheme"],
    }
    assert "TrackingCertificate" in made["TrackingHost"].depends_on
    assert not {record, "TrackingCertificate"} & {*made["DomainTracking"].depends_on}
    in_order = [kind for kind in made if kind in (record, "TrackingCertificate", "TrackingHost")]
    assert in_order == [record, "TrackingCertificate", "TrackingHost"]
    for child in ("TrackingCertificate", "DomainTracking", "TrackingHost"):
        assert made[child].parent == "HttpsTracking"
        assert not made[child].retain_on_delete
    assert runs.done.asked[LOOKUP] == {"domain": "mg.example.com"}


def test_a_misspelt_argument_fails(runs: Runs) -> None:
    """Every argument is checked by the provider's SDK or by this package."""
    assert len(runs.broken) > len(runs.example.inputs)
    for what, done in runs.broken.items():
        assert "TypeError" in done.error, what
        assert what.partition(",")[0] in done.error, what


def test_a_second_domain_needs_one_more_line(runs: Runs) -> None:
    """Its record has a name of its own, so that the two have different URNs."""
    assert not runs.second.error
    records = [
        step.name
        for step in runs.second.steps
        if isinstance(step, Registered) and step.type == runs.example.record
    ]
    assert sorted(records) == ["mg.example.com", "two.example.com"]


@pytest.mark.parametrize("runs", ["new-domain"], indirect=True)
def test_a_new_domain_is_created_before_the_lookup(runs: Runs) -> None:
    """The lookup waits for the domain, and the domain does not manage tracking."""
    steps = [
        kind_of(step.type) if isinstance(step, Registered) else step.token
        for step in runs.done.steps
        if isinstance(step, Asked) or step.type.startswith("mailgun:")
    ]
    assert steps == [ZONE_LOOKUP, "Domain", LOOKUP]
    domain = runs.done.resources["Domain"]
    assert domain.type == "mailgun:index/domain:Domain"
    assert domain.inputs == {"name": "mg.example.com"}
    assert domain.delete_before_replace
    assert domain.ignore_changes == ["clickTracking", "openTracking", "webScheme"]
    for child in ("TrackingCertificate", "DomainTracking", "TrackingHost"):
        assert "Domain" in runs.done.resources[child].depends_on, "is deleted before the domain"


@pytest.mark.parametrize("runs", ["route53"], indirect=True)
def test_the_zone_is_found_by_its_name(runs: Runs) -> None:
    """Route 53 needs the id of the zone, which is looked up."""
    assert runs.done.asked[ZONE_LOOKUP] == {"name": "example.com"}


def test_the_programs_run_apart_from_each_other(tmp_path: Path) -> None:
    """A failed program does not affect the next one, although they share imports."""
    good = 'import pulumi\npulumi.Config().require("word")\n'
    done = run_mocked(
        ["import pulumi\nraise KeyError('first')", good, good.replace("word", "other")],
        directory=tmp_path,
        project="apart",
        config={"apart:word": "said"},
        answers={},
    )
    assert "KeyError: 'first'" in done[0].error
    assert done[1] == Done([], "")
    assert "apart:other" in done[2].error
