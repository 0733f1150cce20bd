"""HTTPS tracking from scratch in a single up, with a real DNS server and a real CA."""

from __future__ import annotations

import json
import signal
import time

import pytest
import urllib3
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.tracking_certificate import LIMITS
from tests.behaviour.mail import calls, puts
from tests.https.conftest import ExampleFactory
from tests.https.displayed import displayed
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import Bind, Pebble, https_get

HOST = "email.mg.example.test"
SAY_AT_ONCE = {
    "_api.issuance.FIRST_INTERVAL_SECONDS": 0.2,
    "_provider.resource_log.SECONDS_BEFORE_PROGRESS": 0.0,
}
LINK = "/c/abc?url=https://example.com/offer"


def follow(bind: Bind, mailgun: AcmeEmulator, root: str, host: str = HOST) -> tuple[int, str, str]:
    """Follow a tracking link, and return its status, target and HSTS header."""
    answer = https_get(bind, host, LINK, port=mailgun.tracking_host.https_port, root=root)
    hsts = answer.headers.get("strict-transport-security", "")
    return answer.status, answer.headers["location"], hsts


@pytest.mark.behaviour(20, 34)
def test_one_up_from_an_empty_zone_ends_with_verified_https(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    snapshot: SnapshotAssertion,
) -> None:
    """The record, the certificate and the scheme, in that order; then links in mail work."""
    stack = example()
    stack.config_set("key", bind.key, secret=True)
    assert bind.lookup(HOST, "CNAME") == []

    result = stack.up(skip_preview=False)

    assert displayed(result) == snapshot
    assert bind.lookup(HOST, "CNAME") == [f"{HOST}. 300 IN CNAME mailgun.test."]
    domain = mailgun.domain("mg.example.test")
    assert (domain.web_scheme, domain.certificates[HOST].status) == ("https", "active")
    assert (domain.click["active"], domain.open["active"]) == (True, True)
    sent = [(r.method, r.path, r.status) for r in mailgun.requests if r.method != "GET"]
    # Settings do not wait for the certificate.
    settings = [path for _, path, _ in sent if path.startswith("/v3/")]
    assert sorted(settings) == [
        "/v3/domains/mg.example.test/tracking/click",
        "/v3/domains/mg.example.test/tracking/open",
    ]
    # Only once, and accepted, because the record existed by then.
    assert [one for one in sent if one[1] not in settings] == [
        ("POST", f"/v2/x509/{HOST}", 202),
        ("PUT", "/v4/domains/mg.example.test", 200),
    ]
    assert follow(bind, mailgun, pebble.root()) == (
        302,
        "https://example.com/offer",
        "max-age=31536000",
    )
    with pytest.raises(urllib3.exceptions.SSLError):
        follow(bind, mailgun, pebble.tls_root.read_text())
    state = stack.export()
    assert bind.secret not in json.dumps(state)
    certificate, record = (
        next(r for r in state["deployment"]["resources"] if r["urn"].endswith(f":{kind}::mail"))
        for kind in ("TrackingCertificate", "CnameRecord")
    )
    assert record["urn"] in certificate["dependencies"]


@pytest.mark.behaviour(34)
def test_reasons_why_there_is_no_https_and_the_next_up(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """Each failure has its reason, settings and other domains succeed, and the next up goes on."""
    names = ["missing", "elsewhere", "proxied", "forbidden", "blocked"]
    for name in names:
        mailgun.add_domain(f"{name}.example.test")
    bind.put("email.elsewhere.example.test", "CNAME", "cdn.test.")
    bind.put("email.proxied.example.test", "A", "127.0.0.1")
    bind.put("forbidden.example.test", "CAA", '0 issue "other-ca.test"')
    program = """
for name in ["missing", "elsewhere", "proxied"]:
    HttpsTracking(name, f"{name}.example.test", click=True, timeout=1)
for name in ["forbidden", "blocked", "mg"]:
    HttpsTracking(name, f"{name}.example.test", click=True, cname=cname_of(name))
"""
    stack = example(program)

    result = stack.up("--continue-on-error", check=False)

    assert result.code != 0
    # Whichever certificate is the second to fail names the limits.
    shown = {name: displayed(result, name) for name in names}
    assert sum(LIMITS in text for text in shown.values()) == 1
    for name in names:
        assert shown[name].replace(f"; {LIMITS}", "") == snapshot(name=name)
        assert mailgun.domain(f"{name}.example.test").web_scheme == "http"
        assert mailgun.domain(f"{name}.example.test").click["active"] is True
    assert mailgun.domain("mg.example.test").web_scheme == "https"

    for name in ("missing", "elsewhere", "proxied"):
        bind.put(f"email.{name}.example.test", "CNAME", "mailgun.test.")
    bind.remove("forbidden.example.test")
    stack.write(program.replace(", timeout=1", ""))
    result = stack.up("--continue-on-error", check=False)

    assert [name for name in names if result.failed(f"TrackingCertificate::{name}")] == ["blocked"]
    schemes = {d.name.partition(".")[0]: d.web_scheme for d in mailgun.domains()}
    assert schemes == {
        **dict.fromkeys(("mg", "missing", "elsewhere", "proxied", "forbidden"), "https"),
        **dict.fromkeys(("blocked", "two", "three"), "http"),
    }


@pytest.mark.behaviour(34)
def test_three_domains_of_which_one_fails(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """With --continue-on-error the other two succeed, and the next up completes the third."""
    bind.put("two.example.test", "CAA", '0 issue ";"')
    stack = example(
        """
for name in ["mg", "two", "three"]:
    HttpsTracking(name, f"{name}.example.test", click=True, cname=cname_of(name))
"""
    )

    result = stack.up("--continue-on-error", check=False)

    assert result.code != 0
    assert displayed(result) == snapshot(name="one fails")
    assert [d.web_scheme for d in mailgun.domains()] == ["https", "https", "http"]

    bind.remove("two.example.test")
    mailgun.forget_requests()
    result = stack.up()

    assert displayed(result) == snapshot(name="and is mended")
    assert [d.web_scheme for d in mailgun.domains()] == ["https", "https", "https"]
    assert all("two.example.test" in call for call in puts(mailgun))


@pytest.mark.behaviour(22, 29)
def test_a_record_that_appears_later_is_waited_for(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    snapshot: SnapshotAssertion,
) -> None:
    """Without `cname`, someone else creates the record, possibly while the up is running."""
    stack = example('HttpsTracking("mail", "mg.example.test", click=True)')
    stack.set_constants(SAY_AT_ONCE)
    post = f"POST /v2/x509/{HOST}"
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: calls(mailgun).count(post) >= 3, "it was rejected three times")
        running.wait_until(lambda: "waiting for the CNAME" in running.output, "it says so")
        bind.put(HOST, "CNAME", "mailgun.test.")
        result = running.wait()

    assert result.code == 0, result.output
    assert displayed(result) == snapshot
    assert follow(bind, mailgun, pebble.root())[0] == 302
    answers = [r.status for r in mailgun.requests if (r.method, r.path) == ("POST", post[5:])]
    assert answers == [400] * (len(answers) - 1) + [202]


@pytest.mark.behaviour(22, 27)
def test_ctrl_c_while_the_authority_is_away_and_up_again(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    snapshot: SnapshotAssertion,
) -> None:
    """Mailgun keeps issuing; the next up waits for it, and succeeds once the CA is back."""
    stack = example()
    stack.set_constants(SAY_AT_ONCE)
    pebble.stop()
    status = f"GET /v2/x509/{HOST}/status"
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: calls(mailgun).count(status) >= 3, "it waits for the status")
        running.signal(signal.SIGINT)
        result = running.wait()

    assert result.code != 0
    assert displayed(result) == snapshot(name="ctrl-c")
    assert mailgun.domain("mg.example.test").certificates[HOST].status == "processing"
    assert mailgun.domain("mg.example.test").web_scheme == "http"

    mailgun.forget_requests()
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: calls(mailgun).count(status) >= 3, "it waits for the status")
        pebble.start()
        result = running.wait()

    assert result.code == 0, result.output
    assert displayed(result) == snapshot(name="up again")
    assert not [call for call in puts(mailgun) if "x509" in call]
    assert mailgun.domain("mg.example.test").certificates[HOST].generation == 1
    assert follow(bind, mailgun, pebble.root())[0] == 302


@pytest.mark.behaviour(10, 14, 22, 23)
def test_expired_certificates_one_of_which_mailgun_renewed(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    snapshot: SnapshotAssertion,
) -> None:
    """An expired certificate is regenerated by the next up; one that Mailgun renewed is adopted."""
    stack = example(
        """
for name in ["mg", "two"]:
    HttpsTracking(name, f"{name}.example.test", cname=cname_of(name))
"""
    )
    mailgun.issuer.profile = "short"
    stack.up()
    first = mailgun.domain("mg.example.test").certificates[HOST]
    assert first.not_after is not None

    mailgun.issuer.profile = "default"
    mailgun.set_dials(renewal="on")
    renewed = "email.two.example.test"
    while mailgun.domain("two.example.test").certificates[renewed].generation < 2:
        time.sleep(0.05)
    mailgun.set_dials(renewal="off")
    while mailgun.domain("mg.example.test").certificates[HOST].status == "active":
        time.sleep(0.05)
    with pytest.raises(urllib3.exceptions.SSLError, match="expired"):
        follow(bind, mailgun, pebble.root())
    mailgun.forget_requests()
    result = stack.up()

    assert displayed(result) == snapshot
    assert puts(mailgun) == [f"PUT /v2/x509/{HOST}"]
    assert follow(bind, mailgun, pebble.root())[0] == 302
    assert follow(bind, mailgun, pebble.root(), renewed)[0] == 302


@pytest.mark.behaviour(21)
def test_a_plan_without_certificates(
    example: ExampleFactory, mailgun: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """The error names the plan, and the alternative that Mailgun documents."""
    mailgun.set(plan_has_certificates=False)
    result = example().up(check=False)
    assert result.code != 0
    assert displayed(result) == snapshot
    assert mailgun.domain("mg.example.test").web_scheme == "http"
    assert [call for call in puts(mailgun) if "/tracking/" not in call] == [f"POST /v2/x509/{HOST}"]


@pytest.mark.behaviour(12, 35, 36)
@pytest.mark.parametrize("other_host", ["issues", "not_found"])
def test_a_prefix_moves(
    example: ExampleFactory,
    mailgun: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    snapshot: SnapshotAssertion,
    other_host: str,
) -> None:
    """The certificate comes first if Mailgun allows it, else http in between; old links work."""
    mailgun.set_dials(x509_other_host=other_host)
    stack = example('HttpsTracking("mail", "mg.example.test", cname=cname, click=True)')
    stack.up()
    stack.write(
        'HttpsTracking("mail", "mg.example.test", cname=cname, click=True, web_prefix="links")'
    )
    mailgun.forget_requests()
    result = stack.up()

    assert displayed(result) == snapshot
    host = "links.mg.example.test"
    forms = [
        (r.method, r.path.rpartition("/")[2], dict(r.form), r.status)
        for r in mailgun.requests
        if r.method != "GET"
    ]
    if other_host == "issues":
        assert forms == [
            ("POST", host, {}, 202),
            ("PUT", "mg.example.test", {"web_prefix": "links"}, 200),
        ]
    else:
        over_http = {"web_prefix": "links", "web_scheme": "http"}
        assert forms == [
            ("POST", host, {}, 404),
            ("PUT", "mg.example.test", over_http, 200),
            ("POST", host, {}, 202),
            ("PUT", "mg.example.test", {"web_scheme": "https"}, 200),
        ]
    for each in (HOST, host):
        assert bind.lookup(each, "CNAME") == [f"{each}. 300 IN CNAME mailgun.test."]
        assert follow(bind, mailgun, pebble.root(), each)[0] == 302
    assert stack.preview("--expect-no-changes").code == 0


@pytest.mark.behaviour(17, 35, 69)
def test_destroy_leaves_the_record_unless_told(
    example: ExampleFactory, mailgun: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """Tracking is turned off; the record is kept, or deleted with delete_record."""
    stack = example(
        """
HttpsTracking("stays", "mg.example.test", cname=cname_of("stays"), click=True)
HttpsTracking("quiet", "three.example.test", cname=cname_of("quiet"))
HttpsTracking("goes", "two.example.test", cname=cname_of("goes"), click=True, delete_record=True)
"""
    )
    stack.up()
    mailgun.forget_requests()
    result = stack.destroy()

    assert displayed(result) == snapshot
    assert bind.lookup(HOST, "CNAME") == [f"{HOST}. 300 IN CNAME mailgun.test."]
    assert bind.lookup("email.three.example.test", "CNAME") != []
    assert bind.lookup("email.two.example.test", "CNAME") == []
    for domain in mailgun.domains():
        assert domain.click["active"] is False
        assert domain.web_scheme == "https"
    assert sorted(puts(mailgun)) == [
        "PUT /v3/domains/mg.example.test/tracking/click",
        "PUT /v3/domains/two.example.test/tracking/click",
    ]
