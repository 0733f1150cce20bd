"""How an account's calls take turns."""

from __future__ import annotations

import re

import pytest
from pytest_httpserver import HTTPServer

from mailgun_tracking import client
from mailgun_tracking.client import MailgunClient
from tests.unit.conftest import ClientFactory
from tests.unit.fakes import Clock, Stop

NAME = "mg.example.com"
TRACKING = {"tracking": {kind: {"active": True} for kind in ("open", "click", "unsubscribe")}}


@pytest.fixture
def mailgun(httpserver: HTTPServer, new_client: ClientFactory) -> MailgunClient:
    """A client of a server that answers every question with a domain's tracking."""
    httpserver.expect_request(re.compile(".*")).respond_with_json(TRACKING)
    return new_client(httpserver.url_for("").rstrip("/"))


class TestTurns:
    """Those who wait go on one after another."""

    def test_polls_of_an_account_are_bounded_in_a_second(
        self, mailgun: MailgunClient, clock: Clock
    ) -> None:
        """However many certificates wait for their next poll at the same moment."""
        turns = [mailgun.transport.take_turn() for _ in range(3 * client.TURNS_PER_SECOND)]
        assert turns[0] == 0
        for start in range(3):
            within = [turn for turn in turns if start <= turn + 1e-9 < start + 1]
            assert len(within) <= client.TURNS_PER_SECOND
        assert max(turns) == pytest.approx(3, abs=0.1)

    def test_a_pause_ends_with_a_turn(self, mailgun: MailgunClient, clock: Clock) -> None:
        """Turns are taken after the wait, so that nobody's turn passes while it waits."""
        mailgun.pause(5)
        assert clock.passed == pytest.approx(5)
        mailgun.transport.take_turn()
        mailgun.pause(0)
        assert clock.passed == pytest.approx(5 + 2 / client.TURNS_PER_SECOND)

    def test_after_a_rate_limit_calls_go_on_in_turn(
        self, mailgun: MailgunClient, clock: Clock
    ) -> None:
        """Not all at once, or Mailgun would refuse them again."""
        mailgun.transport.hold(10)
        mailgun.transport._next_turn = clock.now + 12
        mailgun.get_tracking(NAME)
        assert clock.passed == pytest.approx(12)

    def test_a_hold_that_grew_meanwhile_is_kept(
        self, mailgun: MailgunClient, stop: Stop, clock: Clock
    ) -> None:
        """Whoever waited for a hold looks again before it asks."""
        mailgun.transport.hold(10)
        grown = iter([30.0])
        stop.during = lambda: mailgun.transport.hold(next(grown, 0.0))
        mailgun.get_tracking(NAME)
        assert clock.passed == pytest.approx(30, abs=0.1)
