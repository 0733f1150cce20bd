"""Lookups: plain and as outputs, under mocks, and over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import Mocks
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs
from pytest_httpserver import HTTPServer

from mailgun_tracking import (
    CertificateNotFound,
    ConfigurationError,
    DomainNotFound,
    DomainTrackingResult,
    InvalidInput,
    TrackingCertificateResult,
    TrackingDomainResult,
    Unauthorized,
    get_domain_tracking,
    get_domain_tracking_output,
    get_tracking_certificate,
    get_tracking_certificate_output,
    get_tracking_domain,
    get_tracking_domain_output,
    lookups,
)
from mailgun_tracking._provider import options
from mailgun_tracking.errors import ServerError
from tests.unit.conftest import run_program
from tests.unit.fakes import Clock, make_pem

KEY = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0"
DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"


class Monitor:
    """What an engine gives each run of a program."""


MONITOR = Monitor()

DOMAIN_RESULT = TrackingDomainResult(DOMAIN, HOST, "email", "http", HOST, "mailgun.org")
TRACKING_RESULT = DomainTrackingResult(
    DOMAIN,
    {"active": True, "place_at_the_top": False},
    {"active": "htmlonly"},
    {"active": False, "html_footer": "<p>", "text_footer": "bye"},
    "https",
)
CERTIFICATE_RESULT = TrackingCertificateResult(
    HOST, "active", "", "PEM", [HOST], "CN=R11", "beef", "00", "2026-11-01T12:00:00Z", ""
)

Form = tuple[str, str, str, Callable[..., Any], Callable[..., pulumi.Output[Any]], Any]
FORMS: list[Form] = [
    (
        "mailgun-tracking:index:getTrackingDomain",
        "domain",
        DOMAIN,
        get_tracking_domain,
        get_tracking_domain_output,
        DOMAIN_RESULT,
    ),
    (
        "mailgun-tracking:index:getDomainTracking",
        "domain",
        DOMAIN,
        get_domain_tracking,
        get_domain_tracking_output,
        TRACKING_RESULT,
    ),
    (
        "mailgun-tracking:index:getTrackingCertificate",
        "tracking_domain",
        HOST,
        get_tracking_certificate,
        get_tracking_certificate_output,
        CERTIFICATE_RESULT,
    ),
]
IDS = ["domain", "tracking", "certificate"]
NOT_FOUND = {"message": "Domain not found"}


class Answers(Mocks):
    """Mocks that answer each lookup with its result's fields."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, args: MockCallArgs) -> Any:
        self.calls.append((args.token, dict(args.args)))
        results = {token: result for token, *_, result in FORMS}
        return dict(vars(results[args.token]))

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return f"{args.name}-id", dict(args.inputs)


@pytest.fixture
def configured(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """A Mailgun of both regions, which the environment names."""
    monkeypatch.setenv("MAILGUN_API_KEY", KEY)
    monkeypatch.setenv("MAILGUN_BASE_URL", httpserver.url_for("/") + "{region}")
    return httpserver


@pytest.fixture
def mailgun(configured: HTTPServer, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> HTTPServer:
    """The same in an update without mocks."""
    monkeypatch.setattr(lookups, "get_monitor", lambda: MONITOR)
    monkeypatch.setattr(lookups, "is_dry_run", lambda: False)
    return configured


@pytest.fixture
def preview(mailgun: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """The same in a preview."""
    monkeypatch.setattr(lookups, "is_dry_run", lambda: True)
    return mailgun


class TestUnderMocks:
    """The mocks are asked, and never the network."""

    @pytest.fixture
    def answers(
        self, configured: HTTPServer, use_mocks: Callable[[Mocks], None]
    ) -> Iterator[Answers]:
        answers = Answers()
        use_mocks(answers)
        yield answers
        assert configured.log == []

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_plain(self, form: Form, answers: Answers) -> None:
        token, argument, name, plain, _, result = form
        assert plain(name) == result
        assert plain(name, account="b", region="eu", subaccount="sub1") == result
        assert answers.calls == [
            (token, {argument: name}),
            (
                token,
                {argument: name, "account": "b", "region": "eu", "subaccount": "sub1"},
            ),
        ]

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_output(self, form: Form, answers: Answers) -> None:
        token, argument, name, _, output, result = form
        seen: list[Any] = []

        def program() -> Any:
            return output(pulumi.Output.from_input(name), region="eu").apply(seen.append)

        run_program(program)
        assert seen == [result]
        assert answers.calls == [(token, {argument: name, "region": "eu"})]


def offer(server: HTTPServer, path: str, answer: object, status: int = 200) -> None:
    """Answer a path."""
    server.expect_request(path, method="GET").respond_with_json(answer, status=status)


class TestPlain:
    """The plain forms return the result."""

    def test_tracking_domain(self, mailgun: HTTPServer) -> None:
        offer(mailgun, f"/us/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        assert get_tracking_domain("MG.example.com.") == DOMAIN_RESULT

    def test_tracking_domain_with_the_record_that_mailgun_names(self, mailgun: HTTPServer) -> None:
        record = {"record_type": "CNAME", "name": f"go.{DOMAIN}", "value": "track.mailgun.org"}
        answer = {
            "domain": {"name": DOMAIN, "web_prefix": "go", "web_scheme": "https"},
            "sending_dns_records": [record],
        }
        offer(mailgun, f"/eu/v4/domains/{DOMAIN}", answer)
        assert get_tracking_domain(DOMAIN, region="EU") == TrackingDomainResult(
            DOMAIN, f"go.{DOMAIN}", "go", "https", f"go.{DOMAIN}", "track.mailgun.org"
        )

    def test_the_record_of_europe_points_to_europe(self, mailgun: HTTPServer) -> None:
        offer(mailgun, f"/eu/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        assert get_tracking_domain(DOMAIN, region="eu").cname_value == "eu.mailgun.org"

    def test_domain_tracking(self, mailgun: HTTPServer) -> None:
        tracking = {
            "open": TRACKING_RESULT.open,
            "click": TRACKING_RESULT.click,
            "unsubscribe": TRACKING_RESULT.unsubscribe,
        }
        answer = {"tracking": {**tracking, "web_scheme": "https"}}
        offer(mailgun, f"/us/v3/domains/{DOMAIN}/tracking", answer)
        assert get_domain_tracking(DOMAIN) == TRACKING_RESULT
        mailgun.clear()
        offer(mailgun, f"/us/v3/domains/{DOMAIN}/tracking", {"tracking": tracking})
        assert get_domain_tracking(DOMAIN).web_scheme == ""

    def test_certificate(self, mailgun: HTTPServer) -> None:
        pem = make_pem(HOST)
        answer = {"status": "active", "certificate": pem}
        offer(mailgun, f"/us/v2/x509/{HOST}/status", answer)
        found = get_tracking_certificate(HOST)
        assert (found.status, found.error, found.certificate) == ("active", "", pem)
        assert (found.names, found.serial) == ([HOST], "beef")
        assert found.not_after == "2027-01-30T12:00:00Z"

    def test_certificate_without_a_pem(
        self, mailgun: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        warnings: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", warnings.append)
        offer(mailgun, f"/us/v2/x509/{HOST}/status", {"status": "processing", "error": "wait"})
        found = get_tracking_certificate(HOST)
        assert (found.status, found.error, found.names, found.serial) == (
            "processing",
            "wait",
            [],
            "",
        )
        assert warnings == []
        mailgun.clear()
        answer = {"status": "error", "certificate": "{CERT}"}
        offer(mailgun, f"/us/v2/x509/{HOST}/status", answer)
        assert get_tracking_certificate(HOST).serial == ""
        assert len(warnings) == 1
        assert "PEM" in warnings[0]

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_of_a_domain_that_is_nowhere(self, form: Form, mailgun: HTTPServer) -> None:
        *_, name, plain, _, _ = form
        mailgun.expect_request("").respond_with_json(NOT_FOUND, status=404)
        with pytest.raises(DomainNotFound) as caught:
            plain(name)
        assert f"{DOMAIN} is not in region us" in caught.value.advice

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_of_a_domain_in_the_other_region(self, form: Form, mailgun: HTTPServer) -> None:
        *_, name, plain, _, _ = form
        offer(mailgun, f"/eu/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        mailgun.expect_request("").respond_with_json(NOT_FOUND, status=404)
        with pytest.raises(DomainNotFound, match="region='eu'"):
            plain(name)

    def test_of_a_certificate_that_was_never_asked_for(self, mailgun: HTTPServer) -> None:
        offer(mailgun, f"/us/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        offer(mailgun, f"/us/v2/x509/{HOST}/status", {"Description": "none"}, 404)
        with pytest.raises(CertificateNotFound) as caught:
            get_tracking_certificate(HOST)
        assert (caught.value.reason, caught.value.status) == ("none", 404)

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_with_a_wrong_key(self, form: Form, mailgun: HTTPServer) -> None:
        *_, name, plain, _, _ = form
        for path in (
            f"/us/v4/domains/{DOMAIN}",
            f"/us/v3/domains/{DOMAIN}/tracking",
            f"/us/v2/x509/{HOST}/status",
        ):
            offer(mailgun, path, {"message": "Invalid private key"}, 401)
        with pytest.raises(Unauthorized) as caught:
            plain(name)
        assert "MAILGUN_API_KEY in the environment" in caught.value.advice

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_without_a_key(self, form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
        *_, name, plain, _, _ = form
        monkeypatch.setattr(lookups, "get_monitor", lambda: MONITOR)
        with pytest.raises(ConfigurationError, match="MAILGUN_API_KEY"):
            plain(name)

    def test_with_a_key_in_plain_text(
        self, mailgun: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(options, "get_config", {"mailgun:apiKey": "k"}.get)
        with pytest.raises(ConfigurationError, match="plain text"):
            get_tracking_domain(DOMAIN)
        assert mailgun.log == []

    @pytest.mark.parametrize(
        "arguments",
        [
            {"domain": "nonsense"},
            {"region": "mars"},
            {"account": "key abc"},
            {"subaccount": "a/b"},
        ],
    )
    def test_with_invalid_arguments(self, arguments: dict[str, str], mailgun: HTTPServer) -> None:
        with pytest.raises(InvalidInput) as caught:
            get_tracking_domain(**{"domain": DOMAIN, **arguments})
        [name] = arguments
        assert str(caught.value).startswith(f"get_tracking_domain: {name}: ")
        assert mailgun.log == []

    def test_with_another_account_and_a_subaccount(
        self, mailgun: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MAILGUN_API_KEY_BRAND_B", "key-of-b")
        monkeypatch.setenv("MAILGUN_SUBACCOUNT", "of-the-default-account")
        offer(mailgun, f"/us/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        get_tracking_domain(DOMAIN)
        get_tracking_domain(DOMAIN, account="brand-b")
        get_tracking_domain(DOMAIN, account="brand-b", subaccount="sub1")
        get_tracking_domain(DOMAIN, subaccount="")
        keys, subaccounts = [], []
        for request, _ in mailgun.log:
            assert request.authorization is not None
            keys.append(request.authorization.password)
            subaccounts.append(request.headers.get("X-Mailgun-On-Behalf-Of"))
        assert keys == [KEY, "key-of-b", "key-of-b", KEY]
        assert subaccounts == ["of-the-default-account", None, "sub1", None]


def settle(make: Callable[[], pulumi.Output[Any]]) -> tuple[Any, bool]:
    """An output's value, and whether it is known."""

    async def wait() -> tuple[Any, bool]:
        output = make()
        return await output.future(), await output.is_known()

    return asyncio.run(wait())


class TestOutputs:
    """The output forms take inputs, and may be unknown in a preview."""

    def test_are_known_where_the_domain_exists(self, mailgun: HTTPServer) -> None:
        offer(mailgun, f"/us/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        found, known = settle(lambda: get_tracking_domain_output(pulumi.Output.from_input(DOMAIN)))
        assert known
        assert found == DOMAIN_RESULT

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_are_unknown_in_a_preview_without_the_domain(
        self, form: Form, preview: HTTPServer, clock: Clock
    ) -> None:
        """A preview does not wait for it."""
        *_, name, _, output, _ = form
        preview.expect_request("").respond_with_json(NOT_FOUND, status=404)
        assert settle(lambda: output(name)) == (None, False)
        assert clock.waits == []

    def test_are_unknown_in_a_preview_without_the_certificate(self, preview: HTTPServer) -> None:
        offer(preview, f"/us/v4/domains/{DOMAIN}", {"domain": {"name": DOMAIN}})
        offer(preview, f"/us/v2/x509/{HOST}/status", {"Description": "none"}, 404)
        assert settle(lambda: get_tracking_certificate_output(HOST)) == (None, False)

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_are_unknown_in_a_preview_without_a_response(
        self, form: Form, preview: HTTPServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is one warning for all of them."""
        *_, name, _, output, _ = form
        warnings: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", warnings.append)
        preview.expect_request("").respond_with_json({}, status=503)
        for _ in range(2):
            assert settle(lambda: output(name)) == (None, False)
        assert len(warnings) == 1
        assert "503" in warnings[0]

    def test_fail_in_an_update_without_a_response(self, mailgun: HTTPServer) -> None:
        mailgun.expect_request("").respond_with_json({}, status=503)
        with pytest.raises(ServerError):
            settle(lambda: get_tracking_domain_output(DOMAIN))

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_fail_in_an_update_without_the_domain(
        self, form: Form, mailgun: HTTPServer, clock: Clock
    ) -> None:
        """After ten seconds: it may have been created a moment ago."""
        *_, name, _, output, _ = form
        mailgun.expect_request("").respond_with_json(NOT_FOUND, status=404)
        with pytest.raises(DomainNotFound):
            settle(lambda: output(name))
        assert clock.passed == 10

    def test_fail_in_a_preview_with_a_wrong_key(self, preview: HTTPServer) -> None:
        offer(preview, f"/us/v4/domains/{DOMAIN}", {"message": "Invalid private key"}, 401)
        with pytest.raises(Unauthorized):
            settle(lambda: get_tracking_domain_output(DOMAIN))

    @pytest.mark.parametrize("form", FORMS, ids=IDS)
    def test_ask_nothing_while_an_input_is_unknown(self, form: Form, preview: HTTPServer) -> None:
        *_, output, _ = form

        def make() -> pulumi.Output[Any]:
            async def later(value: Any) -> Any:
                return value

            result: pulumi.Output[Any] = output(pulumi.Output(set(), later(None), later(False)))
            return result

        pulumi.runtime.settings.configure(
            pulumi.runtime.settings.Settings(project="p", stack="s", dry_run=True)
        )
        try:
            assert settle(make) == (None, False)
        finally:
            pulumi.runtime.settings.reset_options()
        assert preview.log == []
