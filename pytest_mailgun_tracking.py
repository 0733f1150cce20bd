"""Fixtures of the test kit. pytest loads this module in every run, so it imports next to nothing.

It is not part of the package, because importing that imports Pulumi.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mailgun_tracking.emulator import Emulator
    from mailgun_tracking.testing import MailgunMocks, MailgunStackFactory


@pytest.fixture(scope="session")
def mailgun_emulator() -> Iterator[Emulator]:
    """The session's emulator, for other fixtures: tests use `mailgun`.

    Override it in a `conftest.py` for an `Emulator` with several accounts, subaccounts or domains.
    """
    try:
        from mailgun_tracking.emulator import Emulator
    except ModuleNotFoundError as error:
        what = f"{error.name} is missing: install mailgun-tracking[test]"
        raise pytest.fail.Exception(what, pytrace=False) from None
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def mailgun(
    mailgun_emulator: Emulator, _no_mailgun_variables: None, monkeypatch: pytest.MonkeyPatch
) -> Emulator:
    """Mailgun, emulated, without any domain; the environment leads all that a test starts to it."""
    from mailgun_tracking._provider.process import process

    mailgun_emulator.reset()
    # What programs in this process know of rate limits, for example.
    process.reset()
    for name, value in mailgun_emulator.environment.items():
        monkeypatch.setenv(name, value)
    return mailgun_emulator


@pytest.fixture
def mailgun_mocks(_no_mailgun_variables: None) -> MailgunMocks:
    """Pulumi's mocks, with which a program runs without an engine and without Mailgun."""
    from mailgun_tracking.testing import MailgunMocks

    return MailgunMocks()


@pytest.fixture
def mailgun_stack(
    mailgun: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> MailgunStackFactory:
    """Makes stacks on the real Pulumi engine: `mailgun_stack(program)`, against `mailgun`."""
    from mailgun_tracking.testing import MailgunStackFactory

    folder = tmp_path_factory.mktemp("mailgun_stack")
    # One for the whole run.
    initialized = tmp_path_factory.getbasetemp() / "mailgun_stacks_initialized"
    return MailgunStackFactory(mailgun, folder, initialized)


@pytest.fixture
def _no_mailgun_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the real environment, such as a key, is visible to the test."""
    for name in [name for name in os.environ if name.startswith("MAILGUN_")]:
        monkeypatch.delenv(name)
