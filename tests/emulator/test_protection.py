"""What a stranger on this machine, or a web page in its browser, cannot do to the emulator."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.emulator import serving as serving_module
from mailgun_tracking.emulator.forms import MAX_BODY_BYTES
from tests.emulator.conftest import DOMAIN, HOST, Api

pytestmark = pytest.mark.behaviour(48)

CLICK = f"/v3/domains/{DOMAIN}/tracking/click"
TYPE = {"Content-Type": "application/x-www-form-urlencoded"}
CONTROL = [
    ("GET", "requests"),
    ("DELETE", "requests"),
    ("GET", "state"),
    ("POST", "domains"),
    ("PATCH", f"domains/us/{DOMAIN}"),
    ("DELETE", f"domains/us/{DOMAIN}"),
    ("GET", "dials"),
    ("PATCH", "dials"),
    ("GET", "settings"),
    ("PATCH", "settings"),
    ("GET", "faults"),
    ("POST", "faults"),
    ("DELETE", "faults"),
    ("POST", f"certificates/{HOST}"),
    ("POST", "reset"),
    ("GET", "nothing"),
]


def _status(emulator: Emulator, path: str, authorization: str) -> bytes:
    """Send a PUT whose body does not come, and return the first line of the response."""
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=10) as connection:
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000000000\r\n"
        )
        connection.sendall(f"{head}\r\nactive=".encode())
        return connection.recv(4096).partition(b"\r\n")[0]


def test_a_body_is_only_read_with_a_key(emulator: Emulator) -> None:
    """Otherwise there is a response although the body is still to come."""
    assert _status(emulator, CLICK, "Basic eA==") == b"HTTP/1.1 401 Unauthorized"
    assert emulator.requests[-1].form == {}
    url = "/_emulator/settings"
    assert _status(emulator, url, "Bearer wrong") == b"HTTP/1.1 401 Unauthorized"


def test_what_a_stranger_sends_is_not_kept(emulator: Emulator, api: Api) -> None:
    body = b"active=true&" + b"x" * 5_000_000
    for auth in (None, ("api", "wrong")):
        response = requests.put(emulator.url + CLICK, data=body, headers=TYPE, auth=auth, timeout=9)
        assert response.status_code == 401
    assert emulator.requests[-1].form == {}
    assert api.put(CLICK, data={"active": "true"}).status_code == 200


@pytest.mark.parametrize("path", [CLICK, f"/v4/domains/{DOMAIN}", "/v4/domains"])
def test_the_size_of_a_body_is_limited(emulator: Emulator, api: Api, path: str) -> None:
    method = "POST" if path == "/v4/domains" else "PUT"
    before = emulator.domains()
    response = api.call(method, path, data=b"active=" + b"x" * MAX_BODY_BYTES, headers=TYPE)
    assert response.status_code == 413
    assert response.json() == {"message": "the body has more than 1048576 bytes"}
    assert emulator.domains() == before
    footer = "x" * (MAX_BODY_BYTES - len("html_footer="))
    url = f"/v3/domains/{DOMAIN}/tracking/unsubscribe"
    assert api.put(url, data={"html_footer": footer}).status_code == 200


def test_the_size_of_a_body_of_the_control_api_is_limited(emulator: Emulator, api: Api) -> None:
    before = emulator.settings
    response = api.control("PATCH", "settings", {"issuance_fails": "x" * MAX_BODY_BYTES})
    assert response.status_code == 413
    assert emulator.settings == before


@pytest.mark.parametrize(("method", "path"), CONTROL)
@pytest.mark.parametrize("header", ["none", "", "Bearer ", "Bearer wrong", "KEY", "Basic TOKEN"])
def test_the_control_api_needs_its_token(
    emulator: Emulator, api: Api, method: str, path: str, header: str
) -> None:
    api.tracking()
    before = (emulator.domains(), emulator.settings, emulator.requests)
    value = header.replace("KEY", f"Bearer {emulator.key}").replace("TOKEN", emulator.control_token)
    response = requests.request(
        method,
        f"{emulator.url}/_emulator/{path}",
        headers={} if header == "none" else {"Authorization": value},
        json={"name": "new.example.com", "status": 500},
        timeout=10,
    )
    assert response.status_code == 401
    assert "Authorization: Bearer TOKEN" in response.json()["message"]
    assert (emulator.domains(), emulator.settings, emulator.requests) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:PORT"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "[::1]:PORT"}, 200),
        ({"Host": "127.0.0.1:PORT", "Origin": "http://127.0.0.1:PORT"}, 200),
        ({"Host": ""}, 403),
        ({"Host": "attacker.example:PORT"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Host": "localhost.attacker.example:PORT"}, 403),
        ({"Host": "192.0.2.1:PORT"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Host": "attacker.example:PORT", "Origin": "http://attacker.example:PORT"}, 403),
    ],
)
def test_the_control_api_refuses_web_pages(
    emulator: Emulator, headers: dict[str, str], status: int
) -> None:
    """Also with the token: a name that leads to this machine is not one of it."""
    port = str(emulator.port)
    sent = {name: value.replace("PORT", port) for name, value in headers.items()}
    response = requests.post(
        f"{emulator.url}/_emulator/reset",
        headers={"Authorization": f"Bearer {emulator.control_token}", **sent},
        timeout=10,
    )
    assert response.status_code == status
    assert "access-control-allow-origin" not in response.headers


def test_each_emulator_has_its_own_token(emulator: Emulator) -> None:
    tokens = {emulator.control_token, Emulator().control_token, Emulator().control_token}
    assert len(tokens) == 3
    assert emulator.key not in tokens


def test_a_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "STOP_SECONDS", 0.2)
    hanging, release = threading.Event(), threading.Event()

    def hang(_request: object) -> None:
        hanging.set()
        release.wait(60)

    emulator = Emulator(on_response=hang).start()
    requests.get(emulator.url, timeout=10)
    assert hanging.wait(10)
    with pytest.raises(RuntimeError, match="does not stop"):
        emulator.close()
    release.set()
