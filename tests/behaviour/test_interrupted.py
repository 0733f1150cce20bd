"""Runs that end half-way: the next one knows what they did, or asks."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, puts
from tests.engine.result import Result
from tests.engine.stack import Running
from tests.process.test_leaving import provider_of

DOMAIN = "mg.example.com"
TRACKING = f"/v3/domains/{DOMAIN}/tracking"
BEFORE = """
DomainTracking(
    "mg", "mg.example.com", click=False, open=False,
    unsubscribe={
        "active": True,
        "html_footer": pulumi.Output.secret("<p>the old secret %unsubscribe_url%</p>"),
    },
)
"""
AFTER = BEFORE.replace("False", "True").replace("old secret", "new secret")
FAULTS: dict[str, dict[str, Any]] = {
    "refused": {"status": 400, "body": {"message": "no"}},
    # A wait that is longer than the call's deadline ends it at once.
    "unclear": {"status": 503, "headers": {"retry-after": "200"}, "carried_out": True},
}


def settings(emulator: Emulator, domain: str = DOMAIN) -> tuple[Any, Any, Any]:
    """What Mailgun has."""
    now = emulator.domain(domain)
    footer = str(now.unsubscribe["html_footer"])
    return now.open["active"], now.click["active"], "new secret" in footer


def assert_silent(result: Result) -> None:
    """Nothing that was printed or logged holds the footers, and nothing looks like a bug."""
    for text in (result.output, str(result.events)):
        assert "old secret" not in text
        assert "new secret" not in text
        assert "Traceback" not in text


def fail_half_way(stack: MailStack, emulator: Emulator, fault: str) -> Result:
    """An update of which the first PUT is made, and the second fails in some way."""
    emulator.add_fault(method="PUT", path=f"{TRACKING}/click", **FAULTS[fault])
    stack.write(AFTER)
    result = stack.up(check=False)
    emulator.clear_faults()
    assert result.code != 0
    assert_silent(result)
    return result


@pytest.mark.behaviour(76)
def test_the_old_program_undoes_an_update_that_failed(
    mail: MailFactory, emulator: Emulator
) -> None:
    """However the PUT failed; the preview shows what there is to undo, field by field."""
    stack = mail(BEFORE)
    stack.up()
    for fault in FAULTS:
        result = fail_half_way(stack, emulator, fault)
        [error] = result.diagnostics("mg", "error")
        assert error.count("already changed: open.active") == 1
        assert ("Mailgun may have changed click.active" in error) is (fault != "refused")
        state = stack.resource("mg")
        assert state["outputs"]["open"]["active"] is True
        assert state["inputs"]["open"]["active"] is False
        assert "html_footer" not in state["outputs"]["unsubscribe"]
        assert settings(emulator) == (True, fault != "refused", False)

        stack.write(BEFORE)
        preview = stack.preview()
        assert_silent(preview)
        wrong = {"open.active": (True, False)}
        if fault != "refused":
            wrong["click.active"] = (True, False)
        assert preview.diff("mg", "update") == wrong
        stack.up()
        assert settings(emulator) == (False, False, False)
    assert stack.preview().step("mg") == "same"
    assert "initErrors" not in stack.resource("mg")


@pytest.mark.behaviour(76)
def test_a_half_way_state_is_as_good_as_any(mail: MailFactory, emulator: Emulator) -> None:
    """Continued, refreshed, exported and imported, or destroyed."""
    stack = mail(BEFORE)
    stack.up()
    fail_half_way(stack, emulator, "unclear")
    preview = stack.preview("--diff")
    assert preview.step("mg") == "update"
    assert "html_footer: [secret] => [secret]" in preview.output
    assert "click" not in preview.output

    file = stack.directory / "state.json"
    stack.run("stack", "export", "--file", str(file))
    stack.run("stack", "import", "--file", str(file))
    refreshed = stack.refresh()
    assert_silent(refreshed)
    assert refreshed.diff("mg")["open.active"] == (False, True)
    assert "refreshBeforeUpdate" not in stack.resource("mg")
    stack.write(BEFORE)
    assert sorted(stack.preview().diff("mg")) == ["click.active", "open.active"]

    stack.run("stack", "import", "--file", str(file))
    stack.destroy()
    now = emulator.domain(DOMAIN)
    assert [now.open["active"], now.click["active"], now.unsubscribe["active"]] == [False] * 3


@pytest.mark.behaviour(76)
@pytest.mark.parametrize("is_secret_before", [False, True])
def test_a_half_way_footer_is_never_less_secret_than_the_programs(
    mail: MailFactory, emulator: Emulator, is_secret_before: bool
) -> None:
    """One of the programs has the footer as a secret; whether it was changed is not clear."""
    plain = f"""
    footer = "the old secret %unsubscribe_url%"
    DomainTracking("mg", "{DOMAIN}", click=False, unsubscribe={{"html_footer": footer}})
    """
    hidden = plain.replace('"the old secret %unsubscribe_url%"', "pulumi.Output.secret('NEW')")
    hidden = hidden.replace("NEW", "the new secret %unsubscribe_url%").replace("False", "True")
    before, after = (hidden, plain) if is_secret_before else (plain, hidden)
    stack = mail(before)
    stack.up()
    stack.write(after)
    emulator.add_fault(method="PUT", path=f"{TRACKING}/unsubscribe", **FAULTS["unclear"])
    results = [stack.up(check=False)]
    assert results[0].code != 0
    emulator.clear_faults()
    states = [stack.resource("mg")]
    results.append(stack.preview())
    results.append(stack.refresh())
    states.append(stack.resource("mg"))
    assert stack.preview().step("mg") == "same"
    stack.write(before)
    results.append(stack.up())
    states.append(stack.resource("mg"))
    assert results[-1].step("mg") == "update"
    for said in (*(str(result.events) for result in results), str(states)):
        assert "the new secret" not in said
    footer = "the new secret" if is_secret_before else "the old secret"
    assert footer in str(emulator.domain(DOMAIN).unsubscribe["html_footer"])
    assert stack.preview().step("mg") == "same"


def interrupt(running: Running, how: str) -> None:
    """End a command by a signal to the engine, or by killing engine, provider or both."""
    provider = provider_of(running)
    if how in ("SIGINT", "SIGTERM"):
        running.signal(signal.Signals[how])
        running.wait()
    if how in ("engine", "both"):
        # First, as it would save the state in the meantime.
        running.process.kill()
        running.process.wait()
    if how in ("provider", "both"):
        provider.end()
    if how == "provider":
        running.wait()
    assert provider.gone_within(60)


def interrupted(
    stack: MailStack, emulator: Emulator, how: str, is_time: Callable[[], bool], *command: str
) -> None:
    """Run a command that is interrupted once it is time; ends with a stack that is not locked."""
    with stack.start(*command, "--yes", "--skip-preview") as running:
        running.wait_until(is_time, "it is time")
        interrupt(running, how)
        others = running.processes()
    for process in others:
        process.end()
    emulator.clear_faults()
    if how in ("engine", "both"):
        stack.cancel()


OLD = """
email = TrackingCertificate("email", "email.two.example.com")
"""
OVER_HTTPS = """
DomainTracking(
    "two", "two.example.com", web_scheme="https",
    opts=pulumi.ResourceOptions(depends_on=[email]),
)
"""
MOVES = """
TrackingCertificate("undeclared", "links.three.example.com", move_domain=True)
links = TrackingCertificate("links", "links.two.example.com", move_domain=True)
DomainTracking(
    "two", "two.example.com", web_scheme="https",
    opts=pulumi.ResourceOptions(depends_on=[links]),
)
"""


def prepare(mail: MailFactory, emulator: Emulator) -> MailStack:
    """A stack of three domains, of which two use https, one of them undeclared."""
    emulator.add_domain("three.example.com")
    for domain in ("two", "three"):
        emulator.set_certificate(f"email.{domain}.example.com")
    emulator.drift("three.example.com", web_scheme="https")
    stack = mail(BEFORE + OLD + OVER_HTTPS)
    stack.up()
    return stack


@pytest.mark.behaviour(77, 78)
@pytest.mark.parametrize(
    "how", ["engine", "provider", "both", "SIGINT", "SIGTERM", "engine of a machine that is lost"]
)
def test_one_up_ends_as_the_program_says(mail: MailFactory, emulator: Emulator, how: str) -> None:
    """An update, of which one PUT is made and one unclear, is reverted; and moves go on."""
    how, _, is_elsewhere = how.partition(" of ")
    stack = prepare(mail, emulator)
    emulator.add_fault(method="PUT", path=f"{TRACKING}/click", status=503, carried_out=True)
    emulator.set(issuing_seconds=3600)
    emulator.forget_requests()
    posts = [f"POST /v2/x509/links.{domain}.example.com" for domain in ("two", "three")]
    expected = {f"PUT {TRACKING}/open", f"PUT {TRACKING}/click"}

    def is_time() -> bool:
        sent = puts(emulator)
        # The first POST of a host is refused, and the second one follows the move.
        return expected <= {*sent} and all(sent.count(post) == 2 for post in posts)

    stack.write(AFTER + OLD + MOVES)
    interrupted(stack, emulator, how, is_time, "up")
    assert settings(emulator) == (True, True, False)
    for domain in ("two", "three"):
        now = emulator.domain(f"{domain}.example.com")
        assert (now.web_prefix, now.web_scheme) == ("links", "http")
        emulator.set_certificate(f"links.{domain}.example.com")

    if is_elsewhere:
        shutil.rmtree(stack.directory / "home" / "mailgun-tracking")
    stack.write(BEFORE + OLD + MOVES)
    result = stack.up(skip_preview=False)
    assert_silent(result)
    now = emulator.domain("two.example.com")
    assert (now.web_prefix, now.web_scheme) == ("links", "https")
    if is_elsewhere:
        # Nothing tells of what neither the state nor the program has.
        assert emulator.domain("three.example.com").web_scheme == "http"
        stack.up("--refresh", "--target", "**::mg")
        assert settings(emulator) == (False, False, False)
        return
    assert emulator.domain("three.example.com").web_scheme == "https"
    assert settings(emulator) == (False, False, False)
    if how not in ("SIGINT", "SIGTERM"):
        told = "an earlier run was interrupted while it changed mg.example.com; will change "
        assert f"{told}open true => false, click true => false" in result.diagnostics("mg")
    assert not [*(stack.directory / "home" / "mailgun-tracking" / "unfinished").iterdir()]


@pytest.mark.behaviour(78)
def test_a_move_that_timed_out_gives_https_back(mail: MailFactory, emulator: Emulator) -> None:
    """By the next up, whether or not the program declares https, and after a refresh too."""
    stack = prepare(mail, emulator)
    emulator.set(issuing_seconds=3600)
    moves = MOVES.replace('two.example.com", move', 'two.example.com", timeout=1, move')
    moves = moves.replace('three.example.com", move', 'three.example.com", timeout=0.1, move')
    stack.write(BEFORE + moves)
    result = stack.up(check=False)
    for name in ("links", "undeclared"):
        [error] = result.diagnostics(name, "error")
        assert "`pulumi up` turns it on again" in error
        assert stack.resource(name)["outputs"]["status"] == "processing"
    stack.refresh()
    for domain in ("two", "three"):
        emulator.set_certificate(f"links.{domain}.example.com")
    stack.write(BEFORE + MOVES)
    stack.up()
    for domain in ("two", "three"):
        now = emulator.domain(f"{domain}.example.com")
        assert (now.web_prefix, now.web_scheme) == ("links", "https")
    assert stack.preview().changes == {"same": 4}


@pytest.mark.behaviour(79)
@pytest.mark.parametrize("how", ["engine", "failure"])
def test_a_destroy_that_ends_half_way_is_undone(
    mail: MailFactory, emulator: Emulator, how: str
) -> None:
    """By the program: what was turned off is turned on again, and the preview says so."""
    on = AFTER.replace("open=True", "open=True, web_scheme='http'")
    stack = mail(on)
    stack.up()
    path = f"{TRACKING}/click"
    emulator.forget_requests()
    if how == "failure":
        emulator.add_fault(method="PUT", path=path, **FAULTS["unclear"])
        result = stack.destroy(check=False)
        [error] = result.diagnostics("mg", "error")
        assert f"open tracking of {DOMAIN} turned off before that" in error
        assert f"Mailgun may have turned click tracking of {DOMAIN} off" in error
        emulator.clear_faults()
    else:
        emulator.add_fault(method="PUT", path=path, status=503, carried_out=True)
        interrupted(stack, emulator, how, lambda: len(puts(emulator)) == 2, "destroy")
    assert settings(emulator) == (False, False, True)
    result = stack.up(skip_preview=False)
    told = "will change open false => true, click false => true"
    assert any(told in message for message in result.diagnostics("mg"))
    assert settings(emulator) == (True, True, True)
    assert stack.preview().step("mg") == "same"
