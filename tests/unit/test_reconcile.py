"""The PUTs that changes need, and what is rolled back when one of them fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.fields import without_unmanaged_footers
from mailgun_tracking._api.models import CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.changes import FieldChange, changed_fields, host_outputs
from mailgun_tracking._provider.process import process
from mailgun_tracking._provider.reconcile import Progress, apply_changes, outcome_unknown
from tests.unit.fakes import Scripted, cancelled_after_sending, operation_on
from tests.unit.tracked import DETAILS, DOMAIN, TARGET, change, inputs, state


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


HTTPS = change("web_scheme", "http", "https")
MOVE = change("web_prefix", "email", "go")


def apply(
    client: object,
    changes: Iterable[FieldChange],
    *,
    olds: dict[str, Any] | None = None,
    news: dict[str, Any] | None = None,
    rollback: bool = True,
) -> dict[str, Any]:
    """Make some changes; unless given, nothing is managed."""
    operation = operation_on(client)
    olds, news = olds or state(), news or inputs()
    progress = None if rollback else Progress()
    return apply_changes(operation, olds, news, list(changes), is_new=rollback, progress=progress)


class TestApplyChanges:
    """One PUT for each section that changes, and the outputs after them."""

    def test_without_changes_nothing_is_sent(self) -> None:
        client = Mailgun()
        assert apply(client, []) == without_unmanaged_footers(state())
        assert client.calls == []

    def test_each_section_is_sent_once_with_its_changes_alone(self) -> None:
        client = Mailgun()
        top = change("open.place_at_the_top", False, True)
        operation = operation_on(client)
        outputs = apply_changes(
            operation, state(), inputs(), [OPEN_OFF, top, CLICK_ON], is_new=True
        )
        assert client.sent("open") == [{"active": False, "place_at_the_top": True}]
        assert client.sent("click") == [{"active": True}]
        for changed in (OPEN_OFF, top, CLICK_ON):
            assert changed.field.get(outputs) == changed.new
        assert outputs["unsubscribe"] == {"active": False}

    def test_a_response_without_the_field_is_followed_by_a_get(self) -> None:
        now = state(open={"active": False, "place_at_the_top": True})
        client = Mailgun({"open": [{}], "click": [{}]}, get_tracking=now | {"click": {}})
        outputs = apply(client, [OPEN_OFF, CLICK_ON])
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
        outputs = apply(client, [HTTPS, MOVE])
        sent = ("update_domain", DOMAIN, {"web_scheme": "https", "web_prefix": "go"})
        assert client.calls == [sent, *([] if record else [("get_domain", DOMAIN)])]
        assert outputs == without_unmanaged_footers(state(**host_outputs(TARGET, details)))

    def test_what_checks_read_before_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After the PUTs: a check may have read the domain during them."""
        client = Mailgun(update_domain=DETAILS, get_domain=DETAILS)
        forgotten: list[tuple[object, ...]] = []

        def forget(target: Target, *kinds: str) -> None:
            assert client.calls
            forgotten.append((target, *kinds))

        monkeypatch.setattr(process.read_ahead, "forget", forget)
        apply(client, [CLICK_ON])
        changes = [change("web_scheme", "https", "http")]
        apply(client, changes)
        assert forgotten == [(TARGET, "tracking"), (TARGET, "tracking", "details")]


class TestRequested:
    """State remembers what was requested where Mailgun returns it in another form."""

    def test_htmlonly_that_reads_back_as_true_is_no_change_in_the_next_preview(self) -> None:
        client = Mailgun({"click": [{"active": True}]})
        operation = operation_on(client)
        changes = [change("click.active", False, "htmlonly")]
        outputs = apply_changes(operation, state("click.active"), inputs(), changes, is_new=True)
        assert outputs["click"]["active"] is True
        news = inputs("click.active", click={"active": "htmlonly"})
        assert changed_fields(outputs, news) == []

    def test_a_request_is_forgotten_with_the_next_change(self) -> None:
        olds = state("click.active", click={"active": True}, asked={"click.active": "htmlonly"})
        changes = [change("click.active", True, False)]
        assert "asked" not in apply(Mailgun(), changes, olds=olds)

    @pytest.mark.parametrize(("managed", "kept"), [(["click.active"], True), ([], False)])
    def test_a_request_is_kept_while_its_field_is_managed(
        self, managed: list[str], kept: bool
    ) -> None:
        olds = state(*managed, click={"active": True}, asked={"click.active": "htmlonly"})
        outputs = apply(Mailgun(), [OPEN_OFF], olds=olds)
        assert ("asked" in outputs) is kept


class TestRollback:
    """A create that fails leaves the domain as it was, or says what it left changed."""

    def advice(
        self, client: Mailgun, *changes: FieldChange, rollback: bool = True, **olds: Any
    ) -> str:
        """The advice of the error that ends some changes."""
        with pytest.raises(errors.TrackingError) as caught:
            apply(client, changes, olds=state(**olds), rollback=rollback)
        return caught.value.advice

    def test_what_was_changed_is_changed_back(self) -> None:
        client = Mailgun({"click": [refused()]})
        assert self.advice(client, OPEN_OFF, CLICK_ON) == "all changes were rolled back"
        assert client.sent("open") == [{"active": False}, {"active": True}]
        assert client.sent("click") == [{"active": True}]

    def test_what_cannot_be_changed_back_is_listed(self) -> None:
        client = Mailgun({"open": [{"active": False}, refused()], "click": [refused()]})
        advice = self.advice(client, OPEN_OFF, FOOTER, CLICK_ON)
        assert advice.endswith("open.active")
        assert client.sent("unsubscribe")[-1] == {"html_footer": "<p>"}

    def test_without_a_response_the_rest_is_left_changed(self) -> None:
        """Each further PUT would wait until its own deadline."""
        gone = errors.Unreachable("cannot change")
        client = Mailgun({"open": [{"active": False}, gone], "click": [refused()]})
        advice = self.advice(client, OPEN_OFF, FOOTER, CLICK_ON)
        assert advice == (
            "it is unclear whether Mailgun changed open.active back; "
            "already changed: unsubscribe.html_footer"
        )
        assert [section for section, _ in client.calls] == ["open", "unsubscribe", "click", "open"]

    def test_an_undo_that_is_unclear_is_called_so(self) -> None:
        """It may have been made, and the others are undone all the same."""
        answers = [{"active": False}, errors.UnexpectedResponse("cannot change", "not JSON")]
        client = Mailgun({"open": answers, "click": [refused()]})
        advice = self.advice(client, OPEN_OFF, FOOTER, CLICK_ON)
        assert advice == "it is unclear whether Mailgun changed open.active back"
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
            cancelled_after_sending(),
        ],
    )
    def test_a_change_that_mailgun_may_have_made_is_named(
        self, error: errors.TrackingError
    ) -> None:
        client = Mailgun({"click": [error]})
        may, others = self.advice(client, OPEN_OFF, CLICK_ON).split("; ")
        assert may.endswith("click.active")
        assert others == "the other changes were rolled back"

    @pytest.mark.parametrize("rollback", [True, False])
    def test_nothing_is_sent_after_a_failure(self, rollback: bool) -> None:
        client = Mailgun({"open": [refused()]})
        assert self.advice(client, OPEN_OFF, CLICK_ON, rollback=rollback) == ""
        assert client.calls == [("open", {"active": False})]

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
            apply(client, [OPEN_OFF, CLICK_ON], rollback=rollback)
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

    @pytest.mark.parametrize("rollback", [True, False])
    def test_a_third_value_is_told_or_undone(self, rollback: bool) -> None:
        """Neither the old one nor what was sent: it is not as it was."""
        client = Mailgun({"click": [{"active": False}]})
        progress = None if rollback else Progress()
        with pytest.raises(errors.UnexpectedResponse) as caught:
            apply_changes(
                operation_on(client),
                state("click.active"),
                inputs("click.active", click={"active": True}),
                [CLICK_ON],
                is_new=rollback,
                progress=progress,
            )
        if progress is None:
            assert caught.value.advice.endswith("all changes were rolled back")
            assert client.sent("click")[-1] == {"active": "htmlonly"}
        else:
            assert caught.value.advice.endswith("already changed: click.active")
            assert progress.outputs is not None
            assert progress.outputs["click"]["active"] is False

    def test_what_a_response_shows_of_other_fields_is_told(self) -> None:
        """Somebody has changed it; the state would not know."""
        top = change("open.place_at_the_top", False, True)
        client = Mailgun({"open": [{"active": False, "place_at_the_top": False}]})
        managed = ["open.active", "open.place_at_the_top"]
        news = inputs(*managed, open={"active": True, "place_at_the_top": True})
        progress = Progress()
        with pytest.raises(errors.UnexpectedResponse) as caught:
            apply_changes(
                operation_on(client), state(*managed), news, [top], is_new=False, progress=progress
            )
        assert "already changed" not in caught.value.advice
        assert progress.outputs is not None
        assert progress.outputs["open"]["active"] is False

    def test_a_footer_may_come_back_otherwise(self) -> None:
        """Mailgun tidies footers up; state remembers a hash, as a footer may be a secret."""
        client = Mailgun({"unsubscribe": [{"html_footer": "<b>tidy</b>"}]})
        managed = [FOOTER.field.path]
        news = inputs(*managed, unsubscribe={"html_footer": FOOTER.new})
        outputs = apply(client, [FOOTER], olds=state(*managed), news=news)
        assert outputs["unsubscribe"]["html_footer"] == "<b>tidy</b>"
        assert FOOTER.new not in str(outputs["asked"])
        assert changed_fields(outputs, news) == []

    def test_a_footer_that_stays_as_it_was_is_an_error(self) -> None:
        client = Mailgun({"unsubscribe": [{"html_footer": FOOTER.old}]})
        with pytest.raises(errors.UnexpectedResponse) as caught:
            apply(client, [FOOTER])
        assert FOOTER.new not in str(caught.value)


class TestDrift:
    """A response shows the whole section: what somebody else has changed of it is sent too."""

    NEWS = inputs(
        "open.active",
        "open.place_at_the_top",
        "click.active",
        open={"active": True, "place_at_the_top": True},
        click={"active": "htmlonly"},
    )
    TOP = change("open.place_at_the_top", False, True)

    def test_a_managed_field_that_drifted_is_set_again(self) -> None:
        client = Mailgun({"open": [{"active": False, "place_at_the_top": True}]})
        outputs = apply(
            client, [self.TOP], olds=state(*self.NEWS["managed"]), news=self.NEWS, rollback=False
        )
        assert client.sent("open") == [{"place_at_the_top": True}, {"active": True}]
        assert changed_fields(outputs, self.NEWS) == []

    def test_a_tidied_footer_that_drifted_is_set_again(self) -> None:
        """That it was requested does not count once it reads back as something else."""
        managed = ["unsubscribe.html_footer", "unsubscribe.text_footer"]
        wanted = {"html_footer": FOOTER.new, "text_footer": "Leave: %unsubscribe_url%"}
        client = Mailgun(
            {
                "unsubscribe": [
                    {"html_footer": "other", "text_footer": wanted["text_footer"]},
                    {"html_footer": "<b>tidy</b>"},
                ]
            }
        )
        olds = state(
            *managed,
            unsubscribe={"active": True, "html_footer": "<b>tidy</b>", "text_footer": "bye"},
            asked={FOOTER.field.path: FOOTER.field.fingerprint(FOOTER.new)},
        )
        news = inputs(*managed, unsubscribe=wanted)
        assert changed_fields(olds, news) == [
            change("unsubscribe.text_footer", "bye", wanted["text_footer"])
        ]
        outputs = apply(client, changed_fields(olds, news), olds=olds, news=news, rollback=False)
        assert client.sent("unsubscribe") == [
            {"text_footer": wanted["text_footer"]},
            {"html_footer": FOOTER.new},
        ]
        assert changed_fields(outputs, news) == []

    def test_an_unmanaged_field_that_drifted_is_left_alone(self) -> None:
        client = Mailgun({"open": [{"active": False, "place_at_the_top": True}]})
        news = inputs("open.place_at_the_top", open={"place_at_the_top": True})
        olds = state("open.place_at_the_top")
        outputs = apply(client, [self.TOP], olds=olds, news=news, rollback=False)
        assert client.sent("open") == [{"place_at_the_top": True}]
        assert outputs["open"]["active"] is False

    def test_what_stays_wrong_is_an_error(self) -> None:
        wrong = {"active": False, "place_at_the_top": True}
        client = Mailgun({"open": [wrong, wrong]})
        olds = state(*self.NEWS["managed"])
        with pytest.raises(errors.UnexpectedResponse) as caught:
            apply(client, [self.TOP], olds=olds, news=self.NEWS, rollback=False)
        assert "open.active" in caught.value.what
        assert caught.value.advice.endswith("open.place_at_the_top")

    def test_all_of_it_is_rolled_back(self) -> None:
        client = Mailgun({"open": [{"active": False, "place_at_the_top": True}, refused()]})
        olds = state(*self.NEWS["managed"])
        with pytest.raises(errors.MailgunError) as caught:
            apply(client, [self.TOP], olds=olds, news=self.NEWS)
        assert client.sent("open")[-1] == {"place_at_the_top": False}
        assert "rolled back" in caught.value.advice


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (errors.Unreachable("cannot"), True),
        (errors.ServerError("cannot", status=502), True),
        (errors.Cancelled("cancelled"), False),
        (cancelled_after_sending(), True),
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
