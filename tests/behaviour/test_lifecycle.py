"""Successors, destroy and refresh: what is left at Mailgun, and in the state."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts

FOOTER = '<a href="%unsubscribe_url%">stop</a>'


@pytest.mark.behaviour(17)
def test_a_successor_keeps_what_it_manages(mail: MailFactory, emulator: Emulator) -> None:
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
    kept = "open and click tracking of renamed.example.com left as is"
    assert f"{kept}: managed by another resource in this stack" in said
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(17)
@pytest.mark.parametrize("flags", [(), ("--run-program",)], ids=["state", "run-program"])
def test_destroy_turns_off(mail: MailFactory, emulator: Emulator, flags: tuple[str, ...]) -> None:
    """What is managed and still as it was left; the rest stays, and the state is empty."""
    stack = mail(
        f"""
        DomainTracking("mg", "mg.example.com", click="htmlonly",
                       open={{"active": True, "place_at_the_top": True}},
                       unsubscribe={{"active": True, "html_footer": {FOOTER!r}}})
        DomainTracking("two", "two.example.com", click=True, open=True)
        TrackingCertificate("cert", "email.mg.example.com")
        """
    )
    stack.up()
    emulator.drift("two.example.com", click="htmlonly")
    emulator.forget_requests()
    result = stack.destroy(*flags)

    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/open",
        "PUT /v3/domains/mg.example.com/tracking/unsubscribe",
        "PUT /v3/domains/two.example.com/tracking/open",
    ]
    assert {str(r.form) for r in emulator.requests if r.method == "PUT"} == {"{'active': 'false'}"}
    now = emulator.domain("mg.example.com")
    assert now.open["place_at_the_top"] is True
    assert now.unsubscribe["html_footer"] == FOOTER
    assert now.certificates["email.mg.example.com"].status == "active"
    assert emulator.domain("two.example.com").click["active"] == "htmlonly"
    assert any("left on" in row for row in result.diagnostics("two", "info"))
    assert stack.export()["deployment"].get("resources", []) == []


@pytest.mark.behaviour(18)
def test_gone_is_removed_from_state(mail: MailFactory, emulator: Emulator) -> None:
    """A domain that is nowhere, and a certificate whose domain stays, leave the state."""
    stack = mail(
        """
        DomainTracking("two", "two.example.com", click=True)
        DomainTracking("mg", "mg.example.com", click=True)
        TrackingCertificate("lost", "email.mg.example.com")
        TrackingCertificate("below", "email.two.example.com")
        """
    )
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 1.0})
    stack.up()
    emulator.remove_domain("two.example.com")
    emulator.set_certificate("email.mg.example.com", None)
    emulator.forget_requests()
    result = stack.refresh()

    left = {r["urn"].rpartition("::")[2] for r in stack.export()["deployment"]["resources"]}
    assert left & {"two", "below", "mg", "lost"} == {"mg"}
    assert result.step("two") == "delete"
    assert puts(emulator) == []


@pytest.mark.behaviour(18, 42, 57)
@pytest.mark.parametrize("names", [["mg"], ["mg", "two"]], ids=["one", "several"])
def test_nothing_is_removed_where_every_domain_is_missing(
    mail: MailFactory, emulator: Emulator, names: list[str]
) -> None:
    """As with the key of another account: then it is the key that is wrong."""
    emulator.add_domain("elsewhere.example.com", account="brand-b")
    stack = mail(
        f"""
        for name in {names}:
            DomainTracking(name, f"{{name}}.example.com", click=True)
        """
    )
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 1.0})
    stack.up()
    emulator.forget_requests()
    stack.environment["MAILGUN_API_KEY"] = "key-of-brand-b-77c04e"

    for command in (stack.refresh, stack.destroy):
        result = command(check=False)
        assert result.code != 0
        assert "or any other domain of this stack" in result.output
        assert "check the name" not in result.output
        for name in names:
            [error] = result.diagnostics(name, "error")
            urn = stack.resource(name)["urn"]
            assert f"if the domain was deleted, run `pulumi state delete '{urn}'`" in error
        assert "nothing was removed from the state" in result.output
        assert puts(emulator) == []

    stack.environment["MAILGUN_API_KEY"] = emulator.key
    for name in names:
        stack.run("state", "delete", "--yes", stack.resource(name)["urn"])
    stack.destroy()
    assert stack.export()["deployment"].get("resources", []) == []
    assert puts(emulator) == []
