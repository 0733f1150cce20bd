"""Mailgun's responses, of current and older versions of the API, as values."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from mailgun_tracking import errors
from mailgun_tracking._api import client as client_module
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.fields import FIELDS, Section
from mailgun_tracking._api.models import (
    CertificateStatus,
    CnameRecord,
    DomainDetails,
    Subaccount,
    read_certificate_status,
    read_domain,
    read_domains,
    read_tracking,
)
from tests.unit.api.calls import (
    ANY,
    CALLS,
    DOMAIN,
    GET_CERTIFICATE,
    GET_DOMAIN,
    GET_TRACKING,
    HOST,
    LIST_DOMAINS,
    LIST_SUBACCOUNTS,
    POST_CERTIFICATE,
    PUT_CERTIFICATE,
    PUT_DOMAIN,
    REPEATED_CALLS,
    TRACKING,
    failure,
)
from tests.unit.api.conftest import ClientFactory


class TestTracking:
    """The sections of a domain's tracking settings."""

    def test_of_the_current_version(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        response = {"tracking": {**TRACKING, "web_scheme": "https", "new": {"active": True}}}
        httpserver.expect_request(ANY).respond_with_json(response)
        settings = mailgun.get_tracking(DOMAIN)
        assert settings == {**TRACKING, "web_scheme": "https"}

    def test_of_older_versions(self, httpserver: HTTPServer, mailgun: MailgunClient) -> None:
        response = {
            "open": {"active": "yes"},
            "click": {"active": "HTMLonly"},
            "unsubscribe": {"active": "No", "html_footer": None},
        }
        httpserver.expect_request(ANY).respond_with_json({"tracking": response})
        settings = mailgun.get_tracking(DOMAIN)
        values = {field.path: field.get(settings) for field in FIELDS}
        assert {path: value for path, value in values.items() if value is not None} == {
            "open.active": True,
            "click.active": "htmlonly",
            "unsubscribe.active": False,
        }

    @pytest.mark.parametrize(
        ("section", "response", "settings"),
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
        section: Section,
        response: dict[str, Any],
        settings: dict[str, Any],
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json(response)
        assert mailgun.update_tracking(DOMAIN, section, {"active": True}) == settings


class TestDomain:
    """A domain's web scheme, web prefix and CNAME record."""

    @pytest.mark.parametrize(
        ("domain", "prefix", "scheme"),
        [
            ({"web_prefix": "go", "web_scheme": "https"}, "go", "https"),
            ({"web_prefix": "go"}, "go", "http"),
            ({"web_scheme": "https"}, "email", "https"),
            ({"tracking_host": "go.mg.example.com"}, "go", "http"),
            ({"web_prefix": "", "tracking_host": "go.mg.example.com"}, "go", "http"),
            ({"web_prefix": "go", "tracking_host": "GO.mg.example.com."}, "go", "http"),
            ({"tracking_host": None}, "email", "http"),
            ({"tracking_host": "no host"}, "email", "http"),
            ({}, "email", "http"),
        ],
    )
    def test_without_records(
        self,
        domain: dict[str, Any],
        prefix: str,
        scheme: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json(
            {"domain": {"name": "MG.example.com", **domain}}
        )
        details = mailgun.get_domain(DOMAIN)
        assert details == DomainDetails(DOMAIN, prefix, scheme, None)
        assert details.tracking_domain == f"{prefix}.{DOMAIN}"
        assert mailgun.update_domain(DOMAIN, {"web_prefix": "go"}) == details

    @pytest.mark.parametrize(
        ("domain", "is_sandbox", "problem"),
        [
            ({"type": "sandbox", "state": "active", "is_disabled": False}, True, ""),
            ({"type": "custom", "state": "unverified"}, False, "not verified at Mailgun yet"),
            ({"state": "disabled", "disabled": None}, False, "disabled at Mailgun"),
            ({"state": "active", "is_disabled": "yes"}, False, "disabled at Mailgun"),
            (
                {"is_disabled": True, "disabled": {"reason": "Too many\nbounces"}},
                False,
                "disabled at Mailgun: Too many bounces",
            ),
            ({"state": "new", "type": 7, "is_disabled": None}, False, ""),
            ({}, False, ""),
        ],
    )
    def test_its_type_and_state(
        self,
        domain: dict[str, Any],
        is_sandbox: bool,
        problem: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        """Older versions leave them out."""
        httpserver.expect_request(ANY).respond_with_json({"domain": {"name": DOMAIN, **domain}})
        details = mailgun.get_domain(DOMAIN)
        assert (details.is_sandbox, details.problem) == (is_sandbox, problem)

    @pytest.mark.parametrize(
        ("domain", "prefix", "host"),
        [
            ({"web_prefix": "go", "tracking_host": "old.mg.example.com"}, "go", f"old.{DOMAIN}"),
            ({"tracking_host": "Track.Example.org."}, "email", "track.example.org"),
            ({"web_prefix": "go", "tracking_host": "lnk.example"}, "go", "lnk.example"),
            ({"tracking_host": "a.b.mg.example.com"}, "email", f"a.b.{DOMAIN}"),
        ],
    )
    def test_with_a_custom_host(
        self,
        domain: dict[str, Any],
        prefix: str,
        host: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        """It is the tracking domain, and the record is its record."""
        records = [
            {"record_type": "CNAME", "name": f"{prefix}.{DOMAIN}", "value": "other.example"},
            {"record_type": "CNAME", "name": host, "value": "mailgun.org"},
        ]
        httpserver.expect_request(ANY).respond_with_json(
            {"domain": {"name": DOMAIN, **domain}, "sending_dns_records": records}
        )
        details = mailgun.get_domain(DOMAIN)
        assert (details.web_prefix, details.custom_host) == (prefix, host)
        assert details.tracking_domain == host
        assert details.cname == CnameRecord(host, "mailgun.org")

    @pytest.mark.parametrize(
        ("records", "prefix", "value"),
        [
            ([{"record_type": "CNAME", "name": HOST, "value": "mailgun.org"}], "email", True),
            (
                [{"record_type": "CNAME", "name": f"{HOST}.", "value": "Mailgun.org."}],
                "email",
                True,
            ),
            (
                [{"record_type": "CNAME", "name": "go.mg.example.com", "value": "mailgun.org"}],
                "go",
                True,
            ),
            (
                [{"record_type": "CNAME", "name": f"k.{HOST}", "value": "mailgun.org"}],
                "email",
                False,
            ),
            (
                [{"record_type": "CNAME", "name": "dkim.mg.example.com", "value": "x.y"}],
                "email",
                False,
            ),
            ([{"record_type": "TXT", "name": HOST, "value": "mailgun.org"}], "email", False),
            ([{"record_type": "CNAME"}, "nonsense", None], "email", False),
            ("nonsense", "email", False),
        ],
    )
    def test_with_records(
        self,
        records: object,
        prefix: str,
        value: bool,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        """They give the prefix where the domain itself does not."""
        httpserver.expect_request(ANY).respond_with_json(
            {"domain": {"name": DOMAIN}, "sending_dns_records": records}
        )
        host = f"{prefix}.{DOMAIN}"
        cname = CnameRecord(host, "mailgun.org") if value else None
        assert mailgun.get_domain(DOMAIN) == DomainDetails(DOMAIN, prefix, "http", cname)

    @pytest.mark.parametrize(
        ("name", "kind", "valid", "is_valid"),
        [
            (HOST, "CNAME", "valid", True),
            (f"{HOST}.", "CNAME", "valid", True),
            (HOST, "CNAME", "unknown", False),
            ("dkim.mg.example.com", "CNAME", "valid", False),
            (HOST, "TXT", "valid", False),
        ],
    )
    def test_whether_the_record_is_in_dns(
        self,
        name: str,
        kind: str,
        valid: str,
        is_valid: bool,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        record = {"record_type": kind, "name": name, "value": "mailgun.org", "valid": valid}
        httpserver.expect_request(ANY).respond_with_json(
            {
                "domain": {"name": DOMAIN, "web_prefix": "email", "id": "5f1d"},
                "sending_dns_records": [record],
            }
        )
        details = mailgun.get_domain(DOMAIN)
        assert (details.cname_is_valid, details.id) == (is_valid, "5f1d")


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ({"status": "active", "certificate": "PEM"}, CertificateStatus("active", None, "PEM")),
        ({"status": "processing", "error": "wait"}, CertificateStatus("processing", "wait")),
        ({"status": "error", "error": "", "certificate": ""}, CertificateStatus("error")),
        ({"status": "expired", "error": "old"}, CertificateStatus("expired", "old")),
    ],
)
def test_certificate(
    response: dict[str, Any],
    status: CertificateStatus,
    httpserver: HTTPServer,
    mailgun: MailgunClient,
) -> None:
    httpserver.expect_request(ANY).respond_with_json(response)
    assert mailgun.get_certificate(HOST) == status


class TestUnreadable:
    """A 2xx whose body is not Mailgun's says nothing: the call is retried."""

    BODIES = (
        *("<html>", "", "[]", '"text"', "7", "null", '{"domain": {"na', b"\xff\xfe{"),
        '{"message": "\\ud800", "domain": {"name": "mg.example.com"}}',
        b'{"message": "\xff", "items": []}',
    )

    @pytest.mark.behaviour(80)
    @pytest.mark.parametrize("name", REPEATED_CALLS)
    @pytest.mark.parametrize("body", BODIES)
    def test_is_retried_and_never_understood(
        self, body: str | bytes, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        """A server that never gave any other response is not Mailgun."""
        httpserver.expect_request(ANY).respond_with_data(body)
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnexpectedResponse
        assert mailgun.transport.base_url in caught.reason
        assert "base URL" in caught.advice
        assert len(httpserver.log) > 3

    @pytest.mark.behaviour(81)
    @pytest.mark.parametrize("name", [POST_CERTIFICATE, PUT_CERTIFICATE])
    @pytest.mark.parametrize("body", BODIES)
    def test_does_not_confirm_that_a_certificate_was_requested(
        self, body: str | bytes, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        mailgun.transport.was_reached = True
        httpserver.expect_request(ANY).respond_with_data(body)
        assert type(failure(lambda: CALLS[name](mailgun))) is errors.UnreadableResponse
        assert len(httpserver.log) == 1

    @pytest.mark.behaviour(84)
    def test_may_be_nested_without_end(
        self, httpserver: HTTPServer, new_client: ClientFactory
    ) -> None:
        httpserver.expect_request(ANY).respond_with_data("[" * 100_000)
        mailgun = new_client(httpserver.url_for("/"), deadline=0)
        assert "it is not JSON" in failure(lambda: mailgun.get_domain(DOMAIN)).reason
        httpserver.clear()
        httpserver.expect_request(ANY).respond_with_data("[" * 100_000, status=403)
        assert type(failure(lambda: mailgun.get_domain(DOMAIN))) is errors.Unauthorized

    @pytest.mark.behaviour(80)
    @pytest.mark.parametrize("name", REPEATED_CALLS)
    @pytest.mark.parametrize("body", BODIES)
    def test_may_be_mailgun_all_the_same(
        self, body: str | bytes, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        """Where it once gave a good response, or an error."""
        httpserver.expect_ordered_request(ANY).respond_with_json({"message": "no"}, status=401)
        failure(lambda: CALLS[name](mailgun))
        httpserver.clear()
        httpserver.expect_request(ANY).respond_with_data(body)
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnreadableResponse
        assert caught.status is None
        assert mailgun.transport.base_url in caught.reason
        assert "base URL" not in caught.advice

    @pytest.mark.parametrize("name", REPEATED_CALLS)
    def test_may_be_followed_by_one_that_can_be_read(
        self, name: str, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        for body in self.BODIES[:3]:
            httpserver.expect_ordered_request(ANY).respond_with_data(body)
        lists: dict[str, Any] = {"items": [], "subaccounts": []}
        good = {"tracking": TRACKING, "domain": {"name": DOMAIN}, "status": "active", **lists}
        httpserver.expect_ordered_request(ANY).respond_with_json(good)
        CALLS[name](mailgun)
        assert len(httpserver.log) == 4
        assert mailgun.transport.was_reached

    @pytest.mark.behaviour(84)
    @pytest.mark.parametrize(
        ("name", "response", "told"),
        [
            (GET_TRACKING, {}, "it has no `tracking`"),
            (GET_TRACKING, {"tracking": None}, "it has no `tracking`"),
            (GET_TRACKING, {"tracking": {"open": {}}}, "it has no `tracking.open.active`"),
            (
                GET_TRACKING,
                {"tracking": {**TRACKING, "click": {"active": None}}},
                "it has no `tracking.click.active`",
            ),
            (
                GET_TRACKING,
                {"tracking": {**TRACKING, "open": {"active": "maybe"}}},
                "`tracking.open.active` is neither true nor false: 'maybe'",
            ),
            (
                GET_TRACKING,
                {"tracking": {**TRACKING, "open": True}},
                "`tracking.open` is not an object",
            ),
            (
                GET_TRACKING,
                {"tracking": {**TRACKING, "web_scheme": ["https"]}},
                "`tracking.web_scheme` is not a text of one line",
            ),
            (GET_DOMAIN, {"domain": [1]}, "`domain` is not an object"),
            (GET_DOMAIN, {"domain": {"web_prefix": "email"}}, "it has no `domain.name`"),
            (GET_DOMAIN, {"domain": {"name": "\u2603\u200b"}}, "`domain.name` is not a text"),
            (GET_DOMAIN, {"domain": {"name": DOMAIN, "id": "a\nb"}}, "`domain.id` is not a text"),
            (GET_DOMAIN, {"domain": {"name": DOMAIN, "web_prefix": "a b"}}, "are no host"),
            (GET_DOMAIN, {"domain": {"name": DOMAIN, "web_scheme": "ftp"}}, "nor https: 'ftp'"),
            (GET_DOMAIN, {"domain": {"name": HOST}}, f"it is about {HOST}, not about {DOMAIN}"),
            (PUT_DOMAIN, {"domain": {"name": HOST}}, f"it is about {HOST}, not about {DOMAIN}"),
            (LIST_DOMAINS, {"domains": []}, "it has no `items`"),
            (LIST_DOMAINS, {"items": [{"id": 7}]}, "it has no `domain.name`"),
            (LIST_SUBACCOUNTS, {"items": []}, "it has no `subaccounts`"),
            (
                LIST_SUBACCOUNTS,
                {"subaccounts": [{"name": "Brand B"}]},
                "it has no `subaccounts.id`",
            ),
            (GET_CERTIFICATE, {"status": ""}, "unknown status ''"),
            (GET_CERTIFICATE, {"status": "<p>Please log in</p>"}, "unknown status '<p>Please"),
            (GET_CERTIFICATE, {}, "it has no `status`"),
        ],
    )
    def test_says_what_is_missing(
        self,
        name: str,
        response: dict[str, Any],
        told: str,
        httpserver: HTTPServer,
        mailgun: MailgunClient,
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json(response)
        mailgun.transport.was_reached = True
        caught = failure(lambda: CALLS[name](mailgun))
        assert type(caught) is errors.UnreadableResponse
        assert told in caught.reason

    @pytest.mark.behaviour(84)
    def test_may_be_about_the_domain_in_another_spelling(
        self, httpserver: HTTPServer, mailgun: MailgunClient
    ) -> None:
        httpserver.expect_request(ANY).respond_with_json({"domain": {"name": "MG.bücher.example."}})
        assert mailgun.get_domain("mg.xn--bcher-kva.example").name == "mg.xn--bcher-kva.example"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
VALID: dict[Any, dict[str, Any]] = {
    read_tracking: {"tracking": {**TRACKING, "web_scheme": "https"}},
    read_domain: {
        "domain": {
            "name": DOMAIN,
            "id": "5f1d",
            "web_prefix": "email",
            "web_scheme": "http",
            "tracking_host": HOST,
            "state": "disabled",
            "disabled": {"reason": "bounces"},
            "is_disabled": False,
        },
        "sending_dns_records": [
            {"record_type": "CNAME", "name": HOST, "value": "mailgun.org", "valid": "valid"}
        ],
    },
    read_domains: {"items": [{"name": DOMAIN}]},
    read_certificate_status: {"status": "active", "error": "e", "certificate": "PEM"},
}


@pytest.mark.behaviour(84)
@given(st.data(), st.sampled_from([*VALID]))
def test_whatever_stands_in_a_response_is_read_or_refused(data: st.DataObject, read: Any) -> None:
    """With any value in any place: never another exception."""
    response = json.loads(json.dumps(VALID[read]))
    place: Any = response
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else [0]))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    for given_ in (response, data.draw(JSON)):
        with contextlib.suppress(ValueError):
            read(given_)


@pytest.mark.behaviour(84)
def test_a_server_that_knows_no_pages_does_not_go_on_for_ever(
    httpserver: HTTPServer, mailgun: MailgunClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_PAGE", 2)
    items = [{"name": DOMAIN}, {"name": HOST}]
    httpserver.expect_request(ANY).respond_with_json({"items": items})
    assert {details.name for details in mailgun.list_domains()} == {DOMAIN, HOST}
    assert len(httpserver.log) == 2


class TestListDomains:
    """The list comes in pages, each requested when it is needed."""

    @pytest.fixture(autouse=True)
    def _five_domains(self, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client_module, "_PAGE", 2)
        names = [f"mg{number}.example.com" for number in range(5)]

        def respond(request: Request) -> Response:
            skip, limit = int(request.args["skip"]), int(request.args["limit"])
            items = [{"name": name} for name in names[skip : skip + limit]]
            return Response(json.dumps({"total_count": 5, "items": items}))

        httpserver.expect_request("/v4/domains", method="GET").respond_with_handler(respond)

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


def test_subaccounts_are_listed(httpserver: HTTPServer, mailgun: MailgunClient) -> None:
    """Whatever else Mailgun says about them; one without a status is taken for open."""
    listed = [{"id": "a1", "name": "Brand A", "status": "closed", "features": {}}, {"id": "b2"}]
    httpserver.expect_request("/v5/accounts/subaccounts").respond_with_json({"subaccounts": listed})
    assert list(mailgun.list_subaccounts()) == [
        Subaccount("a1", "Brand A", "closed"),
        Subaccount("b2", "", "open"),
    ]
