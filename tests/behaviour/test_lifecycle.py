"""Create, update, delete and read: what is asked of Mailgun, and what is left at Mailgun."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts

FOOTER = '<a href="%unsubscribe_url%">stop</a>'
REFUSED = {"message": "not today"}


@pytest.mark.behaviour(16)
def test_create_makes_two_round_trips(mail: MailFactory, emulator: Emulator) -> None:
    """Two GETs go out together, and so do the PUTs, one for each section that differs."""
    latency = 1.0
    emulator.set(latency_seconds=latency)
    mail(
        f"""
        DomainTracking("mg", "mg.example.com", click=True, open=True,
                       unsubscribe={{"active": True, "html_footer": {FOOTER!r}}},
                       web_prefix="links")
        """
    ).up()

    reads, writes = emulator.requests[:2], emulator.requests[2:]
    assert sorted(f"{r.method} {r.path}" for r in reads) == [
        "GET /v3/domains/mg.example.com/tracking",
        "GET /v4/domains/mg.example.com",
    ]
    assert sorted(f"{r.method} {r.path}" for r in writes) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/open",
        "PUT /v3/domains/mg.example.com/tracking/unsubscribe",
        "PUT /v4/domains/mg.example.com",
    ]
    for group in (reads, writes):
        arrivals = [request.at for request in group]
        before_the_first_answer = latency
        assert (max(arrivals) - min(arrivals)).total_seconds() < before_the_first_answer
    assert emulator.domain("mg.example.com").click == {"active": True}
    assert emulator.domain("mg.example.com").web_prefix == "links"


@pytest.mark.behaviour(16)
def test_create_reads_once_more_only_where_it_has_to(mail: MailFactory, emulator: Emulator) -> None:
    """One more GET when https is turned on, and one when an answer lacked its section."""
    emulator.set_certificate("email.mg.example.com")
    stack = mail('DomainTracking("mg", "mg.example.com", web_scheme="https")')
    stack.up()
    assert calls(emulator)[2:] == [
        "GET /v2/x509/email.mg.example.com/status",
        "PUT /v4/domains/mg.example.com",
    ]
    assert emulator.domain("mg.example.com").web_scheme == "https"

    emulator.forget_requests()
    emulator.set_dials(put_answers="message_only")
    mail('DomainTracking("two", "two.example.com", click=True)').up()
    assert calls(emulator)[2:] == [
        "PUT /v3/domains/two.example.com/tracking/click",
        "GET /v3/domains/two.example.com/tracking",
    ]
    assert emulator.domain("two.example.com").click == {"active": True}


@pytest.mark.behaviour(16)
def test_create_puts_back_what_it_changed(mail: MailFactory, emulator: Emulator) -> None:
    """A PUT that fails for good undoes the others; the error lists what still stands changed."""
    for name in ("undone", "stands", "refused"):
        emulator.add_domain(f"{name}.example.com")
    path = "/v3/domains/{}.example.com/tracking/{}"
    for name in ("undone", "stands"):
        emulator.add_fault(
            method="PUT", path=path.format(name, "unsubscribe"), status=400, body=REFUSED
        )
    emulator.add_fault(
        method="PUT", path=path.format("stands", "click"), status=400, body=REFUSED, after=1
    )
    before = emulator.domain("undone.example.com")
    stack = mail(
        f"""
        for name in ("undone", "stands"):
            DomainTracking(name, f"{{name}}.example.com", click="htmlonly", open=True,
                           web_prefix="links", unsubscribe={{"html_footer": {FOOTER!r}}})
        DomainTracking("refused", "refused.example.com", click=True, web_scheme="https")
        """
    )
    result = stack.up("--continue-on-error", check=False)

    [undone] = result.diagnostics("undone", "error")
    assert undone == (
        "MailgunError: cannot change unsubscribe tracking of undone.example.com: not today (400); "
        "Mailgun does not take this value: change it and run again; "
        "nothing was changed: what had been was put back"
    )
    [stands] = result.diagnostics("stands", "error")
    assert stands.endswith("; changed before it failed: click.active")
    assert emulator.domain("undone.example.com") == before
    assert emulator.domain("stands.example.com").click == {"active": "htmlonly"}
    assert emulator.domain("stands.example.com").open["active"] is False
    assert emulator.domain("stands.example.com").web_prefix == "email"
    assert [call for call in puts(emulator) if "refused" in call] == []
    assert result.failed("refused")

    emulator.clear_faults()
    stack.write(
        'DomainTracking("undone", "undone.example.com", click="htmlonly", '
        f'unsubscribe={{"html_footer": {FOOTER!r}}})'
    )
    stack.up()
    assert emulator.domain("undone.example.com").unsubscribe["html_footer"] == FOOTER


@pytest.mark.behaviour(16)
def test_create_cannot_put_back_what_it_never_knew(mail: MailFactory, emulator: Emulator) -> None:
    """A field that Mailgun's answer did not show stands changed, and is never sent as a guess."""
    emulator.set_dials(open_answer="active_only")
    emulator.add_fault(
        method="PUT", path="/v3/domains/mg.example.com/tracking/click", status=400, body=REFUSED
    )
    stack = mail(
        'DomainTracking("mg", "mg.example.com", click=True, '
        'open={"active": True, "place_at_the_top": True})'
    )
    [error] = stack.up(check=False).diagnostics("mg", "error")

    assert error.endswith("changed before it failed: open.place_at_the_top")
    forms = [r.form for r in emulator.requests if r.path.endswith("/tracking/open")]
    assert forms == [{"active": "true", "place_at_the_top": "true"}, {"active": "false"}]
    assert emulator.domain("mg.example.com").open == {"active": False, "place_at_the_top": True}


@pytest.mark.behaviour(16)
def test_update_is_repeated_by_the_next_up(mail: MailFactory, emulator: Emulator) -> None:
    """An update that fails half way is not rolled back; the next up completes it."""
    program = 'DomainTracking("mg", "mg.example.com", click={click}, open={open})'
    stack = mail(program.format(click=False, open=False))
    stack.up()
    emulator.add_fault(method="PUT", path=".*/tracking/open", status=400, body=REFUSED, times=1)
    emulator.forget_requests()
    stack.write(program.format(click=True, open=True))
    result = stack.up(check=False)
    assert result.diagnostics("mg", "error") == [
        "MailgunError: cannot change open tracking of mg.example.com: not today (400); "
        "Mailgun does not take this value: change it and run again; "
        "changed before it failed: click.active"
    ]
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/open",
    ]
    assert emulator.domain("mg.example.com").click == {"active": True}

    stack.up()
    assert emulator.domain("mg.example.com").click == {"active": True}
    assert emulator.domain("mg.example.com").open["active"] is True


@pytest.mark.behaviour(17)
def test_a_successor_keeps_what_it_declares(mail: MailFactory, emulator: Emulator) -> None:
    """A rename, a move into a component and a replacement on one domain change nothing."""
    for name in ("renamed", "moved", "replaced", "first"):
        emulator.add_domain(f"{name}.example.com")
    stack = mail(
        """
        DomainTracking("old", "renamed.example.com", click="htmlonly", open=True)
        DomainTracking("moved", "moved.example.com", click="htmlonly", open=True)
        DomainTracking("replaced", "replaced.example.com", click="htmlonly", open=True)
        DomainTracking("first", "first.example.com", click="htmlonly", open=True)
        """
    )
    stack.up()
    names = ("renamed", "moved", "replaced", "first")
    before = [emulator.domain(f"{name}.example.com") for name in names]
    emulator.forget_requests()
    stack.write(
        """
        anew = pulumi.ResourceOptions(replace_on_changes=["*"])
        first = pulumi.ResourceOptions(replace_on_changes=["*"], delete_before_replace=True)
        group = pulumi.ComponentResource("test:index:Group", "group")
        DomainTracking("new", "renamed.example.com", click="htmlonly", open=True)
        DomainTracking("moved", "moved.example.com", click="htmlonly", open=True,
                       opts=pulumi.ResourceOptions(parent=group))
        DomainTracking("replaced", "replaced.example.com", click="htmlonly", open=True,
                       web_scheme="http", opts=anew)
        DomainTracking("first", "first.example.com", click="htmlonly", open=True,
                       web_scheme="http", opts=first)
        """
    )
    result = stack.up()

    assert result.steps("old") == ["delete"]
    assert result.step("new") == "create"
    assert result.step("replaced") == "replace"
    assert result.step("first") == "replace"
    assert puts(emulator) == []
    assert [emulator.domain(f"{name}.example.com") for name in names] == before
    said = result.diagnostics("old", "info")
    assert "open, click tracking left as it is: this stack declares it" in said
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(17)
@pytest.mark.parametrize("flags", [(), ("--run-program",)], ids=["state", "run-program"])
def test_destroy_turns_off(mail: MailFactory, emulator: Emulator, flags: tuple[str, ...]) -> None:
    """destroy turns off what is managed and still as it was left, and never touches the rest."""
    for name in ("all", "part", "text", "drift", "gone"):
        emulator.add_domain(f"{name}.example.com", unsubscribe=True, open={"active": True})
    stack = mail(
        f"""
        DomainTracking("all", "all.example.com", click="htmlonly",
                       open={{"active": True, "place_at_the_top": True}},
                       unsubscribe={{"active": True, "html_footer": {FOOTER!r}}})
        DomainTracking("part", "part.example.com", click=True)
        DomainTracking("text", "text.example.com", unsubscribe={{"html_footer": {FOOTER!r}}},
                       open={{"place_at_the_top": True}})
        DomainTracking("drift", "drift.example.com", click=True, open=True)
        DomainTracking("gone", "gone.example.com", click=True)
        TrackingCertificate("cert", "email.all.example.com")
        """
    )
    stack.up()
    emulator.drift("drift.example.com", click="htmlonly")
    emulator.remove_domain("gone.example.com")
    emulator.forget_requests()
    result = stack.destroy(*flags)

    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/all.example.com/tracking/click",
        "PUT /v3/domains/all.example.com/tracking/open",
        "PUT /v3/domains/all.example.com/tracking/unsubscribe",
        "PUT /v3/domains/drift.example.com/tracking/open",
        "PUT /v3/domains/part.example.com/tracking/click",
    ]
    assert {str(r.form) for r in emulator.requests if r.method == "PUT"} == {"{'active': 'false'}"}
    everything = emulator.domain("all.example.com")
    assert everything.click == {"active": False}
    assert everything.open == {"active": False, "place_at_the_top": True}
    assert everything.unsubscribe["active"] is False
    assert everything.unsubscribe["html_footer"] == FOOTER
    assert everything.certificates["email.all.example.com"].status == "active"
    assert emulator.domain("part.example.com").open["active"] is True
    assert emulator.domain("text.example.com").unsubscribe["active"] is True
    assert emulator.domain("drift.example.com").click == {"active": "htmlonly"}
    assert emulator.domain("drift.example.com").open["active"] is False
    assert (
        "click tracking left on: click.active was changed by somebody else"
    ) in result.diagnostics("drift", "info")
    assert (
        "gone.example.com is not at Mailgun any more: nothing to turn off"
    ) in result.diagnostics("gone", "info")
    [said] = result.diagnostics("cert", "info")
    assert "only forgotten: Mailgun has no way to delete one" in said
    assert stack.export()["deployment"].get("resources", []) == []


@pytest.mark.behaviour(17)
def test_a_neighbour_goes_and_its_fields_with_it(mail: MailFactory, emulator: Emulator) -> None:
    """Of two resources on one domain the one that goes turns off only what it managed."""
    keeper = 'DomainTracking("keeper", "mg.example.com", click=True)'
    stack = mail(f'{keeper}\nDomainTracking("goes", "mg.example.com", open=True)')
    stack.up()
    emulator.forget_requests()
    stack.write(keeper)
    stack.up()
    assert puts(emulator) == ["PUT /v3/domains/mg.example.com/tracking/open"]
    assert emulator.domain("mg.example.com").click == {"active": True}
    assert emulator.domain("mg.example.com").open["active"] is False


@pytest.mark.behaviour(18)
def test_gone_is_removed_from_state(mail: MailFactory, emulator: Emulator) -> None:
    """A domain that is nowhere, and a certificate under a domain that stands, leave the state."""
    stack = mail(
        """
        DomainTracking("two", "two.example.com", click=True)
        DomainTracking("mg", "mg.example.com", click=True)
        TrackingCertificate("lost", "email.mg.example.com")
        TrackingCertificate("below", "email.two.example.com")
        """
    )
    stack.up()
    emulator.remove_domain("two.example.com")
    emulator.set_certificate("email.mg.example.com", None)
    emulator.forget_requests()
    result = stack.refresh()

    left = {r["urn"].rpartition("::")[2] for r in stack.export()["deployment"]["resources"]}
    assert left & {"two", "below", "mg", "lost"} == {"mg"}
    assert result.step("two") == "delete"
    looks = [r for r in emulator.requests if r.path == "/v4/domains/two.example.com"]
    here = [r.at for r in looks if r.region == "us"]
    assert (max(here) - min(here)).total_seconds() >= 10
    assert {r.region for r in looks} == {"us", "eu"}
    assert "GET /v4/domains" in calls(emulator)
    assert puts(emulator) == []


@pytest.mark.behaviour(18)
def test_wrong_region_removes_nothing(mail: MailFactory, emulator: Emulator) -> None:
    """A 404 that has another reason than a deleted domain fails the refresh and removes nothing."""
    emulator.add_domain("moved.example.com")
    stack = mail(
        """
        DomainTracking("mg", "mg.example.com", click=True)
        DomainTracking("moved", "moved.example.com", click=True)
        TrackingCertificate("cert", "email.moved.example.com")
        """
    )
    stack.up()
    before = stack.export()["deployment"]["resources"]

    result = stack.refresh("--expect-no-changes", env={"MAILGUN_REGION": "eu"})
    assert result.step("mg") == "same"
    assert {r.region for r in emulator.requests} == {"us"}

    emulator.remove_domain("moved.example.com")
    emulator.add_domain("moved.example.com", region="eu", click=True)
    emulator.forget_requests()
    result = stack.refresh(check=False)
    assert result.code != 0
    [error] = result.diagnostics("moved", "error")
    assert error.endswith(
        "Domain not found (404); nothing was removed from the state; "
        "moved.example.com is in region eu: set region='eu', "
        "or give the id as eu/moved.example.com"
    )
    after = stack.export()["deployment"]["resources"]
    assert [r["urn"] for r in after] == [r["urn"] for r in before]
    assert puts(emulator) == []
    assert emulator.domain("moved.example.com", region="eu").click == {"active": True}


@pytest.mark.behaviour(18)
def test_a_404_that_passes_is_not_gone(mail: MailFactory, emulator: Emulator) -> None:
    """A domain that a later look finds again is read; nothing is removed."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)')
    stack.up()
    for path in ("/v4/domains/mg.example.com", "/v3/domains/mg.example.com/tracking"):
        emulator.add_fault(
            method="GET", path=path, status=404, body={"message": "Domain not found"}, times=1
        )
    emulator.forget_requests()
    result = stack.refresh("--expect-no-changes")
    assert result.step("mg") == "same"
    assert stack.resource("mg")["outputs"]["click"] == {"active": True}
    assert puts(emulator) == []
