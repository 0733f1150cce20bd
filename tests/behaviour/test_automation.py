"""Stacks whose programs run at the same time in one process, with Pulumi's Automation API."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import pulumi
import pytest
from pulumi import automation

from mailgun_tracking import HttpsTracking, get_domain_tracking_output, get_tracking_domain_output
from mailgun_tracking._api import client
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.testing import MailgunStack, MailgunStackFactory
from tests.behaviour.conftest import KEYS

KEY_OF = {account: key for key, account in KEYS.items()}
DOMAIN_OF = {"default": "mg.example.com", "brand-b": "b.example.com"}
StacksOf = Callable[[Callable[[str], None]], dict[str, MailgunStack]]
_Result = TypeVar("_Result")


@pytest.fixture(scope="session")
def mailgun_emulator(one_emulator: Emulator) -> Emulator:
    """That of the other tests, which has two accounts."""
    return one_emulator


@pytest.fixture
def stacks_of(
    mailgun_stack: MailgunStackFactory, engine_on_path: None, monkeypatch: pytest.MonkeyPatch
) -> StacksOf:
    """Makes a stack of a program for each account, with the account's domain and key."""
    monkeypatch.delenv("MAILGUN_API_KEY")
    monkeypatch.setattr(client, "FIRST_CONTACT_SECONDS", 0.0)

    def make(program: Callable[[str], None]) -> dict[str, MailgunStack]:
        def of(account: str) -> MailgunStack:
            stack = mailgun_stack(lambda: program(DOMAIN_OF[account]), account)
            stack.set_config("mailgun:apiKey", KEY_OF[account], secret=True)
            return stack

        return {account: of(account) for account in DOMAIN_OF}

    return make


def at_once(
    stacks: dict[str, MailgunStack], do: Callable[[MailgunStack], _Result]
) -> dict[str, _Result]:
    """Do something with all stacks at the same time."""
    start = Barrier(len(stacks))

    def run(stack: MailgunStack) -> _Result:
        start.wait()
        return do(stack)

    with ThreadPoolExecutor(len(stacks)) as threads:
        return dict(zip(stacks, threads.map(run, stacks.values()), strict=True))


def everything(domain: str) -> None:
    """Resources and lookups."""
    https = HttpsTracking("mg", domain, click=True)
    pulumi.export("host", get_tracking_domain_output(domain).tracking_domain)
    after = https.tracking.urn.apply(lambda _urn: domain)
    pulumi.export("click", get_domain_tracking_output(after).click["active"])


def lookups(domain: str) -> None:
    """The same lookup twice."""
    for _ in range(2):
        pulumi.export("host", get_tracking_domain_output(domain).tracking_domain)


@pytest.mark.behaviour(75)
def test_nothing_of_one_reaches_the_other(mailgun: Emulator, stacks_of: StacksOf) -> None:
    """Each one's resources and lookups use its own key, and it has its own settings."""
    mailgun.add_domain("b.example.com", account="brand-b")

    def deploy_and_destroy(stack: MailgunStack) -> dict[str, object]:
        up = stack.up()
        stack.assert_no_changes()
        printed = up.stdout + up.stderr + stack.destroy().stdout
        assert not [key for key in KEYS if key in printed]
        return {name: output.value for name, output in up.outputs.items()}

    for account, outputs in at_once(stacks_of(everything), deploy_and_destroy).items():
        assert outputs == {"host": f"email.{DOMAIN_OF[account]}", "click": True}
        domain = mailgun.domain(DOMAIN_OF[account])
        assert (domain.web_scheme, domain.click["active"]) == ("https", False)
    used = {
        (account, request.account)
        for request in mailgun.requests
        for account, domain in DOMAIN_OF.items()
        if domain in request.path
    }
    assert used == {(account, account) for account in DOMAIN_OF}
    assert not [request for request in mailgun.requests if request.status in (401, 403)]


@pytest.mark.behaviour(11, 75)
def test_each_preview_warns_that_mailgun_is_not_available(
    stacks_of: StacksOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the second one of a process."""
    monkeypatch.setenv("MAILGUN_BASE_URL", "http://127.0.0.1:9")

    def warnings(stack: MailgunStack) -> list[str]:
        events: list[automation.EngineEvent] = []
        stack.preview(on_event=events.append)
        said = [event.diagnostic_event for event in events if event.diagnostic_event]
        return [one.message for one in said if one.severity == "warning"]

    for [warning] in at_once(stacks_of(lookups), warnings).values():
        assert "Mailgun is not available" in warning
