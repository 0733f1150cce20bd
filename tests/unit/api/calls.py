"""One call of each endpoint, and what the tests of all of them share."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from pytest_httpserver import HTTPServer

from mailgun_tracking import errors
from mailgun_tracking._api.client import MailgunClient

KEY = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"
DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"
ANY = re.compile(".*")
TRACKING = {
    "open": {"active": True, "place_at_the_top": False},
    "click": {"active": "htmlonly"},
    "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
}

GET_TRACKING = f"GET /v3/domains/{DOMAIN}/tracking"
PUT_TRACKING = f"PUT /v3/domains/{DOMAIN}/tracking/click"
GET_DOMAIN = f"GET /v4/domains/{DOMAIN}"
PUT_DOMAIN = f"PUT /v4/domains/{DOMAIN}"
LIST_DOMAINS = "GET /v4/domains"
LIST_SUBACCOUNTS = "GET /v5/accounts/subaccounts"
GET_CERTIFICATE = f"GET /v2/x509/{HOST}/status"
POST_CERTIFICATE = f"POST /v2/x509/{HOST}"
PUT_CERTIFICATE = f"PUT /v2/x509/{HOST}"

CALLS: dict[str, Callable[[MailgunClient], object]] = {
    GET_TRACKING: lambda client: client.get_tracking(DOMAIN),
    PUT_TRACKING: lambda client: client.update_tracking(DOMAIN, "click", {"active": True}),
    GET_DOMAIN: lambda client: client.get_domain(DOMAIN),
    PUT_DOMAIN: lambda client: client.update_domain(DOMAIN, {"web_scheme": "https"}),
    LIST_DOMAINS: lambda client: list(client.list_domains()),
    LIST_SUBACCOUNTS: lambda client: list(client.list_subaccounts()),
    GET_CERTIFICATE: lambda client: client.get_certificate(HOST),
    POST_CERTIFICATE: lambda client: client.generate_certificate(HOST),
    PUT_CERTIFICATE: lambda client: client.regenerate_certificate(HOST),
}
REPEATED_CALLS = [name for name in CALLS if name not in (POST_CERTIFICATE, PUT_CERTIFICATE)]
"""The calls that are repeated where their response is lost."""


def failure(call: Callable[[], object]) -> errors.TrackingError:
    """The error that a call ends with."""
    with pytest.raises(errors.TrackingError) as caught:
        call()
    return caught.value


def requests_to(server: HTTPServer) -> list[str]:
    """The requests that a server received, such as ``GET /v4/domains``."""
    return [f"{request.method} {request.path}" for request, _ in server.log]
