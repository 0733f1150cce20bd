"""What differs between a program and Mailgun."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking._api.fields import FIELDS, Field
from mailgun_tracking._api.models import CertificateStatus, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.changes import (
    FieldChange,
    changed_fields,
    host_outputs,
    reads_back_differently,
    require_certificate_for_https,
    turn_off_call,
)
from mailgun_tracking._provider.operation import Operation
from tests.unit.fakes import Scripted, messages_of, operation_on
from tests.unit.tracked import DETAILS, DOMAIN, HOST, TARGET, change, inputs, state


class TestChangedFields:
    """The managed fields that are not as the program wants them."""

    def test_they_have_their_old_and_new_values(self) -> None:
        news = inputs(
            "open.active",
            "click.active",
            "unsubscribe.text_footer",
            "web_scheme",
            open={"active": True},
            click={"active": False},
            unsubscribe={"text_footer": "Bye."},
            web_scheme="https",
        )
        assert changed_fields(state(), news) == [
            change("click.active", "htmlonly", False),
            change("unsubscribe.text_footer", "bye", "Bye."),
            change("web_scheme", "http", "https"),
        ]

    @pytest.mark.parametrize(
        ("olds", "news", "changed"),
        [
            pytest.param(
                {"open": {}},
                inputs("open.place_at_the_top", open={"place_at_the_top": False}),
                ["open.place_at_the_top"],
                id="a field that no response showed",
            ),
            pytest.param(
                {}, inputs("web_scheme", web_scheme=UNKNOWN), ["web_scheme"], id="an unknown value"
            ),
            pytest.param({}, inputs(managed=UNKNOWN, click={"active": False}), [], id="unknown"),
            pytest.param({}, inputs(click={"active": False}), [], id="a field not managed"),
            pytest.param(
                {},
                inputs("unsubscribe.text_footer", unsubscribe={"text_footer": "bye\r\n"}),
                [],
                id="white space around a footer",
            ),
            pytest.param(
                {"click": {"active": True}, "asked": {"click.active": "htmlonly"}},
                inputs("click.active", click={"active": "htmlonly"}),
                [],
                id="a value that reads back differently",
            ),
            pytest.param(
                {"click": {"active": True}, "asked": {"click.active": "htmlonly"}},
                inputs("click.active", click={"active": True}),
                ["click.active"],
                id="the value that it reads back as",
            ),
        ],
    )
    def test_are(self, olds: dict[str, Any], news: dict[str, Any], changed: list[str]) -> None:
        found = changed_fields(state(**olds), news)
        assert [change.field.path for change in found] == changed


class TestHostOutputs:
    """The tracking host's outputs."""

    def test_name_the_record_that_mailgun_wants(self) -> None:
        assert host_outputs(TARGET, DETAILS) == {
            "web_scheme": "http",
            "web_prefix": "email",
            "tracking_domain": HOST,
            "cname": {"name": HOST, "value": "mailgun.org"},
        }

    @pytest.mark.parametrize(("region", "value"), [("us", "mailgun.org"), ("eu", "eu.mailgun.org")])
    def test_name_the_regions_record_where_mailgun_names_none(
        self, region: str, value: str
    ) -> None:
        details = DomainDetails(DOMAIN, "go", "https", None)
        outputs = host_outputs(Target("default", region, "", DOMAIN), details)
        assert outputs["cname"] == {"name": f"go.{DOMAIN}", "value": value}


HTTPS = change("web_scheme", "http", "https")
HTTP = change("web_scheme", "https", "http")
MOVE = change("web_prefix", "email", "go")


class TestRequireCertificate:
    """https is never turned on over a host without a certificate."""

    @pytest.mark.parametrize(
        ("scheme", "changes", "https_by", "host"),
        [
            ("http", [], "mailgun", None),
            ("https", [], "mailgun", None),
            ("https", [change("click.active", True, False)], "mailgun", None),
            ("http", [MOVE], "mailgun", None),
            ("https", [HTTP], "mailgun", None),
            ("https", [HTTP, MOVE], "mailgun", None),
            ("http", [HTTPS], "proxy", None),
            ("http", [HTTPS], "mailgun", HOST),
            ("https", [MOVE], "mailgun", f"go.{DOMAIN}"),
            ("http", [HTTPS, MOVE], "mailgun", f"go.{DOMAIN}"),
        ],
    )
    def test_the_certificate_is_read_where_https_is_turned_on_or_moved(
        self, scheme: str, changes: list[FieldChange], https_by: str, host: str | None
    ) -> None:
        client = Scripted(get_certificate=CertificateStatus("active"))
        require_certificate_for_https(
            operation_on(client), state(web_scheme=scheme), inputs(https_by=https_by), changes
        )
        assert client.calls == ([("get_certificate", host)] if host else [])

    @pytest.mark.parametrize(
        ("answer", "reason", "advice"),
        [
            (errors.CertificateNotFound("cannot read"), "no certificate", "TrackingCertificate"),
            (CertificateStatus("processing"), "processing", "wait=True"),
            (CertificateStatus("expired"), "expired", "reissued"),
            (CertificateStatus("error"), "error", "reissued"),
        ],
    )
    def test_without_an_active_one_https_is_refused(
        self, answer: object, reason: str, advice: str
    ) -> None:
        operation = operation_on(Scripted(get_certificate=answer))
        with pytest.raises(errors.CertificateMissing) as caught:
            require_certificate_for_https(operation, state(), inputs(), [HTTPS])
        assert "web_scheme" in caught.value.what
        assert HOST in caught.value.reason
        assert reason in caught.value.reason
        assert advice in caught.value.advice
        assert 'https_by="proxy"' in caught.value.advice

    def test_a_refused_move_names_the_new_host(self) -> None:
        operation = operation_on(
            Scripted(get_certificate=errors.CertificateNotFound("cannot read"))
        )
        with pytest.raises(errors.CertificateMissing) as caught:
            require_certificate_for_https(operation, state(web_scheme="https"), inputs(), [MOVE])
        assert f"go.{DOMAIN}" in caught.value.what

    def test_another_error_is_passed_on(self) -> None:
        operation = operation_on(Scripted(get_certificate=errors.Unreachable("cannot read")))
        with pytest.raises(errors.Unreachable):
            require_certificate_for_https(operation, state(), inputs(), [HTTPS])


class TestReadsBackDifferently:
    """State remembers what was requested where Mailgun returns it in another form."""

    @pytest.mark.parametrize(
        ("path", "new", "value", "differently"),
        [
            ("click.active", "htmlonly", True, True),
            ("click.active", "htmlonly", "htmlonly", False),
            ("click.active", "htmlonly", False, False),
            ("click.active", True, "htmlonly", False),
            ("open.place_at_the_top", True, None, True),
            ("open.active", True, True, False),
            ("unsubscribe.html_footer", "<p>", "<p>tidy</p>", True),
            ("unsubscribe.html_footer", "<p>", " <p>\r\n", False),
            ("unsubscribe.html_footer", "<p>", None, False),
            ("unsubscribe.html_footer", "", None, True),
            ("web_prefix", "go", None, False),
        ],
    )
    def test_is(self, path: str, new: object, value: object, differently: bool) -> None:
        assert reads_back_differently(change(path, None, new), value) is differently


class TestTurnOff:
    """A section is turned off only where it is as this stack left it."""

    def call(self, current: dict[str, Any], *managed: str) -> tuple[object, Operation, Scripted]:
        """The PUT for the section `open`, after it was made if there is one."""
        client = Scripted(update_tracking={})
        operation = operation_on(client)
        call = turn_off_call(operation, state(*managed), state(open=current), "open")
        if call:
            call()
        return call, operation, client

    def test_active_alone_is_sent(self) -> None:
        current = {"active": True, "place_at_the_top": False}
        _, operation, client = self.call(current, "open.active", "open.place_at_the_top")
        assert client.calls == [("update_tracking", DOMAIN, "open", {"active": False})]
        assert messages_of(operation) == []

    def test_what_drifted_is_left_on_and_named(self) -> None:
        current = {"active": True, "place_at_the_top": True}
        call, operation, _ = self.call(current, "open.active", "open.place_at_the_top")
        assert call is None
        [message] = messages_of(operation)
        assert "left on" in message
        assert "open.place_at_the_top" in message

    def test_what_somebody_turned_off_needs_no_message(self) -> None:
        call, operation, _ = self.call({"active": False}, "open.active")
        assert call is None
        assert messages_of(operation) == []

    def test_drift_of_a_field_that_is_not_managed_does_not_matter(self) -> None:
        _, _, client = self.call({"active": True, "place_at_the_top": True}, "open.active")
        assert client.calls == [("update_tracking", DOMAIN, "open", {"active": False})]


VALUES: dict[str, st.SearchStrategy[object]] = {
    "boolean": st.booleans(),
    "click": st.sampled_from([True, False, "htmlonly"]),
    "footer": st.text("\r\n ab", max_size=4),
    "scheme": st.sampled_from(["http", "https"]),
    "prefix": st.sampled_from(["email", "go"]),
}


@st.composite
def properties(draw: st.DrawFn) -> dict[str, Any]:
    """Properties with some fields, all of them managed."""
    fields: list[Field] = draw(st.lists(st.sampled_from(FIELDS), unique=True))
    found: dict[str, Any] = {"managed": [field.path for field in fields]}
    for field in fields:
        place = found.setdefault(field.section, {}) if field.section else found
        place[field.name] = draw(VALUES[field.type])
    return found


@given(properties(), properties())
def test_comparing_changes_nothing_and_finds_no_change_twice(
    olds: dict[str, Any], news: dict[str, Any]
) -> None:
    """Comparison is pure, and what it finds is all that is missing."""
    before = copy.deepcopy((olds, news))
    changes = changed_fields(olds, news)
    assert (olds, news) == before
    assert {change.field.path for change in changes} <= set(news["managed"])
    for changed in changes:
        place = olds
        if changed.field.section:
            place = olds.setdefault(changed.field.section, {})
        place[changed.field.name] = changed.new
    assert changed_fields(olds, news) == []
