"""One operation: what its errors mean, and whether a domain is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from mailgun_tracking import errors
from mailgun_tracking._api.client import MailgunClient
from mailgun_tracking._api.models import DomainDetails
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.operation import Operation, warn_of_no_response
from mailgun_tracking._provider.process import process
from mailgun_tracking._provider.read_ahead import NO_RESPONSE
from tests.unit.fakes import Clock, Scripted, messages_of, operation_on

DOMAIN = "mg.example.com"
TARGET = Target("default", "us", "", DOMAIN)
DETAILS = DomainDetails(DOMAIN, "email", "http", None)
ANOTHER_DOMAIN = "two.example.com"
ANOTHER = DomainDetails(ANOTHER_DOMAIN, "links", "http", None)
ONE_ADDRESS = Settings({"mailgun-tracking:baseUrl": "https://gate.example.com"}.get, {})


def not_found() -> errors.DomainNotFound:
    """The 404 of a domain."""
    return errors.DomainNotFound(
        f"cannot read the domain {DOMAIN}", "Domain not found", status=404, domain=DOMAIN
    )


def unauthorized() -> errors.Unauthorized:
    """A 401."""
    return errors.Unauthorized("cannot read", "Invalid private key", status=401)


class TestOn:
    """An operation as the engine's call or the program's makes it."""

    @pytest.fixture(autouse=True)
    def _configure(self) -> None:
        process.settings = process.settings_from({"mailgun:apiKey": "key-0123456789"}.get)

    def test_its_client_stops_and_reports_with_the_process(self) -> None:
        operation = Operation.on(TARGET, deadline=7)
        assert operation.client is operation.client
        assert operation.client.deadline == 7
        assert operation.client.cancelled is process.cancelled
        assert operation.client.say == operation.log.throttled

    def test_the_clients_own_deadline_is_the_default(self) -> None:
        assert Operation.on(TARGET).client.deadline == 120

    def test_a_program_brings_its_own_settings(self) -> None:
        settings = process.settings_from({"mailgun-tracking:region": "eu"}.get)
        operation = Operation.on(TARGET, settings=settings)
        assert operation.settings is settings
        with pytest.raises(errors.ConfigurationError):
            _ = operation.client

    def test_another_region_has_another_address(self) -> None:
        operation = Operation.on(TARGET)
        assert operation.client.transport.base_url == "https://api.mailgun.net"
        assert operation.client_in("eu").transport.base_url == "https://api.eu.mailgun.net"


class TestUntilFound:
    """A new domain may not be visible at once."""

    def test_it_is_read_again_for_ten_seconds(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=not_found())
        with pytest.raises(errors.DomainNotFound):
            operation_on(client).until_found(lambda: client.get_domain(DOMAIN))
        assert clock.passed == 10
        assert len(client.calls) == 5

    def test_it_ends_when_the_domain_appears(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=[not_found(), not_found(), DETAILS])
        assert operation_on(client).until_found(lambda: client.get_domain(DOMAIN)) is DETAILS
        assert clock.passed == 5

    def test_other_errors_end_it_at_once(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=unauthorized())
        with pytest.raises(errors.Unauthorized):
            operation_on(client).until_found(lambda: client.get_domain(DOMAIN))
        assert clock.waits == []


class TestIsDomainGone:
    """A domain is gone only when both regions say so, for long enough, to the right key."""

    @pytest.fixture(autouse=True)
    def _another_domain(self) -> None:
        """Another domain that this run is about, and that the account has."""
        process.domains_seen.add(TARGET.with_domain(ANOTHER.name))

    def test_after_ten_seconds_of_404(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=not_found(), list_domains=iter([ANOTHER]))
        other = Scripted(get_domain=not_found())
        assert operation_on(client, other_region=other).is_domain_gone(DOMAIN)
        assert clock.passed == 10
        assert [name for name, *_ in client.calls] == ["get_domain"] * 5 + ["list_domains"]
        assert other.calls == [("get_domain", DOMAIN)]

    def test_not_where_it_appears_again(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=[not_found(), not_found(), DETAILS])
        assert not operation_on(client).is_domain_gone(DOMAIN)

    @pytest.mark.parametrize(
        ("here", "there", "error"),
        [
            pytest.param(
                {"list_domains": unauthorized()},
                {},
                errors.Unauthorized,
                id="the key may not list domains",
            ),
            pytest.param(
                {"list_domains": errors.Unreachable("cannot list")},
                {},
                errors.Unreachable,
                id="the list cannot be read",
            ),
            pytest.param(
                {"list_domains": iter([ANOTHER])},
                {"get_domain": DETAILS},
                errors.DomainNotFound,
                id="it is in the other region",
            ),
            pytest.param(
                {"list_domains": iter([ANOTHER])},
                {"get_domain": errors.Unreachable("cannot read")},
                errors.Unreachable,
                id="the other region cannot be asked",
            ),
        ],
    )
    def test_not_where_something_speaks_against_it(
        self,
        here: dict[str, Any],
        there: dict[str, Any],
        error: type[errors.TrackingError],
        clock: Clock,
    ) -> None:
        client = Scripted(clock, get_domain=not_found(), **here)
        with pytest.raises(error):
            operation_on(client, other_region=Scripted(**there)).is_domain_gone(DOMAIN)

    def test_a_domain_in_the_other_region_stays_in_the_state(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=not_found(), list_domains=iter([ANOTHER]))
        operation = operation_on(client, other_region=Scripted(get_domain=DETAILS))
        with pytest.raises(errors.DomainNotFound) as caught:
            operation.is_domain_gone(DOMAIN)
        assert "nothing was removed" in caught.value.advice
        assert caught.value.domain == DOMAIN

    def test_there_is_no_other_region_where_one_address_serves_both(self, clock: Clock) -> None:
        client = Scripted(clock, get_domain=not_found(), list_domains=iter([ANOTHER]))
        assert operation_on(client, settings=ONE_ADDRESS).is_domain_gone(DOMAIN)

    @pytest.mark.behaviour(57)
    @pytest.mark.parametrize("urn", ["", "urn:pulumi:dev::mail::type::mg"])
    @pytest.mark.parametrize(
        "listed",
        [
            pytest.param([], id="nothing"),
            pytest.param([DomainDetails("other.example.com", "email", "http", None)], id="others"),
            pytest.param([DETAILS], id="only itself, from elsewhere"),
        ],
    )
    def test_not_where_the_account_has_no_other_domain_of_the_run(
        self, listed: list[DomainDetails], urn: str, clock: Clock
    ) -> None:
        """Then the key may be that of another account."""
        client = Scripted(clock, get_domain=not_found(), list_domains=iter(listed))
        operation = operation_on(client, settings=ONE_ADDRESS, urn=urn)
        with pytest.raises(errors.DomainNotFound, match="or any other domain") as caught:
            operation.is_domain_gone(DOMAIN)
        assert f"`pulumi state delete{f' {urn!r}' if urn else ''}`" in caught.value.advice
        assert "nothing was removed from the state" in caught.value.advice

    @pytest.mark.behaviour(57)
    @pytest.mark.parametrize(
        ("seen", "is_gone"),
        [
            (Target("default", "us", "", f"links.{ANOTHER_DOMAIN}"), True),
            (Target("default", "eu", "", ANOTHER_DOMAIN), True),
            (Target("default", "us", "sub", ANOTHER_DOMAIN), True),
            (Target("brand-b", "us", "", ANOTHER_DOMAIN), False),
        ],
    )
    def test_the_other_domain_may_be_a_certificates_and_anywhere_in_the_account(
        self, seen: Target, is_gone: bool, clock: Clock
    ) -> None:
        process.reset()
        process.domains_seen.add(seen)
        process.domains_seen.add(TARGET)
        places = []

        def connect(target: Target) -> MailgunClient:
            places.append(replace(target, domain=""))
            listed = [ANOTHER] if places[-1] == replace(seen, domain="") else []
            found = Scripted(clock, get_domain=not_found(), list_domains=iter(listed))
            return cast(MailgunClient, found)

        operation = replace(operation_on(Scripted(), settings=ONE_ADDRESS), connect=connect)
        if is_gone:
            assert operation.is_domain_gone(DOMAIN)
        else:
            with pytest.raises(errors.DomainNotFound):
                operation.is_domain_gone(DOMAIN)
            assert replace(seen, domain="") not in places


class TestExplain:
    """What is added to an error."""

    def test_a_401_says_where_the_key_is_from(self) -> None:
        error = unauthorized()
        operation_on(Scripted(), region="eu", subaccount="sub1").explain(error)
        for word in ("MAILGUN_API_KEY in the environment", "region eu", "sub1"):
            assert word in error.advice
        assert "--run-program" not in error.advice

    def test_a_401_of_a_refresh_says_that_the_key_may_be_an_old_one(self) -> None:
        error = unauthorized()
        operation_on(Scripted()).explain(error, is_from_state=True)
        assert "--run-program" in error.advice

    @pytest.mark.behaviour(55)
    @pytest.mark.parametrize(
        ("access", "allowed", "words"),
        [
            ("write", {"read"}, "can read but not write, like a key with the role Basic, Analyst"),
            ("write", {"read", "write"}, "this one may need the role Admin"),
            ("list", {"read"}, "can read domains but not list them"),
            ("read", set(), "may be a domain sending key"),
            ("list", set(), "may be a domain sending key"),
            ("read", {"read"}, "check its account, its role"),
        ],
    )
    def test_a_refusal_says_what_it_looks_like(
        self, access: errors.Access, allowed: set[str], words: str
    ) -> None:
        error = errors.Unauthorized("cannot", "Forbidden", status=403)
        error.access = access
        client = Scripted()
        client.allowed = allowed
        operation_on(client).explain(error)
        assert words in error.advice

    @pytest.mark.behaviour(55)
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (DETAILS, "can read but not write"),
            (not_found(), "can read but not write"),
            (unauthorized(), "may be a domain sending key"),
        ],
    )
    def test_a_write_that_comes_first_is_followed_by_a_read(
        self, answer: object, words: str
    ) -> None:
        """An update sends its PUTs without reading before."""
        client = Scripted()

        def get_domain(_domain: str) -> object:
            if isinstance(answer, errors.Unauthorized):
                raise answer
            client.allowed.add("read")
            return answer

        vars(client)["get_domain"] = get_domain
        error = errors.Unauthorized("cannot", "Forbidden", status=403)
        error.access = "write"
        operation_on(client).explain(error)
        assert words in error.advice

    def test_an_unknown_subaccount_is_not_blamed_on_the_key(self) -> None:
        error = errors.Unauthorized("cannot", "Subaccount not found", status=403)
        operation_on(Scripted(), subaccount="sub9").explain(error)
        assert "check the subaccount's ID, sub9," in error.advice
        assert "Mailgun accepts the key" in error.advice
        assert "role" not in error.advice

    def test_a_404_names_the_region_that_has_the_domain(self) -> None:
        error = not_found()
        operation_on(Scripted(), other_region=Scripted(get_domain=DETAILS)).explain(error)
        assert "region='eu'" in error.advice
        assert f"eu/{DOMAIN}" in error.advice

    @pytest.mark.parametrize("answer", [not_found(), unauthorized(), errors.Unreachable("cannot")])
    def test_a_404_says_where_the_domain_is_not(self, answer: errors.TrackingError) -> None:
        error = not_found()
        other = Scripted(get_domain=answer)
        operation_on(Scripted(), subaccount="sub1", other_region=other).explain(error)
        assert "not in region us, subaccount sub1" in error.advice
        assert answer.advice == ""

    def test_a_404_names_no_region_where_one_address_serves_both(self) -> None:
        error = not_found()
        operation_on(Scripted(), settings=ONE_ADDRESS).explain(error)
        assert "not in region us" in error.advice

    def test_other_errors_stay_as_they_are(self) -> None:
        error = errors.ServerError("cannot read", advice="try again")
        operation_on(Scripted()).explain(error)
        assert error.advice == "try again"

    def test_every_error_that_leaves_the_block_is_explained(self) -> None:
        with (
            pytest.raises(errors.Unauthorized) as caught,
            operation_on(Scripted()).explaining_errors(is_from_state=True),
        ):
            raise unauthorized()
        assert "--run-program" in caught.value.advice


class TestChecks:
    """What a check makes of Mailgun's answers."""

    def test_a_new_domain_is_read_ahead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever domain of the operation's account it is."""
        found = {DOMAIN: DETAILS}
        monkeypatch.setattr(
            process.read_ahead, "details", lambda _client, target: found[target.domain]
        )
        operation = operation_on(Scripted(), f"email.{DOMAIN}")
        assert operation.read_new_domain(DOMAIN) is DETAILS

    def test_a_domain_that_does_not_exist_yet_is_no_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*_args: object) -> DomainDetails:
            raise not_found()

        monkeypatch.setattr(process.read_ahead, "details", missing)
        assert operation_on(Scripted()).read_new_domain(DOMAIN) is None

    @pytest.mark.parametrize("exists", [True, False])
    def test_a_domain_in_the_other_region_fails_the_check(
        self, exists: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Target] = []

        def look(_client: object, target: Target) -> bool:
            asked.append(target)
            return exists

        monkeypatch.setattr(process.read_ahead, "exists", look)
        failures = operation_on(Scripted()).wrong_region(DOMAIN)
        assert asked == [Target("default", "eu", "", DOMAIN)]
        assert [failure.property for failure in failures] == (["region"] if exists else [])
        assert all("region eu" in failure.reason for failure in failures)

    def test_one_address_for_both_regions_has_no_other_region(self) -> None:
        assert operation_on(Scripted(), settings=ONE_ADDRESS).wrong_region(DOMAIN) == []

    @pytest.mark.parametrize("type_", NO_RESPONSE)
    def test_without_a_response_it_warns_once_and_goes_on(
        self, type_: type[errors.TrackingError]
    ) -> None:
        operation = operation_on(Scripted())
        for _ in range(2):
            assert operation.check_failures(type_("cannot read", "out of order")) == []
        [message] = messages_of(operation)
        assert message.startswith("warning: ")
        assert "out of order" in message

    def test_other_errors_fail_it_with_their_explanation(self) -> None:
        operation = operation_on(Scripted())
        [failure] = operation.check_failures(unauthorized())
        assert failure.property == ""
        assert "the key is from" in failure.reason
        assert messages_of(operation) == []


def test_the_warning_is_given_once_per_run() -> None:
    class Run:
        """What is the same throughout a run."""

    warnings: list[str] = []
    first, second = Run(), Run()
    for name, run in (("one", first), ("two", first), ("three", second)):
        warn_of_no_response(errors.Unreachable(f"cannot read {name}"), warnings.append, run)
    assert ["one" in warnings[0], "three" in warnings[1]] == [True] * len(warnings)
