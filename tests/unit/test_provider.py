"""What both providers share: short errors, calls made together, and whether a domain is gone."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking import errors, plugin_process
from mailgun_tracking import provider as provider_module
from mailgun_tracking.models import DomainDetails, Target
from mailgun_tracking.provider import (
    Call,
    all_of,
    differing_identity,
    domain_problems,
    effective_target,
    identity_inputs,
    identity_problems,
    kind_of,
    one_line_errors,
    place_of,
    recorded_target,
    shown_by_program,
    together,
    unknown_fields,
    warn_of_no_answer,
)
from mailgun_tracking.settings import Settings
from tests.unit.fakes import Clock, Row, Scripted, call_about

DOMAIN = "mg.example.com"
DETAILS = DomainDetails(DOMAIN, "email", "http", None)
NOT_FOUND = errors.DomainNotFound(
    f"cannot read the domain {DOMAIN}", "Domain not found", status=404
)
UNAUTHORIZED = errors.Unauthorized("cannot read", "Invalid private key", status=401)


def raising(error: Exception) -> Callable[[], Any]:
    """A call that ends in an error."""

    def call() -> Any:
        raise error

    return call


class TestOneLineErrors:
    """What the engine shows of an exception: its class's name and its text."""

    def test_ours_are_one_line(self) -> None:
        error = errors.CnameNotValid("cannot issue", "no CNAME", status=400, advice="add it")
        with pytest.raises(Exception, match="cannot issue") as caught:
            one_line_errors(raising(error))()
        shown = traceback.format_exception_only(caught.type, caught.value)
        assert shown == ["CnameNotValid: cannot issue: no CNAME (400); add it\n"]
        assert caught.value.__suppress_context__

    def test_bugs_keep_their_traceback(self) -> None:
        def broken() -> None:
            raise KeyError("oops")

        with pytest.raises(RuntimeError) as caught:
            one_line_errors(broken)()
        text = str(caught.value)
        assert text.startswith("this is a bug in mailgun-tracking, please report it")
        assert 'in broken\n    raise KeyError("oops")' in text
        assert text.endswith("KeyError: 'oops'\n")

    def test_results_and_names_stay(self) -> None:
        def add(one: int, other: int = 2) -> int:
            """Add."""
            return one + other

        wrapped = one_line_errors(add)
        assert wrapped(1, other=3) == 4
        assert (wrapped.__name__, wrapped.__doc__) == ("add", "Add.")


class TestTogether:
    """Calls that do not depend on each other."""

    def test_are_under_way_at_the_same_time(self) -> None:
        meeting = threading.Barrier(3, timeout=30)
        assert sorted(together(*[meeting.wait] * 3)) == [0, 1, 2]

    def test_are_made_one_by_one_where_threads_would_cost_more(self) -> None:
        here = threading.get_ident()
        assert together(*[threading.get_ident] * 3, one_by_one=True) == [here] * 3

    @pytest.mark.parametrize("one_by_one", [False, True])
    def test_answers_come_in_order_with_our_errors_among_them(self, one_by_one: bool) -> None:
        answers = together(lambda: 1, raising(NOT_FOUND), lambda: 3, one_by_one=one_by_one)
        assert answers == [1, NOT_FOUND, 3]
        assert together(one_by_one=one_by_one) == []
        assert together(raising(NOT_FOUND), one_by_one=one_by_one) == [NOT_FOUND]

    @pytest.mark.parametrize("calls", [1, 2])
    def test_bugs_are_raised(self, calls: int) -> None:
        with pytest.raises(KeyError):
            together(*[raising(KeyError("bug"))] * calls)

    def test_all_of_raises_the_first_error_once_all_have_ended(self) -> None:
        ended: list[int] = []
        with pytest.raises(errors.DomainNotFound) as caught:
            all_of(raising(NOT_FOUND), lambda: ended.append(1), raising(UNAUTHORIZED))
        assert caught.value is NOT_FOUND
        assert ended == [1]
        assert all_of(lambda: 1, lambda: 2) == [1, 2]


class Elsewhere:
    """Makes calls of which the other region is another script."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.other = Scripted(get_domain=NOT_FOUND)
        monkeypatch.setattr(Call, "elsewhere", lambda _call, _region: self.other)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Elsewhere:
    """The other region, which has no domain."""
    return Elsewhere(monkeypatch)


def sleeping(clock: Clock, **answers: Any) -> Scripted:
    """A script whose waiting moves the clock."""
    client = Scripted(**answers)
    client.__dict__["sleep"] = clock.sleep
    return client


class TestGone:
    """A domain is gone only when everybody says so, for long enough."""

    def test_after_ten_seconds_of_404(self, clock: Clock, elsewhere: Elsewhere) -> None:
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=iter([DETAILS]))
        assert call_about(client).is_domain_gone(DOMAIN)
        assert clock.passed == 10
        assert [name for name, *_ in client.calls] == ["get_domain"] * 5 + ["list_domains"]
        assert elsewhere.other.calls == [("get_domain", DOMAIN)]

    def test_also_where_the_account_has_no_domain_at_all(
        self, clock: Clock, elsewhere: Elsewhere
    ) -> None:
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=iter([]))
        assert call_about(client).is_domain_gone(DOMAIN)

    def test_not_where_it_appears_again(self, clock: Clock, elsewhere: Elsewhere) -> None:
        client = sleeping(clock, get_domain=[NOT_FOUND, NOT_FOUND, DETAILS])
        assert not call_about(client).is_domain_gone(DOMAIN)
        assert clock.passed == 5
        assert elsewhere.other.calls == []

    @pytest.mark.parametrize("error", [UNAUTHORIZED, errors.Unreachable("cannot list")])
    def test_not_where_the_key_lists_nothing(
        self, error: errors.TrackingError, clock: Clock, elsewhere: Elsewhere
    ) -> None:
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=error)
        with pytest.raises(type(error)):
            call_about(client).is_domain_gone(DOMAIN)

    def test_not_where_the_other_region_has_it(self, clock: Clock, elsewhere: Elsewhere) -> None:
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=iter([]))
        elsewhere.other.answers["get_domain"] = [DETAILS]
        with pytest.raises(errors.DomainNotFound, match="nothing was removed from the state"):
            call_about(client).is_domain_gone(DOMAIN)

    def test_not_where_the_other_region_cannot_be_asked(
        self, clock: Clock, elsewhere: Elsewhere
    ) -> None:
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=iter([]))
        elsewhere.other.answers["get_domain"] = [errors.Unreachable("cannot read")]
        with pytest.raises(errors.Unreachable):
            call_about(client).is_domain_gone(DOMAIN)

    def test_without_another_region_where_one_address_serves_both(
        self, clock: Clock, elsewhere: Elsewhere
    ) -> None:
        settings = Settings({"mailgun-tracking:baseUrl": "https://proxy.example"}.get, {})
        client = sleeping(clock, get_domain=NOT_FOUND, list_domains=iter([]))
        assert call_about(client, settings=settings).is_domain_gone(DOMAIN)
        assert elsewhere.other.calls == []

    def test_other_errors_are_no_answer(self, clock: Clock, elsewhere: Elsewhere) -> None:
        with pytest.raises(errors.Unauthorized):
            call_about(sleeping(clock, get_domain=UNAUTHORIZED)).is_domain_gone(DOMAIN)
        assert clock.waits == []


class TestExplain:
    """What a look elsewhere adds to an error."""

    def explained(self, error: errors.TrackingError, call: Call, **options: bool) -> str:
        error.advice = ""
        call.explain(error, **options)
        return error.advice

    def test_a_key(self, elsewhere: Elsewhere) -> None:
        call = call_about(Scripted(), region="eu", subaccount="sub1")
        source = (
            "the key is from MAILGUN_API_KEY in the environment; check that it is a key of this "
            "account with access to region eu and subaccount sub1"
        )
        assert self.explained(UNAUTHORIZED, call) == source
        assert self.explained(UNAUTHORIZED, call, recorded_key=True) == (
            f"{source}; refresh and destroy run with the configuration of the last up: "
            "--run-program takes today's"
        )

    def test_a_domain_that_is_elsewhere(self, elsewhere: Elsewhere) -> None:
        elsewhere.other.answers["get_domain"] = [DETAILS]
        advice = self.explained(NOT_FOUND, call_about(Scripted()))
        assert advice == (
            "mg.example.com is in region eu: set region='eu', or give the id as eu/mg.example.com"
        )

    def test_a_domain_that_is_nowhere(self, elsewhere: Elsewhere) -> None:
        call = call_about(Scripted(), subaccount="sub1")
        assert self.explained(NOT_FOUND, call) == (
            "mg.example.com is not in region us, subaccount sub1: "
            "check the name, the region, the subaccount and the key"
        )

    def test_nothing_of_the_rest(self, elsewhere: Elsewhere) -> None:
        error = errors.ServerError("cannot read")
        assert self.explained(error, call_about(Scripted())) == ""

    def test_advice_is_given_once(self) -> None:
        error = errors.MailgunError("cannot read", advice="look")
        error.advise("look")
        error.advise("run")
        assert error.advice == "look; run"


def said(failures: list[Any]) -> list[str]:
    """Failures as sentences."""
    return [f"{failure.property} {failure.reason}" for failure in failures]


class TestIdentity:
    """Whom a resource is about."""

    @pytest.fixture(autouse=True)
    def settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        configuration = {
            "mailgun-tracking:region": "eu",
            "mailgun-tracking:subaccount": "sub1",
        }
        monkeypatch.setattr(provider_module, "_settings", Settings(configuration.get, {}))

    @pytest.mark.parametrize(
        ("inputs", "target"),
        [
            ({"domain": "MG.example.com."}, Target("default", "eu", "sub1", DOMAIN)),
            ({"domain": DOMAIN, "region": "US"}, Target("default", "us", "sub1", DOMAIN)),
            ({"domain": DOMAIN, "subaccount": ""}, Target("default", "eu", "", DOMAIN)),
            ({"domain": DOMAIN, "account": "b"}, Target("b", "eu", "", DOMAIN)),
            (
                {"domain": DOMAIN, "account": "b", "subaccount": "s"},
                Target("b", "eu", "s", DOMAIN),
            ),
            ({"domain": UNKNOWN}, None),
            ({"domain": DOMAIN, "region": UNKNOWN}, None),
            ({"domain": DOMAIN, "account": UNKNOWN}, None),
            ({}, None),
        ],
    )
    def test_effective(self, inputs: dict[str, Any], target: Target | None) -> None:
        assert effective_target(inputs, "domain") == target
        if target:
            assert identity_inputs(inputs, "domain") == {
                "account": target.account,
                "region": target.region,
                "subaccount": target.subaccount,
            }

    def test_a_place_is_the_same_by_whatever_account_or_address(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        us, eu = Target("default", "us", "", DOMAIN), Target("brand-b", "eu", "sub", DOMAIN)
        assert place_of(us) == place_of(replace(us, account="main", subaccount="sub"))
        assert place_of(us) != place_of(eu)
        assert place_of(us) != place_of(replace(us, domain="other.example.com"))
        one_address = Settings({"mailgun-tracking:baseUrl": "https://gate.example.com"}.get, {})
        monkeypatch.setattr(provider_module, "_settings", one_address)
        assert place_of(us) == place_of(eu)
        for_us_alone = Settings({"mailgun-tracking:baseUrl": "https://api.mailgun.net"}.get, {})
        monkeypatch.setattr(provider_module, "_settings", for_us_alone)
        assert place_of(us) != place_of(eu)

    def test_inputs_of_what_is_not_known_stay(self) -> None:
        inputs = {"domain": UNKNOWN, "region": "us", "account": None}
        assert identity_inputs(inputs, "domain") == {"region": "us"}

    @pytest.mark.parametrize(
        ("id_", "outputs", "target"),
        [
            (DOMAIN, {}, Target("default", "us", "", DOMAIN)),
            ("eu/sub2/mg.example.com", {"account": "b"}, Target("b", "eu", "sub2", DOMAIN)),
            (
                "eu/mg.example.com",
                {"domain": "MG.example.com", "account": "default"},
                Target("default", "eu", "", DOMAIN),
            ),
            (
                "eu/s/mg.example.com",
                {"domain": DOMAIN, "account": "b", "region": "eu", "subaccount": "s"},
                Target("b", "eu", "s", DOMAIN),
            ),
        ],
    )
    def test_recorded(self, id_: str, outputs: dict[str, Any], target: Target) -> None:
        assert recorded_target(id_, outputs, "domain") == target

    @pytest.mark.parametrize(
        ("olds", "news", "names"),
        [
            ({}, {}, []),
            ({"region": "eu"}, {"region": "eu"}, []),
            ({"region": "eu"}, {"region": "us"}, ["region"]),
            ({"region": "eu"}, {}, []),
            ({"subaccount": "s"}, {"subaccount": ""}, ["subaccount"]),
            ({"account": "default"}, {"account": "b"}, ["account"]),
            ({"account": "default"}, {"account": UNKNOWN}, ["account"]),
            ({}, {"domain": "MG.Example.com."}, []),
            ({}, {"domain": "other.example.com"}, ["domain"]),
            ({}, {"domain": UNKNOWN}, ["domain"]),
            (
                {"region": "us"},
                {"domain": "other.example.com", "region": "eu"},
                ["domain", "region"],
            ),
        ],
    )
    def test_differing(self, olds: dict[str, Any], news: dict[str, Any], names: list[str]) -> None:
        olds, news = {"domain": DOMAIN, **olds}, {"domain": DOMAIN, **news}
        assert differing_identity(olds, news, "domain") == names

    @pytest.mark.parametrize(
        ("inputs", "sentences"),
        [
            ({"domain": DOMAIN}, []),
            ({"domain": UNKNOWN, "region": UNKNOWN, "account": UNKNOWN}, []),
            ({"domain": DOMAIN, "region": "EU", "account": "brand-b", "subaccount": ""}, []),
            ({}, ["domain is required, as in mg.example.com"]),
            ({"domain": 7.0}, ["domain must be a text, not a number"]),
            (
                {"domain": "localhost"},
                ["domain 'localhost' is not a domain name such as mg.example.com"],
            ),
            (
                {"domain": "☃\u200b"},
                ["domain '☃\\u200b' is not a domain name such as mg.example.com"],
            ),
            ({"domain": DOMAIN, "region": "mars"}, ["region must be us or eu, not 'mars'"]),
            (
                {"domain": DOMAIN, "account": "key abc"},
                ["account must be a name of letters, digits, - and _, never a key"],
            ),
            (
                {"domain": DOMAIN, "account": f"key-{'0123456789abcdef' * 2}"},
                ["account must be a name of letters, digits, - and _, never a key"],
            ),
            (
                {"domain": DOMAIN, "account": f"{'0123456789abcdef' * 2}-01234567-89abcdef"},
                ["account must be a name of letters, digits, - and _, never a key"],
            ),
            (
                {"domain": DOMAIN, "subaccount": "a/b"},
                ["subaccount must be a subaccount's id, as Mailgun shows it"],
            ),
            *(
                (
                    {"domain": DOMAIN, "subaccount": value},
                    ["subaccount must be a subaccount's id, as Mailgun shows it"],
                )
                for value in (7, "Łódź", "abc\n", "a b")
            ),
        ],
    )
    def test_problems(self, inputs: dict[str, Any], sentences: list[str]) -> None:
        assert said(identity_problems(inputs, "domain")) == sentences

    def test_problems_of_a_domain_by_any_name(self) -> None:
        assert said(domain_problems("tracking_domain", [])) == [
            "tracking_domain must be a text, not a list"
        ]


def test_unknown_fields() -> None:
    allowed = ("active", "html_footer", "text_footer")
    assert said(unknown_fields(["active", "activ", "colour"], allowed, "unsubscribe.")) == [
        "unsubscribe.activ there is no such field; did you mean active?",
        "unsubscribe.colour there is no such field; there are active, html_footer, text_footer",
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a boolean"),
        ("x", "a text"),
        (1, "a number"),
        (1.5, "a number"),
        ({}, "an object"),
        ([], "a list"),
        (None, "NoneType"),
    ],
)
def test_kinds_in_plain_words(value: object, kind: str) -> None:
    assert kind_of(value) == kind


def test_a_general_warning_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_module, "_warned", threading.Event())
    warned: list[str] = []
    for _ in range(2):
        warn_of_no_answer(errors.Unreachable("cannot read", "no network"), warned.append)
    assert warned == ["the preview goes on without a look at Mailgun: cannot read: no network"]


def test_an_error_in_a_program_is_one_line_there() -> None:
    """Language hosts show a `RunError` without a traceback; it is still caught as what it was."""
    with pytest.raises(errors.DomainNotFound) as caught, shown_by_program():
        raise errors.DomainNotFound("cannot read", "gone", status=404, domain=DOMAIN)
    assert isinstance(caught.value, pulumi.RunError)
    assert (str(caught.value), caught.value.domain) == ("cannot read: gone (404)", DOMAIN)


class TestRow:
    """A resource's row, outside of the engine."""

    def test_one_line_in_fifteen_seconds(self, capsys: pytest.CaptureFixture[str]) -> None:
        clock = Clock()
        row = plugin_process.Row("", clock)
        for second in range(60):
            row.wait(f"waiting, {second} s")
            clock.sleep(1)
        told = capsys.readouterr().err.splitlines()
        assert told == [f"waiting, {second} s" for second in (5, 20, 35, 50)]

    def test_reasons_are_always_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        row = plugin_process.Row("", Clock())
        row.tell("adopted")
        row.tell("adopted", warning=True)
        assert capsys.readouterr().err == "adopted\nadopted\n"

    def test_no_urn_where_nobody_asks(self) -> None:
        assert plugin_process.current_urn() == ""

    def test_the_urn_is_that_of_the_request_below(self) -> None:
        class Request:
            urn = "urn:pulumi:dev::p::t::name"

        def Create(request: object) -> str:
            return plugin_process.current_urn()

        assert Create(Request()) == Request.urn
        assert Create(object()) == ""


def test_the_fake_row_is_like_the_real_one() -> None:
    assert {"tell", "wait"} <= set(dir(Row)) & set(dir(plugin_process.Row))
