"""Fixtures for the tests of behaviour: one emulator a session, and stacks that talk to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, mail_stack
from tests.cli.accounts import SUBACCOUNTS
from tests.engine.stack import StackFactory

KEYS = {"key-of-default-3f2a91": "default", "key-of-brand-b-77c04e": "brand-b"}


@pytest.fixture(scope="session")
def one_emulator() -> Iterator[Emulator]:
    """The session's emulator; use `emulator`, which is clean."""
    with Emulator(
        domains=[
            "mg.example.com",
            "two.example.com",
            "eu/eu.example.com",
            "us/sub-1/sub.example.com",
        ],
        keys=KEYS,
        subaccounts=SUBACCOUNTS,
    ) as emulator:
        yield emulator


@pytest.fixture
def emulator(one_emulator: Emulator) -> Emulator:
    """Mailgun, as it was at the start; domains of the account `brand-b` are added by the test."""
    one_emulator.reset()
    return one_emulator


@pytest.fixture
def mail(new_stack: StackFactory, emulator: Emulator) -> MailFactory:
    """Makes stacks with the emulator's address and first key in the environment."""

    def make(
        body: str = "",
        *,
        env: Mapping[str, str | None] | None = None,
        project: str = "mail",
        config: Mapping[str, Any] | None = None,
    ) -> MailStack:
        stack = mail_stack(new_stack("", project=project, config=config), emulator)
        stack.write(body)
        for name, value in (env or {}).items():
            stack.environment.pop(name, None)
            if value is not None:
                stack.environment[name] = value
        return stack

    return make
