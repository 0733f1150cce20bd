"""Values and their form on the wire: read liberally, written strictly."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgun_tracking.errors import InvalidInput
from mailgun_tracking.models import (
    FOOTERS,
    SECTIONS,
    Section,
    Target,
    as_bool,
    as_click_active,
    from_rfc3339,
    is_domain,
    is_web_prefix,
    normalize_domain,
    parse_certificate,
    parse_id,
    read_section,
    rfc3339,
    same_value,
    sending_domain,
    write_section,
)
from tests.unit.fakes import NOON, make_pem

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
DOMAINS = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(LABELS, min_size=1, max_size=4),
    st.from_regex(r"[a-z]{2,10}", fullmatch=True),
)
TARGETS = st.builds(
    Target,
    st.just("default"),
    st.sampled_from(["us", "eu"]),
    st.text(string.ascii_letters + string.digits + "-", max_size=30),
    DOMAINS,
)
FOOTER_TEXTS = st.text("ab<%é€\r\n\t ", max_size=40)
# Letters of all kinds, whatever ends a name or looks like a dot, and what no DNS knows.
ODD_NAMES = st.text("aB1.-_ \t\x1c\u3002\uff0eüßİ例☃\u0301\u200b", max_size=12)


def sections(kind: str) -> st.SearchStrategy[Section]:
    """Sections of a kind, with any of their fields."""
    active: st.SearchStrategy[Any] = st.booleans()
    if kind == "click":
        active = st.one_of(active, st.just("htmlonly"))
    fields = {
        field: FOOTER_TEXTS if field in FOOTERS else active if field == "active" else st.booleans()
        for field in SECTIONS[kind]
    }
    return st.fixed_dictionaries({}, optional=fields)


class TestDomains:
    """One spelling for each domain."""

    @pytest.mark.parametrize(
        ("given", "normal"),
        [
            ("mg.example.com", "mg.example.com"),
            ("MG.Example.COM", "mg.example.com"),
            ("mg.example.com.", "mg.example.com"),
            (" mg.example.com\n", "mg.example.com"),
            ("mg.bücher.example", "mg.xn--bcher-kva.example"),
            ("MG.BÜCHER.example.", "mg.xn--bcher-kva.example"),
            ("mg.xn--bcher-kva.example", "mg.xn--bcher-kva.example"),
            ("例え。テスト。", "xn--r8jz45g.xn--zckzah"),
            ("straße.example", "xn--strae-oqa.example"),
        ],
    )
    def test_are_normalized(self, given: str, normal: str) -> None:
        assert normalize_domain(given) == normal
        assert is_domain(normal)

    @given(ODD_NAMES)
    @example("a .")
    @example("例。")
    def test_normalizing_twice_changes_nothing(self, name: str) -> None:
        try:
            normal = normalize_domain(name)
        except InvalidInput:
            return
        assert normal.isascii()
        assert normalize_domain(normal) == normal

    @given(DOMAINS)
    def test_any_spelling_of_a_domain_is_that_domain(self, domain: str) -> None:
        assert normalize_domain(domain) == domain
        assert normalize_domain(f" {domain.upper()}. ") == domain
        assert is_domain(domain)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "localhost",
            ".example.com",
            "mg..example.com",
            "mg.-example.com",
            "mg.example-.com",
            "mg.exa mple.com",
            "mg/example.com",
            "10.0.0.1",
            "mg.example.com:443",
            "https://mg.example.com",
            f"{'a' * 64}.example.com",
            ".".join(["a" * 60] * 5),
            "mg.example.com\n.example.com",
        ],
    )
    def test_are_refused(self, name: str) -> None:
        assert not is_domain(normalize_domain(name))

    @pytest.mark.parametrize("name", ["a_b.example.com", "_dmarc.example.com", "1and1.example.com"])
    def test_may_have_underscores_and_digits(self, name: str) -> None:
        assert is_domain(name)

    @pytest.mark.parametrize("name", ["mg.exa☃\u200bmple.com", "⒈com", "\u0301mg.example"])
    def test_that_no_dns_knows_raise(self, name: str) -> None:
        with pytest.raises(InvalidInput, match="is not a domain name"):
            normalize_domain(name)

    @pytest.mark.parametrize(
        ("prefix", "is_one"),
        [
            ("email", True),
            ("go-2", True),
            ("2", True),
            ("a" * 63, True),
            ("a" * 64, False),
            ("Email", False),
            ("-go", False),
            ("go-", False),
            ("go_2", False),
            ("go.mg", False),
            ("", False),
            ("email\n", False),
            ("é", False),
        ],
    )
    def test_web_prefix(self, prefix: str, is_one: bool) -> None:
        assert is_web_prefix(prefix) is is_one

    def test_sending_domain(self) -> None:
        assert sending_domain("email.mg.example.com") == "mg.example.com"


class TestIds:
    """The id of a resource, to and fro."""

    @pytest.mark.parametrize(
        ("target", "id_"),
        [
            (Target("default", "us", "", "mg.example.com"), "mg.example.com"),
            (Target("default", "eu", "", "mg.example.com"), "eu/mg.example.com"),
            (Target("default", "us", "sub1", "mg.example.com"), "us/sub1/mg.example.com"),
            (Target("default", "eu", "sub1", "mg.example.com"), "eu/sub1/mg.example.com"),
            (Target("brand-b", "us", "", "mg.example.com"), "mg.example.com"),
        ],
    )
    def test_of_a_target(self, target: Target, id_: str) -> None:
        assert target.id == id_
        assert parse_id(id_, target.account) == target

    @given(TARGETS)
    def test_read_back_is_the_target(self, target: Target) -> None:
        assert parse_id(target.id) == target

    @pytest.mark.parametrize(
        ("text", "id_"),
        [
            ("us/mg.example.com", "mg.example.com"),
            ("EU/MG.Example.com.", "eu/mg.example.com"),
            ("us//mg.example.com", "mg.example.com"),
        ],
    )
    def test_may_be_spelled_otherwise(self, text: str, id_: str) -> None:
        assert parse_id(text).id == id_

    @pytest.mark.parametrize(
        "text",
        ["", "/", "mars/mg.example.com", "us/", "us/a/b/mg.example.com", "localhost", "us/sub1/x"],
    )
    def test_that_are_none_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            parse_id(text)
        assert str(caught.value) == (
            f"{text!r} is not an id; write DOMAIN, REGION/DOMAIN or REGION/SUBACCOUNT/DOMAIN, "
            "as in eu/mg.example.com"
        )


class TestSections:
    """Settings on the wire."""

    @pytest.mark.parametrize("value", [True, "true", "True", " yes ", "YES"])
    def test_yes(self, value: object) -> None:
        assert as_bool(value) is True
        assert as_click_active(value) is True

    @pytest.mark.parametrize("value", [False, "false", "no", "No"])
    def test_no(self, value: object) -> None:
        assert as_bool(value) is False
        assert as_click_active(value) is False

    @pytest.mark.parametrize("value", ["", "on", "1", 1, 0, None, [], "htmlonly"])
    def test_neither(self, value: object) -> None:
        with pytest.raises(ValueError, match="neither true nor false"):
            as_bool(value)

    def test_htmlonly(self) -> None:
        assert as_click_active("htmlonly") == "htmlonly"
        assert as_click_active(" HtmlOnly ") == "htmlonly"

    @pytest.mark.parametrize("kind", SECTIONS)
    def test_read_back_as_written(self, kind: str) -> None:
        @given(sections(kind))
        def check(section: Section) -> None:
            assert read_section(kind, write_section(section)) == section

        check()

    def test_only_known_fields_are_read(self) -> None:
        answer = {"active": True, "place_at_the_top": None, "color": "red", "html_footer": "x"}
        assert read_section("open", answer) == {"active": True}
        assert read_section("unsubscribe", {"text_footer": ""}) == {"text_footer": ""}

    @pytest.mark.parametrize("answer", [None, [], "active", 7])
    def test_what_is_no_section_is_refused(self, answer: object) -> None:
        with pytest.raises(ValueError, match="open is not an object"):
            read_section("open", answer)

    def test_what_is_not_given_is_not_written(self) -> None:
        assert write_section({}) == {}
        assert write_section({"active": False}) == {"active": "false"}


class TestSameValue:
    """Whether two values mean the same to Mailgun."""

    @pytest.mark.parametrize(
        ("field", "one", "other", "same"),
        [
            ("html_footer", "a\nb", "a\r\nb", True),
            ("html_footer", "a\nb", "a\rb", True),
            ("text_footer", "bye", "bye\n\n", True),
            ("text_footer", "bye", "bye \t", True),
            ("text_footer", "bye", "\nbye", True),
            ("text_footer", "good bye", "good  bye", False),
            ("text_footer", "a\nb", "a\n\nb", False),
            ("text_footer", "bye", None, False),
            ("active", True, True, True),
            ("active", True, "true", False),
            ("active", True, 1, False),
            ("active", True, "htmlonly", False),
            ("active", "htmlonly", "htmlonly", True),
            ("active", None, False, False),
            ("web_prefix", "email", "email ", False),
        ],
    )
    def test_of(self, field: str, one: object, other: object, same: bool) -> None:
        assert same_value(field, one, other) is same
        assert same_value(field, other, one) is same

    @given(
        st.sampled_from(["active", "place_at_the_top", *FOOTERS, "web_scheme"]),
        *[st.one_of(st.none(), st.booleans(), st.sampled_from(["htmlonly", "a\n", "a\r\n", "a"]))]
        * 2,
    )
    def test_is_symmetric_and_reflexive(self, field: str, one: object, other: object) -> None:
        assert same_value(field, one, other) is same_value(field, other, one)
        assert same_value(field, one, one)


class TestCertificates:
    """What is written in a certificate."""

    def test_facts(self) -> None:
        facts = parse_certificate(make_pem("email.mg.example.com", "go.mg.example.com"))
        assert facts.names == ("email.mg.example.com", "go.mg.example.com")
        assert facts.issuer == "O=Let's Encrypt,CN=R11"
        assert facts.serial == "beef"
        assert len(bytes.fromhex(facts.fingerprint)) == 32
        assert facts.not_before == "2026-11-01T12:00:00Z"
        assert facts.not_after == "2027-01-30T12:00:00Z"

    def test_without_names(self) -> None:
        assert parse_certificate(make_pem()).names == ()

    def test_the_first_of_a_chain_counts(self) -> None:
        chain = make_pem("first.example.com") + make_pem("second.example.com")
        assert parse_certificate(chain).names == ("first.example.com",)

    @pytest.mark.parametrize("pem", ["", "{CERT}", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_of_no_pem(self, pem: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_certificate(pem)


class TestMoments:
    """Times as RFC 3339."""

    @given(
        st.datetimes(
            min_value=datetime(1990, 1, 1),
            max_value=datetime(9990, 1, 1),
            timezones=st.just(timezone.utc),
        )
    )
    def test_read_back_as_written(self, moment: datetime) -> None:
        assert from_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)

    def test_are_in_utc(self) -> None:
        berlin = timezone(timedelta(hours=1))
        assert rfc3339(NOON.astimezone(berlin)) == "2026-11-01T12:00:00Z"
