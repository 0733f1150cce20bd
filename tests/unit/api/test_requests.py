"""What Mailgun is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.fields import Section
from mailgun_tracking._version import __version__
from tests.unit.api.calls import (
    ANY,
    CALLS,
    DOMAIN,
    HOST,
    KEY,
    PUT_DOMAIN,
    PUT_TRACKING,
    TRACKING,
    failure,
    requests_to,
)
from tests.unit.api.conftest import ClientFactory

SUBACCOUNT = "646d00a1b32c35364a2ad34f"


def test_headers(httpserver: HTTPServer, mailgun: MailgunClient) -> None:
    httpserver.expect_request(ANY).respond_with_json({"tracking": TRACKING})
    mailgun.get_tracking(DOMAIN)
    request = httpserver.log[0][0]
    assert request.authorization is not None
    assert (request.authorization.username, request.authorization.password) == ("api", KEY)
    assert request.headers["User-Agent"] == f"mailgun-tracking/{__version__}"
    assert "X-Mailgun-On-Behalf-Of" not in request.headers


def test_a_subaccount_is_sent_in_a_header(
    httpserver: HTTPServer, new_client: ClientFactory
) -> None:
    httpserver.expect_request(ANY).respond_with_json({})
    mailgun = new_client(httpserver.url_for("/"), subaccount=SUBACCOUNT)
    mailgun.regenerate_certificate(HOST)
    assert httpserver.log[0][0].headers["X-Mailgun-On-Behalf-Of"] == SUBACCOUNT


@pytest.mark.parametrize("name", CALLS)
def test_a_domain_is_locked_while_it_is_written(
    name: str, httpserver: HTTPServer, new_client: ClientFactory
) -> None:
    """And released where the PUT fails; nothing else is held up."""
    events = []

    @contextmanager
    def writing(domain: str) -> Iterator[None]:
        events.append(f"lock {domain}")
        try:
            yield
        finally:
            events.append("release")

    def respond(request: Request) -> Response:
        events.append(f"{request.method} {request.path}")
        return Response(status=400)

    httpserver.expect_request(ANY).respond_with_handler(respond)
    mailgun = new_client(httpserver.url_for(""), writing=writing)
    failure(lambda: CALLS[name](mailgun))
    is_write = name in (PUT_TRACKING, PUT_DOMAIN)
    assert events == ([f"lock {DOMAIN}", name, "release"] if is_write else [name])


@pytest.mark.parametrize("name", CALLS)
def test_a_base_url_may_have_a_path(
    name: str, httpserver: HTTPServer, new_client: ClientFactory
) -> None:
    httpserver.expect_request(ANY).respond_with_data(status=404)
    mailgun = new_client(httpserver.url_for("/mailgun/"))
    failure(lambda: CALLS[name](mailgun))
    method, path = name.split()
    assert requests_to(httpserver) == [f"{method} /mailgun{path}"]


@pytest.mark.parametrize(
    ("section", "changes", "form"),
    [
        ("click", {"active": "htmlonly"}, {"active": ["htmlonly"]}),
        ("click", {"active": False}, {"active": ["false"]}),
        ("open", {"place_at_the_top": True}, {"place_at_the_top": ["true"]}),
        (
            "unsubscribe",
            {"active": True, "text_footer": "Unsubscribe:\n%unsubscribe_url%\n"},
            {"active": ["true"], "text_footer": ["Unsubscribe:\n%unsubscribe_url%\n"]},
        ),
        ("unsubscribe", {"html_footer": "é ü €"}, {"html_footer": ["é ü €"]}),
        ("unsubscribe", {"html_footer": ""}, {"html_footer": [""]}),
    ],
)
def test_a_multipart_form_has_the_given_fields_only(
    section: Section,
    changes: dict[str, object],
    form: dict[str, list[str]],
    httpserver: HTTPServer,
    mailgun: MailgunClient,
) -> None:
    httpserver.expect_request(ANY).respond_with_json({"message": "updated"})
    mailgun.update_tracking(DOMAIN, section, changes)
    request = httpserver.log[0][0]
    assert requests_to(httpserver) == [f"PUT /v3/domains/{DOMAIN}/tracking/{section}"]
    assert request.mimetype == "multipart/form-data"
    assert request.form.to_dict(flat=False) == form
    assert not request.files


@pytest.mark.parametrize(
    "changes",
    [
        {"web_scheme": "https"},
        {"web_prefix": "go"},
        {"web_scheme": "http", "web_prefix": "go"},
    ],
)
def test_the_form_of_a_domain(
    changes: dict[str, object], httpserver: HTTPServer, mailgun: MailgunClient
) -> None:
    httpserver.expect_request(ANY).respond_with_json({"message": "updated"})
    assert mailgun.update_domain(DOMAIN, changes) is None
    assert requests_to(httpserver) == [f"PUT /v4/domains/{DOMAIN}"]
    assert httpserver.log[0][0].form.to_dict() == changes


@pytest.mark.parametrize(
    ("domain", "path"),
    [
        ("MG.Example.COM.", "/v4/domains/mg.example.com"),
        ("bücher.example", "/v4/domains/xn--bcher-kva.example"),
        ("a/../b?c#d", "/v4/domains/a%2F..%2Fb%3Fc%23d"),
    ],
)
def test_domains_are_normalized_and_quoted(
    domain: str, path: str, httpserver: HTTPServer, mailgun: MailgunClient
) -> None:
    httpserver.expect_request(ANY).respond_with_data(status=404)
    failure(lambda: mailgun.get_domain(domain))
    assert httpserver.log[0][0].environ["REQUEST_URI"] == path
