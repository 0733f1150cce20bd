"""What an error says: Mailgun's reason, where a redirect leads to, and never the key."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mailgun_tracking import errors
from mailgun_tracking._api.client import MailgunClient
from tests.unit.api.calls import ANY, CALLS, DOMAIN, HOST, KEY, failure
from tests.unit.api.conftest import ClientFactory
from tests.unit.api.wire import FaultyServer, http_response, serving


class TestReason:
    """Every form of error response gives a readable reason."""

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
            ("", "FORBIDDEN"),
            ("{}", "FORBIDDEN"),
            ("[]", "FORBIDDEN"),
            ('{"other": "thing"}', "FORBIDDEN"),
            (b"caf\xe9 \xff", "caf\ufffd \ufffd"),
            ("x" * 300, "x" * 199 + "…"),
        ],
    )
    def test_of_a_body(
        self, body: str | bytes, reason: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data(body, status=403)
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert caught.reason == reason
        assert f"{caught.what}: {reason} (403)" in str(caught)

    @pytest.mark.behaviour(84)
    @pytest.mark.parametrize(
        ("status", "body", "headers"),
        [
            (403, "<html><body>Blocked</body></html>", {}),
            (403, "  <!doctype html>", {}),
            (403, "no", {"Proxy-Authenticate": "Basic"}),
            (407, '{"message": "no"}', {}),
        ],
    )
    def test_of_a_proxy_names_it(
        self,
        status: int,
        body: str,
        headers: dict[str, str],
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        """It says nothing about the key."""
        httpserver.expect_request(ANY).respond_with_data(body, status=status, headers=headers)
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert type(caught) is errors.UnexpectedResponse
        front = f"the proxy in front of {mailgun.transport.base_url} refused the request: "
        assert caught.reason.startswith(front)
        assert "<" not in caught.reason

    @pytest.mark.parametrize("name", CALLS)
    def test_comes_with_the_domain(
        self, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json({"message": "no"}, status=401)
        caught = failure(lambda: CALLS[name](mailgun))
        assert caught.domain == next((one for one in (HOST, DOMAIN) if one in name), "")
        assert caught.what.startswith("cannot ")
        assert caught.domain in caught.what


class TestRedirect:
    """It is not followed: the key would be sent to wherever it leads."""

    @pytest.fixture(scope="class")
    def elsewhere(self) -> Iterator[HTTPServer]:
        """The server that redirects lead to."""
        with HTTPServer(port=0) as server:
            server.expect_request(ANY).respond_with_json({})
            yield server

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("name", CALLS)
    def test_is_not_followed(
        self,
        name: str,
        status: int,
        httpserver: HTTPServer,
        elsewhere: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data(
            status=status, headers={"Location": elsewhere.url_for("/v3")}
        )
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnexpectedResponse
        assert f"redirects to {elsewhere.host}:{elsewhere.port}" in caught.reason
        assert "base URL" in caught.advice
        assert len(httpserver.log) == 1
        assert elsewhere.log == []

    @pytest.mark.parametrize(
        ("location", "address"),
        [
            ("https://api:secret@example.com:8443/v3", "example.com:8443"),
            ("//example.com", "example.com"),
            ("https://[::1/", "[::1"),
            ("//", "another address"),
            ("/v4/elsewhere", "another address"),
            ("nonsense", "another address"),
            ("", "another address"),
            ("http://*", "*"),
            ("https://user@:port", ":port"),
            (None, "another address"),
        ],
    )
    def test_is_reported_with_its_host_only(
        self, location: str | None, address: str, new_client: ClientFactory
    ) -> None:
        headers = [f"Location: {location}"] if location is not None else []
        with serving(FaultyServer(http_response("302 Found", "", *headers))) as server:
            mailgun = new_client(f"http://{server.authority}")
            caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert type(caught) is errors.UnexpectedResponse
        assert len(server.requests) == 1
        assert caught.reason.endswith(f"redirects to {address}")


# It has characters that every encoding changes, so that each form of it differs.
AWKWARD_KEY = "key-schlüssel/+&=0123456789abcdef"
FORMS = {
    "plain": AWKWARD_KEY,
    "basic auth": base64.b64encode(f"api:{AWKWARD_KEY}".encode()).decode(),
    "base64": base64.b64encode(AWKWARD_KEY.encode()).decode(),
    "URL-encoded": quote(AWKWARD_KEY, safe=""),
}


class TestKey:
    """It is in no text, whoever echoes it."""

    def assert_hidden(self, error: BaseException, form: str, shown: str = "[key]") -> None:
        texts = [
            str(error),
            repr(error),
            "".join(traceback.format_exception(type(error), error, error.__traceback__)),
            repr(vars(error)),
        ]
        for text in texts:
            assert form not in text
            assert form[:12] not in text
        assert shown in str(error)

    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
    @pytest.mark.parametrize("field", ["message", "Reason", "Description", None])
    def test_echoed_in_an_error(
        self, field: str | None, form: str, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        text = f"no such key: {form}!"
        httpserver.expect_request(ANY).respond_with_data(
            json.dumps({field: text}) if field else text,
            status=401,
            content_type="text/plain; charset=utf-8",
        )
        mailgun = new_client(httpserver.url_for("/"), key=AWKWARD_KEY)
        caught = failure(lambda: mailgun.get_domain(DOMAIN))
        assert caught.reason == "no such key: [key]!"
        self.assert_hidden(caught, form)

    def test_is_sent_in_the_form_that_is_redacted(
        self, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        def echo(request: Request) -> Response:
            return Response(request.headers["Authorization"], status=401)

        httpserver.expect_request(ANY).respond_with_handler(echo)
        mailgun = new_client(httpserver.url_for("/"), key=AWKWARD_KEY)
        assert failure(lambda: mailgun.get_domain(DOMAIN)).reason == "Basic [key]"

    @pytest.mark.parametrize("before", range(160, 200, 5))
    def test_cut_off_by_the_limit_of_a_text(
        self, before: int, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data("x" * before + KEY, status=401)
        self.assert_hidden(failure(lambda: mailgun.get_domain(DOMAIN)), KEY, shown="xxx")

    @pytest.mark.parametrize("location", [f"https://api:{KEY}@evil.example", f"https://{KEY}/"])
    def test_echoed_in_a_redirect(
        self, location: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data(status=302, headers={"Location": location})
        self.assert_hidden(failure(lambda: mailgun.get_domain(DOMAIN)), KEY, shown="redirects to")

    def test_echoed_in_an_unexpected_response(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json({"status": "x" * 160 + KEY})
        mailgun.transport.was_reached = True
        caught = failure(lambda: mailgun.get_certificate(HOST))
        assert type(caught) is errors.UnreadableResponse
        self.assert_hidden(caught, KEY, shown="unexpected response")

    def test_is_in_no_repr(self, mailgun: MailgunClient) -> None:
        for shown in (repr(mailgun), str(mailgun), repr(mailgun.transport), f"{mailgun.transport}"):
            assert KEY not in shown
        assert mailgun.transport.base_url in repr(mailgun)
