"""Moving a domain while a certificate is issued for its new host, and back after an error."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.models import DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.domain_move import DomainMove, finish_move, moved_domain
from mailgun_tracking._provider.process import process
from mailgun_tracking._provider.unfinished import Unfinished, https_of
from tests.unit.fakes import Scripted, cancelled_after_sending, messages_of, operation_on

DOMAIN = "mg.example.com"
HOST = f"go.{DOMAIN}"
OVER_HTTP = DomainDetails(DOMAIN, "email", "http", None)
OVER_HTTPS = DomainDetails(DOMAIN, "email", "https", None)
MOVED = {"web_prefix": "go", "web_scheme": "http"}


def updates(client: Scripted) -> list[dict[str, Any]]:
    """What was sent for the domain."""
    assert {call[:2] for call in client.calls} <= {("update_domain", DOMAIN)}
    return [changes for _, _, changes in client.calls]


def test_the_domain_is_moved_over_http() -> None:
    """Its row says from where to where, because links change with it."""
    client = Scripted(update_domain=None)
    operation = operation_on(client, HOST)
    with DomainMove(operation, OVER_HTTPS):
        assert updates(client) == [MOVED]
    [message] = messages_of(operation)
    for word in (f"email.{DOMAIN}", HOST, "http"):
        assert word in message


@pytest.mark.parametrize(
    ("before", "restored"), [(OVER_HTTPS, [{"web_scheme": "https"}]), (OVER_HTTP, [])]
)
def test_https_is_restored_where_it_was_on(
    before: DomainDetails, restored: list[dict[str, str]]
) -> None:
    client = Scripted(update_domain=None)
    with DomainMove(operation_on(client, HOST), before) as move:
        move.finish()
    assert updates(client) == [MOVED, *restored]


@pytest.mark.parametrize("before", [OVER_HTTP, OVER_HTTPS])
@pytest.mark.parametrize("type_", [errors.CertificateFailed, errors.CnameNotValid])
def test_an_error_moves_the_domain_back(
    before: DomainDetails, type_: type[errors.TrackingError]
) -> None:
    client = Scripted(update_domain=None)
    with pytest.raises(type_) as caught, DomainMove(operation_on(client, HOST), before):
        raise type_("cannot issue")
    assert updates(client) == [MOVED, {"web_prefix": "email", "web_scheme": before.web_scheme}]
    assert f"moved back to email.{DOMAIN}" in caught.value.advice


@pytest.mark.parametrize(
    "type_", [errors.CertificateTimeout, errors.Cancelled, errors.Unreachable, errors.ServerError]
)
def test_a_certificate_that_may_still_come_keeps_the_domain_moved(
    type_: type[errors.TrackingError],
) -> None:
    client = Scripted(update_domain=None)
    with pytest.raises(type_) as caught, DomainMove(operation_on(client, HOST), OVER_HTTP):
        raise type_("not issued yet")
    assert updates(client) == [MOVED]
    assert f"now use {HOST}" in caught.value.advice
    assert "https:" not in caught.value.advice


def test_a_domain_that_cannot_be_moved_back_is_named_with_what_it_lost() -> None:
    client = Scripted(update_domain=[None, errors.ServerError("cannot change")])
    with (
        pytest.raises(errors.CertificateFailed) as caught,
        DomainMove(operation_on(client, HOST), OVER_HTTPS),
    ):
        raise errors.CertificateFailed("cannot issue")
    assert f"now use {HOST}" in caught.value.advice
    assert "`pulumi up` turns it on again" in caught.value.advice


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.MailgunError("cannot change", status=400), ""),
        (errors.Unreachable("cannot change"), f"may now use {HOST}"),
        (errors.Cancelled("cancelled"), ""),
        (cancelled_after_sending(), f"may now use {HOST}"),
    ],
)
def test_a_move_that_fails_says_whether_it_may_have_been_made(
    error: errors.TrackingError, words: str
) -> None:
    client = Scripted(update_domain=error)
    operation = operation_on(client, HOST)
    with pytest.raises(type(error)) as caught, DomainMove(operation, OVER_HTTP):
        pytest.fail("the block must not run")
    assert words in caught.value.advice
    assert bool(caught.value.advice) is bool(words)
    assert messages_of(operation) == []


@pytest.mark.parametrize("answer", [None, errors.Unreachable("cannot change")])
def test_what_checks_read_of_the_sending_domain_is_forgotten(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[tuple[object, ...]] = []
    monkeypatch.setattr(process.read_ahead, "forget", lambda *args: forgotten.append(args))
    move = DomainMove(operation_on(Scripted(update_domain=answer), HOST), OVER_HTTPS)
    with contextlib.suppress(errors.Unreachable):
        move.finish()
    assert forgotten == [(Target("default", "us", "", DOMAIN), "tracking", "details")]


def moved_and_noted(host: str = HOST, scheme: str = "http") -> Scripted:
    """A domain that an earlier run has moved, as Mailgun has it now."""
    prefix = host.partition(".")[0]
    return Scripted(
        get_domain=DomainDetails(DOMAIN, prefix, scheme, None),
        list_domains=[[]],
        update_domain=None,
    )


@pytest.mark.behaviour(78)
def test_https_is_left_off_where_the_program_wants_http() -> None:
    """The one who declares it would not notice."""
    client = moved_and_noted()
    operation = operation_on(client, HOST)
    process.http_declared.add(moved_domain(operation))
    process.unfinished.note(moved_domain(operation), [https_of(HOST)], "")
    finish_move(operation)
    assert [call for call in client.calls if call[0] == "update_domain"] == []
    assert process.unfinished.of(moved_domain(operation)) == set()


@pytest.mark.behaviour(78)
def test_another_certificate_does_not_finish_the_move() -> None:
    """That of the host which the domain has left."""
    client = moved_and_noted(host=f"go.{DOMAIN}")
    operation = operation_on(client, f"email.{DOMAIN}")
    process.unfinished.note(moved_domain(operation), [https_of(HOST)], "")
    finish_move(operation)
    assert [call for call in client.calls if call[0] == "update_domain"] == []
    assert process.unfinished.of(moved_domain(operation)) == {https_of(HOST)}


@pytest.mark.behaviour(78)
def test_a_move_ends_what_a_move_to_another_host_has_left() -> None:
    """That was about the links as they were then."""
    operation = operation_on(Scripted(update_domain=None), HOST)
    key = moved_domain(operation)
    process.unfinished.note(key, ["web_scheme", https_of("links.mg.example.com")], "")
    with DomainMove(operation, OVER_HTTP):
        assert process.unfinished.of(key) == {"web_prefix", "web_scheme"}


def noted_before(monkeypatch: pytest.MonkeyPatch, *paths: str) -> Target:
    """Have an earlier process note something about the domain; returns the domain's key."""
    key = moved_domain(operation_on(Scripted(), HOST))
    process.unfinished.note(key, paths, "urn:of::another")
    monkeypatch.setattr(process, "unfinished", Unfinished())
    return key


@pytest.mark.behaviour(77)
def test_what_an_earlier_run_may_have_changed_is_left_to_its_manager(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The move does not know what the scheme should be."""
    key = noted_before(monkeypatch, "web_scheme", "click.active")
    with DomainMove(operation_on(Scripted(update_domain=None), HOST), OVER_HTTP) as move:
        move.finish()
    process.unfinished.forget_finished()
    assert process.unfinished.of(key) == {"web_scheme", "click.active"}


@pytest.mark.behaviour(78)
def test_a_move_takes_along_the_https_that_an_earlier_one_has_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted_before(monkeypatch, "web_scheme", "web_prefix", https_of(f"email.{DOMAIN}"))
    client = Scripted(update_domain=None)
    with DomainMove(operation_on(client, HOST), OVER_HTTP) as move:
        move.finish()
    assert updates(client) == [MOVED, {"web_scheme": "https"}]
    process.unfinished.forget_finished()
    assert not [
        note
        for note in process.unfinished.of(moved_domain(operation_on(client, HOST)))
        if note.startswith("https")
    ]


@pytest.mark.behaviour(78)
def test_a_move_in_vain_remembers_the_https_that_an_earlier_one_has_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The domain is where that move had left it."""
    key = noted_before(monkeypatch, "web_scheme", "web_prefix", https_of(f"email.{DOMAIN}"))
    client = Scripted(update_domain=None)
    with (
        pytest.raises(errors.CertificateFailed),
        DomainMove(operation_on(client, HOST), OVER_HTTP),
    ):
        raise errors.CertificateFailed("cannot issue")
    process.unfinished.forget_finished()
    assert process.unfinished.of(key) == {"web_scheme", "web_prefix", https_of(f"email.{DOMAIN}")}
