"""How Mailgun is connected to: whose certificates are trusted, and through which proxy."""

from __future__ import annotations

import base64
import gzip
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer

from mailgun_tracking import errors
from mailgun_tracking.client import MailgunClient, Transport
from tests.unit.conftest import KEY
from tests.unit.fakes import make_pem

HOST = "api.mailgun.example"
BASE_URL = f"https://{HOST}"
DOMAIN = "mg.example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files of a certificate of its own making for the API's host, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_text(make_pem(HOST, start=yesterday, key=key))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def api(certificate: tuple[Path, Path]) -> Iterator[HTTPServer]:
    """Mailgun's API over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with HTTPServer(port=0, ssl_context=context) as server:
        domain = {"domain": {"name": DOMAIN, "web_prefix": "email", "web_scheme": "http"}}
        server.expect_request(f"/v4/domains/{DOMAIN}").respond_with_json(domain)
        yield server


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy that leads every tunnel to one port of this machine, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.port = port
        self.asked: list[list[str]] = []
        self.authority = f"127.0.0.1:{self.server_address[1]}"


class Tunnel(socketserver.StreamRequestHandler):
    """One tunnel."""

    server: Proxy

    def handle(self) -> None:
        asked = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
        self.server.asked.append(asked)
        with socket.create_connection(("127.0.0.1", self.server.port)) as inner:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self._pass_on, args=(inner, self.connection))
            back.start()
            self._pass_on(self.connection, inner)
            back.join()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def proxy(api: HTTPServer) -> Iterator[Proxy]:
    """A proxy in front of the API; the environment names it only where a test says so."""
    with Proxy(api.port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def used_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy, which the environment names."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.authority}")
    return proxy


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts the API's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


def read_domain(base_url: str = BASE_URL) -> str:
    """The name of the domain, as the API says it through a connection of its own."""
    with closing(Transport(base_url, KEY)) as transport:
        return MailgunClient(transport, deadline=1).get_domain(DOMAIN).name


@pytest.mark.usefixtures("trusted", "used_proxy")
def test_the_machines_authorities_are_trusted() -> None:
    """Those that ``SSL_CERT_FILE`` names, too, as Pulumi does."""
    assert read_domain() == DOMAIN


def test_nobody_else_is_trusted(used_proxy: Proxy) -> None:
    with pytest.raises(errors.TrackingError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        read_domain()
    assert type(caught.value) is errors.TrackingError
    assert len(used_proxy.asked) == 1


@pytest.mark.usefixtures("trusted")
def test_a_name_that_is_not_in_the_certificate_is_refused(api: HTTPServer) -> None:
    with pytest.raises(errors.TrackingError, match=r"no safe connection.*localhost"):
        read_domain(f"https://localhost:{api.port}")


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(
    name: str,
    scheme: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, scheme + proxy.authority)
    assert read_domain() == DOMAIN
    ((line, *_),) = proxy.asked
    assert line.startswith(f"CONNECT {HOST}:443 HTTP/1.")


@pytest.mark.usefixtures("trusted")
def test_a_proxy_gets_its_own_password_and_not_the_key(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://jo:a%20b%40c@{proxy.authority}")
    assert read_domain() == DOMAIN
    (asked,) = proxy.asked
    credentials = base64.b64encode(b"jo:a b@c").decode()
    headers = [line for line in asked if "authorization" in line.lower()]
    assert [line.lower() for line in headers] == [
        f"proxy-authorization: basic {credentials}".lower()
    ]


@pytest.mark.parametrize("exempt", ["mailgun.example", HOST, "*"])
def test_what_no_proxy_names_is_reached_directly(
    exempt: str, used_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", exempt)
    looked_up: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> None:
        looked_up.append(host)
        raise socket.gaierror("nobody asks beyond this machine")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(errors.Unreachable):
        read_domain()
    assert set(looked_up) == {HOST}
    assert used_proxy.asked == []


@pytest.mark.usefixtures("trusted")
def test_this_machine_is_reached_directly(api: HTTPServer, used_proxy: Proxy) -> None:
    with pytest.raises(errors.TrackingError, match="no safe connection"):
        read_domain(f"https://127.0.0.1:{api.port}")
    assert used_proxy.asked == []


@pytest.mark.parametrize(
    "proxy_url", ["socks5://jo:secret@127.0.0.1:1080", "http://jo:secret@[::1", "ftp://jo:secret@a"]
)
def test_a_proxy_that_is_none_is_told_without_its_password(
    proxy_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy_url)
    with pytest.raises(errors.ConfigurationError) as caught:
        Transport(BASE_URL, KEY)
    assert str(caught.value) == (
        f"the proxy for {BASE_URL} cannot be used: it is no address of an HTTP proxy; "
        f"set HTTPS_PROXY as in http://proxy.example.com:3128, or NO_PROXY to {HOST}"
    )


def test_an_answer_may_be_compressed(httpserver: HTTPServer) -> None:
    """A list of a thousand domains is a tenth of its size then."""
    body = gzip.compress(b'{"items": []}')
    httpserver.expect_request("/v4/domains", headers={"Accept-Encoding": "gzip"}).respond_with_data(
        body, headers={"Content-Encoding": "gzip"}
    )
    with closing(Transport(httpserver.url_for("/"), KEY)) as transport:
        assert list(MailgunClient(transport, deadline=1).list_domains()) == []
