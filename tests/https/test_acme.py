"""The emulator's side of HTTPS: what it asks of DNS and of the authority, and what it serves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
import urllib3
from dns.rdtypes.ANY.CAA import CAA

from mailgun_tracking.emulator import InvalidSetting, name_server
from mailgun_tracking.emulator.acme_emulator import Acme, AcmeEmulator
from mailgun_tracking.emulator.name_server import DnsProblem, NameServer, allow
from tests.engine.stack import ROOT
from tests.https.servers import CA_IDENTITY, MAILGUN, Bind, Pebble, free_ports, https_get

HOST = "email.mg.example.test"
LINK = "/c/abc?url=https://example.com/"


def asked(mailgun: AcmeEmulator, method: str, path: str) -> tuple[int, dict[str, str]]:
    """Ask Mailgun about the certificate of `HOST`."""
    url = f"{mailgun.url}/v2/x509/{HOST}{path}"
    answer = requests.request(method, url, auth=("api", mailgun.key), timeout=10)
    return answer.status_code, answer.json()


def generated(mailgun: AcmeEmulator, method: str = "POST") -> dict[str, str]:
    """Have a certificate generated, and give the status that this ends with."""
    status, answer = asked(mailgun, method, "")
    assert status == 202, answer
    while (answer := asked(mailgun, "GET", "/status")[1])["status"] == "processing":
        time.sleep(0.01)
    return answer


# --- DNS ---


@pytest.mark.parametrize(
    ("records", "leads"),
    [
        pytest.param([], False, id="no record"),
        pytest.param([(HOST, "CNAME", "mailgun.test.")], True, id="straight"),
        pytest.param([(HOST, "CNAME", "MAILGUN.test.")], True, id="in another case"),
        pytest.param(
            [(HOST, "CNAME", "a.example.test."), ("a.example.test", "CNAME", "mailgun.test.")],
            True,
            id="over another name",
        ),
        pytest.param([(HOST, "CNAME", "cdn.test.")], False, id="to a proxy"),
        pytest.param([(HOST, "A", "127.0.0.1")], False, id="an address in its place"),
        pytest.param(
            [(HOST, "CNAME", "a.example.test."), ("a.example.test", "CNAME", f"{HOST}.")],
            False,
            id="a loop",
        ),
    ],
)
def test_where_a_record_leads(bind: Bind, records: list[tuple[str, str, str]], leads: bool) -> None:
    """Only CNAME records that end at Mailgun count."""
    for record in records:
        bind.put(*record)
    assert NameServer.parse(bind.address).leads_to(HOST, [MAILGUN]) is leads


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
        pytest.param({"mg.example.test": '0 issue ";"'}, "mg.example.test", False, id="nobody"),
        pytest.param({"example.test": '0 issue "other.test"'}, "example.test", False, id="climbs"),
        pytest.param(
            {"example.test": '0 issue ";"', "mg.example.test": f'0 issue "{CA_IDENTITY}"'},
            "mg.example.test",
            True,
            id="the nearest counts",
        ),
        pytest.param(
            {"mg.example.test": '0 issuewild ";"'}, "mg.example.test", True, id="wildcards alone"
        ),
        pytest.param(
            {"mg.example.test": '128 unheard "x"'}, "mg.example.test", False, id="critical"
        ),
        pytest.param({"mg.example.test": '0 unheard "x"'}, "mg.example.test", True, id="unheard"),
    ],
)
def test_who_may_issue(bind: Bind, records: dict[str, str], found_at: str, allows: bool) -> None:
    """CAA records are found by climbing from the host, as RFC 8659 says."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    for name, record in records.items():
        bind.put(name, "CAA", record)
    where, found = NameServer.parse(bind.address).caa(HOST)
    assert all(isinstance(record, CAA) for record in found)
    assert (where, allow(found, [CA_IDENTITY])) == (found_at, allows)


def test_dns_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record cannot be seen then, and nobody may issue."""
    monkeypatch.setattr(name_server, "SECONDS_A_QUESTION", 0.2)
    nobody = NameServer("127.0.0.1", free_ports(1)[0])
    assert nobody.leads_to(HOST, [MAILGUN]) is False
    with pytest.raises(DnsProblem, match=f"looking up CAA for {HOST}"):
        nobody.caa(HOST)


@pytest.mark.parametrize("text", ["", "host", "127.0.0.1:", "127.0.0.1:x", "dns.test:53"])
def test_a_dns_server_is_an_address_and_a_port(text: str) -> None:
    """Anything else is refused at the start."""
    with pytest.raises(InvalidSetting, match="ADDRESS:PORT"):
        NameServer.parse(text)


# --- issuing ---


def test_a_record_decides_before_anything_is_ordered(mailgun: AcmeEmulator, bind: Bind) -> None:
    """POST is 400 until the record leads to Mailgun; what domains want can be set."""
    assert asked(mailgun, "POST", "") == (400, {"Reason": "invalid CNAME record"})
    url = f"{mailgun.url}/v4/domains/mg.example.test"
    record = requests.get(url, auth=("api", mailgun.key), timeout=10).json()
    wanted = record["sending_dns_records"][-1]
    assert (wanted["value"], wanted["valid"]) == (MAILGUN, "unknown")

    bind.put(HOST, "CNAME", "mailgun.test.")
    record = requests.get(url, auth=("api", mailgun.key), timeout=10).json()
    assert record["sending_dns_records"][-1]["valid"] == "valid"
    assert generated(mailgun)["status"] == "active"


def test_an_authority_that_was_restarted_knows_no_account(
    mailgun: AcmeEmulator, bind: Bind, pebble: Pebble
) -> None:
    """Another account is made, and the certificate is from another root."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    first = generated(mailgun)
    pebble.stop()
    pebble.start()
    mailgun.set_certificate(HOST, "expired")
    second = generated(mailgun, "PUT")
    assert (first["status"], second["status"]) == ("active", "active")
    assert first["certificate"] != second["certificate"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"root": None}, "not trusted", id="a directory nobody vouches for"),
        pytest.param({"profile": "unheard"}, "profile", id="a profile it does not have"),
        pytest.param({"http_port": 0}, "connection refused", id="challenges on another port"),
        pytest.param(
            {"directory": "https://127.0.0.1:9/dir", "patience_seconds": 0},
            "cannot be reached",
            id="away for too long",
        ),
    ],
)
def test_why_nothing_was_issued(
    bind: Bind, pebble: Pebble, http_port: int, options: dict[str, object], text: str
) -> None:
    """The status says what the authority said, or why it could not be asked."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    given: dict[str, object] = {
        "directory": pebble.directory,
        "dns": bind.address,
        "root": pebble.tls_root,
        "cname_target": MAILGUN,
        "profile": "default",
        "http_port": http_port,
    }
    acme = Acme(**{**given, **options})  # type: ignore[arg-type]
    with AcmeEmulator(acme, domains=["mg.example.test"]) as mailgun:
        answer = generated(mailgun)
    assert answer["status"] == "error"
    assert text in answer["error"]


# --- serving ---


def test_what_a_tracking_host_serves(mailgun: AcmeEmulator, bind: Bind, pebble: Pebble) -> None:
    """Links redirect over both schemes, HSTS is for https, and other hosts and paths are 404."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    generated(mailgun)
    plain = f"http://127.0.0.1:{mailgun.tracking_host.http_port}"

    def over_http(path: str, host: str = HOST) -> requests.Response:
        headers = {"Host": host}
        return requests.get(plain + path, headers=headers, allow_redirects=False, timeout=10)

    link = over_http(LINK)
    assert (link.status_code, link.headers["location"]) == (302, "https://example.com/")
    assert "strict-transport-security" not in link.headers
    for path in ("/", "/c/abc", "/c/abc?url=javascript:alert(1)", "/.well-known/acme-challenge/x"):
        assert over_http(path).status_code == 404
    assert over_http(LINK, "email.elsewhere.example.test").status_code == 404

    port = mailgun.tracking_host.https_port
    assert https_get(bind, HOST, LINK, port=port, root=pebble.root()).status == 302
    other = "email.two.example.test"
    bind.put(other, "CNAME", "mailgun.test.")
    with pytest.raises(urllib3.exceptions.HTTPError):
        https_get(bind, other, LINK, port=port, root=pebble.root())


# --- the command line ---

ISSUE = """
import os, requests, time
url = os.environ["MAILGUN_BASE_URL"] + "/v2/x509/email.mg.example.test"
auth = ("api", os.environ["MAILGUN_API_KEY"])
print(requests.post(url, auth=auth).status_code)
while (answer := requests.get(url + "/status", auth=auth).json())["status"] == "processing":
    time.sleep(0.01)
print(answer["status"], answer["error"])
"""


def emulator_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the emulator's command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mailgun_tracking.emulator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_command_issues_through_an_authority(
    bind: Bind, pebble: Pebble, http_port: int
) -> None:
    """Its options are those of `Acme`."""
    bind.put(HOST, "CNAME", "mailgun.test.")
    done = emulator_command(
        *("--domain", "mg.example.test", "--cname-target", MAILGUN, "--dns", bind.address),
        *("--acme", pebble.directory, "--acme-root", str(pebble.tls_root)),
        *("--acme-profile", "default", "--http-port", str(http_port), "--https-port", "0"),
        *("--", sys.executable, "-c", ISSUE),
    )
    assert (done.returncode, done.stdout) == (0, "202\nactive None\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--acme", "https://127.0.0.1:9/dir"], "--acme needs --dns"),
        (["--dns", "127.0.0.1:53", "--acme-profile", "x"], "--acme-profile, --dns needs --acme"),
        (["--acme", "https://127.0.0.1:9/dir", "--dns", "nobody"], "ADDRESS:PORT"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], text: str) -> None:
    """They are refused before anything listens."""
    done = emulator_command(*arguments, "--", "true")
    assert done.returncode == 1
    assert text in done.stderr


def test_private_keys_are_not_kept_in_a_state_file(tmp_path: Path) -> None:
    """So certificates of a real authority could not be served after a restart."""
    more = ("--dns", "127.0.0.1:53", "--state", str(tmp_path / "state.json"))
    done = emulator_command("--acme", "https://127.0.0.1:9/dir", *more, "--", "true")
    assert (done.returncode, "no private keys" in done.stderr) == (1, True)
