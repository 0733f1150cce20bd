"""`doctor`'s chain, link by link, against a real DNS server, a real CA and the emulator.

Each check has a test in which it fails; `test_all_is_well` is the one in which none does. What
a person reads is in the snapshots.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import re
import ssl
import unittest.mock
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import trustme
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking._api import resolving
from mailgun_tracking._api.resolving import NameServer
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._diagnosis import dns_look, look, web_look
from mailgun_tracking._diagnosis.caa import CaaRecord, CaaSet
from mailgun_tracking._diagnosis.diagnose import diagnose, exit_code, until_first
from mailgun_tracking._diagnosis.dns_look import Dns
from mailgun_tracking._diagnosis.facts import CaaFailed, DnsAnswer, NotSeen
from mailgun_tracking._diagnosis.look import Network, examine
from mailgun_tracking.cli import doctor as doctor_command
from mailgun_tracking.cli.commands import commands
from mailgun_tracking.cli.inventory import target_of
from mailgun_tracking.cli.reading import Reader
from mailgun_tracking.cli.report import Report
from mailgun_tracking.cli.report_text import examined
from tests.https.example import emulated_mailgun
from tests.https.real_ca import tracking_host
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.servers import (
    BROKEN,
    CA_IDENTITY,
    CDN,
    LOCALHOST,
    MAILGUN,
    ZONE,
    Bind,
    Pebble,
    free_ports,
)

DOMAIN = f"mg.{ZONE}"
HOST = f"email.{DOMAIN}"
CHAIN = f"{MAILGUN}."
DAY = 24 * 3600
ELSEWHERE = "127.0.0.2"
"""Where `CDN` is."""

Doctor = Callable[..., Report]

pytestmark = pytest.mark.behaviour(102)


@pytest.fixture(scope="module")
def one_mailgun(one_bind: Bind, one_pebble: Pebble, http_port: int) -> Iterator[AcmeEmulator]:
    """The module's Mailgun, whose certificates come from the CA."""
    with emulated_mailgun(one_bind, one_pebble, http_port) as emulator:
        yield emulator


@pytest.fixture
def acme(one_mailgun: AcmeEmulator, bind: Bind) -> AcmeEmulator:
    """Mailgun, as it was at the start, and a correct CNAME record."""
    one_mailgun.reset()
    one_mailgun.clear_faults()
    bind.put(HOST, "CNAME", CHAIN)
    return one_mailgun


@pytest.fixture
def doctor(
    acme: AcmeEmulator, bind: Bind, pebble: Pebble, monkeypatch: pytest.MonkeyPatch
) -> Doctor:
    """Looks at a domain: `doctor()`, or with other settings, or another `Network`."""
    monkeypatch.setattr(look, "MAILGUN_SECONDS", 0.0)

    def run(domain: str = DOMAIN, *, network: dict[str, Any] | None = None, **env: str) -> Report:
        environment = {
            "MAILGUN_API_KEY": acme.key,
            "MAILGUN_BASE_URL": f"{acme.url}/{{region}}",
            **env,
        }
        settings = Settings(environment=environment)
        arguments: dict[str, Any] = {
            "dns": Dns(NameServer(LOCALHOST, bind.port)),
            "http_port": acme.tracking_host.http_port,
            "https_port": acme.tracking_host.https_port,
            "trust": lambda: trusting(pebble.root()),
            "issuer": CA_IDENTITY,
            **(network or {}),
        }
        now = datetime.datetime.now(datetime.timezone.utc)
        operation = Reader(settings).operation(target_of(domain, settings, "default"))
        facts = examine(operation, Network(**arguments), now)
        return Report(facts, until_first(diagnose(facts)))

    return run


@pytest.fixture
def certified(acme: AcmeEmulator) -> AcmeEmulator:
    """A Mailgun with a real certificate for `HOST`, and links that use https."""
    issue(acme)
    acme.drift(DOMAIN, open=True, click="htmlonly", web_scheme="https")
    return acme


def issue(acme: AcmeEmulator) -> None:
    """Have Mailgun get a certificate for `HOST`, and wait for it."""
    client = Settings(
        environment={"MAILGUN_API_KEY": acme.key, "MAILGUN_BASE_URL": f"{acme.url}/{{region}}"}
    ).client(target_of(HOST, Settings(environment={}), "default"))
    client.generate_certificate(HOST)
    while client.get_certificate(HOST).status == "processing":
        client.sleep(0.01)


def trusting(root: str) -> ssl.SSLContext:
    """A context that trusts one root."""
    return ssl.create_default_context(cadata=root)


def serve(acme: AcmeEmulator, leaf: trustme.LeafCert) -> None:
    """Have a certificate served for `HOST`."""
    chain = b"".join(one.bytes() for one in leaf.cert_chain_pems)
    acme.tracking_host.use_certificate(HOST, chain, leaf.private_key_pem.bytes())


@contextlib.contextmanager
def answering(status: int, headers: dict[str, str]) -> Iterator[None]:
    """Have port 80 of tracking hosts answer like this."""
    respond = tracking_host.TrackingHost.respond

    def answer(host: tracking_host.TrackingHost, *arguments: Any) -> Any:
        return respond(host, *arguments) if arguments[-1] else (status, "", headers)

    with unittest.mock.patch.object(tracking_host.TrackingHost, "respond", answer):
        yield


def words(report: Report) -> str:
    """What a person reads, without what differs from run to run."""
    text = click.unstyle(examined(report))
    for pattern, shown in (
        (r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", "DATE"),
        (r"127\.0\.0\.1:\d+", "SERVER:PORT"),
        (r"serial [0-9a-f]+ is served, not [0-9a-f]+", "serial ONE is served, not OTHER"),
        (r"CN=Pebble Intermediate CA [0-9a-f]+", "CN=CA"),
        (r"trustme v[\d.]+ [\w-]+", "trustme"),
    ):
        text = re.sub(pattern, shown, text)
    return text


def assert_found(report: Report, id_: str, snapshot: SnapshotAssertion, *, code: int = 1) -> None:
    """The report is about one thing, and its words are those of the snapshot."""
    assert report.problem is not None
    assert [one.id for one in report.problems] == [id_]
    assert exit_code(report.findings) == code
    # Nothing that was not looked at looks well.
    after = report.findings[[one.id for one in report.findings].index(id_) + 1 :]
    if code == 1:
        assert {one.severity for one in after} <= {"not-assessed", "ok", "note"}
    assert words(report) == snapshot


def test_all_is_well(certified: AcmeEmulator, doctor: Doctor, snapshot: SnapshotAssertion) -> None:
    """One line, every check was made, and nothing was changed."""
    certified.forget_requests()
    report = doctor()
    assert {one.check: one.severity for one in report.findings} == dict.fromkeys(
        [one.check for one in report.findings], "ok"
    )
    assert exit_code(report.findings) == 0
    assert words(report) == snapshot
    assert {request.method for request in certified.requests} == {"GET"}


# --- Mailgun ---


def test_a_wrong_key(doctor: Doctor, snapshot: SnapshotAssertion) -> None:
    """It says where the key is from, and not what it is."""
    report = doctor(MAILGUN_API_KEY="0-not-a-key-0")
    assert_found(report, "key-refused", snapshot)
    assert "0-not-a-key-0" not in words(report)


def test_a_sending_key(doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion) -> None:
    """What kind of key it seems to be is said."""
    acme.set(roles={"default": "sending"})
    assert_found(doctor(), "key-refused", snapshot)


def test_a_key_that_cannot_list(doctor: Doctor, certified: AcmeEmulator) -> None:
    """That is no problem for this, and is said."""
    certified.add_fault(path="/v4/domains", status=403)
    report = doctor()
    assert report.problem is None
    assert report.findings[0].found == "accepted; it can read this domain, but not list domains"


@pytest.mark.behaviour(103)
def test_mailgun_does_not_answer(doctor: Doctor, snapshot: SnapshotAssertion) -> None:
    """That is "not checked", which has an exit code of its own."""
    url = f"http://{LOCALHOST}:{free_ports(1)[0]}"
    report = doctor(MAILGUN_BASE_URL=url)
    assert [one.severity for one in report.findings] == ["not-checked", *["not-assessed"] * 12]
    assert exit_code(report.findings) == 2
    assert re.sub(r":\d+", ":PORT", words(report)) == snapshot


def test_a_domain_that_mailgun_does_not_have(doctor: Doctor, snapshot: SnapshotAssertion) -> None:
    """The key was accepted."""
    assert_found(doctor(f"gone.{ZONE}"), "domain-not-found", snapshot)


def test_a_subaccount_that_mailgun_does_not_have(
    doctor: Doctor, snapshot: SnapshotAssertion
) -> None:
    """Another key would not help."""
    assert_found(doctor(f"us/sub-9/{DOMAIN}"), "subaccount-not-found", snapshot)


def test_a_domain_in_the_other_region(
    doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """It says in which."""
    acme.add_domain(f"eu.{ZONE}", "eu")
    assert_found(doctor(f"eu.{ZONE}"), "domain-other-region", snapshot)


@pytest.mark.parametrize(
    ("settings", "id_"),
    [
        ({"state": "disabled", "disabled_reason": "Too many complaints"}, "domain-disabled"),
        ({"state": "unverified"}, "domain-unverified"),
        ({"type": "sandbox"}, "domain-sandbox"),
    ],
)
def test_a_domain_that_is_not_active(
    settings: dict[str, str],
    id_: str,
    doctor: Doctor,
    acme: AcmeEmulator,
    snapshot: SnapshotAssertion,
) -> None:
    """Its state is said, with Mailgun's reason."""
    acme.drift(DOMAIN, **settings)
    assert_found(doctor(), id_, snapshot)


def test_a_plan_without_certificates(
    doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """It is a problem where links use https, and a note where they do not."""
    reason = {"Reason": "upgrade your account to enable this feature"}
    acme.add_fault(path="/v2/x509/*", status=402, body=reason)
    assert [one.id for one in doctor().notes] == ["plan-no-certificates", "certificate-none"]
    acme.drift(DOMAIN, web_scheme="https")
    report = doctor()
    assert report.problem is not None
    assert report.problem.id == "plan-no-certificates"
    assert words(report) == snapshot


def test_a_host_with_an_underscore(
    doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Let's Encrypt does not issue for it."""
    name = f"my_mg.{ZONE}"
    body = {"domain": {"name": name, "web_prefix": "email", "web_scheme": "https"}}
    acme.add_fault(path=f"/v4/domains/{name}", status=200, body=body)
    report = doctor(name)
    assert report.problem is not None
    assert report.problem.id == "host-underscore"
    assert words(report) == snapshot


def test_a_host_that_is_the_sending_domain(
    doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """A CNAME there would stand beside the records of mail."""
    acme.drift(DOMAIN, custom_host=DOMAIN)
    assert_found(doctor(), "host-is-sending-domain", snapshot)


# --- DNS ---


@pytest.mark.parametrize(
    ("records", "id_"),
    [
        pytest.param([], "dns-nxdomain", id="nothing"),
        pytest.param([(f"x.{HOST}", "TXT", "below")], "dns-no-cname", id="an empty name"),
        pytest.param(
            [(HOST, "MX", "10 mx.example.com."), (HOST, "TXT", "v=spf1")],
            "dns-no-cname",
            id="MX and TXT",
        ),
        pytest.param([(HOST, "A", "127.0.0.3")], "dns-no-cname", id="an address"),
        pytest.param([(HOST, "A", "104.21.3.4")], "dns-proxy", id="Cloudflare"),
        pytest.param([(HOST, "AAAA", "2a04:4e42::1")], "dns-proxy", id="Fastly"),
        pytest.param(
            [(HOST, "CNAME", "d111111abcdef8.cloudfront.net.")], "dns-proxy", id="CloudFront"
        ),
        pytest.param([(HOST, "A", LOCALHOST)], "dns-flattened", id="flattened"),
        pytest.param([(HOST, "CNAME", "eu.mailgun.org.")], "dns-other-region", id="region"),
        pytest.param([(HOST, "CNAME", f"{CDN}.")], "dns-other-target", id="another host"),
        pytest.param([(HOST, "CNAME", f"x.{BROKEN}.")], "dns-other-target", id="broken target"),
        pytest.param(
            [(HOST, "CNAME", f"a.{ZONE}."), (f"a.{ZONE}", "CNAME", f"{HOST}.")],
            "dns-other-target",
            id="a loop",
        ),
    ],
)
def test_records_that_do_not_lead_to_mailgun(
    records: list[tuple[str, str, str]],
    id_: str,
    doctor: Doctor,
    bind: Bind,
    snapshot: SnapshotAssertion,
) -> None:
    """What was found, what was wanted, and the record to set."""
    bind.remove(HOST)
    for record in records:
        bind.add(*record)
    assert_found(doctor(), id_, snapshot)


def test_a_proxy_shows_in_its_headers(
    doctor: Doctor, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """Where the address is in nobody's list."""
    bind.put(HOST, "A", ELSEWHERE)
    headers = {"Server": "cloudflare", "CF-RAY": "8f0-AMS"}
    with HTTPServer(ELSEWHERE) as proxy:
        proxy.expect_request(web_look.CHALLENGE_PATH).respond_with_data(status=403, headers=headers)
        report = doctor(network={"http_port": proxy.port})
    assert_found(report, "dns-proxy", snapshot)


def test_a_cdn_of_their_own(doctor: Doctor, acme: AcmeEmulator, bind: Bind) -> None:
    """Where it terminates TLS with a valid certificate, nothing is to be fixed."""
    bind.put(HOST, "CNAME", f"{CDN}.")
    acme.drift(DOMAIN, web_scheme="https")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    with HTTPServer(ELSEWHERE, ssl_context=context) as proxy:
        root = authority.cert_pem.bytes().decode()
        network = {"https_port": proxy.port, "http_port": free_ports(1)[0]}
        report = doctor(network={**network, "trust": lambda: trusting(root)})
        untrusted = doctor(network=network)
    assert [one.id for one in report.problems] == ["port-80"]
    assert "terminates TLS with a valid certificate" in examined(report)
    assert untrusted.problem is not None
    assert untrusted.problem.id == "dns-other-target"


def test_dns_through_another_name(doctor: Doctor, certified: AcmeEmulator, bind: Bind) -> None:
    """A CNAME to a CNAME to Mailgun is right, also where the second is in another zone."""
    bind.put(HOST, "CNAME", f"links.{ZONE}.")
    bind.put(f"links.{ZONE}", "CNAME", CHAIN)
    report = doctor()
    assert report.problem is None
    assert f"by way of links.{ZONE}" in examined(report)


def test_a_zone_that_fails(doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion) -> None:
    """SERVFAIL is neither a record nor the lack of one."""
    acme.add_domain(BROKEN)
    report = doctor(BROKEN)
    assert report.problem is not None
    assert report.problem.id == "dns-servfail"
    assert words(report) == snapshot


def test_servers_that_differ(
    doctor: Doctor, bind: Bind, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every server of the zone is asked."""
    ask = Dns._ask_server

    def second(dns: Dns, server: str, host: str, *, is_first: bool) -> DnsAnswer | NotSeen:
        if server.startswith("ns."):
            return ask(dns, server, host, is_first=is_first)
        return DnsAnswer(server.rstrip("."), outcome="nxdomain")

    monkeypatch.setattr(Dns, "_ask_server", second)
    bind.add(f"ns2.{ZONE}", "A", ELSEWHERE)
    bind.add(ZONE, "NS", f"ns2.{ZONE}.")
    report = doctor()
    bind.delete(ZONE, "NS", f"ns2.{ZONE}.")
    assert_found(report, "dns-servers-differ", snapshot)


def test_a_resolver_that_is_behind(
    doctor: Doctor,
    bind: Bind,
    snapshot: SnapshotAssertion,
    tmp_path: Path,
) -> None:
    """The zone is right, and another resolver does not know yet: nothing is to be fixed."""
    with Bind(tmp_path / "stale") as stale:
        dns = Dns(NameServer(LOCALHOST, stale.port), zone_port=bind.port)
        unknown = doctor(network={"dns": dns})
        stale.put(HOST, "CNAME", f"{CDN}.")
        old = doctor(network={"dns": dns})
    assert_found(unknown, "dns-propagating", snapshot, code=0)
    assert_found(old, "dns-propagating", snapshot, code=0)


@pytest.mark.behaviour(103)
def test_a_resolver_that_does_not_answer(
    doctor: Doctor, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the zone nor anything that needs an address is checked."""
    monkeypatch.setattr(resolving, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(dns_look, "LOOK_SECONDS", 0.05)
    report = doctor(network={"dns": Dns(NameServer(LOCALHOST, free_ports(1)[0]))})
    assert {one.check for one in report.problems} == {"dns-zone", "dns-resolver", "caa"}
    assert exit_code(report.findings) == 2
    assert words(report) == snapshot


@pytest.mark.behaviour(103)
def test_a_zone_whose_servers_do_not_answer(
    doctor: Doctor, certified: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """A network that lets only its own resolver out: the resolver's answer counts."""

    class Firewalled(Dns):
        def _ask_server(self, server: str, host: str, *, is_first: bool) -> DnsAnswer | NotSeen:
            return NotSeen(f"{server.rstrip('.')} does not answer: no answer in time")

    report = doctor(network={"dns": Firewalled(NameServer(LOCALHOST, bind.port))})
    assert_found(report, "dns-zone", snapshot, code=2)


# --- CAA ---


@pytest.mark.parametrize(
    ("name", "value", "id_"),
    [
        pytest.param(DOMAIN, '0 issue "other.test"', "caa-refused", id="another CA"),
        pytest.param(ZONE, '0 issue ";"', "caa-refused", id="no CA, at the parent"),
        pytest.param(DOMAIN, '128 tbs "x"', "caa-critical-tag", id="critical tag"),
        pytest.param(
            DOMAIN,
            f'0 issue "{CA_IDENTITY}; accounturi=https://ca.test/acct/1"',
            "caa-account",
            id="one account",
        ),
        pytest.param(
            DOMAIN, f'0 issue "{CA_IDENTITY}; validationmethods=dns-01"', "caa-method", id="DNS-01"
        ),
    ],
)
def test_caa_records_that_refuse(
    name: str,
    value: str,
    id_: str,
    doctor: Doctor,
    acme: AcmeEmulator,
    bind: Bind,
    snapshot: SnapshotAssertion,
) -> None:
    """They matter as soon as a certificate is wanted."""
    bind.add(name, "CAA", value)
    try:
        assert [one.id for one in doctor().notes][:1] == [id_]
        acme.set_certificate(HOST, "error")
        report = doctor()
        assert report.problem is not None
        assert report.problem.id == id_
        assert words(report) == snapshot
    finally:
        bind.delete(name, "CAA", value)


def test_caa_records_that_allow(doctor: Doctor, certified: AcmeEmulator, bind: Bind) -> None:
    """One of several is enough."""
    bind.add(DOMAIN, "CAA", '0 issue "other.test"')
    bind.add(DOMAIN, "CAA", f'0 issue "{CA_IDENTITY}"')
    bind.add(DOMAIN, "CAA", '0 issuewild ";"')
    assert doctor().problem is None


def test_caa_looked_up(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target's set counts where a CNAME leads to one; SERVFAIL and silence are told apart."""
    dns = Dns(NameServer(LOCALHOST, bind.port))
    bind.put(f"target.{ZONE}", "CAA", '0 issue "target.test"')
    bind.put(HOST, "CNAME", f"target.{ZONE}.")
    bind.put(DOMAIN, "CAA", '0 issue "parent.test"')
    assert dns.caa(HOST) == CaaSet(HOST, (CaaRecord(0, "issue", "target.test"),))
    bind.put(HOST, "CNAME", CHAIN)
    assert dns.caa(HOST) == CaaSet(DOMAIN, (CaaRecord(0, "issue", "parent.test"),))
    assert dns.caa(f"email.{BROKEN}") == CaaFailed(f"email.{BROKEN}")
    monkeypatch.setattr(resolving, "LOOK_SECONDS", 0.05)
    silent = Dns(NameServer(LOCALHOST, free_ports(1)[0]))
    assert isinstance(silent.caa(HOST), NotSeen)


# --- port 80 ---


def test_port_80_that_redirects_elsewhere(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """A challenge would not be found there."""
    with answering(302, {"Location": "https://www.example.com/"}):
        assert_found(doctor(), "port-80-redirect", snapshot)


def test_port_80_with_a_server_error(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """A challenge would fail."""
    with answering(503, {}):
        assert_found(doctor(), "port-80-error", snapshot)


def test_port_80_that_redirects_to_https(doctor: Doctor, certified: AcmeEmulator) -> None:
    """Let's Encrypt follows that."""
    with answering(301, {"Location": f"https://{HOST}/"}):
        assert doctor().problem is None


@pytest.mark.behaviour(103)
def test_port_80_that_is_closed(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """A firewall of one's own looks the same: not checked."""
    report = doctor(network={"http_port": free_ports(1)[0]})
    assert_found(report, "port-80", snapshot, code=2)


# --- certificates ---


def test_no_certificate(doctor: Doctor, acme: AcmeEmulator, snapshot: SnapshotAssertion) -> None:
    """Over http none is needed; links over https are broken without one."""
    report = doctor()
    assert exit_code(report.findings) == 0
    assert words(report) == snapshot(name="http")
    acme.drift(DOMAIN, web_scheme="https")
    report = doctor()
    assert [one.id for one in report.problems] == ["https-without-certificate"]
    assert words(report) == snapshot(name="https")


@pytest.mark.parametrize(
    ("certificate", "id_", "code"),
    [
        pytest.param({"status": "processing"}, "certificate-processing", 0, id="processing"),
        pytest.param(
            {"status": "error", "error": "CAA record for mg.example.test prevents issuance"},
            "certificate-error",
            1,
            id="error",
        ),
        pytest.param({"status": "expired"}, "certificate-expired", 1, id="expired"),
        pytest.param(
            {"lifetime_seconds": 90 * DAY, "age_seconds": 61 * DAY},
            "certificate-not-renewed",
            1,
            id="not renewed",
        ),
        pytest.param(
            {"lifetime_seconds": 6 * DAY, "age_seconds": 5 * DAY},
            "certificate-not-renewed",
            1,
            id="not renewed, of six days",
        ),
    ],
)
def test_a_certificate_at_mailgun(
    certificate: dict[str, Any],
    id_: str,
    code: int,
    doctor: Doctor,
    acme: AcmeEmulator,
    snapshot: SnapshotAssertion,
) -> None:
    """Its state, judged by its own lifetime."""
    acme.set_certificate(HOST, **certificate)
    assert_found(doctor(), id_, snapshot, code=code)


@pytest.mark.parametrize(
    ("names", "id_"),
    [
        pytest.param([f"email.other.{ZONE}"], "served-other-name", id="another name"),
        pytest.param([HOST], "served-untrusted", id="untrusted"),
    ],
)
def test_another_certificate_is_served(
    names: list[str],
    id_: str,
    doctor: Doctor,
    certified: AcmeEmulator,
    snapshot: SnapshotAssertion,
) -> None:
    """The names and the chain of what really answers are looked at."""
    serve(certified, trustme.CA().issue_cert(*names))
    assert_found(doctor(), id_, snapshot)


def test_an_expired_certificate_is_served(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Although Mailgun has a valid one."""
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    serve(certified, trustme.CA().issue_cert(HOST, not_after=past))
    assert_found(doctor(), "served-expired", snapshot)


def test_no_certificate_is_served(
    doctor: Doctor, acme: AcmeEmulator, bind: Bind, snapshot: SnapshotAssertion
) -> None:
    """The handshake is refused."""
    bind.put(f"email.two.{ZONE}", "CNAME", CHAIN)
    acme.set_certificate(f"email.two.{ZONE}")
    assert_found(doctor(f"two.{ZONE}"), "served-none", snapshot)


@pytest.mark.parametrize(
    ("age", "severity"), [pytest.param(0, "wait", id="new"), pytest.param(2 * DAY, "fix", id="old")]
)
def test_another_serial_is_served(
    age: float, severity: str, doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Right after a renewal that is to be expected, and later it is not."""
    certified.set_certificate(HOST, age_seconds=age)
    report = doctor()
    assert_found(report, "served-other-serial", snapshot, code=int(severity == "fix"))
    assert report.severity == severity


@pytest.mark.behaviour(103)
def test_port_443_that_is_closed(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Not checked, and so is HSTS not assessed."""
    report = doctor(network={"https_port": free_ports(1)[0]})
    assert_found(report, "served-certificate", snapshot, code=2)


def test_no_hsts(
    doctor: Doctor,
    certified: AcmeEmulator,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Worth knowing, and nothing to fix."""
    monkeypatch.setattr(tracking_host, "HSTS", "")
    report = doctor()
    assert [one.id for one in report.notes] == ["hsts-missing"]
    assert words(report) == snapshot


def test_a_certificate_that_is_not_used(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Worth knowing, and nothing to fix."""
    certified.drift(DOMAIN, web_scheme="http")
    report = doctor()
    assert [one.id for one in report.notes] == ["http-with-certificate"]
    assert words(report) == snapshot


@pytest.mark.behaviour(103)
def test_settings_that_cannot_be_read(
    doctor: Doctor, certified: AcmeEmulator, snapshot: SnapshotAssertion
) -> None:
    """Not checked, and everything else is."""
    certified.add_fault(path="/v3/domains/*/tracking", status=403)
    assert_found(doctor(), "tracking", snapshot, code=2)


# --- the command ---


def test_the_command(
    certified: AcmeEmulator,
    bind: Bind,
    pebble: Pebble,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """`--dns` names the resolver, exit codes are as promised, and JSON has the ids of the text."""
    monkeypatch.setenv("MAILGUN_API_KEY", certified.key)
    monkeypatch.setenv("MAILGUN_BASE_URL", f"{certified.url}/{{region}}")
    local = functools.partial(
        Network,
        http_port=certified.tracking_host.http_port,
        https_port=certified.tracking_host.https_port,
        trust=lambda: trusting(pebble.root()),
        issuer=CA_IDENTITY,
    )
    monkeypatch.setattr(doctor_command, "Network", local)

    def run(*arguments: str) -> Result:
        arguments = ("doctor", DOMAIN, "--dns", bind.address, *arguments)
        return CliRunner().invoke(commands, arguments, catch_exceptions=False)

    well = run()
    assert (well.exit_code, len(well.stdout.splitlines())) == (0, 1)
    bind.put(HOST, "A", "104.21.3.4")
    page = tmp_path / "doctor.html"
    wrong = run("--json", "--html", str(page))
    assert wrong.exit_code == 1
    assert json.loads(wrong.stdout)["id"] == "dns-proxy"
    assert "<code>dns-proxy</code>" in page.read_text(encoding="utf-8")
    assert "dns-proxy" in run().stdout
    monkeypatch.setattr(look, "MAILGUN_SECONDS", 0.0)
    monkeypatch.setenv("MAILGUN_BASE_URL", f"http://{LOCALHOST}:{free_ports(1)[0]}")
    assert run().exit_code == 2
    refused = CliRunner().invoke(commands, ["doctor", "not a domain"])
    assert refused.exit_code == 2
    assert "the ID is not valid" in refused.stderr
