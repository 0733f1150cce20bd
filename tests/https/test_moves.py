"""A domain moves only where DNS leads: the look, and what waits for it, with BIND."""

from __future__ import annotations

import pytest

from mailgun_tracking._api.resolving import NameServer, what_is_missing
from tests.behaviour.mail import calls, puts
from tests.https.conftest import ExampleFactory
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import LOCALHOST, Bind, Pebble, free_ports
from tests.https.test_from_nothing import SAY_AT_ONCE, follow

HOST = "links.mg.example.test"
OLD = "email.mg.example.test"
MOVED = "PUT /v4/domains/mg.example.test"


@pytest.mark.behaviour(64)
@pytest.mark.parametrize(
    ("records", "missing"),
    [
        ([(HOST, "CNAME", "mailgun.test.")], None),
        ([(HOST, "CNAME", "a.example.test."), ("a.example.test", "CNAME", "MAILGUN.test.")], None),
        ([(HOST, "A", LOCALHOST)], None),
        ([], f"{HOST} has no record in DNS"),
        ([(HOST, "TXT", "text")], f"{HOST} has no record in DNS"),
        ([(HOST, "CNAME", "cdn.test.")], f"{HOST} points to cdn.test in DNS, not to mailgun.test"),
        ([(HOST, "A", "127.0.0.2")], f"{HOST} points to 127.0.0.2 in DNS, not to mailgun.test"),
        (
            [(HOST, "CNAME", "gone.example.test.")],
            f"{HOST} points to gone.example.test in DNS, not to mailgun.test",
        ),
    ],
    ids=["direct", "chain", "flattened", "none", "other type", "elsewhere", "proxied", "dangling"],
)
def test_where_a_host_leads(
    bind: Bind, records: list[tuple[str, str, str]], missing: str | None
) -> None:
    for record in records:
        bind.put(*record)
    assert what_is_missing(HOST, "mailgun.test", NameServer(LOCALHOST, bind.port)) == missing


@pytest.mark.behaviour(64)
def test_a_port_without_a_server_is_no_answer() -> None:
    missing = what_is_missing(HOST, "mailgun.test", NameServer(LOCALHOST, free_ports(1)[0]))
    assert (missing or "").startswith(f"the DNS lookup of {HOST} failed")


@pytest.mark.behaviour(36, 64)
def test_a_domain_stays_until_dns_leads_to_the_new_host(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, pebble: Pebble
) -> None:
    """Its links work at any time: at the old host until then, and at the new one after it."""
    stack = example('HttpsTracking("mail", "mg.example.test", cname=cname, click=True)')
    stack.up()
    stack.write('HttpsTracking("mail", "mg.example.test", click=True, web_prefix="links")')
    stack.set_constants(SAY_AT_ONCE)
    mailgun.forget_requests()
    post = f"POST /v2/x509/{HOST}"
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(
            lambda: f"{HOST} has no record in DNS" in running.output, "the row says what is missing"
        )
        assert (
            "until then the links of mg.example.test stay on email.mg.example.test"
            in running.output
        )
        assert puts(mailgun) == [post]
        domain = mailgun.domain("mg.example.test")
        assert (domain.tracking_host, domain.web_scheme) == (OLD, "https")
        assert follow(bind, mailgun, pebble.root())[0] == 302
        bind.put(HOST, "CNAME", "mailgun.test.")
        result = running.wait()
    assert result.code == 0, result.output
    domain = mailgun.domain("mg.example.test")
    assert (domain.tracking_host, domain.web_scheme) == (HOST, "https")
    assert follow(bind, mailgun, pebble.root(), HOST)[0] == 302


@pytest.mark.behaviour(36, 64)
def test_a_domain_stays_where_dns_does_not_lead(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind
) -> None:
    """The time-out ends with what is missing, nothing was moved, and the next up goes on."""
    stack = example('HttpsTracking("mail", "mg.example.test", cname=cname, click=True)')
    stack.up()
    moving = 'HttpsTracking("mail", "mg.example.test", click=True, web_prefix="links", timeout=1)'
    stack.write(moving)
    mailgun.forget_requests()
    reasons = {
        "no answer": "mailgun-tracking:nameserver",
        "no record": "has no record in DNS",
        "elsewhere": "points to cdn.test in DNS",
    }
    for reason, words in reasons.items():
        answers = bind.address if reason != "no answer" else f"{LOCALHOST}:{free_ports(1)[0]}"
        stack.environment["MAILGUN_TRACKING_NAMESERVER"] = answers
        if reason == "elsewhere":
            bind.put(HOST, "CNAME", "cdn.test.")
        result = stack.up(check=False)
        [error] = result.diagnostics("TrackingCertificate::mail", "error")
        told = f"CnameNotValid: cannot move the links of mg.example.test to {HOST}: "
        assert error.startswith(told)
        assert words in error
        assert "the links of mg.example.test stay on email.mg.example.test" in error
        assert MOVED not in puts(mailgun)
        domain = mailgun.domain("mg.example.test")
        assert (domain.tracking_host, domain.web_scheme) == (OLD, "https")

    bind.put(HOST, "CNAME", "mailgun.test.")
    stack.write(moving.replace(", timeout=1", ""))
    stack.up()
    domain = mailgun.domain("mg.example.test")
    assert (domain.tracking_host, domain.web_scheme) == (HOST, "https")


@pytest.mark.behaviour(64)
def test_an_unusable_name_server_fails_the_preview(
    example: ExampleFactory, mailgun: AcmeEmulator
) -> None:
    """Where a domain may have to move: elsewhere it is not used."""
    stack = example('TrackingCertificate("mail", "links.mg.example.test", move_domain=True)')
    stack.config_set("mailgun-tracking:nameserver", "no server")
    result = stack.preview(check=False)
    assert result.code != 0
    assert "the configured name server cannot be used" in result.output
    assert all(call.startswith("GET ") for call in calls(mailgun))
