"""Certificates: which call is answered how in which state, and what is issued."""

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
def test_each_call_in_each_state(
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
def test_a_refused_generation_changes_nothing(
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
def test_any_other_host_is_vaguely_not_found(api: Api, host: str, method: str, end: str) -> None:
    """The sending domain above all: the commonest mistake of all."""
    response = api.call(method, f"/v2/x509/{host}{end}")
    assert (response.status_code, response.json()) == (
        404,
        {"Description": "x509 cert not found"},
    )


def test_a_generation_takes_its_time_and_then_is_active(emulator: Emulator, api: Api) -> None:
    emulator.set(issuing_seconds=0.2)
    assert api.post(X509.upper().replace("/V2/X509", "/v2/x509")).status_code == 202
    assert api.certificate()["status"] == "processing"
    until = time.monotonic() + 10
    while (found := api.certificate())["status"] == "processing":
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (found["status"], found["error"]) == ("active", None)


def test_what_is_issued_is_a_real_certificate(emulator: Emulator, api: Api) -> None:
    emulator.set(certificate_lifetime_seconds=3600)
    before = datetime.now(timezone.utc).replace(microsecond=0)
    api.post(X509)
    pem = api.certificate()["certificate"]
    leaf, authority = x509.load_pem_x509_certificates(pem.encode())
    leaf.verify_directly_issued_by(authority)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert leaf.issuer.rfc4514_string() == "CN=Emulated Let's Encrypt"
    assert before <= leaf.not_valid_before_utc <= datetime.now(timezone.utc)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert timedelta(hours=1) <= lifetime <= timedelta(hours=1, seconds=1)
    snapshot = emulator.domain(DOMAIN).certificates[HOST]
    assert (snapshot.not_after, snapshot.generation) == (leaf.not_valid_after_utc, 1)


def test_a_409_tells_the_end_as_go_prints_it(emulator: Emulator, api: Api) -> None:
    emulator.set_certificate(HOST, "active")
    end = emulator.domain(DOMAIN).certificates[HOST].not_after
    assert end is not None
    text = api.put(X509).json()["Description"]
    assert re.search(r"until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC$", text)
    assert f"{end:%Y-%m-%d %H:%M:%S}" in text


def test_a_certificate_expires_by_the_clock(emulator: Emulator, api: Api) -> None:
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


def test_a_failed_generation_keeps_the_older_certificate(emulator: Emulator, api: Api) -> None:
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


def test_how_a_generation_ends_is_settled_when_it_starts(emulator: Emulator, api: Api) -> None:
    emulator.set(issuance_fails="no")
    api.post(X509)
    emulator.set(issuance_fails=None)
    assert api.certificate()["error"] == "no"


def test_a_cname_record_may_become_valid_later(emulator: Emulator, api: Api) -> None:
    emulator.set(cname_valid_after={HOST: 3600})
    assert api.post(X509).status_code == 400
    emulator.set(cname_valid_after={HOST: 0})
    assert api.post(X509).status_code == 202


def test_a_slow_look_at_dns_does_not_hold_up_others(
    emulator: Emulator, api: Api, new_api: Callable[..., Api]
) -> None:
    asked: list[str] = []
    answer = threading.Event()

    def look(host: str) -> bool:
        asked.append(host)
        return answer.wait(10)

    emulator.set(cname_check=look)
    statuses: list[int] = []
    other = new_api(emulator)
    waiting = threading.Thread(target=lambda: statuses.append(other.post(X509).status_code))
    waiting.start()
    try:
        while not asked:
            time.sleep(0.01)
        assert api.tracking()["web_scheme"] == "http"
        assert emulator.domain(DOMAIN).certificates == {}
    finally:
        answer.set()
        waiting.join()
    assert (statuses, asked) == ([202], [HOST])


class _Authority:
    """Issues when it is told to, with what it is given."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.outcome: str | Exception = ""
        self.hosts: list[str] = []

    def issue(self, host: str) -> str:
        self.hosts.append(host)
        self.may_go_on.wait(10)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def _wait_for_end(api: Api) -> dict[str, object]:
    until = time.monotonic() + 10
    while (found := api.certificate())["status"] == "processing":
        assert time.monotonic() < until
        time.sleep(0.01)
    return found


@pytest.fixture
def a_chain(emulator: Emulator) -> str:
    """A certificate that some authority issued for the host."""
    emulator.set_certificate(HOST, "active", lifetime_seconds=86400)
    pem = emulator.domain(DOMAIN).certificates[HOST].pem
    assert pem is not None
    return pem


def test_another_authority_works_in_its_own_time(a_chain: str, new_api: Callable[..., Api]) -> None:
    authority = _Authority()
    authority.outcome = a_chain
    with Emulator(domains=[DOMAIN], issuer=authority) as emulator:
        api = new_api(emulator, emulator.key)
        assert api.post(X509).status_code == 202
        assert api.certificate()["status"] == "processing"
        assert api.put(X509).status_code == 429
        authority.may_go_on.set()
        assert _wait_for_end(api) == {"status": "active", "error": None, "certificate": a_chain}
        assert authority.hosts == [HOST]


def test_the_reason_of_another_authority_is_shown(new_api: Callable[..., Api]) -> None:
    authority = _Authority()
    authority.may_go_on.set()
    authority.outcome = IssuanceFailed("urn:ietf:params:acme:error:caa")
    with Emulator(domains=[DOMAIN], issuer=authority) as emulator:
        api = new_api(emulator, emulator.key)
        api.post(X509)
        assert _wait_for_end(api)["error"] == "urn:ietf:params:acme:error:caa"


def test_a_defect_of_another_authority_comes_to_light(new_api: Callable[..., Api]) -> None:
    authority = _Authority()
    authority.may_go_on.set()
    authority.outcome = KeyError("a defect")
    emulator = Emulator(domains=[DOMAIN], issuer=authority).start()
    api = new_api(emulator, emulator.key)
    api.post(X509)
    assert _wait_for_end(api)["status"] == "error"
    with pytest.raises(EmulatorError, match="a defect"):
        emulator.close()
