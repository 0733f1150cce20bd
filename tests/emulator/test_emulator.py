"""The class `Emulator`."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from mailgun_tracking.emulator import (
    DomainTaken,
    Emulator,
    EmulatorError,
    InvalidSetting,
    UnknownDomain,
)
from tests.emulator.conftest import DOMAIN, HOST, KEY, Api

ROOT = Path(__file__).parents[2]


def test_url_and_key(emulator: Emulator) -> None:
    assert emulator.url == f"http://127.0.0.1:{emulator.port}"
    assert emulator.key == KEY


def test_without_keys_a_random_one_is_used() -> None:
    assert Emulator().key != Emulator().key


@pytest.mark.parametrize(
    "arguments",
    [
        {"domains": ["one-label"]},
        {"domains": ["asia/a.example.com"]},
        {"domains": ["eu//a.example.com"]},
        {"domains": ["eu/a/b/c.example.com"]},
        {"region": "both"},
        {"keys": {}},
        {"latency_seconds": -1},
        {"port": -1},
        {"port": 65536},
        {"port": True},
        {"cname_check": "perhaps"},
        {"host": "0.0.0.0"},
        {"host": "192.0.2.1"},
        {"host": "example.com"},
    ],
)
def test_invalid_arguments_are_rejected(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidSetting):
        Emulator(**arguments)  # type: ignore[arg-type]


def test_connections_have_tcp_nodelay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, each response may wait for an acknowledgement between header and body."""
    accepted: list[int] = []
    accept = socket.socket.accept

    def noting(self: socket.socket) -> tuple[socket.socket, object]:
        connection, address = accept(self)
        accepted.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return connection, address

    monkeypatch.setattr(socket.socket, "accept", noting)
    with Emulator() as emulator:
        requests.get(emulator.url, timeout=10)
    assert len(accepted) == 1
    assert accepted[0] != 0


def test_it_can_be_closed_twice_and_restarted_on_the_same_port() -> None:
    emulator = Emulator(domains=[DOMAIN]).start()
    port = emulator.port
    with pytest.raises(RuntimeError, match="already running"):
        emulator.start()
    emulator.close()
    emulator.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=10)
    with pytest.raises(RuntimeError, match="not running"):
        emulator.url  # noqa: B018 - the property raises
    with emulator:
        assert emulator.port == port
        assert emulator.domain(DOMAIN).web_prefix == "email"


def test_a_port_in_use_is_an_error() -> None:
    with Emulator() as emulator, pytest.raises(OSError, match="in use"):
        Emulator(port=emulator.port).start()


def test_an_error_in_the_api_is_raised_by_close(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    emulator = Emulator(domains=[DOMAIN]).start()

    def broken(*arguments: object) -> dict[str, object]:
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr("mailgun_tracking.emulator.responses.tracking", broken)
    response = requests.get(
        f"{emulator.url}/v3/domains/{DOMAIN}/tracking", auth=("api", emulator.key), timeout=10
    )
    assert (response.status_code, response.json()) == (500, {"message": "Internal Server Error"})
    with pytest.raises(EmulatorError, match="ZeroDivisionError: unexpected") as raised:
        emulator.close()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert "unexpected" in capfd.readouterr().err


def test_an_error_in_the_control_api_is_raised_by_close(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("unexpected")

    with Emulator() as other:
        monkeypatch.setattr(other._store, "reset", broken)
        response = requests.post(
            f"{other.url}/_emulator/reset",
            headers={"Authorization": f"Bearer {other.control_token}"},
            timeout=10,
        )
        assert response.status_code == 500
        with pytest.raises(EmulatorError, match="unexpected"):
            other.close()
    assert "unexpected" in capfd.readouterr().err


def test_any_domain_creates_domains_on_request(new_api: Callable[..., Api]) -> None:
    with Emulator(any_domain=True, subaccounts=("sub-1",)) as emulator:
        api = new_api(emulator, emulator.key)
        assert api.get("/v4/domains").json()["total_count"] == 0
        assert api.tracking("a.example.com")["click"]["active"] is False
        header = {"X-Mailgun-On-Behalf-Of": "sub-1"}
        assert api.get("/eu/v4/domains/b.example.com", headers=header).status_code == 200
        assert emulator.domain("b.example.com", "eu").subaccount == "sub-1"
        assert api.post("/v2/x509/email.c.example.com").status_code == 202
        assert emulator.domain("c.example.com").certificates["email.c.example.com"].pem
        assert api.get("/v4/domains/one-label").status_code == 404
        assert api.post("/v2/x509/a.example.com").status_code == 404
        assert api.get("/us/v4/domains/a.example.com", headers=header).status_code == 404
        assert [d.name for d in emulator.domains()] == [f"{x}.example.com" for x in "bac"]


def test_domains_are_added_and_removed(emulator: Emulator) -> None:
    emulator.add_domain("New.Example.com", web_scheme="https", open={"active": True})
    added = emulator.domain("new.example.COM")
    assert (added.web_scheme, added.open["active"]) == ("https", True)
    with pytest.raises(DomainTaken):
        emulator.add_domain("new.example.com")
    with pytest.raises(InvalidSetting):
        emulator.add_domain("x.example.com", colour="blue")
    with pytest.raises(UnknownDomain):
        emulator.domain("x.example.com")
    emulator.remove_domain("new.example.com")
    with pytest.raises(UnknownDomain):
        emulator.domain("new.example.com")
    for refused in (emulator.drift, emulator.remove_domain):
        with pytest.raises(UnknownDomain):
            refused("new.example.com")
    with pytest.raises(UnknownDomain):
        emulator.set_certificate("email.new.example.com")
    assert emulator.requests == []


def test_a_snapshot_does_not_change(emulator: Emulator) -> None:
    emulator.set_certificate(HOST, "active")
    before = emulator.domain(DOMAIN)
    emulator.drift(DOMAIN, click=True)
    emulator.set_certificate(HOST, "error")
    assert before.click["active"] is False
    assert before.certificates[HOST].status == "active"


def test_a_recorded_request_does_not_change_and_cannot_be_changed(
    emulator: Emulator, api: Api
) -> None:
    api.tracking()
    emulator.requests[0].path = "/"
    assert emulator.requests[0].path == f"/v3/domains/{DOMAIN}/tracking"
    emulator.forget_requests()
    assert emulator.requests == []


def test_a_processing_certificate_becomes_active(emulator: Emulator) -> None:
    emulator.set_certificate(HOST, "processing", ready_after_seconds=3600)
    assert emulator.domain(DOMAIN).certificates[HOST].status == "processing"
    emulator.set_certificate(HOST, "processing", ready_after_seconds=0)
    assert emulator.domain(DOMAIN).certificates[HOST].status == "active"


def test_concurrent_requests(emulator: Emulator) -> None:
    """Many clients change and read domains; every request takes effect and is recorded."""
    names = [f"d{number}.example.com" for number in range(24)]
    for name in names:
        emulator.add_domain(name)
    ready = threading.Barrier(len(names))

    def work(name: str) -> list[int]:
        with requests.Session() as session:
            session.auth = ("api", KEY)
            ready.wait(30)
            base = f"{emulator.url}/v3/domains/{name}/tracking"
            return [
                session.put(f"{base}/click", data={"active": "htmlonly"}, timeout=30).status_code,
                session.post(f"{emulator.url}/v2/x509/email.{name}", timeout=30).status_code,
                session.get(base, timeout=30).status_code,
            ]

    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(work, names)) == [[200, 202, 200]] * len(names)
    assert len(emulator.requests) == 3 * len(names)
    for name in names:
        domain = emulator.domain(name)
        assert domain.click["active"] == "htmlonly"
        assert domain.certificates[f"email.{name}"].status == "active"


def loaded_modules(statement: str) -> set[str]:
    """Return the modules that are loaded after a statement, in a new interpreter."""
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_package_does_not_import_the_emulator() -> None:
    assert not {"mailgun_tracking.emulator", "starlette", "uvicorn"} & loaded_modules(
        "import mailgun_tracking"
    )


def test_the_emulator_does_not_import_the_rest_of_the_package() -> None:
    """An empty module takes the place of the package, whose own imports do not count."""
    loaded = loaded_modules(
        "import types\n"
        "package = sys.modules['mailgun_tracking'] = types.ModuleType('mailgun_tracking')\n"
        "package.__path__ = ['mailgun_tracking']\n"
        "import mailgun_tracking.emulator.command"
    )
    own = {name for name in loaded if name.startswith("mailgun_tracking.")}
    assert "mailgun_tracking.emulator.server" in own
    assert [name for name in own if not name.startswith("mailgun_tracking.emulator")] == []
