"""What differs, the PUTs that follow from it, and what is rolled back when one of them fails."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors
from mailgun_tracking._api.fields import FIELDS, Field, field_at
from mailgun_tracking._api.models import CertificateStatus, CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.changes import (
    FieldChange,
    apply_changes,
    changed_fields,
    host_outputs,
    outcome_unknown,
    reads_back_differently,
    require_certificate_for_https,
    turn_off_call,
)
from mailgun_tracking._provider.operation import Operation
from mailgun_tracking._provider.process import process
from tests.unit.fakes import Scripted, messages_of, operation_on

DOMAIN = "mg.example.com"
HOST = f"email.{DOMAIN}"
TARGET = Target("default", "us", "", DOMAIN)
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))


def state(*managed: str, **outputs: Any) -> dict[str, Any]:
    """A resource's outputs, of a domain that tracks opens and clicks."""
    return {
        "open": {"active": True, "place_at_the_top": False},
        "click": {"active": "htmlonly"},
        "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
        **host_outputs(TARGET, DETAILS),
        "managed": list(managed),
        **outputs,
    }


def inputs(*managed: str, **values: Any) -> dict[str, Any]:
    """A resource's inputs, as check completes them."""
    return {"managed": list(managed), "https_by": "mailgun", **values}


def change(path: str, old: object, new: object) -> FieldChange:
    """A change of the field with a path."""
    return FieldChange(field_at(path), old, new)


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


class Mailgun(Scripted):
    """A Mailgun whose PUTs answer by section; without a script they confirm what was sent.

    Args:
        sections: by section, its answers one after another.
        script: as for `Scripted`.
    """

    def __init__(self, sections: dict[str, list[Any]] | None = None, **script: Any) -> None:
        super().__init__(**script)
        self.sections = sections or {}

    def update_tracking(self, _domain: str, section: str, changes: dict[str, Any]) -> Any:
        self.calls.append((section, dict(changes)))
        answers = self.sections.get(section)
        answer = answers.pop(0) if answers else dict(changes)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sent(self, section: str) -> list[dict[str, Any]]:
        """What was sent to a section."""
        return [changes for name, changes in self.calls if name == section]


OPEN_OFF = change("open.active", True, False)
CLICK_ON = change("click.active", "htmlonly", True)
FOOTER = change("unsubscribe.html_footer", "<p>", "<b>%unsubscribe_url%</b>")


def refused() -> errors.MailgunError:
    """A PUT that Mailgun refused."""
    return errors.MailgunError("cannot change click tracking", "no", status=400)


class TestApplyChanges:
    """One PUT for each section that changes, and the outputs after them."""

    def test_without_changes_nothing_is_sent(self) -> None:
        client = Mailgun()
        assert apply_changes(operation_on(client), state(), [], rollback=True) == state()
        assert client.calls == []

    def test_each_section_is_sent_once_with_its_changes_alone(self) -> None:
        client = Mailgun()
        top = change("open.place_at_the_top", False, True)
        operation = operation_on(client)
        outputs = apply_changes(operation, state(), [OPEN_OFF, top, CLICK_ON], rollback=True)
        assert client.sent("open") == [{"active": False, "place_at_the_top": True}]
        assert client.sent("click") == [{"active": True}]
        for changed in (OPEN_OFF, top, CLICK_ON):
            assert changed.field.get(outputs) == changed.new
        assert outputs["unsubscribe"] == state()["unsubscribe"]

    def test_a_response_without_the_field_is_followed_by_a_get(self) -> None:
        now = state(open={"active": False, "place_at_the_top": True})
        client = Mailgun({"open": [{}], "click": [{}]}, get_tracking=now | {"click": {}})
        operation = operation_on(client)
        outputs = apply_changes(operation, state(), [OPEN_OFF, CLICK_ON], rollback=True)
        assert client.calls.count(("get_tracking", DOMAIN)) == 1
        assert outputs["open"] == now["open"]

    @pytest.mark.parametrize("record", [CnameRecord(f"go.{DOMAIN}", "mailgun.org"), None])
    def test_the_host_is_read_where_a_response_has_no_record(
        self, record: CnameRecord | None
    ) -> None:
        """Without DNS records a response does not tell what the CNAME has to point to."""
        details = DomainDetails(DOMAIN, "go", "https", CnameRecord(f"go.{DOMAIN}", "mailgun.org"))
        client = Mailgun(
            update_domain=DomainDetails(DOMAIN, "go", "https", record), get_domain=details
        )
        outputs = apply_changes(operation_on(client), state(), [HTTPS, MOVE], rollback=True)
        sent = ("update_domain", DOMAIN, {"web_scheme": "https", "web_prefix": "go"})
        assert client.calls == [sent, *([] if record else [("get_domain", DOMAIN)])]
        assert outputs == state(**host_outputs(TARGET, details))

    def test_what_checks_read_before_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the PUTs: a check may have read the domain during them."""
        client = Mailgun(update_domain=DETAILS, get_domain=DETAILS)
        forgotten: list[tuple[object, ...]] = []

        def forget(target: Target, *kinds: str) -> None:
            assert client.calls
            forgotten.append((target, *kinds))

        monkeypatch.setattr(process.read_ahead, "forget", forget)
        apply_changes(operation_on(client), state(), [CLICK_ON], rollback=True)
        apply_changes(
            operation_on(client), state(), [change("web_scheme", "https", "http")], rollback=True
        )
        assert forgotten == [(TARGET, "tracking"), (TARGET, "tracking", "details")]


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
            ("unsubscribe.html_footer", "<p>", None, False),
            ("web_prefix", "go", None, False),
        ],
    )
    def test_is(self, path: str, new: object, value: object, differently: bool) -> None:
        assert reads_back_differently(change(path, None, new), value) is differently

    def test_htmlonly_that_reads_back_as_true_is_no_change_in_the_next_preview(self) -> None:
        client = Mailgun({"click": [{"active": True}]})
        operation = operation_on(client)
        changes = [change("click.active", False, "htmlonly")]
        outputs = apply_changes(operation, state("click.active"), changes, rollback=True)
        assert outputs["click"]["active"] is True
        news = inputs("click.active", click={"active": "htmlonly"})
        assert changed_fields(outputs, news) == []

    def test_a_request_is_forgotten_with_the_next_change(self) -> None:
        olds = state("click.active", click={"active": True}, asked={"click.active": "htmlonly"})
        changes = [change("click.active", True, False)]
        assert "asked" not in apply_changes(operation_on(Mailgun()), olds, changes, rollback=True)

    @pytest.mark.parametrize(("managed", "kept"), [(["click.active"], True), ([], False)])
    def test_a_request_is_kept_while_its_field_is_managed(
        self, managed: list[str], kept: bool
    ) -> None:
        olds = state(*managed, click={"active": True}, asked={"click.active": "htmlonly"})
        outputs = apply_changes(operation_on(Mailgun()), olds, [OPEN_OFF], rollback=True)
        assert ("asked" in outputs) is kept


class TestRollback:
    """A create that fails leaves the domain as it was, or says what it left changed."""

    def advice(
        self, client: Mailgun, *changes: FieldChange, rollback: bool = True, **olds: Any
    ) -> str:
        """The advice of the error that ends some changes."""
        with pytest.raises(errors.TrackingError) as caught:
            apply_changes(operation_on(client), state(**olds), list(changes), rollback=rollback)
        return caught.value.advice

    def test_what_was_changed_is_changed_back(self) -> None:
        client = Mailgun({"click": [refused()]})
        assert self.advice(client, OPEN_OFF, CLICK_ON) == "all changes were rolled back"
        assert client.sent("open") == [{"active": False}, {"active": True}]
        assert client.sent("click") == [{"active": True}]

    def test_what_cannot_be_changed_back_is_listed(self) -> None:
        client = Mailgun({"open": [{"active": False}, refused()], "click": [refused()]})
        advice = self.advice(client, OPEN_OFF, CLICK_ON, FOOTER)
        assert advice.endswith("open.active")
        assert client.sent("unsubscribe")[-1] == {"html_footer": "<p>"}

    def test_what_no_response_showed_is_not_guessed(self) -> None:
        client = Mailgun({"click": [refused()]})
        top = change("open.place_at_the_top", None, True)
        assert self.advice(client, OPEN_OFF, top, CLICK_ON).endswith("open.place_at_the_top")
        assert client.sent("open")[-1] == {"active": True}

    def test_where_nothing_else_was_changed_nothing_is_said(self) -> None:
        client = Mailgun({"open": [refused()]})
        assert self.advice(client, OPEN_OFF) == ""
        assert len(client.calls) == 1

    def test_an_update_is_not_rolled_back(self) -> None:
        """The next update completes it."""
        client = Mailgun({"click": [refused()]})
        assert self.advice(client, OPEN_OFF, CLICK_ON, rollback=False).endswith("open.active")
        assert len(client.calls) == 2

    @pytest.mark.parametrize(
        "error",
        [
            errors.Unreachable("cannot change"),
            errors.ServerError("cannot change", status=500),
            errors.Cancelled("cancelled"),
        ],
    )
    def test_a_change_that_mailgun_may_have_made_is_named(
        self, error: errors.TrackingError
    ) -> None:
        client = Mailgun({"click": [error]})
        may, others = self.advice(client, OPEN_OFF, CLICK_ON).split("; ")
        assert may.endswith("click.active")
        assert others == "the other changes were rolled back"

    def test_the_first_error_is_raised(self) -> None:
        client = Mailgun({"open": [refused()], "click": [errors.Unreachable("cannot change")]})
        with pytest.raises(errors.MailgunError):
            apply_changes(operation_on(client), state(), [OPEN_OFF, CLICK_ON], rollback=True)

    def test_all_is_rolled_back_where_the_result_cannot_be_read(self) -> None:
        client = Mailgun({"open": [{}]}, get_tracking=errors.ServerError("cannot read"))
        assert self.advice(client, OPEN_OFF, CLICK_ON) == "all changes were rolled back"
        assert client.sent("open")[-1] == {"active": True}
        assert client.sent("click")[-1] == {"active": "htmlonly"}


class TestNotApplied:
    """A change that Mailgun accepts and does not make is an error."""

    IGNORED = ({"active": True},)

    def fail(self, rollback: bool) -> tuple[errors.UnexpectedResponse, Mailgun]:
        """Change two sections, of which one stays as it was."""
        client = Mailgun({"open": [*self.IGNORED]})
        with pytest.raises(errors.UnexpectedResponse) as caught:
            apply_changes(operation_on(client), state(), [OPEN_OFF, CLICK_ON], rollback=rollback)
        return caught.value, client

    def test_it_names_the_field_and_both_values(self) -> None:
        error, _ = self.fail(rollback=True)
        assert "open.active" in error.what
        assert "False" in error.reason
        assert "True" in error.reason
        assert error.domain == DOMAIN

    def test_a_create_is_rolled_back(self) -> None:
        error, client = self.fail(rollback=True)
        assert error.advice.endswith("all changes were rolled back")
        assert client.sent("click")[-1] == {"active": "htmlonly"}

    def test_an_update_lists_what_was_changed_and_not_what_was_ignored(self) -> None:
        error, _ = self.fail(rollback=False)
        assert "click.active" in error.advice
        assert "open.active" not in error.advice

    def test_a_footer_may_come_back_otherwise(self) -> None:
        """Mailgun tidies footers up."""
        client = Mailgun({"unsubscribe": [{"html_footer": "<b>tidy</b>"}]})
        outputs = apply_changes(operation_on(client), state(), [FOOTER], rollback=True)
        assert outputs["unsubscribe"]["html_footer"] == "<b>tidy</b>"


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (errors.Unreachable("cannot"), True),
        (errors.ServerError("cannot", status=502), True),
        (errors.Cancelled("cancelled"), True),
        (errors.UnexpectedResponse("cannot", "not JSON"), True),
        (errors.UnexpectedResponse("cannot", "redirects", status=302), False),
        (errors.MailgunError("cannot", status=400), False),
        (errors.Unauthorized("cannot", status=401), False),
        (errors.RateLimited("cannot", status=429), False),
    ],
)
def test_the_outcome_is_unknown_without_a_proper_response(
    error: errors.TrackingError, unknown: bool
) -> None:
    assert outcome_unknown(error) is unknown


class TestTurnOff:
    """A section is turned off only where it is as this stack left it."""

    def call(self, current: dict[str, Any], *managed: str) -> tuple[object, Operation, Mailgun]:
        """The PUT for the section `open`, after it was made if there is one."""
        client = Mailgun()
        operation = operation_on(client)
        call = turn_off_call(operation, state(*managed), state(open=current), "open")
        if call:
            call()
        return call, operation, client

    def test_active_alone_is_sent(self) -> None:
        current = {"active": True, "place_at_the_top": False}
        _, operation, client = self.call(current, "open.active", "open.place_at_the_top")
        assert client.calls == [("open", {"active": False})]
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
        assert client.calls == [("open", {"active": False})]


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
