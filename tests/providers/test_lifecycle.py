"""Create, update, delete and read: what is asked of Mailgun, and how it ends there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mailgun_tracking import DomainTracking, TrackingCertificate
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider import operation
from mailgun_tracking._provider.identity import ownership_key
from mailgun_tracking._provider.process import process
from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import calls, puts
from tests.providers.engine import Engine

DOMAIN = "mg.example.com"
TRACKING = f"/v3/domains/{DOMAIN}/tracking"
FOOTER = '<a href="%unsubscribe_url%">stop</a>'
REFUSED = {"message": "not today"}
NOT_FOUND = {"message": "Domain not found"}


def refuse(emulator: Emulator, section: str, **more: Any) -> None:
    """Let the PUT of a section fail."""
    fault = {"status": 400, "body": REFUSED, **more}
    emulator.add_fault(method="PUT", path=f"{TRACKING}/{section}", **fault)


class TestCreate:
    @pytest.mark.behaviour(16)
    def test_reads_the_certificate_where_https_is_turned_on(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """In check, for the preview, and once more before https is turned on."""
        emulator.set_certificate(f"email.{DOMAIN}")
        engine.up(lambda: DomainTracking("mg", DOMAIN, web_scheme="https"))
        assert calls(emulator)[2:] == [
            f"GET /v2/x509/email.{DOMAIN}/status",
            f"GET /v2/x509/email.{DOMAIN}/status",
            f"PUT /v4/domains/{DOMAIN}",
        ]
        assert emulator.domain(DOMAIN).web_scheme == "https"

    @pytest.mark.behaviour(16)
    def test_reads_again_where_a_response_lacks_its_section(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """One more GET, after the PUT."""
        emulator.set_dials(put_answers="message_only")
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
        assert calls(emulator)[2:] == [f"PUT {TRACKING}/click", f"GET {TRACKING}"]
        assert engine.state["mg"].outputs["click"]["active"] is True

    @pytest.mark.behaviour(16, 22)
    def test_adopts_what_is_as_the_program_wants_it(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """With GETs alone, of a domain and of a certificate."""
        emulator.drift(
            DOMAIN, click="htmlonly", unsubscribe={"html_footer": FOOTER}, web_scheme="https"
        )
        emulator.set_certificate(f"email.{DOMAIN}")
        before = emulator.domain(DOMAIN)

        def program() -> None:
            mg = DomainTracking(
                "mg",
                DOMAIN,
                click="htmlonly",
                unsubscribe={"html_footer": FOOTER},
                web_scheme="https",
            )
            TrackingCertificate("certificate", mg.tracking_domain)

        engine.up(program)
        assert puts(emulator) == []
        assert emulator.domain(DOMAIN) == before
        emulator.forget_requests()
        engine.up(program)
        assert calls(emulator) == []

    @pytest.mark.behaviour(16)
    def test_rolls_back_what_it_changed(self, engine: Engine, emulator: Emulator) -> None:
        """Where another PUT fails for good."""

        def program() -> None:
            DomainTracking(
                "mg",
                DOMAIN,
                click="htmlonly",
                open=True,
                web_prefix="links",
                unsubscribe={"html_footer": FOOTER},
            )

        before = emulator.domain(DOMAIN)
        refuse(emulator, "unsubscribe", times=1)
        run = engine.up(program, check=False)
        assert run.errors["mg"].startswith("MailgunError: cannot change unsubscribe tracking")
        assert "not today (400)" in run.errors["mg"]
        assert "all changes were rolled back" in run.errors["mg"]
        assert emulator.domain(DOMAIN) == before
        assert engine.state == {}
        engine.up(program)
        assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == FOOTER

    @pytest.mark.behaviour(16)
    def test_lists_what_it_could_not_roll_back(self, engine: Engine, emulator: Emulator) -> None:
        """A PUT of the old value may fail too."""
        refuse(emulator, "unsubscribe")
        refuse(emulator, "click", after=1)
        run = engine.up(
            lambda: DomainTracking(
                "mg", DOMAIN, click=True, open=True, unsubscribe={"html_footer": FOOTER}
            ),
            check=False,
        )
        assert run.errors["mg"].endswith("; already changed: click.active")
        now = emulator.domain(DOMAIN)
        assert (now.click["active"], now.open["active"]) == (True, False)

    @pytest.mark.behaviour(16)
    def test_never_sends_a_guess_for_what_it_does_not_know(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """A field that no response showed stays changed, and the error lists it."""
        emulator.set_dials(open_answer="active_only")
        refuse(emulator, "click")
        run = engine.up(
            lambda: DomainTracking(
                "mg", DOMAIN, click=True, open={"active": True, "place_at_the_top": True}
            ),
            check=False,
        )
        assert run.errors["mg"].endswith("already changed: open.place_at_the_top")
        forms = [r.form for r in emulator.requests if r.path.endswith("/tracking/open")]
        assert forms == [{"active": "true", "place_at_the_top": "true"}, {"active": "false"}]


class TestUpdate:
    @pytest.mark.behaviour(16)
    def test_is_completed_by_the_next_up(self, engine: Engine, emulator: Emulator) -> None:
        """One that fails half way is not rolled back, and the state says so."""
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=False, open=False))
        refuse(emulator, "click", times=1)
        emulator.forget_requests()

        def changed() -> None:
            DomainTracking("mg", DOMAIN, click=True, open=True)

        run = engine.up(changed, check=False)
        assert run.errors["mg"].endswith("already changed: open.active")
        assert puts(emulator) == [f"PUT {TRACKING}/open", f"PUT {TRACKING}/click"]
        assert emulator.domain(DOMAIN).open["active"] is True
        assert engine.state["mg"].outputs["open"]["active"] is True
        assert engine.state["mg"].inputs["open"]["active"] is False
        engine.up(changed)
        now = emulator.domain(DOMAIN)
        assert (now.click["active"], now.open["active"]) == (True, True)

    @pytest.mark.behaviour(76)
    def test_a_failed_one_that_ended_with_a_third_value_is_undone(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """By the old program: Mailgun has neither what it had nor what was sent."""

        def before() -> None:
            DomainTracking("mg", DOMAIN, click=False)

        engine.up(before)
        emulator.drift(DOMAIN, click="htmlonly")
        body = {"message": "updated", "click": {"active": "htmlonly"}}
        refuse(emulator, "click", status=200, body=body)
        run = engine.up(lambda: DomainTracking("mg", DOMAIN, click=True), check=False)
        assert "Mailgun accepted True but reports 'htmlonly'" in run.errors["mg"]
        assert engine.state["mg"].outputs["click"]["active"] == "htmlonly"
        emulator.clear_faults()
        assert engine.up(before).steps == {"mg": "update"}
        assert emulator.domain(DOMAIN).click["active"] is False

    @pytest.mark.behaviour(76)
    def test_what_a_failed_one_began_to_manage_is_let_go_of(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """With the old program: it is left as it is, the row says so, and destroy leaves it on."""

        def before() -> None:
            DomainTracking("mg", DOMAIN, click=False)

        engine.up(before)
        refuse(emulator, "click", times=1)
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, open=True), check=False)
        run = engine.up(before)
        assert run.steps == {"mg": "update"}
        assert f"open of {DOMAIN} is no longer managed; left at true" in run.rows["mg"]
        assert engine.preview(before).steps == {"mg": "same"}
        engine.destroy()
        assert emulator.domain(DOMAIN).open["active"] is True

    @pytest.mark.behaviour(76)
    @pytest.mark.parametrize("status", [400, 503])
    def test_a_failed_one_that_changed_nothing_leaves_the_state(
        self, engine: Engine, emulator: Emulator, status: int
    ) -> None:
        """Unless that is not clear: then it is read first."""
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=False))
        refuse(emulator, "click", status=status, headers={"retry-after": "200"})
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True), check=False)
        assert engine.state["mg"].is_read_first is (status == 503)
        emulator.clear_faults()
        emulator.forget_requests()
        run = engine.preview(lambda: DomainTracking("mg", DOMAIN, click=False))
        assert run.steps == {"mg": "same"}
        assert bool(emulator.requests) is (status == 503)

    @pytest.mark.behaviour(77)
    def test_is_not_called_unchanged_where_mailgun_cannot_be_asked(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """After a kill, of which a note is left."""

        def program() -> None:
            DomainTracking("mg", DOMAIN, click=False)

        engine.up(program)
        key = ownership_key(Target("default", "us", "", DOMAIN))
        process.unfinished.note(key, ["click.active", "web_scheme"], "")
        emulator.add_fault(method="GET", status=503, headers={"retry-after": "200"})
        run = engine.preview(program)
        assert run.steps == {"mg": "update"}
        assert run.rows["mg"][0].startswith("cannot tell whether the state is right: ")
        emulator.clear_faults()
        run = engine.preview(program, refresh=True)
        assert run.steps == {"mg": "same"}
        emulator.forget_requests()
        run = engine.preview(program)
        assert run.steps == {"mg": "same"}
        assert run.rows["mg"][0].endswith("; Mailgun has what the program says")
        assert len(emulator.requests) == 2
        assert engine.preview(program).rows == {}


class TestDelete:
    @pytest.mark.behaviour(17, 77)
    def test_turns_off_what_a_killed_run_may_have_changed(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """It is not as the state says, but nobody else has changed it either."""
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, open=True))
        key = ownership_key(Target("default", "us", "", DOMAIN))
        process.unfinished.note(key, ["click.active"], "")
        emulator.drift(DOMAIN, click="htmlonly")
        engine.destroy()
        now = emulator.domain(DOMAIN)
        assert (now.click["active"], now.open["active"]) == (False, False)

    @pytest.mark.behaviour(17, 77)
    @pytest.mark.parametrize("settings", [{"open": False}, {"click": True}])
    def test_turns_off_what_a_killed_run_may_have_turned_on(
        self, engine: Engine, emulator: Emulator, settings: dict[str, Any]
    ) -> None:
        """Whether it only turned it on, or began to manage it."""
        engine.up(lambda: DomainTracking("mg", DOMAIN, **settings))
        key = ownership_key(Target("default", "us", "", DOMAIN))
        process.unfinished.note(key, ["open.active"], "")
        emulator.drift(DOMAIN, open=True)
        engine.destroy()
        assert emulator.domain(DOMAIN).open["active"] is False

    @pytest.mark.behaviour(17)
    def test_turns_off_what_is_managed(self, engine: Engine, emulator: Emulator) -> None:
        """And nothing else: footers, the pixel's place and what the program left alone stay."""
        emulator.drift(DOMAIN, unsubscribe=True, open=True)
        emulator.drift("two.example.com", unsubscribe=True, open=True)

        def program() -> None:
            DomainTracking(
                "mg",
                DOMAIN,
                click="htmlonly",
                open={"active": True, "place_at_the_top": True},
                unsubscribe={"active": True, "html_footer": FOOTER},
            )
            DomainTracking(
                "two",
                "two.example.com",
                click=True,
                open={"place_at_the_top": True},
                unsubscribe={"html_footer": FOOTER},
            )

        engine.up(program)
        emulator.forget_requests()
        engine.destroy()
        assert sorted(puts(emulator)) == [
            f"PUT {TRACKING}/click",
            f"PUT {TRACKING}/open",
            f"PUT {TRACKING}/unsubscribe",
            "PUT /v3/domains/two.example.com/tracking/click",
        ]
        assert {str(r.form) for r in emulator.requests if r.method == "PUT"} == {
            "{'active': 'false'}"
        }
        now, two = emulator.domain(DOMAIN), emulator.domain("two.example.com")
        assert (now.click["active"], now.open["active"]) == (False, False)
        assert now.open["place_at_the_top"] is True
        assert now.unsubscribe["active"] is False
        assert now.unsubscribe["html_footer"] == FOOTER
        assert (two.open["active"], two.unsubscribe["active"]) == (True, True)

    @pytest.mark.behaviour(17)
    def test_leaves_what_somebody_else_changed(self, engine: Engine, emulator: Emulator) -> None:
        """The row says so."""
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, open=True))
        emulator.drift(DOMAIN, click="htmlonly")
        run = engine.destroy()
        assert run.rows["mg"][0] == (
            f"click tracking of {DOMAIN} left on; changed outside this stack: click.active"
        )
        now = emulator.domain(DOMAIN)
        assert (now.click["active"], now.open["active"]) == ("htmlonly", False)

    @pytest.mark.behaviour(17)
    def test_of_a_domain_that_is_gone(
        self, engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is nothing to turn off, once that is as certain as for a refresh."""
        monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)

        def program() -> None:
            DomainTracking("mg", DOMAIN, click=True)
            DomainTracking("two", "two.example.com", click=True)

        engine.up(program)
        emulator.remove_domain(DOMAIN)
        run = engine.destroy()
        assert run.rows["mg"] == [f"{DOMAIN} no longer exists at Mailgun; nothing was turned off"]
        assert engine.state == {}

    @pytest.mark.behaviour(57)
    def test_of_a_domain_that_was_removed_from_the_program_too(
        self, engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The domain that stays shows that the key is the right one, though nothing reads it."""
        monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)

        def program(*names: str) -> None:
            for name in names:
                DomainTracking(name, f"{name}.example.com", click=True)

        engine.up(lambda: program("mg", "two"))
        emulator.remove_domain(DOMAIN)
        run = engine.up(lambda: program("two"))
        assert run.steps == {"two": "same", "mg": "delete"}
        assert "no longer exists at Mailgun" in run.rows["mg"][0]
        assert list(engine.state) == ["two"]

    @pytest.mark.behaviour(57)
    @pytest.mark.parametrize("command", ["refresh", "destroy"])
    @pytest.mark.parametrize("owner", ["brand-b", None])
    def test_of_the_only_domain_needs_a_word_from_the_user(
        self,
        engine: Engine,
        emulator: Emulator,
        monkeypatch: pytest.MonkeyPatch,
        command: str,
        owner: str | None,
    ) -> None:
        """Whether it was deleted or belongs to the account of another key cannot be told."""
        monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
        emulator.remove_domain(DOMAIN)
        if owner:
            emulator.add_domain(DOMAIN, account=owner, click=True)
        run = getattr(engine, command)(check=False)
        assert "cannot find mg.example.com or any other domain of this stack" in run.errors["mg"]
        assert "run `pulumi state delete 'urn:pulumi:" in run.errors["mg"]
        assert "nothing was removed from the state" in run.errors["mg"]
        assert list(engine.state) == ["mg"]

    @pytest.mark.behaviour(17, 18, 42)
    def test_of_a_domain_that_may_not_be_gone(
        self, engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may be in the other region, or the key may not be allowed to list domains."""
        monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True))
        emulator.remove_domain(DOMAIN)
        emulator.add_fault(method="GET", path="/v4/domains", status=403, body=REFUSED, times=1)
        assert engine.destroy(check=False).errors["mg"].startswith("Unauthorized: ")
        emulator.add_domain(DOMAIN, region="eu", click=True)
        run = engine.destroy(check=False)
        assert f"set region='eu', or give the ID as eu/{DOMAIN}" in run.errors["mg"]
        assert "nothing was removed from the state" in run.errors["mg"]
        assert list(engine.state) == ["mg"]

    @pytest.mark.behaviour(44)
    def test_says_what_was_turned_off(self, engine: Engine) -> None:
        engine.up(lambda: DomainTracking("mg", DOMAIN, click=True, open=True, unsubscribe=False))
        told = engine.destroy().rows["mg"][0]
        assert told == f"open and click tracking of {DOMAIN} turned off"

    @pytest.mark.behaviour(17)
    def test_of_a_neighbour_on_the_same_domain(self, engine: Engine, emulator: Emulator) -> None:
        """The one that goes turns off only what it managed."""

        def keeper() -> None:
            DomainTracking("keeper", DOMAIN, click=True)

        def both() -> None:
            keeper()
            DomainTracking("goes", DOMAIN, open=True)

        engine.up(both)
        emulator.forget_requests()
        engine.up(keeper)
        assert puts(emulator) == [f"PUT {TRACKING}/open"]
        assert emulator.domain(DOMAIN).click["active"] is True

    @pytest.mark.behaviour(17)
    def test_of_one_whose_successor_manages_the_same(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """A new name for the resource changes nothing."""
        engine.up(lambda: DomainTracking("old", DOMAIN, click="htmlonly", open=True))
        emulator.forget_requests()
        run = engine.up(lambda: DomainTracking("new", DOMAIN, click="htmlonly", open=True))
        assert run.steps == {"new": "create", "old": "delete"}
        assert run.rows["old"][0] == (
            f"open and click tracking of {DOMAIN} left as is: "
            "managed by another resource in this stack"
        )
        assert puts(emulator) == []


class TestRead:
    @pytest.fixture(autouse=True)
    def _no_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)

    @staticmethod
    def program() -> None:
        mg = DomainTracking("mg", DOMAIN, click=True)
        TrackingCertificate("certificate", mg.tracking_domain)

    @pytest.mark.behaviour(7)
    def test_follows_what_somebody_changed_there_and_back(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """Inputs and outputs are what Mailgun says, each time."""
        engine.up(self.program)
        as_created = engine.state["mg"]
        engine.refresh()
        assert engine.state["mg"] == as_created
        emulator.drift(DOMAIN, click=False)
        assert engine.refresh().steps == {"mg": "update", "certificate": "same"}
        assert engine.state["mg"].inputs["click"] == {"active": False}
        assert engine.state["mg"].outputs["click"]["active"] is False
        emulator.drift(DOMAIN, click=True)
        engine.refresh()
        assert engine.state["mg"] == as_created

    @pytest.mark.behaviour(18)
    def test_removes_a_domain_that_is_gone(
        self, engine: Engine, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After reads over 10 s, in both regions, with a key that may list domains."""
        now = 0.0

        def sleep(_self: MailgunClient, seconds: float) -> None:
            nonlocal now
            now += seconds

        def program() -> None:
            DomainTracking("two", "two.example.com", click=True)
            DomainTracking("mg", DOMAIN, click=True)

        engine.up(program)
        emulator.remove_domain(DOMAIN)
        emulator.forget_requests()
        monkeypatch.setattr(operation, "MISSING_SECONDS", 10.0)
        monkeypatch.setattr(operation, "time", SimpleNamespace(monotonic=lambda: now))
        monkeypatch.setattr(MailgunClient, "sleep", sleep)
        run = engine.refresh()
        assert run.steps == {"two": "same", "mg": "delete"}
        [row] = run.rows["mg"]
        assert row.startswith(f"{DOMAIN} no longer exists at Mailgun")
        assert "us and eu" in row
        assert list(engine.state) == ["two"]
        assert now == 10
        looks = [r for r in emulator.requests if r.path == f"/v4/domains/{DOMAIN}"]
        assert {r.region for r in looks} == {"us", "eu"}
        assert len(looks) > 4
        assert "GET /v4/domains" in calls(emulator)
        assert puts(emulator) == []

    @pytest.mark.behaviour(18)
    def test_removes_a_certificate_with_its_domain(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """Both are gone."""

        def program() -> None:
            DomainTracking("two", "two.example.com", click=True)
            self.program()

        engine.up(program)
        emulator.remove_domain(DOMAIN)
        gone = {"mg": "delete", "certificate": "delete"}
        run = engine.refresh()
        assert run.steps == {"two": "same", **gone}
        assert run.rows["certificate"][-1].startswith(f"{DOMAIN} no longer exists at Mailgun")
        assert list(engine.state) == ["two"]

    @pytest.mark.behaviour(18)
    def test_removes_a_certificate_that_is_gone(self, engine: Engine, emulator: Emulator) -> None:
        """Its domain stays."""
        engine.up(self.program)
        emulator.set_certificate(f"email.{DOMAIN}", None)
        run = engine.refresh()
        assert run.steps == {"mg": "same", "certificate": "delete"}
        assert run.rows["certificate"] == [
            f"the certificate for email.{DOMAIN} no longer exists at Mailgun; "
            "removing this resource from the state"
        ]
        assert list(engine.state) == ["mg"]

    @pytest.mark.behaviour(18)
    @pytest.mark.parametrize("name", ["mg", "certificate"])
    def test_removes_nothing_that_is_in_the_other_region(
        self, engine: Engine, emulator: Emulator, name: str
    ) -> None:
        """A 404 that has another reason than a deleted domain is an error."""
        engine.up(self.program)
        emulator.remove_domain(DOMAIN)
        emulator.add_domain(DOMAIN, region="eu", click=True)
        emulator.forget_requests()
        engine.state = {name: engine.state[name]}
        run = engine.refresh(check=False)
        assert "nothing was removed from the state" in run.errors[name]
        assert f"{DOMAIN} is in region eu" in run.errors[name]
        assert list(engine.state) == [name]
        assert puts(emulator) == []

    @pytest.mark.behaviour(18)
    def test_removes_nothing_where_a_404_passes(self, engine: Engine, emulator: Emulator) -> None:
        """A domain that a later look finds is read."""
        engine.up(self.program)
        for path in (f"/v4/domains/{DOMAIN}", TRACKING):
            emulator.add_fault(method="GET", path=path, status=404, body=NOT_FOUND, times=1)
        assert engine.refresh().steps == {"mg": "same", "certificate": "same"}

    @pytest.mark.behaviour(18)
    def test_removes_nothing_with_a_key_that_may_not_list(
        self, engine: Engine, emulator: Emulator
    ) -> None:
        """What such a key does not see may exist."""
        engine.up(self.program)
        emulator.remove_domain(DOMAIN)
        emulator.add_fault(method="GET", path="/v4/domains", status=403, body=REFUSED)
        run = engine.refresh(check=False)
        assert run.errors["mg"].startswith("Unauthorized: ")
        assert list(engine.state) == ["mg", "certificate"]


@pytest.mark.behaviour(27)
def test_a_cancelled_call_ends_and_says_so(engine: Engine, emulator: Emulator) -> None:
    """Nothing is sent any more."""

    def program() -> None:
        process.cancelled.set()
        TrackingCertificate("certificate", f"email.{DOMAIN}")

    run = engine.up(program, check=False)
    assert run.errors["certificate"].startswith("Cancelled: ")
    assert puts(emulator) == []
