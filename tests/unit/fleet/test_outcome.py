"""What became of a stack, from the engine's events."""

from __future__ import annotations

from typing import Any

import pytest

from mailgun_tracking.fleet.outcome import Row
from tests.unit.fleet.events import COMPONENT, STACK, both, outcome, said, step, urn

RECORD = "mailgun-tracking:index:HttpsTracking$dns:index:Record"
CERTIFICATE = (
    "mailgun-tracking:index:HttpsTracking$pulumi-python:dynamic/mailgun:TrackingCertificate"
)
PROVIDER = "pulumi:providers:aws"


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ("create", "created"),
        ("import", "created"),
        ("update", "changed"),
        ("replace", "changed"),
        ("delete", "deleted"),
        ("same", "unchanged"),
    ],
)
def test_operations(operation: str, result: str) -> None:
    done = outcome(both(operation, "a.test", new={}), "a.test")
    assert [(row.name, row.is_domain, row.result) for row in done.rows] == [
        ("a.test", True, result)
    ]
    assert done.is_done


def test_a_domain_has_several_resources() -> None:
    """It has failed if one of them has, and has changed if they differ in what became of them."""
    component = both("same", "a.test", of=COMPONENT, new={})
    under = {"parent": urn("a.test", COMPONENT)}
    tracking = both("update", "a.test", new={}, **under)
    record = both("create", "a.test-cname", of=RECORD, new={}, **under)
    changed = outcome([*component, *tracking, *record], "a.test")
    [row] = changed.rows
    assert (row.result, row.changes) == ("changed", ("creates Record a.test-cname",))
    assert not row.takes_away
    failure = said("it exists", urn("a.test-cname", RECORD), "error")
    failed = outcome([*component, *tracking, record[0], failure], "a.test", error="exited")
    assert [(row.result, row.reason) for row in failed.rows] == [("failed", "it exists")]
    assert not failed.is_done
    assert failed.error == ""


def test_what_goes_away_of_a_domain_that_stays() -> None:
    """Each resource is named, but not the component, which is nothing by itself."""
    under = {"parent": urn("a.test", COMPONENT)}
    events = [
        *both("same", "a.test", new={}),
        *both("delete", "a.test", of=COMPONENT, old={}),
        *both("delete", "a.test", of=RECORD, old={}, **under),
        *both("delete", "a.test", of=CERTIFICATE, old={}, retainOnDelete=True, **under),
        said("click unchanged", urn("a.test")),
    ]
    [row] = outcome(events, "a.test").rows
    assert (row.result, row.takes_away) == ("changed", True)
    assert row.changes == (
        "deletes Record a.test",
        "no longer manages TrackingCertificate a.test, but keeps it",
    )


def test_a_domain_that_goes_away_as_a_whole() -> None:
    under = {"parent": urn("a.test", COMPONENT)}
    events = [
        *both("delete", "a.test", of=COMPONENT, old={}),
        *both("delete", "a.test", of=RECORD, old={}, **under),
    ]
    [row] = outcome(events, "a.test").rows
    assert (row.result, row.changes, row.takes_away) == ("deleted", (), True)


def test_a_component_that_registers_no_outputs() -> None:
    """It is not waited for, with a domain below it or without."""
    under = {"parent": urn("a.test", COMPONENT)}
    component = step("Pre", "create", "a.test", of=COMPONENT, new={})
    other = step("Pre", "create", "other", of=COMPONENT, new={})
    done = outcome([component, *both("create", "a.test", new={}, **under), other], "a.test")
    assert [(row.name, row.result) for row in done.rows] == [
        ("a.test", "created"),
        ("other", "created"),
    ]


def test_a_component_that_is_refreshed() -> None:
    events = [
        step("Pre", "refresh", "other", of=COMPONENT, old={}),
        step("Outputs", "same", "other", of=COMPONENT, old={}),
    ]
    assert [row.result for row in outcome(events).rows] == ["unchanged"]


def test_a_replacement() -> None:
    steps = ("create-replacement", "replace", "delete-replaced")
    sides: dict[str, Any] = {"old": {}, "new": {}, "diff": ["name"]}
    under = {"parent": urn("a.test", COMPONENT)}
    component = both("same", "a.test", of=COMPONENT, new={})
    record = [event for one in steps for event in both(one, "a.test", of=RECORD, **sides, **under)]
    [row] = outcome([*component, *record], "a.test").rows
    assert (row.result, row.takes_away) == ("changed", True)
    assert row.changes[0] == "replaces Record a.test"


def test_what_a_refresh_does_not_find() -> None:
    """Nobody deletes it, and an `up` that refreshes first creates it again."""
    gone = [
        step("Pre", "refresh", "a.test", of=CERTIFICATE, old={}),
        step("Outputs", "delete", "a.test", of=CERTIFICATE, old={}),
    ]
    [row] = outcome([*both("same", "a.test", new={}), *gone], "a.test").rows
    assert (row.result, row.changes) == ("changed", ("TrackingCertificate a.test is gone",))
    [row] = outcome([*gone, *both("create", "a.test", of=CERTIFICATE, new={})], "a.test").rows
    assert row.changes == (
        "creates TrackingCertificate a.test",
        "TrackingCertificate a.test is gone",
    )


def test_a_resource_of_no_domain_has_a_row_of_its_own() -> None:
    done = outcome(both("create", "topic", of="aws:sns:Topic", new={}), "a.test")
    assert done.rows == [Row("topic", False, "fleet-001", "created")]


def test_the_stack_and_providers_and_what_is_only_read_are_none_of_it() -> None:
    events = [
        *both("create", "mail-fleet-001", of="pulumi:pulumi:Stack", new={}),
        *both("create", "default", of="pulumi:providers:aws", new={}),
        *both("read", "zone", of="aws:route53:Zone", new={}),
        *both("read-replacement", "zone", of="aws:route53:Zone", new={}),
        *both("discard-replaced", "zone", of="aws:route53:Zone", old={}),
    ]
    assert outcome(events, "a.test").rows == []


def test_changes() -> None:
    """Settings of few values with these, and of all others only the name: they may be secret."""
    old = {
        "click": {"active": True},
        "unsubscribe": {"active": True, "html_footer": "before"},
        "managed": ["click.active"],
    }
    new = {
        "click": {"active": "htmlonly"},
        "open": {"active": True},
        "unsubscribe": {"active": False},
    }
    paths = ["click.active", "managed[0]", "open", "unsubscribe.html_footer", "unsubscribe.active"]
    [row] = outcome(both("update", "a.test", old=old, new=new, diff=paths), "a.test").rows
    assert row.changes == (
        "click.active true → htmlonly",
        "open.active unset → true",
        "unsubscribe.active true → false",
        "unsubscribe.html_footer",
    )


def test_messages() -> None:
    """Without colors, each once; not those for debugging, and not those that are soon over."""
    about = urn("a.test")
    events = [
        *both("create", "a.test", new={}),
        said("<{%fg 12%}>waiting<{%reset%}>\n", about),
        said("\x1b[1mwaiting\x1b[0m", about, "warning"),
        said("registering", about, "debug"),
        said("checking", about, ephemeral=True),
        said("Mailgun's rate limit is reached: continuing in 34 s\n", about),
    ]
    [row] = outcome(events, "a.test").rows
    assert row.notes == ("waiting",)


@pytest.mark.parametrize(
    "message",
    [
        "pulumi-python:dynamic/mailgun:DomainTracking resource 'a.test' has a problem: no",
        "1 error occurred:\n\t* no\n\n",
    ],
)
def test_what_fails_in_a_check_has_no_step(message: str) -> None:
    done = outcome([said(message, urn("a.test"), "error")], "a.test", "b.test", error="exited")
    assert [(row.name, row.result, row.reason) for row in done.rows] == [
        ("a.test", "failed", "no"),
        ("b.test", "not done", ""),
    ]


def test_a_step_that_fails_without_a_message() -> None:
    events = [step("Pre", "create", "a.test", new={}), step("Failed", "create", "a.test", new={})]
    [row] = outcome(events, "a.test", error="exited").rows
    assert (row.result, row.reason) == ("failed", "create failed")


def test_a_step_that_does_not_end() -> None:
    done = outcome([step("Pre", "create", "a.test", new={})], "a.test", error="pulumi was killed")
    assert [(row.name, row.result) for row in done.rows] == [("a.test", "not done")]
    assert done.error == "pulumi was killed"


def test_a_program_that_fails() -> None:
    """Of its traceback there is the first line and the last."""
    trace = "Program failed:\nTraceback (most recent call last):\n  File x\n    y\nKeyError: 'a'\n"
    events = [said(trace, STACK, "error"), said("update failed\n", "", "error")]
    done = outcome(events, "a.test", error="exited")
    assert done.error == "Program failed: KeyError: 'a'"
    assert [row.result for row in done.rows] == ["not done"]


@pytest.mark.parametrize("name", ["default", "mine"])
def test_a_provider_that_fails(name: str) -> None:
    """It is the stack that has failed."""
    about = urn(name, PROVIDER)
    events = [
        *both("same", "b.test", new={}),
        said("1 error occurred:\n\t* no region", about, "error"),
    ]
    done = outcome(events, "a.test", "b.test", error="exited")
    assert done.error == f"aws {name}: no region"
    assert not done.is_done
    assert [(row.name, row.result) for row in done.rows] == [
        ("a.test", "not done"),
        ("b.test", "unchanged"),
    ]


def test_an_end_that_no_row_explains() -> None:
    """The engine's own error is left out only where a row says why."""
    unchanged = both("same", "a.test", new={})
    assert outcome(unchanged, "a.test", error="exited").error == "exited"
    reference = said("no stack", urn("base", "pulumi:pulumi:StackReference"), "error")
    done = outcome([*unchanged, reference], "a.test", error="exited")
    assert done.error == "StackReference base: no stack"


def test_warnings() -> None:
    """Those of the program, the engine and providers, each once; none of them is a failure."""
    events = [
        *both("create", "a.test", new={}),
        said("\x1b[1mno zone\x1b[0m", STACK, "warning"),
        said("no zone", STACK, "warning"),
        said("old plugin", "", "warning"),
        said("old region", urn("default", PROVIDER), "warning"),
        said("only said", STACK),
        said("about the domain", urn("a.test"), "warning"),
    ]
    done = outcome(events, "a.test")
    assert done.warnings == ("no zone", "old plugin", "aws default: old region")
    assert done.is_done
    assert [row.notes for row in done.rows] == [("about the domain",)]


def _violation(level: str, about: str, message: str = "<{%fg 1%}>not allowed.<{%reset%}>\n") -> Any:
    return {
        "policyEvent": {
            "resourceUrn": about,
            "policyName": "allowed-domains",
            "message": message,
            "enforcementLevel": level,
        }
    }


def test_policies() -> None:
    """A mandatory one fails its domain, or its stack; an advisory one is told."""
    about = urn("a.test")
    events = [
        *both("create", "b.test", new={}),
        _violation("advisory", urn("b.test")),
        _violation("mandatory", about),
        _violation("mandatory", about, "nor so.\n  Go.\n"),
        _violation("advisory", STACK),
        _violation("mandatory", STACK, "too few"),
    ]
    done = outcome(events, "a.test", "b.test", error="exited")
    assert [(row.name, row.result, row.notes, row.reason) for row in done.rows] == [
        ("a.test", "failed", (), "allowed-domains: not allowed; allowed-domains: nor so; Go"),
        ("b.test", "created", ("allowed-domains: not allowed",), ""),
    ]
    assert done.warnings == ("allowed-domains: not allowed",)
    assert done.error == "allowed-domains: too few"
