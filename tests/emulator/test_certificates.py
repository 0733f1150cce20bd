"""Certificates: the response to each request in each state, and what is issued."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509

from mailgun_tracking.emulator import Emulator, EmulatorError, IssuanceFailed
from tests.emulator.conftest import DOMAIN, HOST, Api

X509 = f"/v2/x509/{HOST}"
STATES = [None, "processing", "active", "expired", "error"]


@pytest.mark.parametrize(
    ("state", "method", "status", "text"),
    [
        (None, "POST", 202, "Initiated x509 key pair generation"),
        ("processing", "POST", 409, f"has already been initiated for {HOST}"),
        ("active", "POST", 409, f"has already been initiated for {HOST}"),
        ("expired", "POST", 409, f"has already been initiated for {HOST}"),
        ("error", "POST", 202, "Initiated x509 key pair generation"),
        (None, "PUT", 404, "x509 cert not found"),
        ("processing", "PUT", 429, f"job is already in progress for {HOST}"),
        ("active", "PUT", 409, "x509 certificate is still valid until "),
        ("expired", "PUT", 202, "Initiated x509 key pair generation"),
        ("error", "PUT", 202, "Initiated x509 key pair generation"),
        (None, "GET", 404, f"Please initiate x509 key pair generation at POST /v2/x509/{HOST}"),
        ("processing", "GET", 200, "Waiting for x509 key pair generation"),
        ("active", "GET", 200, "BEGIN CERTIFICATE"),
        ("expired", "GET", 200, "x509 certificate has expired"),
        ("error", "GET", 200, "TLS x509 key pair generation failed, please contact support"),
    ],
)
def test_each_method_in_each_state(
    emulator: Emulator, api: Api, state: str | None, method: str, status: int, text: str
) -> None:
    emulator.set(issuing_seconds=3600)
    emulator.set_certificate(HOST, state)
    response = api.call(method, X509 + ("/status" if method == "GET" else ""))
    assert response.status_code == status
    assert text in response.text
    if status == 202:
        assert response.json()["location"] == f"/v2/x509/{HOST}/status"
        assert emulator.domain(DOMAIN).certificates[HOST].status == "processing"
    elif method == "GET" and state is not None:
        assert response.json()["status"] == state
        assert ("certificate" in response.json()) == (state in ("active", "expired"))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("setting", "status", "body"),
    [
        ({"cname_check": "invalid"}, 400, {"Reason": "invalid CNAME record"}),
        (
            {"plan_has_certificates": False},
            402,
            {"Reason": "upgrade your account to enable this feature"},
        ),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_rejected_request_changes_nothing(
    emulator: Emulator,
    api: Api,
    state: str | None,
    setting: dict[str, object],
    status: int,
    body: dict[str, str],
    method: str,
) -> None:
    emulator.set_certificate(HOST, state)
    emulator.set(**setting)
    before = emulator.domain(DOMAIN)
    response = api.call(method, X509)
    starts = {"POST": (None, "error"), "PUT": ("expired", "error")}[method]
    if status == 402 or state in starts:
        assert (response.status_code, response.json()) == (status, body)
    else:
        assert response.status_code in (404, 409, 429)
    assert emulator.domain(DOMAIN) == before


@pytest.mark.parametrize(
    "host",
    [DOMAIN, "links.mg.example.com", "email.no.example", "email", "a.email.mg.example.com"],
)
@pytest.mark.parametrize(("method", "end"), [("GET", "/status"), ("POST", ""), ("PUT", "")])
def test_other_hosts_are_not_found(api: Api, host: str, method: str, end: str) -> None:
    """Above all the sending domain, which is the most common mistake."""
    response = api.call(method, f"/v2/x509/{host}{end}")
    assert (response.status_code, response.json()) == (
        404,
        {"Description": "x509 cert not found"},
    )


def test_issuing_takes_the_configured_time(emulator: Emulator, api: Api) -> None:
    emulator.set(issuing_seconds=0.2)
    assert api.post(X509.upper().replace("/V2/X509", "/v2/x509")).status_code == 202
    assert api.certificate()["status"] == "processing"
    until = time.monotonic() + 10
    while (found := api.certificate())["status"] == "processing":
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (found["status"], found["error"]) == ("active", None)


def test_the_certificate_is_valid_x509(emulator: Emulator, api: Api) -> None:
    emulator.set(certificate_lifetime_seconds=3600)
    before = datetime.now(timezone.utc).replace(microsecond=0)
    api.post(X509)
    pem = api.certificate()["certificate"]
    leaf, issuer = x509.load_pem_x509_certificates(pem.encode())
    leaf.verify_directly_issued_by(issuer)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert leaf.issuer.rfc4514_string() == "CN=Emulated Let's Encrypt"
    assert before <= leaf.not_valid_before_utc <= datetime.now(timezone.utc)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert timedelta(hours=1) <= lifetime <= timedelta(hours=1, seconds=1)
    snapshot = emulator.domain(DOMAIN).certificates[HOST]
    assert (snapshot.not_after, snapshot.generation) == (leaf.not_valid_after_utc, 1)


def test_a_409_formats_the_expiry_as_go_does(emulator: Emulator, api: Api) -> None:
    emulator.set_certificate(HOST, "active")
    end = emulator.domain(DOMAIN).certificates[HOST].not_after
    assert end is not None
    text = api.put(X509).json()["Description"]
    assert re.search(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$", text)
    assert f"{end:%Y-%m-%d %H:%M:%S}" in text


def test_a_certificate_expires(emulator: Emulator, api: Api) -> None:
    emulator.set_certificate(HOST, "active", lifetime_seconds=100, age_seconds=98)
    assert api.certificate()["status"] == "active"
    until = time.monotonic() + 10
    while api.certificate()["status"] == "active":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert api.certificate()["error"] == "x509 certificate has expired"
    assert api.put(X509).status_code == 202
    assert api.certificate()["status"] == "active"
    assert emulator.domain(DOMAIN).certificates[HOST].generation == 2


def test_failed_issuance_keeps_the_previous_certificate(emulator: Emulator, api: Api) -> None:
    emulator.set_certificate(HOST, "expired")
    older = api.certificate()["certificate"]
    emulator.set(issuance_fails="CAA record forbids issuance")
    assert api.put(X509).status_code == 202
    assert api.certificate() == {
        "status": "error",
        "error": "CAA record forbids issuance",
        "certificate": older,
    }
    emulator.set(issuance_fails=None)
    assert api.put(X509).status_code == 202
    assert api.certificate()["status"] == "active"


def test_settings_apply_to_issuance_started_later(emulator: Emulator, api: Api) -> None:
    emulator.set(issuance_fails="no")
    api.post(X509)
    emulator.set(issuance_fails=None)
    assert api.certificate()["error"] == "no"


def test_a_cname_record_can_become_valid_later(emulator: Emulator, api: Api) -> None:
    emulator.set(cname_valid_after={HOST: 3600})
    assert api.post(X509).status_code == 400
    emulator.set(cname_valid_after={HOST: 0})
    assert api.post(X509).status_code == 202


def test_a_slow_cname_check_does_not_block_other_requests(
    emulator: Emulator, api: Api, new_api: Callable[..., Api]
) -> None:
    checked: list[str] = []
    release = threading.Event()

    def check(host: str) -> bool:
        checked.append(host)
        return release.wait(10)

    emulator.set(cname_check=check)
    statuses: list[int] = []
    other = new_api(emulator)
    waiting = threading.Thread(target=lambda: statuses.append(other.post(X509).status_code))
    waiting.start()
    try:
        while not checked:
            time.sleep(0.01)
        assert api.tracking()["web_scheme"] == "http"
        assert emulator.domain(DOMAIN).certificates == {}
    finally:
        release.set()
        waiting.join()
    assert (statuses, checked) == ([202], [HOST])


class _FakeIssuer:
    """Issues when released, with a given outcome."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.outcome: str | Exception = ""
        self.hosts: list[str] = []

    def issue(self, host: str) -> str:
        self.hosts.append(host)
        self.release.wait(10)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def _wait_while_processing(api: Api) -> dict[str, object]:
    until = time.monotonic() + 10
    while (found := api.certificate())["status"] == "processing":
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


@pytest.fixture
def chain(emulator: Emulator) -> str:
    """A certificate for the host, issued by some CA."""
    emulator.set_certificate(HOST, "active", lifetime_seconds=86400)
    pem = emulator.domain(DOMAIN).certificates[HOST].pem
    assert pem is not None
    return pem


def test_a_slow_issuer(chain: str, new_api: Callable[..., Api]) -> None:
    fake = _FakeIssuer()
    fake.outcome = chain
    with Emulator(domains=[DOMAIN], issuer=fake) as emulator:
        api = new_api(emulator, emulator.key)
        assert api.post(X509).status_code == 202
        assert api.certificate()["status"] == "processing"
        assert api.put(X509).status_code == 429
        fake.release.set()
        assert _wait_while_processing(api) == {
            "status": "active",
            "error": None,
            "certificate": chain,
        }
        assert fake.hosts == [HOST]


def test_the_error_of_an_issuer_is_shown(new_api: Callable[..., Api]) -> None:
    fake = _FakeIssuer()
    fake.release.set()
    fake.outcome = IssuanceFailed("urn:ietf:params:acme:error:caa")
    with Emulator(domains=[DOMAIN], issuer=fake) as emulator:
        api = new_api(emulator, emulator.key)
        api.post(X509)
        assert _wait_while_processing(api)["error"] == "urn:ietf:params:acme:error:caa"


def test_an_unexpected_error_of_an_issuer_is_raised_by_close(new_api: Callable[..., Api]) -> None:
    fake = _FakeIssuer()
    fake.release.set()
    fake.outcome = KeyError("unexpected")
    emulator = Emulator(domains=[DOMAIN], issuer=fake).start()
    api = new_api(emulator, emulator.key)
    api.post(X509)
    assert _wait_while_processing(api)["status"] == "error"
    with pytest.raises(EmulatorError, match="unexpected"):
        emulator.close()
