"""The base of both providers: the order of a check, and how errors are shown."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.dynamic import CheckFailure, Config, ConfigureRequest, DiffResult
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.base import (
    MailgunProvider,
    one_line_errors,
    own_properties,
    plain_unknowns,
)
from mailgun_tracking._provider.operation import Operation
from mailgun_tracking._provider.plugin_process import OneLineError
from mailgun_tracking._provider.process import process
from mailgun_tracking._provider.validation import Properties

DOMAIN = "mg.example.com"
NOT_KNOWN = Unknown()  # type: ignore[no-untyped-call]


class TestOneLineErrors:
    """What the SDK shows of an exception: its class and its message."""

    def test_a_tracking_error_is_one_line_without_its_module(self) -> None:
        def refused() -> None:
            raise errors.CnameNotValid("cannot issue", "no CNAME", status=400, advice="add it")

        with pytest.raises(Exception, match="cannot issue") as caught:
            one_line_errors(refused)()
        shown = traceback.format_exception_only(caught.type, caught.value)
        assert shown == ["CnameNotValid: cannot issue: no CNAME (400); add it\n"]
        assert caught.value.__suppress_context__

    def test_a_bug_keeps_its_traceback(self) -> None:
        def broken() -> None:
            raise KeyError("oops")

        with pytest.raises(OneLineError, match="bug") as caught:
            one_line_errors(broken)()
        assert caught.type.__name__ == "RuntimeError"
        text = str(caught.value)
        assert 'in broken\n    raise KeyError("oops")' in text
        assert text.endswith("KeyError: 'oops'\n")

    def test_results_names_and_docstrings_stay(self) -> None:
        def add(one: int, other: int = 2) -> int:
            """Add."""
            return one + other

        wrapped = one_line_errors(add)
        assert wrapped(1, other=3) == 4
        assert (wrapped.__name__, wrapped.__doc__) == ("add", "Add.")

    @pytest.mark.parametrize("name", ["check", "diff", "create", "read", "update", "delete"])
    def test_each_method_of_a_provider_has_them(self, name: str) -> None:
        def refuse(_self: object, *_args: object) -> None:
            raise errors.Unreachable("cannot read", "no response")

        refusing = type("Refusing", (ExampleProvider,), {name: refuse})
        for provider in (refusing(), type("Inheriting", (refusing,), {})()):
            with pytest.raises(Exception, match="no response") as caught:
                getattr(provider, name)("mg.example.com", {})
            shown = traceback.format_exception_only(caught.type, caught.value)
            assert shown == ["Unreachable: cannot read: no response\n"]


class ExampleProvider(MailgunProvider):
    """A provider that records what the template hands it."""

    domain_input = "domain"
    properties = Properties(("domain", "colour"), ("shade", "seen"))
    always_in_state = ()

    def validate(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        return [CheckFailure("colour", "wrong")] if inputs.get("colour") == "wrong" else []

    def default_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"shade": f"{inputs['region']} blue" if "region" in inputs else "blue"}

    def check_target(
        self, operation: Operation, olds: Mapping[str, Any], inputs: dict[str, Any]
    ) -> list[CheckFailure]:
        inputs["seen"] = (operation.target, dict(olds))
        return [CheckFailure("domain", "not at Mailgun")] if "missing" in inputs else []

    def compute_diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
        return DiffResult(replaces=[name for name in news if news[name] != olds.get(name)])


@pytest.fixture
def provider() -> ExampleProvider:
    """A provider of a stack in region eu, with a key."""
    configuration = {"mailgun:apiKey": "key-0123456789", "mailgun-tracking:region": "eu"}
    process.settings = process.settings_from(configuration.get)
    return ExampleProvider()


def pairs(failures: list[CheckFailure]) -> list[tuple[str, str]]:
    """Failures as pairs of property and reason."""
    return [(failure.property, failure.reason) for failure in failures]


class TestCheck:
    """The template of check, step by step."""

    def test_inputs_are_completed_before_the_target_is_checked(
        self, provider: ExampleProvider
    ) -> None:
        result = provider.check({"old": 1}, {"domain": "MG.example.com."})
        assert result.failures == []
        assert result.inputs == {
            "domain": "MG.example.com.",
            "account": "default",
            "region": "eu",
            "subaccount": "",
            "shade": "eu blue",
            "seen": (Target("default", "eu", "", DOMAIN), {"old": 1}),
        }

    def test_failures_at_mailgun_are_returned(self, provider: ExampleProvider) -> None:
        result = provider.check({}, {"domain": DOMAIN, "missing": True})
        assert pairs(result.failures) == [("", "domain: not at Mailgun")]

    def test_invalid_inputs_end_it_before_settings_are_read(
        self, provider: ExampleProvider
    ) -> None:
        process.settings = process.settings_from({"mailgun-tracking:region": "mars"}.get)
        result = provider.check({}, {"domain": DOMAIN, "colour": "wrong"})
        assert pairs(result.failures) == [("", "colour: wrong")]
        assert "seen" not in result.inputs

    @pytest.mark.parametrize("unknown", [UNKNOWN, NOT_KNOWN])
    def test_an_unknown_domain_is_not_looked_up(
        self, provider: ExampleProvider, unknown: object
    ) -> None:
        result = provider.check({}, {"domain": unknown, "region": None})
        assert result.failures == []
        assert result.inputs == {"domain": UNKNOWN, "region": None, "shade": "None blue"}

    def test_a_missing_key_is_a_failure_of_no_property(self, provider: ExampleProvider) -> None:
        process.settings = process.settings_from(lambda _name: None)
        result = provider.check({}, {"domain": DOMAIN})
        assert [failure.property for failure in result.failures] == [""]
        assert "MAILGUN_API_KEY" in result.failures[0].reason
        assert "seen" not in result.inputs


def test_diff_compares_plain_unknowns(provider: ExampleProvider) -> None:
    """A newer SDK's objects for unknown values never reach a comparison."""
    result = provider.diff(DOMAIN, {"colour": UNKNOWN}, {"colour": NOT_KNOWN, "open": {}})
    assert result.replaces == ["open"]


def test_configure_takes_the_stacks_settings() -> None:
    config = {"mailgun-tracking:region": "eu", "mailgun:apiKey": "key-0123456789"}
    ExampleProvider().configure(ConfigureRequest(Config(config, "mail")))
    assert process.settings.region() == "eu"
    assert process.settings.api_key()[0] == "key-0123456789"


def test_a_provider_that_lacks_a_step_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (MailgunProvider,), {})()


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("x", "x"),
        (None, None),
        (NOT_KNOWN, UNKNOWN),
        ({"a": {"b": NOT_KNOWN}, "c": 1}, {"a": {"b": UNKNOWN}, "c": 1}),
        ([NOT_KNOWN, "x", [NOT_KNOWN]], [UNKNOWN, "x", [UNKNOWN]]),
    ],
)
def test_unknowns_are_made_plain_at_any_depth(value: object, plain: object) -> None:
    assert plain_unknowns(value) == plain


def test_own_properties_leave_out_what_the_sdk_adds() -> None:
    assert own_properties({"domain": DOMAIN, "__provider": "pickle"}) == {"domain": DOMAIN}
