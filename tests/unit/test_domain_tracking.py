"""DomainTracking: its inputs and outputs, what a diff answers, and what its row says."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking._api.fields import SECTIONS, field_at
from mailgun_tracking._api.models import CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.changes import FieldChange, host_outputs, still_requested
from mailgun_tracking._provider.identity import IDENTITY
from mailgun_tracking._provider.process import process
from mailgun_tracking.domain_tracking import (
    HOST_PROPERTIES,
    DomainTrackingProvider,
    declared,
    format_change,
    format_value,
    host_inputs,
    inputs_from,
    option_values,
    outputs_from,
    turn_off,
)
from tests.unit.fakes import Clock, Scripted, messages_of, operation_on

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
TARGET = Target("default", "us", "", DOMAIN)
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))
TRACKING = {
    "open": {"active": True, "place_at_the_top": False},
    "click": {"active": "htmlonly"},
    "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
}
PROVIDER = DomainTrackingProvider()


def state(*managed: str, **outputs: Any) -> dict[str, Any]:
    """The resource's outputs, with the fields it manages."""
    return outputs_from(TARGET, TRACKING, DETAILS, {"managed": list(managed)}) | outputs


def inputs(*managed: str, **values: Any) -> dict[str, Any]:
    """The resource's inputs, as check completes them."""
    identity = {"domain": DOMAIN, "account": "default", "region": "us", "subaccount": ""}
    return {**identity, "managed": list(managed), "https_by": "mailgun", **values}


class TestValidate:
    """What check refuses without asking Mailgun."""

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"web_scheme": "https", "https_by": "proxy", "__provider": "pickle"},
            dict.fromkeys((*SECTIONS, "web_scheme", "web_prefix", "https_by", *IDENTITY), UNKNOWN),
        ],
    )
    def test_valid(self, values: dict[str, Any]) -> None:
        assert PROVIDER.validate({"domain": DOMAIN, **values}) == []

    @pytest.mark.parametrize(
        ("values", "property_", "word"),
        [
            ({"clik": True}, "clik", "did you mean click?"),
            ({"colour": "red"}, "colour", "web_prefix"),
            ({"managed": []}, "managed", "unknown input"),
            ({"https_by": "cdn"}, "https_by", '"mailgun" or "proxy"'),
            ({"domain": "localhost"}, "domain", "no dot"),
            ({"click": {"active": "yes"}}, "click.active", '"htmlonly"'),
        ],
    )
    def test_invalid(self, values: dict[str, Any], property_: str, word: str) -> None:
        [failure] = PROVIDER.validate({"domain": DOMAIN, **values})
        assert failure.property == property_
        assert word in failure.reason


class TestInputs:
    """What check adds to inputs, and what it takes away first."""

    @pytest.mark.parametrize(
        ("values", "managed"),
        [
            ({}, []),
            ({"open": {}}, []),
            ({"click": {"active": False}}, ["click.active"]),
            ({"click": {"active": UNKNOWN}, "web_prefix": "go"}, ["click.active", "web_prefix"]),
            ({"open": UNKNOWN, "click": {"active": True}}, UNKNOWN),
        ],
    )
    def test_the_fields_that_are_set_are_managed(
        self, values: dict[str, Any], managed: object
    ) -> None:
        assert PROVIDER.default_inputs({"domain": DOMAIN, **values})["managed"] == managed

    @pytest.mark.parametrize(
        ("given", "value"),
        [({}, "mailgun"), ({"https_by": None}, "mailgun"), ({"https_by": "proxy"}, "proxy")],
    )
    def test_options_have_defaults(self, given: dict[str, Any], value: str) -> None:
        assert option_values(given)["https_by"] == value

    def test_ignored_inputs_do_not_become_managed(self) -> None:
        """With `ignore_changes=["*"]` the engine passes all old inputs on, those of check too."""
        olds = inputs("web_scheme", **host_outputs(TARGET, DETAILS))
        own = PROVIDER.own_inputs(olds, dict(olds))
        assert own.keys() & {*HOST_PROPERTIES, "managed"} == {"web_scheme"}

    def test_a_programs_own_inputs_are_kept(self) -> None:
        news = {"domain": DOMAIN, "web_prefix": "go"}
        assert PROVIDER.own_inputs(inputs(**host_outputs(TARGET, DETAILS)), news) == news
        assert PROVIDER.own_inputs({}, news) == news

    @pytest.mark.parametrize(
        ("managed", "news", "own"),
        [
            pytest.param([], {"web_scheme": "http"}, [], id="taken over"),
            pytest.param([], {"web_scheme": "https"}, ["web_scheme"], id="set by a transform"),
            pytest.param(["web_scheme"], {"web_scheme": "http"}, ["web_scheme"], id="managed"),
            pytest.param(
                [],
                {"managed": ["web_scheme"], "web_scheme": "http", "web_prefix": "email"},
                ["web_scheme"],
                id="set by the program",
            ),
            pytest.param([], host_outputs(TARGET, DETAILS), [], id="all of the host"),
            pytest.param([], {"tracking_domain": "x"}, ["tracking_domain"], id="invalid"),
        ],
    )
    def test_a_property_of_the_host_is_known_by_who_sets_it(
        self, managed: list[str], news: dict[str, Any], own: list[str]
    ) -> None:
        olds = inputs(*managed, **host_outputs(TARGET, DETAILS))
        assert list(PROVIDER.own_inputs(olds, news)) == own

    def test_check_is_told_what_the_program_sets(self) -> None:
        assert declared({"web_scheme": "http", "web_prefix": None})["managed"] == ["web_scheme"]
        assert declared({"click": {"active": True}})["managed"] is None

    @pytest.mark.parametrize(
        ("news", "scheme", "prefix", "host"),
        [
            ({}, "http", "email", HOST),
            ({"web_scheme": "https"}, "https", "email", HOST),
            ({"web_prefix": "go"}, "http", "go", f"go.{DOMAIN}"),
            ({"web_prefix": UNKNOWN}, "http", UNKNOWN, UNKNOWN),
            ({"web_scheme": UNKNOWN}, UNKNOWN, "email", HOST),
        ],
    )
    def test_the_host_is_known_in_previews(
        self, news: dict[str, Any], scheme: str, prefix: str, host: str
    ) -> None:
        assert host_inputs(TARGET, news, host_outputs(TARGET, DETAILS)) == {
            "web_scheme": scheme,
            "web_prefix": prefix,
            "tracking_domain": host,
            "cname": {"name": host, "value": "mailgun.org"},
        }


class TestCheckOfAnExistingResource:
    """It asks Mailgun nothing: the client here has no answers."""

    URN = "urn:pulumi:dev::mail::DomainTracking::one"

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> tuple[list[Any], list[str]]:
        """The failures, and the messages in its row."""
        operation = operation_on(Scripted(), urn=self.URN)
        return PROVIDER.check_target(operation, olds, news), messages_of(operation)

    def test_the_host_comes_from_the_old_inputs(self) -> None:
        news = inputs("web_prefix", web_prefix="go")
        failures, messages = self.check(inputs(**host_outputs(TARGET, DETAILS)), news)
        assert (failures, messages) == ([], [])
        assert (news["web_scheme"], news["tracking_domain"]) == ("http", f"go.{DOMAIN}")

    def test_a_field_that_is_no_longer_managed_is_mentioned_with_its_value(self) -> None:
        olds = state("open.active", "click.active", "unsubscribe.text_footer", "web_scheme")
        failures, messages = self.check(olds, inputs("open.active"))
        assert failures == []
        for message, words in zip(
            messages,
            [("click", "htmlonly"), ("text_footer", "3 characters"), ("web_scheme", "http")],
            strict=True,
        ):
            assert "no longer managed" in message
            assert all(word in message for word in words)

    def test_a_field_that_another_resource_manages_fails_it(self) -> None:
        self.check(state(), inputs("click.active"))
        operation = operation_on(Scripted(), urn="urn:pulumi:dev::mail::DomainTracking::two")
        [failure] = PROVIDER.check_target(operation, state(), inputs("click.active"))
        assert failure.property == "click.active"
        assert "one and two" in failure.reason

    def test_unknown_fields_belong_to_nobody_yet(self) -> None:
        news = inputs(managed=UNKNOWN)
        assert self.check(state("click.active"), news) == ([], [])
        assert process.field_owners.owned_sections(TARGET) == set()

    def test_a_replacement_is_left_to_the_check_of_the_new_resource(self) -> None:
        news = inputs("click.active", region="eu")
        assert self.check(state("open.active"), news) == ([], [])
        assert not news.keys() & set(HOST_PROPERTIES)


class TestComputeDiff:
    """A diff answers: a change or none, a replacement, or that the engine has to compare."""

    @pytest.mark.parametrize(
        ("olds", "news", "changes"),
        [
            (state(), inputs(), False),
            (state("click.active"), inputs("click.active", click={"active": "htmlonly"}), False),
            (state("click.active"), inputs("click.active", click={"active": True}), True),
            (state("click.active"), inputs("click.active", click={"active": UNKNOWN}), True),
            pytest.param(
                state("open.active", "click.active"),
                inputs(
                    "click.active",
                    "open.active",
                    click={"active": "htmlonly"},
                    open={"active": True},
                ),
                False,
                id="managed in another order",
            ),
            pytest.param(
                state("unsubscribe.text_footer"),
                inputs("unsubscribe.text_footer", unsubscribe={"text_footer": "bye\r\n"}),
                False,
                id="white space around a footer",
            ),
            pytest.param(
                state(),
                inputs("click.active", click={"active": "htmlonly"}),
                True,
                id="managed now",
            ),
            pytest.param(state("click.active"), inputs(), True, id="managed no longer"),
            pytest.param(state(), inputs(managed=UNKNOWN), None, id="not known yet"),
            pytest.param(state(), inputs(https_by="proxy"), True, id="an option"),
            (state("web_scheme"), inputs("web_scheme", web_scheme="http"), False),
            (state("web_scheme"), inputs("web_scheme", web_scheme="https"), True),
            pytest.param(
                state(), inputs(click={"active": True}, web_scheme="https"), False, id="not managed"
            ),
            pytest.param(state(), inputs(domain="MG.Example.com."), False, id="spelling"),
        ],
    )
    def test_of_the_same_domain(
        self, olds: dict[str, Any], news: dict[str, Any], changes: bool | None
    ) -> None:
        result = PROVIDER.compute_diff(olds, news)
        assert (result.changes, result.replaces) == (changes, None)

    @pytest.mark.parametrize(
        ("news", "replaces"),
        [
            (inputs(domain="other.example.com"), ["domain"]),
            (inputs(domain=UNKNOWN), ["domain"]),
            (inputs(region="eu"), ["region"]),
            (inputs(account="b", subaccount="s"), ["account", "subaccount"]),
        ],
    )
    def test_of_another_domain(self, news: dict[str, Any], replaces: list[str]) -> None:
        assert PROVIDER.compute_diff(state(), news).replaces == replaces


FIELD_VALUES: dict[str, list[object]] = {
    "click.active": [True, False, "htmlonly"],
    "unsubscribe.text_footer": ["bye", "bye\r\n", "Bye."],
    "web_scheme": ["http", "https"],
}


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any]:
    """Inputs of a program that sets some fields."""
    paths = draw(st.lists(st.sampled_from(sorted(FIELD_VALUES)), unique=True))
    found = inputs(*paths)
    for path in paths:
        field, value = field_at(path), draw(st.sampled_from(FIELD_VALUES[path]))
        place = found.setdefault(field.section, {}) if field.section else found
        place[field.name] = value
    return found


@given(programs(), st.lists(st.sampled_from(sorted(FIELD_VALUES)), unique=True))
def test_a_diff_depends_on_its_arguments_alone_and_keeps_them(
    news: dict[str, Any], managed: list[str]
) -> None:
    olds = state(*managed)
    before = copy.deepcopy((olds, news))
    results = [vars(PROVIDER.diff("id", olds, news)) for _ in range(2)]
    assert results[0] == results[1]
    assert (olds, news) == before


class TestOutputs:
    """What goes into the state, and the inputs that belong to it."""

    def test_are_what_mailgun_said(self) -> None:
        tracking = {**TRACKING, "web_scheme": "not from here"}
        footers = ["unsubscribe.html_footer", "unsubscribe.text_footer"]
        outputs = outputs_from(TARGET, tracking, DETAILS, {"managed": footers})
        assert outputs["managed"] == footers
        for section in SECTIONS:
            assert outputs[section] == TRACKING[section]
            assert outputs[section] is not TRACKING[section]
        assert {name: outputs[name] for name in HOST_PROPERTIES} == host_outputs(TARGET, DETAILS)
        assert {name: outputs[name] for name in ("domain", *IDENTITY)} == {
            "domain": DOMAIN,
            "account": "default",
            "region": "us",
            "subaccount": "",
        }
        assert outputs["https_by"] == "mailgun"

    def test_have_no_footer_that_is_not_managed(self) -> None:
        outputs = outputs_from(
            TARGET, TRACKING, DETAILS, {"https_by": "proxy", "managed": ["unsubscribe.text_footer"]}
        )
        assert outputs["unsubscribe"].keys() == {"active", "text_footer"}
        assert outputs["https_by"] == "proxy"

    def test_their_inputs_are_the_managed_fields_and_what_check_adds(self) -> None:
        found = inputs_from(state("open.active", "unsubscribe.text_footer", "web_scheme"))
        assert found == {
            **inputs("open.active", "unsubscribe.text_footer", "web_scheme"),
            **host_outputs(TARGET, DETAILS),
            "open": {"active": True},
            "unsubscribe": {"text_footer": "bye"},
        }

    @pytest.mark.parametrize(
        "outputs",
        [
            state("open.active", "click.active", "unsubscribe.html_footer", "web_prefix"),
            state("click.active", click={"active": True}, asked={"click.active": "htmlonly"}),
        ],
    )
    def test_their_inputs_are_no_change(self, outputs: dict[str, Any]) -> None:
        assert PROVIDER.compute_diff(outputs, inputs_from(outputs)).changes is False

    def test_their_inputs_have_what_was_requested(self) -> None:
        """Not what Mailgun made of it."""
        outputs = state("click.active", click={"active": True}, asked={"click.active": "htmlonly"})
        assert inputs_from(outputs)["click"]["active"] == "htmlonly"

    @pytest.mark.parametrize(
        ("now", "requested"),
        [(True, {"asked": {"click.active": "htmlonly"}}), (False, {}), ("htmlonly", {})],
    )
    def test_a_request_is_remembered_while_it_reads_back_the_same(
        self, now: object, requested: dict[str, Any]
    ) -> None:
        olds = state(click={"active": True}, asked={"click.active": "htmlonly"})
        assert still_requested(olds, state(click={"active": now})) == requested
        assert still_requested(state(), state(click={"active": now})) == {}


@pytest.mark.parametrize(
    ("path", "old", "new", "text"),
    [
        ("click.active", "htmlonly", True, "click htmlonly => true"),
        ("open.place_at_the_top", None, False, "open.place_at_the_top unknown => false"),
        ("web_scheme", "http", "https", "web_scheme http => https"),
        ("web_prefix", "email", UNKNOWN, "web_prefix (not known yet)"),
        ("unsubscribe.html_footer", "", "secret", "html_footer none => 6 characters"),
    ],
)
def test_changes_in_a_few_words(path: str, old: object, new: object, text: str) -> None:
    """Of a footer, which may be a secret, only the length is shown."""
    field = field_at(path)
    assert format_change(FieldChange(field, old, new)) == text
    assert new == UNKNOWN or format_value(field, new) in text


class TestTurnOff:
    """What delete does with the sections it turns off."""

    def test_each_is_turned_off_and_links_in_sent_mail_are_mentioned(self) -> None:
        client = Scripted(get_tracking=TRACKING, update_tracking={})
        operation = operation_on(client)
        turn_off(operation, state("open.active", "click.active"), ["open", "click"])
        sent = [call for call in client.calls if call[0] == "update_tracking"]
        assert sorted(sent) == [
            ("update_tracking", DOMAIN, section, {"active": False}) for section in ("click", "open")
        ]
        turned_off, kept = messages_of(operation)
        assert turned_off == f"open and click tracking of {DOMAIN} turned off"
        assert HOST in kept
        assert "CNAME" in kept

    def test_a_domain_that_is_gone_has_nothing_to_turn_off(self, clock: Clock) -> None:
        """Once it was not found for ten seconds, by a key that lists another one of the run."""
        gone = errors.DomainNotFound("cannot read", "Domain not found", status=404)
        another = replace(DETAILS, name="two.example.com")
        process.domains_seen.add(Target("default", "us", "", another.name))
        client = Scripted(clock, get_tracking=gone, get_domain=gone, list_domains=iter([another]))
        operation = operation_on(client, other_region=Scripted(get_domain=gone))
        turn_off(operation, state("open.active"), ["open"])
        assert clock.passed == 10
        [message] = messages_of(operation)
        assert "no longer exists" in message

    def test_a_domain_that_may_not_be_gone_is_an_error(self, clock: Clock) -> None:
        """A key that may not list domains proves nothing."""
        gone = errors.DomainNotFound("cannot read", "Domain not found", status=404)
        refused = errors.Unauthorized("cannot list", status=401)
        process.domains_seen.add(TARGET)
        client = Scripted(clock, get_tracking=gone, get_domain=gone, list_domains=refused)
        with pytest.raises(errors.Unauthorized):
            turn_off(operation_on(client), state("open.active"), ["open"])
