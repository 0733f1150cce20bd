"""How Mailgun is reached: the base URL, trusted certificates, proxies, and who gets the key."""

from __future__ import annotations

import base64
import gzip
import socket
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
from mailgun_tracking._api.base_url import check_base_url
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.transport import Transport
from tests.unit.api.calls import ANY, DOMAIN, KEY, failure
from tests.unit.api.conftest import ClientFactory
from tests.unit.api.wire import FaultyServer, Proxy, http_response, reset, serving
from tests.unit.fakes import Clock, make_pem

HOST = "api.mailgun.example"
BASE_URL = f"https://{HOST}"
BODY = {"domain": {"name": DOMAIN}}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Files of a self-signed certificate for the API's host and localhost, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_text(make_pem(HOST, "localhost", start=yesterday, key=key))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(scope="module")
def api(server_context: ssl.SSLContext) -> Iterator[HTTPServer]:
    """Mailgun's API over TLS."""
    with HTTPServer(port=0, ssl_context=server_context) as server:
        server.expect_request(f"/v4/domains/{DOMAIN}").respond_with_json(BODY)
        yield server


@pytest.fixture
def proxy(api: HTTPServer) -> Iterator[Proxy]:
    """A proxy in front of the API; it is used where the environment says so."""
    with serving(Proxy(api.port)) as server:
        yield server


@pytest.fixture
def used_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The proxy of the environment, for every scheme."""
    for scheme in ("HTTPS", "HTTP", "ALL"):
        monkeypatch.setenv(f"{scheme}_PROXY", f"http://{proxy.authority}")
    return proxy


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts the API's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


def read_domain(base_url: str = BASE_URL) -> str:
    """The domain's name in the API's response, over a connection of its own."""
    with closing(Transport(base_url, KEY)) as transport:
        return MailgunClient(transport, deadline=0).get_domain(DOMAIN).name


class TestBaseUrl:
    """Where the key may be sent."""

    @pytest.mark.parametrize(
        ("url", "normalized"),
        [
            ("https://api.mailgun.net", "https://api.mailgun.net"),
            ("https://api.mailgun.net/", "https://api.mailgun.net"),
            ("https://proxy.example.com:8443/mailgun/", "https://proxy.example.com:8443/mailgun"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/us/", "http://localhost:8000/us"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ],
    )
    def test_is_accepted(self, url: str, normalized: str) -> None:
        assert check_base_url(url) == normalized

    @pytest.mark.parametrize(
        ("word", "urls"),
        [
            (
                "unencrypted",
                [
                    "http://api.mailgun.net",
                    "http://127.0.0.1.example.com",
                    "http://localhost.example.com",
                    "http://10.0.0.1",
                ],
            ),
            (
                "not a valid URL",
                [
                    "ftp://127.0.0.1",
                    "file:///etc/passwd",
                    "api.mailgun.net",
                    "",
                    "https://",
                    "https://[::1",
                    "https://api mailgun.net",
                    "https://api%2mailgun.net",
                    "https://*.mailgun.net",
                    "https://api.mailgun.net:port",
                    "https://api.mailgun.net:0",
                    "https://api.mailgun.net/{zone}",
                    "https://api\n.mailgun.net",
                    f"https://{'a' * 64}.example.com",
                    f"https://{'.'.join(['a' * 50] * 6)}",
                    "https://xn--zz.example.com",
                    "https://[abc]",
                ],
            ),
            (
                "query",
                [
                    "https://proxy.example.com/?key=1",
                    "https://proxy.example.com?",
                    "https://proxy.example.com/#top",
                ],
            ),
            (
                "credentials",
                [
                    "https://api:secret@api.mailgun.net",
                    "https://secret@api.mailgun.net",
                    "http://secret@127.0.0.1",
                    "api:secret@api.mailgun.net",
                ],
            ),
        ],
    )
    def test_is_refused(self, word: str, urls: list[str]) -> None:
        for url in urls:
            with pytest.raises(errors.ConfigurationError) as caught:
                Transport(url, KEY)
            assert word in caught.value.reason, url
            assert caught.value.advice
            assert "secret" not in str(caught.value)


class TestTrust:
    """Whose certificates are trusted."""

    @pytest.mark.usefixtures("used_proxy")
    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_authorities_of_the_environment(
        self,
        variable: str,
        certificate: tuple[Path, Path],
        api: HTTPServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """They are trusted on direct connections and through a proxy."""
        monkeypatch.setenv(variable, str(certificate[0]))
        assert read_domain() == DOMAIN
        assert read_domain(f"https://localhost:{api.port}") == DOMAIN

    @pytest.mark.usefixtures("trusted")
    def test_a_bundle_replaces_those_of_the_machine(
        self, api: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "other.pem").write_text(make_pem("other.example"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
        with pytest.raises(errors.TrackingError, match="self-signed"):
            read_domain(f"https://localhost:{api.port}")

    @pytest.mark.usefixtures("trusted")
    def test_an_empty_variable_counts_as_unset(
        self, api: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "")
        assert read_domain(f"https://localhost:{api.port}") == DOMAIN

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_a_missing_bundle_is_refused(
        self, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(variable, str(tmp_path / "missing.pem"))
        with pytest.raises(errors.ConfigurationError, match=r"missing\.pem") as caught:
            Transport(BASE_URL, KEY)
        assert variable in caught.value.advice

    def test_a_bundle_without_certificates_is_refused(
        self, api: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "empty.pem").write_text("")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
        with pytest.raises(errors.TrackingError, match="CA certificates"):
            read_domain(f"https://localhost:{api.port}")

    def test_any_other_certificate_is_refused_at_once(
        self, used_proxy: Proxy, new_client: ClientFactory, clock: Clock
    ) -> None:
        caught = failure(lambda: new_client(BASE_URL).get_domain(DOMAIN))
        assert type(caught) is errors.TrackingError
        assert caught.reason.endswith("self-signed certificate")
        assert len(used_proxy.requests) == 1
        assert clock.waits == []

    @pytest.mark.usefixtures("trusted")
    def test_a_certificate_for_another_name_is_refused(self, api: HTTPServer) -> None:
        with pytest.raises(errors.TrackingError, match=r"not valid for '127\.0\.0\.1'"):
            read_domain(f"https://127.0.0.1:{api.port}")

    @pytest.mark.usefixtures("trusted")
    def test_handshakes_do_not_wait_for_each_other(self, server_context: ssl.SSLContext) -> None:
        """The server answers a handshake only when the other one has begun as well."""
        both = threading.Barrier(2)
        response = http_response("200 OK", '{"domain": {"name": "mg.example.com"}}')

        def respond(_server: FaultyServer, connection: socket.socket) -> None:
            both.wait(30)
            with server_context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(65536)
                tls.sendall(response)

        names: list[str] = []
        with serving(FaultyServer(respond)) as server:
            base_url = f"https://localhost:{server.server_address[1]}"
            with closing(Transport(base_url, KEY)) as transport:
                client = MailgunClient(transport, deadline=0)
                threads = [
                    threading.Thread(target=lambda: names.append(client.get_domain(DOMAIN).name))
                    for _ in range(2)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        assert names == [DOMAIN, DOMAIN]


class TestProxy:
    """Which proxy is used, and what it gets to see."""

    @pytest.mark.usefixtures("trusted")
    @pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
    def test_of_the_environment_is_used(
        self, variable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(variable, f"http://{proxy.authority}")
        assert read_domain() == DOMAIN
        ((line, *_),) = proxy.requests
        assert line.startswith(f"CONNECT {HOST}:443 ")

    @pytest.mark.usefixtures("trusted")
    def test_receives_its_own_password_and_not_the_key(
        self, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"http://jo:a%20b%40c@{proxy.authority}")
        assert read_domain() == DOMAIN
        (request,) = proxy.requests
        credentials = base64.b64encode(b"jo:a b@c").decode()
        assert [line for line in request if "authorization" in line.lower()] == [
            f"Proxy-Authorization: Basic {credentials}"
        ]

    @pytest.mark.parametrize("exempt", ["mailgun.example", HOST, "*"])
    def test_is_not_used_for_what_no_proxy_names(
        self, exempt: str, used_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NO_PROXY", exempt)
        looked_up: list[str] = []

        def look_up(host: str, *_: object, **__: object) -> None:
            looked_up.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "no such host")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        with pytest.raises(errors.Unreachable, match="no such host"):
            read_domain()
        assert set(looked_up) == {HOST}
        assert used_proxy.requests == []

    @pytest.mark.usefixtures("trusted")
    @pytest.mark.parametrize(
        ("scheme", "host"),
        [("http", "127.0.0.1"), ("http", "localhost"), ("https", "localhost")],
    )
    def test_is_not_used_for_loopback(
        self, scheme: str, host: str, api: HTTPServer, httpserver: HTTPServer, used_proxy: Proxy
    ) -> None:
        """It would receive the key unencrypted."""
        httpserver.expect_request(ANY).respond_with_json(BODY)
        port = httpserver.port if scheme == "http" else api.port
        assert read_domain(f"{scheme}://{host}:{port}") == DOMAIN
        assert used_proxy.requests == []

    @pytest.mark.parametrize(
        "url",
        [
            "socks9://jo:secret@127.0.0.1:1080",
            "ftp://jo:secret@127.0.0.1",
            "http://jo:secret@[::1",
            "http://jo:secret@127.0.0.1:port",
            "http://jo:secret%E2%82%AC@127.0.0.1",
        ],
    )
    def test_that_cannot_be_used_is_reported_without_its_password(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(errors.ConfigurationError, match="HTTPS_PROXY") as caught:
            read_domain()
        assert f"{HOST} to NO_PROXY" in caught.value.advice
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        ("response", "word"),
        [
            (http_response("407 Proxy Authentication Required"), "407"),
            (http_response("502 Bad Gateway"), "502"),
            (b"", "closed"),
            (reset, "reset"),
        ],
    )
    def test_that_fails_is_retried(
        self,
        response: bytes,
        word: str,
        new_client: ClientFactory,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        with serving(FaultyServer(response)) as server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://jo:secret@{server.authority}")
            caught = failure(lambda: new_client(BASE_URL, deadline=5).get_domain(DOMAIN))
        assert type(caught) is errors.Unreachable
        assert word in caught.reason
        assert f"through the proxy http://{server.authority} (" in caught.reason
        assert "secret" not in str(caught)
        assert set(server.requests) == {f"CONNECT {HOST}:443"}
        assert clock.waits


@pytest.mark.behaviour(84)
@pytest.mark.parametrize("subaccount", ["a\nb", "a b", "ü", "\udcff"])
def test_a_subaccount_that_cannot_be_sent_is_refused(subaccount: str) -> None:
    """A state may hold anything."""
    with pytest.raises(errors.ConfigurationError, match=r"the subaccount .* cannot be used"):
        Transport(BASE_URL, KEY, subaccount)


def test_a_netrc_file_never_replaces_the_key(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jo password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    httpserver.expect_request(ANY).respond_with_json(BODY)
    assert read_domain(f"http://127.0.0.1:{httpserver.port}") == DOMAIN
    authorization = httpserver.log[0][0].authorization
    assert authorization is not None
    assert (authorization.username, authorization.password) == ("api", KEY)


def test_a_response_may_be_compressed(httpserver: HTTPServer) -> None:
    """It makes a list of a thousand domains ten times smaller."""
    httpserver.expect_request(
        ANY,
        header_value_matcher=lambda name, actual, expected: expected in (actual or ""),
        headers={"Accept-Encoding": "gzip"},
    ).respond_with_data(
        gzip.compress(b'{"domain": {"name": "mg.example.com"}}'),
        headers={"Content-Encoding": "gzip"},
    )
    assert read_domain(httpserver.url_for("/")) == DOMAIN
