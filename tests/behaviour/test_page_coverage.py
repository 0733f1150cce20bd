"""Every endpoint and field of Mailgun's page on domain tracking is reached from a resource.

Copied from that page: https://documentation.mailgun.com, "Domain Tracking".
"""

from __future__ import annotations

import re

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory

SENT = {
    ("PUT", "/v3/domains/{name}/tracking/click"): {"active"},
    ("PUT", "/v3/domains/{name}/tracking/open"): {"active", "place_at_the_top"},
    ("PUT", "/v3/domains/{name}/tracking/unsubscribe"): {"active", "html_footer", "text_footer"},
}
"""The fields of each request body on the page."""

ENDPOINTS = {
    ("GET", "/v3/domains/{name}/tracking"),
    *SENT,
    ("GET", "/v2/x509/{domain}/status"),
    ("PUT", "/v2/x509/{domain}"),
    ("POST", "/v2/x509/{domain}"),
}
"""The seven endpoints on the page."""

READ = {
    "open": {"active", "place_at_the_top"},
    "click": {"active"},
    "unsubscribe": {"active", "html_footer", "text_footer"},
    "web_scheme": None,
}
"""The fields of the response to GET /v3/domains/{name}/tracking."""


def endpoint(path: str) -> str:
    """A path with the page's names in place of the domain's; other paths as they are."""
    path = re.sub(r"^/v3/domains/[^/]+/", "/v3/domains/{name}/", path)
    return re.sub(r"^/v2/x509/[^/]+", "/v2/x509/{domain}", path)


@pytest.mark.behaviour(6, 22)
def test_every_endpoint_and_field(mail: MailFactory, emulator: Emulator) -> None:
    """One up reaches all seven endpoints with all their fields, and returns all of them."""
    emulator.set_certificate("email.two.example.com", "expired")
    result = mail(
        """
        tracking = DomainTracking(
            "tracking",
            "mg.example.com",
            click=ClickTrackingArgs(active="htmlonly"),
            open=OpenTrackingArgs(active=True, place_at_the_top=True),
            unsubscribe=UnsubscribeTrackingArgs(
                active=True,
                html_footer='<a href="%unsubscribe_url%">stop</a>',
                text_footer="stop: <%unsubscribe_url%>",
            ),
        )
        TrackingCertificate("generated", tracking.tracking_domain)
        TrackingCertificate("regenerated", "email.two.example.com")
        """
    ).up()

    fields: dict[tuple[str, str], set[str]] = {}
    for request in emulator.requests:
        if request.status in (200, 202):
            key = (request.method, endpoint(request.path))
            fields.setdefault(key, set()).update(request.form)
    on_the_page = {key for key in fields if not key[1].startswith("/v4/")}
    assert on_the_page == ENDPOINTS
    assert {key: names for key, names in fields.items() if names} == SENT

    tracking = result.resource_outputs("tracking")
    for name, inner in READ.items():
        assert name in tracking
        assert inner is None or tracking[name].keys() == inner
    for name in ("generated", "regenerated"):
        certificate = result.resource_outputs(name)
        assert certificate["status"] == "active"
        assert certificate["error"] == ""
        assert certificate["fingerprint"]

    now = emulator.domain("mg.example.com")
    assert now.click["active"] == "htmlonly"
    assert now.open == {"active": True, "place_at_the_top": True}
    assert now.unsubscribe == {
        "active": True,
        "html_footer": '<a href="%unsubscribe_url%">stop</a>',
        "text_footer": "stop: <%unsubscribe_url%>",
    }
    regenerated = emulator.domain("two.example.com").certificates["email.two.example.com"]
    assert (regenerated.status, regenerated.generation) == ("active", 2)
