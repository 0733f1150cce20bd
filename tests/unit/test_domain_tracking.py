"""DomainTracking's pure parts as tables, and its changes against a scripted Mailgun."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking.domain_tracking import (
    difference,
    host_inputs,
    recorded,
    recorded_inputs,
    still_asked,
    tell_released,
)
from mailgun_tracking.models import CertificateStatus, CnameRecord, DomainDetails, Target
from mailgun_tracking.tracking_changes import (
    Change,
    apply_changes,
    deletion,
    differing_fields,
    host_of,
    refuse_https_without_certificate,
)
from mailgun_tracking.tracking_problems import problems
from tests.unit.fakes import Scripted, call_about, lines_of

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
TARGET = Target("default", "us", "", DOMAIN)
FOOTER = "Bye: %unsubscribe_url%"
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))
TRACKING = {
    "open": {"active": True, "place_at_the_top": False},
    "click": {"active": "htmlonly"},
    "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
}


def state(*managed: str, **changes: Any) -> dict[str, Any]:
    """Outputs, as recorded, with what is managed."""
    outputs = recorded(TARGET, TRACKING, DETAILS)
    return {**outputs, "managed": list(managed), "https_by": "mailgun", **changes}


def wanted(*managed: str, **inputs: Any) -> dict[str, Any]:
    """Inputs, as check leaves them."""
    identity = {"domain": DOMAIN, "account": "default", "region": "us", "subaccount": ""}
    return {**identity, "managed": list(managed), "https_by": "mailgun", **inputs}


OPEN_FIELDS = "active, place_at_the_top"
UNSUBSCRIBE_FIELDS = "active, html_footer, text_footer"


class TestProblems:
    """What check refuses, with the name that the user wrote."""

    @pytest.mark.parametrize(
        ("inputs", "sentences"),
        [
            ({}, []),
            ({"click": {"active": "htmlonly"}, "open": {}, "web_prefix": "go"}, []),
            ({"unsubscribe": {"active": True, "html_footer": FOOTER, "text_footer": FOOTER}}, []),
            ({"web_scheme": "https", "https_by": "proxy", "__provider": "x"}, []),
            (
                {
                    "open": UNKNOWN,
                    "click": {"active": UNKNOWN},
                    "unsubscribe": {"html_footer": UNKNOWN},
                    "web_scheme": UNKNOWN,
                    "web_prefix": UNKNOWN,
                    "https_by": UNKNOWN,
                },
                [],
            ),
            ({"clik": True}, ["clik: there is no such field; did you mean click?"]),
            (
                {"colour": "red"},
                [
                    "colour: there is no such field; there are account, click, domain, https_by, "
                    "open, region, subaccount, unsubscribe, web_prefix, web_scheme"
                ],
            ),
            (
                {"open": {"activ": True}},
                ["open.activ: there is no such field; did you mean active?"],
            ),
            (
                {"open": "yes"},
                [f"open: must be true, false or an object of {OPEN_FIELDS}, not 'yes'"],
            ),
            (
                {"open": True, "click": "htmlonly"},
                [
                    "open: must be an object in a transform, as in {'active': True}, not True",
                    "click: must be an object in a transform, as in {'active': 'htmlonly'}, "
                    "not 'htmlonly'",
                ],
            ),
            (
                {"open": "htmlonly"},
                [f"open: must be true, false or an object of {OPEN_FIELDS}, not 'htmlonly'"],
            ),
            (
                {"click": "html"},
                ["click: must be true, false, \"htmlonly\" or an object of active, not 'html'"],
            ),
            (
                {"click": 1.0},
                ['click: must be true, false, "htmlonly" or an object of active, not 1.0'],
            ),
            (
                {"unsubscribe": ["x"]},
                [
                    f"unsubscribe: must be true, false or an object of {UNSUBSCRIBE_FIELDS}, "
                    "not a list"
                ],
            ),
            (
                {"click": {"active": "yes"}},
                ["click.active: must be true, false or \"htmlonly\", not 'yes'"],
            ),
            (
                {"open": {"active": "htmlonly", "place_at_the_top": "no"}},
                [
                    "open.active: must be true or false, not 'htmlonly'",
                    "open.place_at_the_top: must be true or false, not 'no'",
                ],
            ),
            (
                {"unsubscribe": {"html_footer": "<p>bye</p>"}},
                [
                    "unsubscribe.html_footer: has no %unsubscribe_url%: "
                    "nobody could unsubscribe by it"
                ],
            ),
            (
                {"unsubscribe": {"text_footer": ""}},
                [
                    "unsubscribe.text_footer: has no %unsubscribe_url%: "
                    "nobody could unsubscribe by it"
                ],
            ),
            (
                {"unsubscribe": {"text_footer": True}},
                ["unsubscribe.text_footer: must be a text, not a boolean"],
            ),
            ({"web_scheme": "HTTPS"}, ["web_scheme: must be http or https, not 'HTTPS'"]),
            ({"web_scheme": []}, ["web_scheme: must be http or https, not a list"]),
            ({"https_by": "cdn"}, ["https_by: must be mailgun or proxy, not 'cdn'"]),
            (
                {"web_prefix": "email.mg"},
                [
                    "web_prefix: must be one DNS label of lower-case letters, digits and -, "
                    "as in email; not 'email.mg'"
                ],
            ),
            (
                {"web_prefix": 7.0},
                [
                    "web_prefix: must be one DNS label of lower-case letters, digits and -, "
                    "as in email; not 7.0"
                ],
            ),
            (
                {"domain": "localhost", "region": "mars"},
                [
                    "domain: 'localhost' is not a domain name such as mg.example.com",
                    "region: must be us or eu, not 'mars'",
                ],
            ),
            ({"domain": None}, ["domain: is required, as in mg.example.com"]),
        ],
    )
    def test_sentences(self, inputs: dict[str, Any], sentences: list[str]) -> None:
        failures = problems({"domain": DOMAIN, **inputs})
        assert [f"{failure.property}: {failure.reason}" for failure in failures] == sentences


class TestDifference:
    """What a diff answers: nothing, a replacement, or that the engine has to look."""

    @pytest.mark.parametrize(
        ("olds", "news", "changes", "replaces"),
        [
            (state(), wanted(), False, None),
            (
                state("click.active"),
                wanted("click.active", click={"active": "htmlonly"}),
                False,
                None,
            ),
            (state("click.active"), wanted("click.active", click={"active": True}), None, None),
            (state("click.active"), wanted("click.active", click={"active": UNKNOWN}), None, None),
            # State may list what is managed in another order.
            (
                state("open.active", "click.active"),
                wanted(
                    "click.active",
                    "open.active",
                    click={"active": "htmlonly"},
                    open={"active": True},
                ),
                False,
                None,
            ),
            # A footer's white space is not a difference; its text is.
            (
                state("unsubscribe.text_footer"),
                wanted("unsubscribe.text_footer", unsubscribe={"text_footer": "bye\r\n"}),
                False,
                None,
            ),
            (
                state("unsubscribe.text_footer"),
                wanted("unsubscribe.text_footer", unsubscribe={"text_footer": "good bye"}),
                None,
                None,
            ),
            # What begins or ceases to be managed is an update, though no call.
            (state(), wanted("click.active", click={"active": "htmlonly"}), None, None),
            (state("click.active"), wanted(), None, None),
            (state(), wanted(managed=UNKNOWN), None, None),
            (state(), wanted(https_by="proxy"), None, None),
            (state("web_scheme"), wanted("web_scheme", web_scheme="http"), False, None),
            (state("web_scheme"), wanted("web_scheme", web_scheme="https"), None, None),
            (state("web_prefix"), wanted("web_prefix", web_prefix="go"), None, None),
            # Not managed, so not looked at.
            (state(), wanted(click={"active": True}, web_scheme="https"), False, None),
            # Whom it is about.
            (state(), wanted(domain="MG.Example.com."), False, None),
            (state(), wanted(domain="other.example.com"), None, ["domain"]),
            (state(), wanted(domain=UNKNOWN), None, ["domain"]),
            (state(), wanted(region="eu"), None, ["region"]),
            (state(), wanted(account="b", subaccount="s"), None, ["account", "subaccount"]),
            # Asked for htmlonly, and read back as true.
            (
                state("click.active", click={"active": True}, asked={"click.active": "htmlonly"}),
                wanted("click.active", click={"active": "htmlonly"}),
                False,
                None,
            ),
            (
                state("click.active", click={"active": True}, asked={"click.active": "htmlonly"}),
                wanted("click.active", click={"active": False}),
                None,
                None,
            ),
        ],
    )
    def test_of(
        self,
        olds: dict[str, Any],
        news: dict[str, Any],
        changes: bool | None,
        replaces: list[str] | None,
    ) -> None:
        result = difference(olds, news)
        assert (result.changes, result.replaces) == (changes, replaces)


class TestDifferingFields:
    """The fields that a call has to change."""

    def test_in_mailguns_order_with_old_and_new(self) -> None:
        news = wanted(
            "open.active",
            "click.active",
            "unsubscribe.html_footer",
            "web_scheme",
            open={"active": True},
            click={"active": False},
            unsubscribe={"html_footer": FOOTER},
            web_scheme="https",
        )
        changes = differing_fields(state(), news)
        assert changes == [
            Change("click.active", "htmlonly", False),
            Change("unsubscribe.html_footer", "<p>", FOOTER),
            Change("web_scheme", "http", "https"),
        ]
        assert [change.kind for change in changes] == ["click", "unsubscribe", "web"]
        assert [change.field for change in changes] == ["active", "html_footer", "web_scheme"]

    def test_of_what_an_answer_did_not_show(self) -> None:
        olds = state(open={"active": True})
        news = wanted("open.place_at_the_top", open={"place_at_the_top": False})
        assert differing_fields(olds, news) == [Change("open.place_at_the_top", None, False)]

    def test_of_what_is_not_known(self) -> None:
        assert differing_fields(state(), wanted(managed=UNKNOWN)) == []


class TestHost:
    """The tracking host, known in previews."""

    def test_of_a_domain(self) -> None:
        assert host_of(TARGET, DETAILS) == {
            "web_scheme": "http",
            "web_prefix": "email",
            "tracking_domain": HOST,
            "cname": {"name": HOST, "value": "mailgun.org"},
        }

    @pytest.mark.parametrize(("region", "value"), [("us", "mailgun.org"), ("eu", "eu.mailgun.org")])
    def test_where_mailgun_names_no_record(self, region: str, value: str) -> None:
        details = DomainDetails(DOMAIN, "go", "https", None)
        target = Target("default", region, "", DOMAIN)
        assert host_of(target, details)["cname"] == {"name": f"go.{DOMAIN}", "value": value}

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
    def test_in_inputs(self, news: dict[str, Any], scheme: str, prefix: str, host: str) -> None:
        assert host_inputs(TARGET, news, host_of(TARGET, DETAILS)) == {
            "web_scheme": scheme,
            "web_prefix": prefix,
            "tracking_domain": host,
            "cname": {"name": host, "value": "mailgun.org"},
        }


class TestRecorded:
    """What goes into the state, and the inputs that it stands for."""

    def test_is_what_mailgun_said(self) -> None:
        assert recorded(TARGET, {**TRACKING, "web_scheme": "ignored"}, DETAILS) == {
            "domain": DOMAIN,
            "account": "default",
            "region": "us",
            "subaccount": "",
            **TRACKING,
            **host_of(TARGET, DETAILS),
        }

    def test_inputs_are_the_managed_fields_and_what_check_adds(self) -> None:
        outputs = state("open.active", "unsubscribe.text_footer", "web_scheme")
        assert recorded_inputs(outputs) == {
            **wanted("open.active", "unsubscribe.text_footer", "web_scheme"),
            **host_of(TARGET, DETAILS),
            "open": {"active": True},
            "unsubscribe": {"text_footer": "bye"},
        }

    def test_inputs_are_no_difference(self) -> None:
        outputs = state("open.active", "click.active", "unsubscribe.html_footer", "web_prefix")
        assert difference(outputs, recorded_inputs(outputs)).changes is False

    def test_inputs_hold_what_was_asked_for(self) -> None:
        outputs = state("click.active", click={"active": True}, asked={"click.active": "htmlonly"})
        assert recorded_inputs(outputs)["click"] == {"active": "htmlonly"}

    @pytest.mark.parametrize(
        ("before", "now", "asked"),
        [
            (True, True, {"asked": {"click.active": "htmlonly"}}),
            (True, False, {}),
            (True, "htmlonly", {}),
        ],
    )
    def test_asked_as_long_as_it_reads_back_the_same(
        self, before: object, now: object, asked: dict[str, Any]
    ) -> None:
        olds = state(click={"active": before}, asked={"click.active": "htmlonly"})
        assert still_asked(olds, state(click={"active": now})) == asked

    def test_nothing_asked(self) -> None:
        assert still_asked(state(), state()) == {}


class TestReleased:
    """A word on each field that the program lets go of."""

    def test_sentences(self) -> None:
        call = call_about(Scripted())
        olds = state("open.active", "click.active", "unsubscribe.text_footer", "web_scheme")
        tell_released(call.row, olds, wanted("open.active"))
        assert lines_of(call) == [
            "click is no longer managed; left at htmlonly",
            "unsubscribe.text_footer is no longer managed; left at 3 characters",
            "web_scheme is no longer managed; left at http",
        ]

    def test_silence(self) -> None:
        call = call_about(Scripted())
        tell_released(call.row, {}, wanted("open.active"))
        tell_released(call.row, state("open.active"), wanted("open.active", "click.active"))
        assert lines_of(call) == []


HTTPS = Change("web_scheme", "http", "https")
MOVE = Change("web_prefix", "email", "go")


class TestHttps:
    """https never over a host without a certificate."""

    @pytest.mark.parametrize(
        ("scheme", "changes", "https_by", "host"),
        [
            ("http", [], "mailgun", None),
            ("https", [], "mailgun", None),
            ("https", [Change("click.active", True, False)], "mailgun", None),
            ("http", [MOVE], "mailgun", None),
            ("https", [Change("web_scheme", "https", "http")], "mailgun", None),
            ("http", [HTTPS], "proxy", None),
            ("http", [HTTPS], "mailgun", HOST),
            ("https", [MOVE], "mailgun", f"go.{DOMAIN}"),
            ("http", [HTTPS, MOVE], "mailgun", f"go.{DOMAIN}"),
        ],
    )
    def test_looks_only_where_https_is_turned_on_or_moved(
        self, scheme: str, changes: list[Change], https_by: str, host: str | None
    ) -> None:
        client = Scripted(get_certificate=CertificateStatus("active"))
        inputs = wanted(https_by=https_by)
        olds = state(web_scheme=scheme)
        refuse_https_without_certificate(call_about(client), olds, inputs, changes)
        assert client.calls == ([("get_certificate", host)] if host else [])

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (errors.CertificateNotFound("cannot read"), f"{HOST} has no certificate"),
            (CertificateStatus("processing"), f"the certificate of {HOST} is processing"),
            (CertificateStatus("expired"), f"the certificate of {HOST} is expired"),
            (CertificateStatus("error"), f"the certificate of {HOST} is error"),
        ],
    )
    def test_is_refused(self, answer: object, reason: str) -> None:
        call = call_about(Scripted(get_certificate=answer))
        with pytest.raises(errors.CertificateMissing) as caught:
            refuse_https_without_certificate(call, state(), wanted(), [HTTPS])
        assert caught.value.what == f"cannot set web_scheme of {DOMAIN} to https"
        assert caught.value.reason == reason
        assert caught.value.advice.endswith('with TLS at your own proxy set https_by="proxy"')
        assert ("wait=True" in caught.value.advice) is ("processing" in reason)

    def test_a_move_names_the_new_host(self) -> None:
        call = call_about(Scripted(get_certificate=errors.CertificateNotFound("cannot read")))
        with pytest.raises(errors.CertificateMissing) as caught:
            refuse_https_without_certificate(call, state(web_scheme="https"), wanted(), [MOVE])
        assert caught.value.what == (
            "cannot move mg.example.com, which is on https, to go.mg.example.com"
        )


OPEN_OFF = Change("open.active", True, False)
CLICK_ON = Change("click.active", "htmlonly", True)
REFUSED = errors.MailgunError("cannot change unsubscribe tracking", "no", status=400)


class PerKind(Scripted):
    """A Mailgun whose PUTs answer by the kind of tracking."""

    def __init__(self, kinds: dict[str, list[Any]], **answers: Any) -> None:
        super().__init__(**answers)
        self.kinds = kinds

    def update_tracking(self, domain: str, kind: str, fields: dict[str, Any]) -> Any:
        self.calls.append((kind, fields))
        answer = self.kinds[kind].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class TestApplyChanges:
    """One PUT for each section that changes."""

    def test_nothing(self) -> None:
        client = Scripted()
        outputs = apply_changes(call_about(client), state(), [], undo=True)
        assert outputs == state()
        assert client.calls == []

    def test_of_sections(self) -> None:
        client = PerKind({"open": [{"active": False}], "click": [{"active": True}]})
        outputs = apply_changes(call_about(client), state(), [OPEN_OFF, CLICK_ON], undo=True)
        assert sorted(client.calls) == [("click", {"active": True}), ("open", {"active": False})]
        assert outputs == state(
            open={"active": False, "place_at_the_top": False}, click={"active": True}
        )

    def test_an_answer_without_its_section_is_looked_after(self) -> None:
        now = {**TRACKING, "open": {"active": False, "place_at_the_top": False}}
        client = PerKind({"open": [{}]}, get_tracking=now)
        outputs = apply_changes(call_about(client), state(), [OPEN_OFF], undo=True)
        assert client.calls == [("open", {"active": False}), ("get_tracking", DOMAIN)]
        assert outputs["open"] == {"active": False, "place_at_the_top": False}

    def test_htmlonly_that_reads_back_as_true_is_remembered(self) -> None:
        client = PerKind({"click": [{"active": True}]})
        change = Change("click.active", False, "htmlonly")
        outputs = apply_changes(call_about(client), state("click.active"), [change], undo=True)
        assert outputs["click"] == {"active": True}
        assert outputs["asked"] == {"click.active": "htmlonly"}
        news = wanted("click.active", click={"active": "htmlonly"})
        assert difference(outputs, news).changes is False

    def test_what_was_asked_is_forgotten_with_the_next_change(self) -> None:
        olds = state("click.active", click={"active": True}, asked={"click.active": "htmlonly"})
        client = PerKind({"click": [{"active": False}]})
        change = Change("click.active", True, False)
        assert "asked" not in apply_changes(call_about(client), olds, [change], undo=True)

    @pytest.mark.parametrize("with_record", [True, False])
    def test_of_the_host(self, with_record: bool) -> None:
        record = CnameRecord(f"go.{DOMAIN}", "mailgun.org")
        details = DomainDetails(DOMAIN, "go", "https", record)
        answer = details if with_record else DomainDetails(DOMAIN, "go", "https", None)
        client = Scripted(update_domain=answer, get_domain=details)
        outputs = apply_changes(call_about(client), state(), [HTTPS, MOVE], undo=True)
        fields = {"web_scheme": "https", "web_prefix": "go"}
        looks = [] if with_record else [("get_domain", DOMAIN)]
        assert client.calls == [("update_domain", DOMAIN, fields), *looks]
        assert outputs == state(**host_of(TARGET, details))

    def test_a_failed_create_puts_back_what_it_changed(self) -> None:
        client = PerKind({"open": [{"active": False}, {"active": True}], "click": [REFUSED]})
        REFUSED.advice = ""
        with pytest.raises(errors.MailgunError) as caught:
            apply_changes(call_about(client), state(), [OPEN_OFF, CLICK_ON], undo=True)
        assert client.calls[-1] == ("open", {"active": True})
        assert caught.value.advice == "nothing was changed: what had been was put back"

    def test_what_cannot_be_put_back_is_listed(self) -> None:
        client = PerKind({"open": [{"active": False}, REFUSED], "click": [REFUSED]})
        REFUSED.advice = ""
        with pytest.raises(errors.MailgunError) as caught:
            apply_changes(call_about(client), state(), [OPEN_OFF, CLICK_ON], undo=True)
        assert caught.value.advice == "changed before it failed: open.active"

    def test_what_no_answer_showed_is_not_put_back(self) -> None:
        client = PerKind({"open": [{}, {}], "click": [REFUSED]})
        REFUSED.advice = ""
        top = Change("open.place_at_the_top", None, True)
        with pytest.raises(errors.MailgunError) as caught:
            apply_changes(call_about(client), state(), [OPEN_OFF, top, CLICK_ON], undo=True)
        assert client.calls[-1] == ("open", {"active": True})
        assert caught.value.advice == "changed before it failed: open.place_at_the_top"

    def test_a_failed_update_lists_what_stands(self) -> None:
        client = PerKind({"open": [{"active": False}], "click": [REFUSED]})
        REFUSED.advice = ""
        with pytest.raises(errors.MailgunError) as caught:
            apply_changes(call_about(client), state(), [OPEN_OFF, CLICK_ON], undo=False)
        assert len(client.calls) == 2
        assert caught.value.advice == "changed before it failed: open.active"

    def test_a_failure_that_changed_nothing_says_no_more(self) -> None:
        client = PerKind({"open": [REFUSED]})
        REFUSED.advice = ""
        with pytest.raises(errors.MailgunError) as caught:
            apply_changes(call_about(client), state(), [OPEN_OFF], undo=True)
        assert caught.value.advice == ""


class TestDeletion:
    """Only what is as this state left it is turned off."""

    def test_turns_off_active_alone(self) -> None:
        client = Scripted(update_tracking={})
        call = call_about(client)
        props = state("open.active", "open.place_at_the_top")
        turn_off = deletion(call, props, TRACKING, "open")
        turn_off()
        assert client.calls == [("update_tracking", DOMAIN, "open", {"active": False})]
        assert lines_of(call) == []

    @pytest.mark.parametrize(
        ("now", "lines"),
        [
            (
                {"active": True, "place_at_the_top": True},
                ["open tracking left on: open.place_at_the_top was changed by somebody else"],
            ),
            ({"active": False, "place_at_the_top": False}, []),
        ],
    )
    def test_leaves_what_drifted(self, now: dict[str, Any], lines: list[str]) -> None:
        call = call_about(Scripted())
        props = state("open.active", "open.place_at_the_top")
        assert deletion(call, props, {**TRACKING, "open": now}, "open") is None
        assert lines_of(call) == lines

    def test_does_not_mind_what_is_not_managed(self) -> None:
        now = {**TRACKING, "open": {"active": True, "place_at_the_top": True}}
        assert deletion(call_about(Scripted()), state("open.active"), now, "open") is not None
