"""The program's own dynamic resources, which run in the same process, stay as they are without us.

Each of them depends on a resource of ours: so the process is prepared before they are created.
"""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory
from tests.process.test_concurrency import SDK_CALLS
from tests.process.test_leaving import SECONDS_TO_LEAVE, kill_engine, started_up

TOGETHER = 17
PROGRAM = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class OwnProvider(ResourceProvider):
    def create(self, props):
        {create}
        return CreateResult("own", props)


class Own(Resource):
    def __init__(self, name, opts):
        super().__init__(OwnProvider(), name, {{}}, opts)


ours = [{ours}]
for i in range({count}):
    Own(f"own{{i}}", pulumi.ResourceOptions(depends_on=ours))
"""
OURS = 'DomainTracking("mg", "mg.example.com", click=True)'


def program(create: str, *, count: int = 1, ours: str = OURS) -> str:
    """A program with resources of its own beside one of ours.

    Args:
        create: the body of their create, indented by 8.
        count: how many there are.
        ours: the resource of ours; may be empty.
    """
    return PROGRAM.format(create=create.strip(), count=count, ours=ours)


@pytest.mark.behaviour(58)
def test_as_many_are_created_at_a_time_as_the_sdk_allows(
    mail: MailFactory, emulator: Emulator
) -> None:
    stack = mail()
    log = stack.directory / "log"
    stack.write(
        program(
            f"""
        import os, time
        log = os.open({str(log)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, b"+")
        time.sleep(0.5)
        os.write(log, b"-")
        """,
            count=TOGETHER,
        )
    )
    stack.up("--parallel", "64")
    under_way, most = 0, 0
    for mark in log.read_text():
        under_way += 1 if mark == "+" else -1
        most = max(most, under_way)
    assert log.read_text().count("+") == TOGETHER
    assert 1 < most <= SDK_CALLS


@pytest.mark.behaviour(58)
def test_their_tracebacks_are_shown_as_without_us(mail: MailFactory, emulator: Emulator) -> None:
    def error_of(ours: str) -> str:
        stack = mail()
        stack.write(
            program(
                """
        def inner():
            raise ValueError("their own error")
        inner()
        """,
                ours=ours,
            )
        )
        [error] = stack.up(check=False).diagnostics("own0", "error")
        return error.replace(str(stack.directory), "")

    with_ours = error_of(OURS)
    assert "Traceback (most recent call last)" in with_ours
    assert "in inner" in with_ours
    assert "their own error" in with_ours
    assert with_ours == error_of("")


@pytest.mark.behaviour(28, 58)
def test_what_is_under_way_ends_by_itself_when_the_engine_is_gone(
    mail: MailFactory, emulator: Emulator
) -> None:
    """And the process ends after that."""
    stack = mail()
    folder = stack.directory
    stack.write(
        program(
            f"""
        import pathlib, time
        folder = pathlib.Path({str(folder)!r})
        (folder / "started").touch()
        while not (folder / "go").exists():
            time.sleep(0.05)
        (folder / "ended").touch()
        """
        )
    )
    with started_up(stack) as running:
        running.wait_until((folder / "started").exists, "their create is under way")
        provider, _ = kill_engine(running)
        try:
            # Ours alone would end the process a second after the engine.
            assert not provider.gone_within(4)
            (folder / "go").touch()
            assert provider.gone_within(SECONDS_TO_LEAVE)
        finally:
            provider.end()
    assert (folder / "ended").exists()
