"""A Mailgun, or something in front of it, that fails: what is retried, and what is told."""

from __future__ import annotations

import base64
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts
from tests.behaviour.test_errors import NO_RETRIES
from tests.unit.api.test_faults import drip
from tests.unit.api.wire import FaultyServer, serving

PAGE: dict[str, Any] = {
    "body": "<html>Just a moment</html>",
    "headers": {"Content-Type": "text/html"},
}
UNREADABLE: list[dict[str, Any]] = [
    PAGE,
    {"body": ""},
    {"body": '{"tracking": {"cli'},
    {"body": {"status": "ok"}},
]
COUNT = 4


@pytest.mark.behaviour(80)
def test_a_response_that_cannot_be_read_is_retried(mail: MailFactory, emulator: Emulator) -> None:
    """In check, create, update and delete; so is a status that tells nothing."""
    for number in range(COUNT):
        emulator.add_domain(f"d{number}.example.com", click=False)
    program = f"""
        for i in range({COUNT}):
            DomainTracking(f"d{{i}}", f"d{{i}}.example.com", click=True)
        """
    stack = mail(program)
    statuses = [408, 425, 507, 524]

    def spoil() -> None:
        """Each domain's first requests, those that change something as well."""
        for number in range(COUNT):
            path = f"/v*/domains/d{number}.example.com*"
            emulator.add_fault(method="GET", path=path, status=200, times=2, **UNREADABLE[number])
            emulator.add_fault(method="PUT", path=path, status=statuses[number], times=1)
            emulator.add_fault(
                method="PUT", path=path, status=200, carried_out=True, times=1, **UNREADABLE[number]
            )

    spoil()
    up = stack.up("--parallel", "8")
    assert up.changes["create"] == COUNT
    assert "Mailgun is not available" not in up.output
    assert all(emulator.domain(f"d{number}.example.com").click["active"] for number in range(COUNT))
    emulator.clear_faults()
    spoil()
    stack.destroy("--parallel", "8")
    assert not any(
        emulator.domain(f"d{number}.example.com").click["active"] for number in range(COUNT)
    )


@pytest.mark.behaviour(80)
def test_what_is_never_answered_clearly_is_called_unclear(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A check that cannot read a response warns; an error lists what may have been changed."""
    stack = mail(
        """
        mg = DomainTracking("mg", "mg.example.com", open=True, click=True)
        DomainTracking("two", "two.example.com", open=True,
                       opts=pulumi.ResourceOptions(depends_on=[mg]))
        """,
        env=NO_RETRIES,
    )
    emulator.add_fault(path="/v*/domains/two.example.com*", method="GET", status=200, **PAGE)
    emulator.add_fault(path="/v4/domains", method="GET", status=200, **PAGE)
    preview = stack.preview()
    assert preview.changes["create"] == 2
    [warning] = preview.diagnostics("two", "warning")
    assert warning.startswith("Mailgun is not available; the preview continues without it: ")
    assert "it is not JSON; try again later" in warning

    emulator.add_fault(path="/v3/*/click", method="PUT", status=524, carried_out=True)
    [error] = stack.up(check=False).diagnostics("mg", "error")
    assert "despite the error, Mailgun may have changed click.active" in error
    assert "the other changes were rolled back" in error
    now = emulator.domain("mg.example.com")
    assert (now.open["active"], now.click["active"]) == (False, True)


def requested(emulator: Emulator, name: str) -> list[str]:
    """The requests for the certificate of a domain that Mailgun received."""
    host = f"/v2/x509/email.{name}.example.com"
    return [call.partition(" ")[0] for call in puts(emulator) if call.endswith(host)]


@pytest.mark.behaviour(81)
def test_a_request_for_a_certificate_is_not_sent_twice(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Where its answer was lost, Mailgun is asked first whether it arrived."""
    names = ["failing", "lost", "html", "unheard", "limited", "busy"]
    for name in names:
        emulator.add_domain(f"{name}.example.com")

    def spoil(name: str, method: str = "POST", **how: Any) -> None:
        path = f"/v2/x509/email.{name}.example.com"
        emulator.add_fault(method=method, path=path, times=1, **how)

    spoil("failing", status=502, carried_out=True)
    emulator.set(issuance_fails="DNS problem")
    stack = mail('TrackingCertificate("failing", "email.failing.example.com")')
    stack.set_constants({"_api.issuance.FIRST_INTERVAL_SECONDS": 0.2})
    [error] = stack.up(check=False).diagnostics("failing", "error")
    assert error.startswith("CertificateFailed: ")
    assert requested(emulator, "failing") == ["POST"]

    emulator.set(issuance_fails=None)
    spoil("lost", drop_connection=True, carried_out=True)
    spoil("html", status=202, carried_out=True, **PAGE)
    spoil("unheard", status=503)
    for name in ("limited", "busy"):
        emulator.set_certificate(f"email.{name}.example.com", "expired")
    too_many = {"message": "Too many requests"}
    spoil("limited", "PUT", status=429, body=too_many)
    progress = {"Description": "a job is already in progress"}
    spoil("busy", "PUT", status=429, body=progress, headers={"Retry-After": "1"})
    stack.write(
        f"""
        for name in {names[1:]}:
            TrackingCertificate(name, f"email.{{name}}.example.com", timeout=30)
        """
    )
    stack.up()
    assert [requested(emulator, name) for name in names[1:]] == [
        ["POST"],
        ["POST"],
        ["POST", "POST"],
        ["PUT", "PUT"],
        ["PUT", "PUT"],
    ]


@pytest.mark.behaviour(82)
def test_ctrl_c_ends_requests_that_hang(mail: MailFactory, emulator: Emulator) -> None:
    """Within seconds, and what may have been changed is listed."""
    for name in ("put", "get", "again"):
        emulator.add_domain(f"{name}.example.com", click=False)
    emulator.add_domain("post.example.com")
    hangs: dict[str, Any] = {"status": 503, "delay_seconds": 600}
    emulator.add_fault(method="PUT", path="/v3/domains/put.example.com/*", **hangs)
    emulator.add_fault(method="GET", path="/v3/domains/get.example.com/tracking", **hangs)
    emulator.add_fault(method="POST", path="/v2/x509/email.post.example.com", **hangs)
    # A PUT that is being tried again.
    asks_to_wait: dict[str, Any] = {"status": 503, "headers": {"Retry-After": "60"}}
    emulator.add_fault(method="PUT", path="/v3/domains/again.example.com/*", **asks_to_wait)
    stack = mail(
        """
        for name in ("put", "get", "again"):
            DomainTracking(name, f"{name}.example.com", click=True)
        TrackingCertificate("post", "email.post.example.com")
        """
    )
    with stack.start("up", "--yes", "--skip-preview", "--parallel", "16") as running:
        running.wait_until(lambda: len(puts(emulator)) >= 3, "the requests hang")
        began = time.monotonic()
        running.signal(signal.SIGINT)
        result = running.wait()
        took = time.monotonic() - began
    [put], [get], [again], [post] = (
        result.diagnostics(name, "error") for name in ("put", "get", "again", "post")
    )
    for error in (put, again):
        assert "interrupted before Mailgun answered" in error
        assert "Mailgun may have changed click.active" in error
    assert get.endswith("cannot read the tracking settings of get.example.com: interrupted")
    assert "Mailgun may have received the request for a certificate" in post
    assert any("retrying in 60 s" in row for row in result.diagnostics("again"))
    # Two to three, on an idle machine; the requests themselves were given up after thirty.
    assert took < 15


@contextmanager
def dripping() -> Iterator[str]:
    """A server whose responses never end, although a byte comes now and then; its address."""
    server = FaultyServer(drip)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    with serving(server):
        yield f"http://{server.authority}"


@pytest.mark.behaviour(83)
def test_a_server_that_drips_does_not_hold_up_a_call(mail: MailFactory, emulator: Emulator) -> None:
    with dripping() as address:
        stack = mail(
            'DomainTracking("mg", "mg.example.com", click=True)', env={"MAILGUN_BASE_URL": address}
        )
        stack.set_constants({"_api.client.FIRST_CONTACT_SECONDS": 1.0})
        result = stack.up(check=False)
    [error] = result.diagnostics("mg", "error")
    assert f"no response from {address} (timed out)" in error


@pytest.mark.behaviour(84)
def test_nothing_that_a_server_sends_is_a_bug(mail: MailFactory, emulator: Emulator) -> None:
    """Each error says what was wrong with the response, or what it asked for."""
    json_ = {"headers": {"Content-Type": "application/json"}}
    far = {"Retry-After": "Mon, 01 Jan 99999 00:00:00 GMT"}
    tracking = {name: {"active": True} for name in ("open", "click", "unsubscribe")}
    answers: dict[str, tuple[dict[str, Any], str]] = {
        "date": (
            {"status": 503, "headers": far},
            "(503); Mailgun or a proxy in front of it",
        ),
        "hour": (
            {"status": 503, "headers": {"Retry-After": "3600"}},
            "the response asks to wait 3600 s",
        ),
        "nested": ({"status": 200, "body": "[" * 100_000, **json_}, "it is not JSON"),
        "missing": (
            {"status": 200, "body": {"tracking": {**tracking, "click": None}}},
            "it has no `tracking.click`",
        ),
        "type": (
            {"status": 200, "body": {"tracking": {**tracking, "click": {"active": []}}}},
            "`tracking.click.active` is neither true nor false: []",
        ),
        "proxy": ({"status": 403, **PAGE}, "refused the request: Forbidden (403); check the proxy"),
        "login": ({"status": 407, "body": ""}, "refused the request: Proxy Authentication"),
    }
    program = ""
    for name, (answer, _) in answers.items():
        emulator.add_domain(f"{name}.example.com")
        path = f"/v3/domains/{name}.example.com/tracking"
        emulator.add_fault(method="GET", path=path, **answer)
        program += f'DomainTracking("{name}", "{name}.example.com", click=True)\n'
    for name in ("foreign", "id"):
        emulator.add_domain(f"{name}.example.com")
        program += f'DomainTracking("{name}", "{name}.example.com", web_prefix="go")\n'
    for name, domain, told in (
        ("foreign", {"name": "mg.example.com"}, "it is about mg.example.com, not about foreign"),
        ("id", {"name": "id.example.com", "id": "a\nb"}, "`domain.id` is not a text of one line"),
    ):
        path = f"/v4/domains/{name}.example.com"
        emulator.add_fault(method="GET", path=path, status=200, body={"domain": domain})
        answers[name] = ({}, told)
    stack = mail(program, env=NO_RETRIES)
    result = stack.up("--continue-on-error", "--parallel", "32", check=False)
    assert "this is a bug" not in result.output
    for name, (_, told) in answers.items():
        [error] = result.diagnostics(name, "error")
        assert told in error, name
        assert "\n" not in error
    assert puts(emulator) == []


@pytest.mark.behaviour(84)
def test_a_key_that_cannot_be_one_is_refused(mail: MailFactory, emulator: Emulator) -> None:
    """With where it is from; it is not shown."""
    stack = mail(
        'DomainTracking("mg", "mg.example.com")', env={"MAILGUN_API_KEY": "key-\udcff\udcfe"}
    )
    result = stack.preview(check=False)
    assert "the API key cannot be used: it has line ends, control characters" in result.output
    assert "correct MAILGUN_API_KEY in the environment" in result.output
    assert "this is a bug" not in result.output


@pytest.mark.behaviour(85)
def test_an_echo_of_the_key_is_in_no_output(mail: MailFactory, emulator: Emulator) -> None:
    """However it is encoded or split; also in what goes into the state."""
    key = emulator.key
    echoes = {
        "lower": quote(key, safe="").replace("-", "%2d"),
        "slashes": key.replace("-", "\\u002d"),
        "blanks": " ".join(key),
        "lines": f"{key[:11]}\n{key[11:]}",
        "base64": base64.b64encode(f"api:{key}".encode()).decode(),
    }
    program = ""
    for name, echo in echoes.items():
        emulator.add_domain(f"{name}.example.com")
        path = f"/v3/domains/{name}.example.com/tracking"
        emulator.add_fault(method="GET", path=path, status=400, body=f"wrong key {echo}!")
        program += f'DomainTracking("{name}", "{name}.example.com", click=True)\n'
    emulator.add_domain("host.example.com")
    emulator.add_fault(
        path="/v3/domains/host.example.com/tracking",
        status=302,
        headers={"Location": f"https://{key}.example.net/"},
    )
    program += 'DomainTracking("host", "host.example.com", click=True)\n'
    emulator.add_fault(
        path="/v2/x509/email.mg.example.com/status",
        status=200,
        body={"status": "processing", "error": f"wrong key {echoes['lines']}!"},
    )
    program += 'TrackingCertificate("certificate", "email.mg.example.com", wait=False)\n'
    stack = mail(program, env=NO_RETRIES)
    result = stack.up("--continue-on-error", "--parallel", "16", check=False)
    for name in echoes:
        [error] = result.diagnostics(name, "error")
        assert "wrong key [key]!" in error, name
    assert "redirects to [key].example.net" in result.diagnostics("host", "error")[0]
    assert stack.resource("certificate")["outputs"]["error"] == "wrong key [key]!"
