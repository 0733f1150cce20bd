"""The client on the wire: what is sent, what is tried again, and what each answer becomes."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from pytest_httpserver import HTTPServer
from urllib3 import exceptions
from werkzeug import Request, Response

from mailgun_tracking import client as client_module
from mailgun_tracking import errors
from mailgun_tracking._version import __version__
from mailgun_tracking.client import MailgunClient, Transport, check_base_url
from mailgun_tracking.models import CertificateStatus, CnameRecord, DomainDetails
from tests.unit.conftest import KEY, ClientFactory
from tests.unit.fakes import Clock, Stop

DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
ANYTHING = re.compile(".*")
TRACKING = {
    "open": {"active": True, "place_at_the_top": False},
    "click": {"active": "htmlonly"},
    "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
}

CALLS: dict[str, Callable[[MailgunClient], object]] = {
    "GET /v3/domains/mg.example.com/tracking": lambda c: c.get_tracking(DOMAIN),
    "PUT /v3/domains/mg.example.com/tracking/click": lambda c: c.update_tracking(
        DOMAIN, "click", {"active": True}
    ),
    "GET /v4/domains/mg.example.com": lambda c: c.get_domain(DOMAIN),
    "PUT /v4/domains/mg.example.com": lambda c: c.update_domain(DOMAIN, {"web_scheme": "https"}),
    "GET /v4/domains": lambda c: list(c.list_domains()),
    "GET /v2/x509/email.mg.example.com/status": lambda c: c.get_certificate(HOST),
    "POST /v2/x509/email.mg.example.com": lambda c: c.generate_certificate(HOST),
    "PUT /v2/x509/email.mg.example.com": lambda c: c.regenerate_certificate(HOST),
}
AGAIN_ASKS = [name for name in CALLS if "x509" in name and name.startswith("PUT")]
OTHERS = [name for name in CALLS if "x509" in name and not name.startswith("PUT")]
DOMAINS = [name for name in CALLS if "x509" not in name]

AGAIN, ONCE = True, False
FOR_ALL: dict[int, tuple[bool, type[errors.MailgunError]]] = {
    301: (ONCE, errors.UnexpectedResponse),
    307: (ONCE, errors.UnexpectedResponse),
    401: (ONCE, errors.Unauthorized),
    403: (ONCE, errors.Unauthorized),
    500: (AGAIN, errors.ServerError),
    502: (AGAIN, errors.ServerError),
    503: (AGAIN, errors.ServerError),
    504: (AGAIN, errors.ServerError),
}
FOR_DOMAINS: dict[int, tuple[bool, type[errors.MailgunError]]] = {
    400: (ONCE, errors.MailgunError),
    402: (ONCE, errors.MailgunError),
    404: (ONCE, errors.DomainNotFound),
    405: (ONCE, errors.MailgunError),
    409: (ONCE, errors.MailgunError),
    429: (AGAIN, errors.RateLimited),
    501: (ONCE, errors.MailgunError),
}
FOR_CERTIFICATES: dict[int, tuple[bool, type[errors.MailgunError]]] = {
    400: (ONCE, errors.CnameNotValid),
    402: (ONCE, errors.CertificatesNotInPlan),
    404: (ONCE, errors.CertificateNotFound),
    405: (ONCE, errors.UnexpectedResponse),
    409: (ONCE, errors.CertificateConflict),
    501: (ONCE, errors.UnexpectedResponse),
}
# A job that runs makes Mailgun refuse another PUT; who does anything else was too fast.
FOR_AGAIN = {**FOR_CERTIFICATES, 429: (ONCE, errors.CertificateInProgress)}
FOR_OTHERS = {**FOR_CERTIFICATES, 429: (AGAIN, errors.RateLimited)}
POOL = urllib3.HTTPSConnectionPool("api.example.com")
REFUSED = exceptions.ProtocolError("Connection aborted.", ConnectionRefusedError())
UNTRUSTED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"

POLICY = [
    (name, status, *row)
    for names, table in ((DOMAINS, FOR_DOMAINS), (AGAIN_ASKS, FOR_AGAIN), (OTHERS, FOR_OTHERS))
    for name in names
    for status, row in {**FOR_ALL, **table}.items()
]


def paths(server: HTTPServer) -> list[str]:
    """What a server was asked, as in ``GET /v4/domains``."""
    return [f"{request.method} {request.path}" for request, _ in server.log]


def failure(call: Callable[[], object]) -> errors.TrackingError:
    """The error that a call ends with."""
    with pytest.raises(errors.TrackingError) as caught:
        call()
    return caught.value


@pytest.fixture
def mailgun(httpserver: HTTPServer, new_client: ClientFactory) -> MailgunClient:
    """A client of the test's server."""
    return new_client(httpserver.url_for("/"))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[HTTPServer]:
    """Another server, which nobody should talk to."""
    with HTTPServer(port=0) as server:
        server.expect_request(ANYTHING).respond_with_json({})
        yield server


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], list[str]]:
    """Makes each request end in an exception, and tells which were made."""

    def break_with(error: BaseException) -> list[str]:
        made: list[str] = []

        def request(_self: urllib3.HTTPConnectionPool, method: str, url: str, **_: object) -> Any:
            made.append(f"{method} {url}")
            raise error

        monkeypatch.setattr(urllib3.HTTPConnectionPool, "request", request)
        return made

    return break_with


def free_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class TestRetryPolicy:
    """What is tried again, and what is raised in the end."""

    @pytest.mark.parametrize(("name", "status", "again", "error"), POLICY)
    def test_of_a_status(
        self,
        name: str,
        status: int,
        again: bool,
        error: type[errors.MailgunError],
        httpserver: HTTPServer,
        new_client: ClientFactory,
        clock: Clock,
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"message": "no"}, status=status)
        mailgun = new_client(httpserver.url_for("/"), deadline=5)

        caught = failure(lambda: CALLS[name](mailgun))

        assert type(caught) is error
        assert caught.status == status
        assert set(paths(httpserver)) == {name}
        assert (len(httpserver.log) > 1) is again
        assert bool(clock.waits) is again

    @pytest.mark.parametrize("name", CALLS)
    @pytest.mark.parametrize(
        ("cause", "again", "error"),
        [
            (REFUSED, AGAIN, errors.Unreachable),
            (exceptions.ProxyError("no proxy", OSError()), AGAIN, errors.Unreachable),
            (exceptions.ConnectTimeoutError("slow"), AGAIN, errors.Unreachable),
            (exceptions.ReadTimeoutError(POOL, "/", "slow"), AGAIN, errors.Unreachable),
            (exceptions.ProtocolError("cut"), AGAIN, errors.Unreachable),
            (exceptions.SSLError(UNTRUSTED), ONCE, errors.TrackingError),
            (exceptions.SSLError("WRONG_VERSION_NUMBER"), ONCE, errors.TrackingError),
            (exceptions.SSLError("EOF occurred"), AGAIN, errors.Unreachable),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
    )
    def test_of_an_exception(
        self,
        name: str,
        cause: exceptions.HTTPError,
        again: bool,
        error: type[errors.TrackingError],
        broken: Callable[[BaseException], list[str]],
        new_client: ClientFactory,
    ) -> None:
        made = broken(cause)
        caught = failure(lambda: CALLS[name](new_client("https://api.example.com")))

        assert type(caught) is error
        assert caught.status is None
        assert "https://api.example.com" in caught.reason
        assert (len(made) > 1) is again

    def test_a_bad_certificate_of_the_server_is_named(
        self, broken: Callable[[BaseException], list[str]], new_client: ClientFactory
    ) -> None:
        broken(exceptions.SSLError(UNTRUSTED))
        caught = failure(lambda: new_client("https://api.example.com").get_domain(DOMAIN))
        assert str(caught) == (
            "cannot read the domain mg.example.com: no safe connection to "
            f"https://api.example.com: {UNTRUSTED}; "
            "check the base URL and the machine's CA certificates"
        )

    def test_a_success_after_failures_is_a_success(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        for status in (503, 429, 500):
            httpserver.expect_ordered_request(ANYTHING).respond_with_data(status=status)
        httpserver.expect_ordered_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        assert mailgun.get_tracking(DOMAIN)["click"] == {"active": "htmlonly"}
        assert len(httpserver.log) == 4

    def test_a_form_is_sent_again_whole(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_ordered_request(ANYTHING).respond_with_data(status=502)
        httpserver.expect_ordered_request(ANYTHING).respond_with_json({"message": "done"})
        mailgun.update_tracking(DOMAIN, "open", {"active": True})
        assert [request.form["active"] for request, _ in httpserver.log] == ["true", "true"]

    def test_a_slow_answer_is_no_answer(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(client_module, "READ_TIMEOUT", 0.02)
        monkeypatch.setattr(client_module, "FIRST_CONTACT_DEADLINE", 0.0)
        released = threading.Event()

        def answer(_request: Request) -> Response:
            released.wait(30)
            return Response("{}")

        httpserver.expect_request(ANYTHING).respond_with_handler(answer)
        try:
            caught = failure(lambda: mailgun.get_domain(DOMAIN))
        finally:
            released.set()
        assert type(caught) is errors.Unreachable
        assert "ReadTimeoutError" in caught.reason

    def test_time_outs_are_no_longer_than_what_is_left(
        self, new_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, stop: Stop
    ) -> None:
        given: list[tuple[float, float]] = []

        def request(_self: object, *_: object, timeout: urllib3.Timeout, **__: object) -> Any:
            connect, read = timeout.connect_timeout, timeout.read_timeout
            assert isinstance(connect, float | int)
            assert read is not None
            given.append((connect, read))
            raise REFUSED

        monkeypatch.setattr(urllib3.HTTPConnectionPool, "request", request)
        failure(lambda: new_client("https://a.example", deadline=4).get_domain(DOMAIN))
        failure(lambda: new_client("https://a.example", deadline=120).get_domain(DOMAIN))
        assert given[0] == (4, 4)
        assert (10, 30) in given
        assert all(1 <= connect <= 10 and 1 <= read <= 30 for connect, read in given)


class TestDeadline:
    """A call goes on until its deadline, and not a second longer."""

    @pytest.mark.parametrize("deadline", [5.0, 10.0, 120.0])
    def test_bounds_all_tries_together(
        self, deadline: float, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(status=500)
        failure(lambda: new_client(httpserver.url_for("/"), deadline=deadline).get_domain(DOMAIN))
        # One more wait, of 20.2 s at most, would have gone beyond it.
        assert max(0.0, deadline - 20.2) <= clock.passed <= deadline

    def test_waits_grow_and_are_bounded(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("random.uniform", lambda low, high: high)
        httpserver.expect_request(ANYTHING).respond_with_data(status=500)
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert clock.waits == sorted(clock.waits)
        assert clock.waits[0] < 3
        assert clock.waits[-1] == pytest.approx(20.2)

    def test_is_ten_seconds_where_nobody_ever_answered(
        self, new_client: ClientFactory, clock: Clock
    ) -> None:
        mailgun = new_client(f"http://127.0.0.1:{free_port()}")
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert type(caught) is errors.Unreachable
        assert 0 < clock.passed <= 10
        assert caught.advice == "check the network and the base URL, and run again"

    def test_is_longer_once_somebody_answered(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
        broken: Callable[[BaseException], list[str]],
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        mailgun.get_tracking(DOMAIN)
        broken(REFUSED)
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert 99 < clock.passed <= 120

    def test_starts_anew_with_each_call(
        self, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        mailgun = new_client(httpserver.url_for("/"), deadline=5)
        httpserver.expect_request(ANYTHING).respond_with_data(status=500)
        failure(lambda: mailgun.get_domain(DOMAIN))
        first = len(httpserver.log)
        clock.now += 1000
        failure(lambda: mailgun.get_domain(DOMAIN))
        assert len(httpserver.log) > first + 1


class TestAnswersAtOnce:
    """Whether a second call is worth another thread."""

    @pytest.mark.parametrize(("seconds", "at_once"), [(0.001, True), (0.1, False)])
    def test_goes_by_the_latest_answer(
        self,
        seconds: float,
        at_once: bool,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
    ) -> None:
        def answer(_request: Request) -> Response:
            clock.sleep(seconds)
            return Response('{"items": []}', content_type="application/json")

        httpserver.expect_request(ANYTHING).respond_with_handler(answer)
        assert not mailgun.answers_at_once
        list(mailgun.list_domains())
        assert mailgun.answers_at_once is at_once
        seconds = 1.0 if at_once else 0.0
        list(mailgun.list_domains())
        assert mailgun.answers_at_once is not at_once


class TestRetryAfter:
    """Mailgun's own word on when to come again."""

    def answer(self, server: HTTPServer, value: str, status: int = 429) -> None:
        server.expect_ordered_request(ANYTHING).respond_with_data(
            status=status, headers={"Retry-After": value}
        )
        server.expect_ordered_request(ANYTHING).respond_with_json({"tracking": TRACKING})

    @pytest.mark.parametrize("status", [429, 503])
    def test_in_seconds(
        self, status: int, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.answer(httpserver, "7", status)
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [7.0]

    def test_as_a_date(
        self,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        noon = types.SimpleNamespace(time=lambda: 1793534400.0)
        monkeypatch.setattr(urllib3.util.retry, "time", noon)
        self.answer(httpserver, "Sun, 01 Nov 2026 12:00:30 GMT")
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [30.0]

    @pytest.mark.parametrize(
        "value",
        ["soon", "", "-5", "1.5", "0", "Sun, 06 Nov 1994 08:49:37 GMT"],
    )
    def test_that_says_nothing_is_replaced_by_a_pause_of_our_own(
        self, value: str, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.answer(httpserver, value)
        mailgun.get_tracking(DOMAIN)
        (wait,) = clock.waits
        assert 0.2 <= wait <= 2.2

    def test_beyond_the_deadline_is_not_waited_for(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        self.answer(httpserver, "3600")
        caught = failure(lambda: mailgun.get_tracking(DOMAIN))
        assert type(caught) is errors.RateLimited
        assert caught.retry_after == 3600
        assert caught.advice == "run again with a smaller --parallel"
        assert clock.waits == []
        assert len(httpserver.log) == 1


class TestSharedBackOff:
    """One call's 429 makes the others of its account wait too."""

    def test_a_call_waits_before_it_is_sent(
        self, httpserver: HTTPServer, mailgun: MailgunClient, clock: Clock
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        mailgun.transport.hold(5)
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [5.0]
        assert len(httpserver.log) == 1

    def test_the_longest_hold_counts(self, mailgun: MailgunClient, clock: Clock) -> None:
        mailgun.transport.hold(5)
        mailgun.transport.hold(2)
        assert mailgun.transport.held_for() == 5
        clock.now += 4
        assert mailgun.transport.held_for() == 1
        clock.now += 4
        assert mailgun.transport.held_for() == 0

    def test_a_hold_beyond_the_deadline_is_cut(
        self, httpserver: HTTPServer, new_client: ClientFactory, clock: Clock
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        mailgun = new_client(httpserver.url_for("/"), deadline=3)
        mailgun.transport.hold(60)
        mailgun.get_tracking(DOMAIN)
        assert clock.waits == [3.0]

    @pytest.mark.parametrize(("status", "held"), [(429, 7.0), (503, 0.0), (500, 0.0)])
    def test_the_rate_limit_alone_holds(
        self,
        status: int,
        held: float,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
        stop: Stop,
    ) -> None:
        httpserver.expect_ordered_request(ANYTHING).respond_with_data(
            status=status, headers={"Retry-After": "7"}
        )
        httpserver.expect_ordered_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        seen: list[float] = []
        stop.during = lambda: seen.append(mailgun.transport.held_for())
        mailgun.get_tracking(DOMAIN)
        assert seen == [held]


class TestCancelled:
    """The engine's wish to stop ends everything at once."""

    def test_before_the_first_request(
        self, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop
    ) -> None:
        stop.set()
        for call in CALLS.values():
            assert type(failure(lambda call=call: call(mailgun))) is errors.Cancelled  # type: ignore[misc]
        assert httpserver.log == []

    def test_while_waiting_to_try_again(
        self, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop, clock: Clock
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(status=500)
        stop.during = stop.set
        assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Cancelled
        assert len(httpserver.log) == 1
        assert clock.waits == []

    def test_while_held_by_others(
        self, httpserver: HTTPServer, mailgun: MailgunClient, stop: Stop
    ) -> None:
        mailgun.transport.hold(60)
        stop.during = stop.set
        assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Cancelled
        assert httpserver.log == []


class TestWord:
    """What whoever waits is told."""

    def test_from_the_third_try_on(self, httpserver: HTTPServer, new_client: ClientFactory) -> None:
        lines: list[str] = []
        mailgun = new_client(httpserver.url_for("/"), say=lines.append)
        for wait in ("3", "4", "5"):
            httpserver.expect_ordered_request(ANYTHING).respond_with_json(
                {"message": "busy"}, status=503, headers={"Retry-After": wait}
            )
        httpserver.expect_ordered_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        mailgun.get_tracking(DOMAIN)
        assert lines == ["busy (503): trying again in 4 s", "busy (503): trying again in 5 s"]

    def test_of_no_answer(
        self, new_client: ClientFactory, broken: Callable[[BaseException], list[str]]
    ) -> None:
        lines: list[str] = []
        mailgun = new_client("https://api.example.com", say=lines.append)
        mailgun.transport.answer_took = 1.0
        broken(REFUSED)
        failure(lambda: mailgun.get_domain(DOMAIN))
        line = r"no answer from https://api.example.com \(ProtocolError\): trying again in \d+ s"
        assert re.fullmatch(line, lines[0])


class TestRedirects:
    """They are not followed: the key would travel to wherever they point."""

    @pytest.mark.parametrize("status", [302, 308])
    @pytest.mark.parametrize("name", CALLS)
    def test_are_not_followed(
        self,
        name: str,
        status: int,
        httpserver: HTTPServer,
        elsewhere: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(
            status=status, headers={"Location": elsewhere.url_for("/v3")}
        )
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnexpectedResponse
        assert caught.reason == (
            f"{mailgun.transport.base_url} redirects to {elsewhere.host}:{elsewhere.port}"
        )
        assert caught.advice == "give the final address as the base URL"
        assert len(httpserver.log) == 1
        assert elsewhere.log == []

    @pytest.mark.parametrize("location", ["", "/v4/elsewhere"])
    def test_to_nowhere_are_told_too(
        self, location: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        headers = {"Location": location} if location else {}
        httpserver.expect_request(ANYTHING).respond_with_data(status=302, headers=headers)
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert caught.reason.endswith("redirects to another address")

    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("https://api:key@example.com:8443/v3", "example.com:8443"),
            ("//example.com", "example.com"),
            ("https://[::1/", ""),
            ("nonsense", ""),
        ],
    )
    def test_are_named_by_their_host_alone(self, location: str, host: str) -> None:
        assert client_module._host(location) == host


class TestBaseUrl:
    """Where the key may travel."""

    @pytest.mark.parametrize(
        ("url", "becomes"),
        [
            ("https://api.mailgun.net", "https://api.mailgun.net"),
            ("https://api.mailgun.net/", "https://api.mailgun.net"),
            ("https://proxy.example.com:8443/mailgun/", "https://proxy.example.com:8443/mailgun"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/us/", "http://localhost:8000/us"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ],
    )
    def test_is_taken(self, url: str, becomes: str) -> None:
        assert check_base_url(url) == becomes
        assert Transport(url, KEY).base_url == becomes

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("http://api.mailgun.net", "the key would travel in clear"),
            ("http://127.0.0.1.example.com", "the key would travel in clear"),
            ("http://localhost.example.com", "the key would travel in clear"),
            ("http://10.0.0.1", "the key would travel in clear"),
            ("ftp://127.0.0.1", "it is no address of a server"),
            ("file:///etc/passwd", "it is no address of a server"),
            ("api.mailgun.net", "it is no address of a server"),
            ("", "it is no address of a server"),
            ("https://", "it is no address of a server"),
            ("https://[::1", "it is no address of a server"),
            ("https://api mailgun.net", "it is no address of a server"),
            ("https://api%2mailgun.net", "it is no address of a server"),
            ("https://api.mailgun.net:port", "it is no address of a server"),
            ("https://api:secret@api.mailgun.net", "it holds a user name or a password"),
            ("https://secret@api.mailgun.net", "it holds a user name or a password"),
            ("http://secret@127.0.0.1", "it holds a user name or a password"),
            ("api:secret@api.mailgun.net", "it holds a user name or a password"),
        ],
    )
    def test_is_refused(self, url: str, reason: str) -> None:
        with pytest.raises(errors.ConfigurationError) as caught:
            Transport(url, KEY)
        assert caught.value.reason == reason
        assert caught.value.advice
        assert "secret" not in str(caught.value)


class TestRequest:
    """What Mailgun is sent."""

    def test_headers(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"tracking": TRACKING})
        mailgun.get_tracking(DOMAIN)
        request = httpserver.log[0][0]
        assert request.authorization is not None
        assert request.authorization.username == "api"
        assert request.authorization.password == KEY
        assert request.headers["User-Agent"] == f"mailgun-tracking/{__version__}"
        assert "X-Mailgun-On-Behalf-Of" not in request.headers

    def test_of_a_subaccount(self, httpserver: HTTPServer, new_client: ClientFactory) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({})
        mailgun = new_client(httpserver.url_for("/"), subaccount="646d00a1b32c35364a2ad34f")
        mailgun.regenerate_certificate(HOST)
        request = httpserver.log[0][0]
        assert request.headers["X-Mailgun-On-Behalf-Of"] == "646d00a1b32c35364a2ad34f"

    @pytest.mark.parametrize(
        ("kind", "changes", "form"),
        [
            ("click", {"active": "htmlonly"}, {"active": ["htmlonly"]}),
            ("click", {"active": False}, {"active": ["false"]}),
            ("open", {"place_at_the_top": True}, {"place_at_the_top": ["true"]}),
            (
                "unsubscribe",
                {"active": True, "text_footer": "Zum Abmelden:\n%unsubscribe_url%\n"},
                {"active": ["true"], "text_footer": ["Zum Abmelden:\n%unsubscribe_url%\n"]},
            ),
            ("unsubscribe", {"html_footer": "é ü €"}, {"html_footer": ["é ü €"]}),
            ("unsubscribe", {"html_footer": ""}, {"html_footer": [""]}),
        ],
    )
    def test_forms_are_multipart_and_hold_what_is_given_alone(
        self,
        kind: str,
        changes: dict[str, object],
        form: dict[str, list[str]],
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"message": "updated"})
        mailgun.update_tracking(DOMAIN, kind, changes)
        request = httpserver.log[0][0]
        assert f"{request.method} {request.path}" == f"PUT /v3/domains/{DOMAIN}/tracking/{kind}"
        assert request.mimetype == "multipart/form-data"
        assert request.form.to_dict(flat=False) == form
        assert not request.files

    def test_the_web_form(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"message": "updated"})
        changes = {"web_scheme": "https", "web_prefix": "go"}
        assert mailgun.update_domain(DOMAIN, changes) is None
        request = httpserver.log[0][0]
        assert f"{request.method} {request.path}" == f"PUT /v4/domains/{DOMAIN}"
        assert request.mimetype == "multipart/form-data"
        assert request.form.to_dict() == changes

    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ("MG.Example.COM.", "/v4/domains/mg.example.com"),
            ("bücher.example", "/v4/domains/xn--bcher-kva.example"),
            ("a/../b?c#d", "/v4/domains/a%2F..%2Fb%3Fc%23d"),
        ],
    )
    def test_names_are_normalized_and_quoted(
        self, given: str, path: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(status=404)
        failure(lambda: mailgun.get_domain(given))
        assert httpserver.log[0][0].environ["REQUEST_URI"] == path


class TestReasons:
    """Every shape of error body becomes a readable reason."""

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ('{"message": "Invalid private key"}', "Invalid private key"),
            ('{"Reason": "invalid CNAME record"}', "invalid CNAME record"),
            ('{"Description": "x509 cert not found"}', "x509 cert not found"),
            ('{"error": "nope"}', "nope"),
            ('{"message": "", "Reason": "why"}', "why"),
            ('{"message": "first", "Reason": "second"}', "first"),
            ('{"message": {"code": 7}}', "{'code': 7}"),
            ("Forbidden", "Forbidden"),
            ("  two\n\tlines  ", "two lines"),
            ("<html><body>Bad Gateway</body></html>", "FORBIDDEN"),
            ("  <!doctype html>", "FORBIDDEN"),
            ("", "FORBIDDEN"),
            ("{}", "FORBIDDEN"),
            ("[]", "FORBIDDEN"),
            ('{"other": "thing"}', "FORBIDDEN"),
            ("x" * 300, "x" * 199 + "…"),
        ],
    )
    def test_of_a_body(
        self, body: str, reason: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(body, status=403)
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert caught.reason == reason
        assert str(caught) == f"cannot read the domain mg.example.com: {reason} (403)"
        assert "\n" not in str(caught)

    @pytest.mark.parametrize(
        ("name", "what"),
        zip(
            CALLS,
            [
                "cannot read the tracking settings of mg.example.com",
                "cannot change click tracking of mg.example.com",
                "cannot read the domain mg.example.com",
                "cannot change web_scheme of mg.example.com",
                "cannot list the account's domains",
                "cannot read the certificate of email.mg.example.com",
                "cannot issue a certificate for email.mg.example.com",
                "cannot regenerate a certificate for email.mg.example.com",
            ],
            strict=True,
        ),
    )
    def test_say_what_was_tried(
        self, name: str, what: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"message": "no"}, status=401)
        caught = failure(lambda: CALLS[name](mailgun))
        assert caught.what == what
        assert caught.domain == (what.rpartition(" ")[2] if "." in what else "")


# A key with all that encodings change, so that each spelling of it is another text.
AWKWARD_KEY = "key-schlüssel/+&=0123456789abcdef"
ECHOES = {
    "plain": AWKWARD_KEY,
    "basic auth": base64.b64encode(f"api:{AWKWARD_KEY}".encode()).decode(),
    "base64": base64.b64encode(AWKWARD_KEY.encode()).decode(),
    "url-encoded": quote(AWKWARD_KEY, safe=""),
}


class TestKey:
    """The key is in no text, whoever echoes it."""

    def assert_hidden(self, error: BaseException, spelling: str, shown: str = "[key]") -> None:
        texts = [
            str(error),
            repr(error),
            "".join(traceback.format_exception(type(error), error, error.__traceback__)),
            repr(vars(error)),
        ]
        for text in texts:
            assert spelling not in text
            assert spelling[:12] not in text
        assert shown in str(error)

    @pytest.mark.parametrize("spelling", ECHOES.values(), ids=ECHOES)
    @pytest.mark.parametrize("shape", ["message", "Reason", "Description", "text"])
    def test_echoed_in_an_error(
        self, shape: str, spelling: str, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        text = f"no such key: {spelling}!"
        body = text if shape == "text" else json.dumps({shape: text})
        httpserver.expect_request(ANYTHING).respond_with_data(
            body, status=401, content_type="text/plain; charset=utf-8"
        )
        caught = failure(
            lambda: new_client(httpserver.url_for("/"), key=AWKWARD_KEY).get_domain(DOMAIN)
        )
        assert caught.reason == "no such key: [key]!"
        self.assert_hidden(caught, spelling)

    def test_is_sent_as_it_is_redacted(
        self, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        """A server that echoes the very header finds it redacted, whatever the key's letters."""

        def echo(request: Request) -> Response:
            return Response(request.headers["Authorization"], status=401)

        httpserver.expect_request(ANYTHING).respond_with_handler(echo)
        mailgun = new_client(httpserver.url_for("/"), key=AWKWARD_KEY)
        assert failure(lambda: mailgun.get_domain(DOMAIN)).reason == "Basic [key]"

    @pytest.mark.parametrize("before", range(160, 200, 5))
    def test_cut_in_half_by_the_limit_of_a_text(
        self, before: int, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data("x" * before + KEY, status=401)
        self.assert_hidden(failure(lambda: mailgun.get_domain(DOMAIN)), KEY, shown="xxx")

    @pytest.mark.parametrize("location", [f"https://api:{KEY}@evil.example", f"https://{KEY}/"])
    def test_echoed_in_a_redirect(
        self, location: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(
            status=302, headers={"Location": location}
        )
        self.assert_hidden(failure(lambda: mailgun.get_domain(DOMAIN)), KEY, shown="redirects to")

    def test_echoed_in_an_answer_that_is_not_understood(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json({"status": "x" * 160 + KEY})
        caught = failure(lambda: mailgun.get_certificate(HOST))
        assert type(caught) is errors.UnexpectedResponse
        self.assert_hidden(caught, KEY, shown="not Mailgun's")

    def test_in_no_repr(self, mailgun: MailgunClient) -> None:
        for shown in (repr(mailgun), str(mailgun), repr(mailgun.transport), f"{mailgun.transport}"):
            assert KEY not in shown
        assert mailgun.transport.base_url in repr(mailgun)


class TestAnswers:
    """Mailgun's answers, of today and of older days, as values."""

    def test_tracking(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        answer = {"tracking": {**TRACKING, "web_scheme": "https", "new": {"active": True}}}
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        assert mailgun.get_tracking(DOMAIN) == {**TRACKING, "web_scheme": "https"}

    def test_tracking_of_older_days(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        answer = {
            "open": {"active": "yes"},
            "click": {"active": "HTMLonly"},
            "unsubscribe": {"active": "No", "html_footer": None},
        }
        httpserver.expect_request(ANYTHING).respond_with_json({"tracking": answer})
        assert mailgun.get_tracking(DOMAIN) == {
            "open": {"active": True},
            "click": {"active": "htmlonly"},
            "unsubscribe": {"active": False},
        }

    @pytest.mark.parametrize(
        ("kind", "answer", "section"),
        [
            ("click", {"message": "updated", "click": {"active": True}}, {"active": True}),
            ("click", {"message": "updated", "click": {"active": "yes"}}, {"active": True}),
            ("click", {"message": "updated"}, {}),
            ("click", {"message": "updated", "click": None}, {}),
            ("click", {"message": "updated", "open": {"active": True}}, {}),
            ("open", {"open": {"active": "false"}}, {"active": False}),
        ],
    )
    def test_of_a_change(
        self,
        kind: str,
        answer: dict[str, Any],
        section: dict[str, Any],
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        assert mailgun.update_tracking(DOMAIN, kind, {"active": True}) == section

    @pytest.mark.parametrize(
        ("domain", "prefix", "scheme"),
        [
            ({"web_prefix": "go", "web_scheme": "https"}, "go", "https"),
            ({"web_prefix": "go"}, "go", "http"),
            ({"web_scheme": "https"}, "email", "https"),
            ({"tracking_host": "go.mg.example.com"}, "go", "http"),
            ({"web_prefix": "", "tracking_host": "go.mg.example.com"}, "go", "http"),
            ({"web_prefix": "go", "tracking_host": "old.mg.example.com"}, "go", "http"),
            ({"tracking_host": "track.example.org"}, "email", "http"),
            ({"tracking_host": None}, "email", "http"),
            ({}, "email", "http"),
        ],
    )
    def test_domain(
        self,
        domain: dict[str, Any],
        prefix: str,
        scheme: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        answer = {"domain": {"name": "MG.example.com", **domain}}
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        details = mailgun.get_domain(DOMAIN)
        assert details == DomainDetails(DOMAIN, prefix, scheme, None)
        assert details.tracking_domain == f"{prefix}.{DOMAIN}"
        assert mailgun.update_domain(DOMAIN, {"web_prefix": "go"}) == details

    def test_domain_with_records(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        records = [
            {"record_type": "TXT", "name": HOST, "value": "v=spf1"},
            {"record_type": "CNAME", "name": "pdk1._domainkey.mg.example.com", "value": "dkim"},
            {"record_type": "CNAME", "name": "EMAIL.mg.example.com.", "value": "Mailgun.org."},
            "nonsense",
        ]
        answer = {"domain": {"name": DOMAIN}, "sending_dns_records": records}
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        assert mailgun.get_domain(DOMAIN).cname == CnameRecord(HOST, "mailgun.org")

    @pytest.mark.parametrize(
        ("answer", "certificate"),
        [
            ({"status": "active", "certificate": "PEM"}, CertificateStatus("active", None, "PEM")),
            ({"status": "processing", "error": "wait"}, CertificateStatus("processing", "wait")),
            ({"status": "error", "error": "", "certificate": ""}, CertificateStatus("error")),
            ({"status": "expired", "error": "old"}, CertificateStatus("expired", "old")),
        ],
    )
    def test_certificate(
        self,
        answer: dict[str, Any],
        certificate: CertificateStatus,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        assert mailgun.get_certificate(HOST) == certificate

    @pytest.mark.parametrize("name", [n for n in CALLS if "x509" not in n or n.startswith("GET")])
    @pytest.mark.parametrize("body", ["<html>", "", "[]", '"text"', "7"])
    def test_that_are_not_mailguns(
        self, body: str, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_data(body)
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnexpectedResponse
        assert mailgun.transport.base_url in caught.reason
        assert caught.advice == "check the base URL"
        assert len(httpserver.log) == 1

    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("GET /v3/domains/mg.example.com/tracking", {"tracking": {"open": {}, "click": {}}}),
            (
                "GET /v3/domains/mg.example.com/tracking",
                {"tracking": {**TRACKING, "open": {"active": "maybe"}}},
            ),
            ("GET /v4/domains/mg.example.com", {"domain": {"web_prefix": "email"}}),
            ("GET /v4/domains", {"domains": []}),
            ("GET /v4/domains", {"items": [{"id": 7}]}),
            ("GET /v2/x509/email.mg.example.com/status", {"status": "brand-new"}),
            ("GET /v2/x509/email.mg.example.com/status", {}),
        ],
    )
    def test_that_lack_what_they_are_for(
        self, name: str, answer: dict[str, Any], httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANYTHING).respond_with_json(answer)
        assert type(failure(lambda: CALLS[name](mailgun))) is errors.UnexpectedResponse


class TestListDomains:
    """The list comes in pages, each asked for when it is needed."""

    @pytest.fixture(autouse=True)
    def five_domains(self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client_module, "_PAGE", 2)
        names = [f"mg{number}.example.com" for number in range(5)]

        def answer(request: Request) -> Response:
            skip, limit = int(request.args["skip"]), int(request.args["limit"])
            items = [{"name": name} for name in names[skip : skip + limit]]
            return Response(json.dumps({"total_count": 5, "items": items}))

        httpserver.expect_request("/v4/domains", method="GET").respond_with_handler(answer)

    @pytest.mark.parametrize(
        ("limit", "found", "queries"),
        [
            (None, 5, ["limit=2&skip=0", "limit=2&skip=2", "limit=2&skip=4"]),
            (1, 1, ["limit=1&skip=0"]),
            (2, 2, ["limit=2&skip=0"]),
            (3, 3, ["limit=2&skip=0", "limit=1&skip=2"]),
            (9, 5, ["limit=2&skip=0", "limit=2&skip=2", "limit=2&skip=4"]),
        ],
    )
    def test_pages(
        self,
        limit: int | None,
        found: int,
        queries: list[str],
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        names = [details.name for details in mailgun.list_domains(limit=limit)]
        assert names == [f"mg{number}.example.com" for number in range(found)]
        assert [request.query_string.decode() for request, _ in httpserver.log] == queries

    def test_stops_where_the_reader_stops(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        assert next(mailgun.list_domains()).name == "mg0.example.com"
        assert len(httpserver.log) == 1
