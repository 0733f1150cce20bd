"""Messages in a resource's row: which are shown, and how often."""

from __future__ import annotations

import pytest

from mailgun_tracking._provider import resource_log
from mailgun_tracking._provider.resource_log import ResourceLog
from tests.unit.fakes import Clock

Sent = list[tuple[str, str, bool]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the engine's log received: URN, message, and whether it is a warning."""
    sent: Sent = []
    monkeypatch.setattr(resource_log, "engine_log", lambda: lambda *entry: sent.append(entry))
    return sent


def messages(sent: Sent) -> list[str]:
    """The messages alone."""
    return [message for _, message, _ in sent]


@pytest.mark.parametrize(
    ("moments", "shown"),
    [
        pytest.param([0, 4.9], [], id="a short wait is not mentioned"),
        pytest.param([0, 5], [5], id="a wait is mentioned after 5 s"),
        pytest.param([5, 6, 19.9], [5], id="once in 15 s"),
        pytest.param([5, 20, 34, 35, 49, 60], [5, 20, 35, 60], id="again every 15 s"),
    ],
)
def test_progress_is_reported_every_15_seconds_at_most(
    moments: list[float], shown: list[float], sent: Sent
) -> None:
    """A row is not flooded, however often something is waited for."""
    clock = Clock()
    log, started = ResourceLog("urn", clock), clock.now
    for moment in moments:
        clock.now = started + moment
        log.progress(f"{moment} s")
    assert messages(sent) == [f"{moment} s" for moment in shown]


def test_retries_are_reported_at_once_and_then_share_the_15_seconds(sent: Sent) -> None:
    clock = Clock()
    log = ResourceLog("urn", clock)
    log.throttled("first")
    clock.sleep(14)
    log.throttled("too early")
    log.progress("too early")
    clock.sleep(1)
    log.throttled("second")
    assert messages(sent) == ["first", "second"]


def test_reasons_and_warnings_are_never_dropped(sent: Sent) -> None:
    log = ResourceLog("urn", Clock())
    log.info("one")
    log.info("one")
    log.warn("two")
    assert sent == [("urn", "one", False), ("urn", "one", False), ("urn", "two", True)]


def test_outside_of_a_provider_process_messages_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = ResourceLog("", Clock())
    log.info("adopted")
    log.warn("careful")
    assert capsys.readouterr() == ("", "adopted\ncareful\n")


@pytest.mark.behaviour(84)
def test_what_cannot_be_sent_is_written_out(sent: Sent) -> None:
    """Such as a byte of the environment that is not UTF-8."""
    ResourceLog("urn", Clock()).info("odd \udcff")
    assert messages(sent) == ["odd \\udcff"]
