"""`real_ca`: DNS lookups, issuing through the CA, and serving tracking links."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
import urllib3
from dns.rdtypes.ANY.CAA import CAA

from tests.https.example import emulated_mailgun
from tests.https.real_ca import name_server
from tests.https.real_ca.emulator import AcmeEmulator
from tests.https.real_ca.name_server import DnsError, NameServer, caa_allows
from tests.https.servers import (
    CA_IDENTITY,
    LOCALHOST,
    MAILGUN,
    Bind,
    Pebble,
    free_ports,
    https_get,
)

HOST = "email.mg.example.test"
LINK = "/c/abc?url=https://example.com/"


def call_x509(mailgun: AcmeEmulator, method: str, path: str) -> tuple[int, dict[str, str]]:
    """Call Mailgun's API for the certificate of `HOST`."""
    url = f"{mailgun.url}/v2/x509/{HOST}{path}"
    answer = requests.request(method, url, auth=("api", mailgun.key), timeout=10)
    return answer.status_code, answer.json()


def issue(mailgun: AcmeEmulator, method: str = "POST") -> dict[str, str]:
    """Have a certificate issued, and return its final status."""
    status, answer = call_x509(mailgun, method, "")
    assert status == 202, answer
    while (answer := call_x509(mailgun, "GET", "/status")[1])["status"] == "processing":
        time.sleep(0.01)
    return answer


# --- DNS ---


@pytest.mark.parametrize(
    ("records", "leads"),
    [
        pytest.param([], False, id="no record"),
        pytest.param([(HOST, "CNAME", "mailgun.test.")], True, id="direct"),
        pytest.param([(HOST, "CNAME", "MAILGUN.test.")], True, id="in upper case"),
        pytest.param(
            [(HOST, "CNAME", "a.example.test."), ("a.example.test", "CNAME", "mailgun.test.")],
            True,
            id="through another name",
        ),
        pytest.param([(HOST, "CNAME", "cdn.test.")], False, id="to a proxy"),
        pytest.param([(HOST, "A", "127.0.0.1")], False, id="an address record"),
        pytest.param(
            [(HOST, "CNAME", "a.example.test."), ("a.example.test", "CNAME", f"{HOST}.")],
            False,
            id="a loop",
        ),
    ],
)
def test_where_a_record_leads(bind: Bind, records: list[tuple[str, str, str]], leads: bool) -> None:
    """The host must lead to Mailgun through CNAME records only."""
    for record in records:
        bind.put(*record)
    assert NameServer(LOCALHOST, bind.port).leads_to(HOST, MAILGUN) is leads


@pytest.mark.parametrize(
    ("records", "found_at", "allows"),
    [
        pytest.param({}, ".", True, id="none"),
        pytest.param({"mg.example.test": f'0 issue "{CA_IDENTITY}"'}, "mg.example.test", True),
        pytest.param(
            {"mg.example.test": '0 issue "CA.test; validationmethods=http-01"'},
            "mg.example.test",
            True,
            id="with parameters",
        ),
        pytest.param({"mg.example.test": '0 issue ";"'}, "mg.example.test", False, id="no CA"),
        pytest.param({"example.test": '0 issue "other.test"'}, "example.test", False, id="climbs"),
        pytest.param(
            {"example.test": '0 issue ";"', "mg.example.test": f'0 issue "{CA_IDENTITY}"'},
            "mg.example.test",
            True,
            id="nearest wins",
        ),
        pytest.param(
            {"mg.example.test": '0 issuewild ";"'}, "mg.example.test", True, id="wildcards only"
        ),
        pytest.param(
            {"mg.example.test": '128 unknown "x"'},
            "mg.example.test",
            False,
            id="unknown critical tag",
        ),
        pytest.param(
            {"mg.example.test": '0 unknown "x"'}, "mg.example.test", True, id="unknown tag"
        ),
    ],
)
def test_who_may_issue(bind: Bind, records: dict[str, str], found_at: str, allows: bool) -> None:
    """CAA records are looked up by climbing from the host, as in RFC 8659."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    for name, record in records.items():
        bind.put(name, "CAA", record)
    where, found = NameServer(LOCALHOST, bind.port).caa(HOST)
    assert all(isinstance(record, CAA) for record in found)
    assert (where, caa_allows(found, [CA_IDENTITY])) == (found_at, allows)


def test_dns_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CNAME counts as missing, and a certificate cannot be issued."""
    monkeypatch.setattr(name_server, "TIMEOUT_SECONDS", 0.2)
    unreachable = NameServer(LOCALHOST, free_ports(1)[0])
    assert unreachable.leads_to(HOST, MAILGUN) is False
    with pytest.raises(DnsError, match=f"looking up CAA for {HOST}"):
        unreachable.caa(HOST)


# --- issuing ---


def test_the_cname_is_checked_before_ordering(mailgun: AcmeEmulator, bind: Bind) -> None:
    """POST returns 400 until the record leads to the configured target."""
    assert call_x509(mailgun, "POST", "") == (400, {"Reason": "invalid CNAME record"})
    url = f"{mailgun.url}/v4/domains/mg.example.test"
    record = requests.get(url, auth=("api", mailgun.key), timeout=10).json()
    cname = record["sending_dns_records"][-1]
    assert (cname["value"], cname["valid"]) == (MAILGUN, "unknown")

    bind.put(HOST, "CNAME", "mailgun.test.")
    record = requests.get(url, auth=("api", mailgun.key), timeout=10).json()
    assert record["sending_dns_records"][-1]["valid"] == "valid"
    assert issue(mailgun)["status"] == "active"


def test_a_restarted_ca_has_forgotten_the_account(
    mailgun: AcmeEmulator, bind: Bind, pebble: Pebble
) -> None:
    """A new account is registered, and the new certificate has another root."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    first = issue(mailgun)
    pebble.stop()
    pebble.start()
    mailgun.set_certificate(HOST, "expired")
    second = issue(mailgun, "PUT")
    assert (first["status"], second["status"]) == ("active", "active")
    assert first["certificate"] != second["certificate"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"root": None}, "not trusted", id="untrusted directory"),
        pytest.param({"profile": "unknown"}, "profile", id="unknown profile"),
        pytest.param({"http_port": 0}, "connection refused", id="challenges on another port"),
        pytest.param(
            {"directory": "https://127.0.0.1:9/dir", "patience_seconds": 0},
            "cannot be reached",
            id="unreachable CA",
        ),
    ],
)
def test_reasons_for_failure(
    bind: Bind, pebble: Pebble, http_port: int, options: dict[str, Any], text: str
) -> None:
    """The status shows the CA's error, or why the CA could not be reached."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    with emulated_mailgun(bind, pebble, **{"http_port": http_port, **options}) as mailgun:
        answer = issue(mailgun)
    assert answer["status"] == "error"
    assert text in answer["error"]


# --- serving ---


def test_what_a_tracking_host_serves(mailgun: AcmeEmulator, bind: Bind, pebble: Pebble) -> None:
    """Links redirect over HTTP and HTTPS, only HTTPS has HSTS, and the rest is 404."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    issue(mailgun)
    plain = f"http://127.0.0.1:{mailgun.tracking_host.http_port}"

    def over_http(path: str, host: str = HOST) -> requests.Response:
        headers = {"Host": host}
        return requests.get(plain + path, headers=headers, allow_redirects=False, timeout=10)

    link = over_http(LINK)
    assert (link.status_code, link.headers["location"]) == (302, "https://example.com/")
    assert "strict-transport-security" not in link.headers
    for path in ("/", "/c/abc", "/c/abc?url=javascript:alert(1)", "/.well-known/acme-challenge/x"):
        assert over_http(path).status_code == 404
    assert over_http(LINK, "email.other.example.test").status_code == 404

    port = mailgun.tracking_host.https_port
    assert https_get(bind, HOST, LINK, port=port, root=pebble.root()).status == 302
    other = "email.two.example.test"
    bind.put(other, "CNAME", "mailgun.test.")
    with pytest.raises(urllib3.exceptions.HTTPError):
        https_get(bind, other, LINK, port=port, root=pebble.root())
