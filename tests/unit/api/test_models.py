"""Names of domains, certificates and times as values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailgun_tracking._api.models import (
    domain_problem,
    from_rfc3339,
    is_domain,
    is_web_prefix,
    normalize_domain,
    parse_certificate,
    rfc3339,
    sending_domain,
)
from mailgun_tracking.errors import InvalidInput
from tests.unit.api.domains import DOMAINS
from tests.unit.fakes import NOON, make_pem

# Letters of all kinds, whatever ends a name or looks like a dot, and what DNS does not allow.
ODD_NAMES = st.text("aB1.-_ \t\x1c\u3002\uff0eüßİ例☃\u0301\u200b", max_size=12)


class TestDomains:
    """There is one spelling of each domain."""

    @pytest.mark.parametrize(
        ("name", "normal"),
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
    def test_are_normalized(self, name: str, normal: str) -> None:
        assert normalize_domain(name) == normal
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
    def test_any_spelling_becomes_the_domain(self, domain: str) -> None:
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
            "xn--.example.com",
            "mg.xn--zz.example",
            "xn--a.example.com",
            "xn--foo-.example.com",
        ],
    )
    def test_invalid_names(self, name: str) -> None:
        assert not is_domain(normalize_domain(name))
        problem = domain_problem(name)
        assert problem
        assert not name or name not in problem

    @pytest.mark.parametrize(
        "name", ["a_b.example.com", "_dmarc.example.com", "1and1.example.com", "xn--i-7iq.ws"]
    )
    def test_may_have_underscores_and_digits(self, name: str) -> None:
        assert is_domain(name)

    @pytest.mark.parametrize("name", ["mg.exa☃\u200bmple.com", "⒈com", "\u0301mg.example"])
    def test_names_that_have_no_dns_form(self, name: str) -> None:
        with pytest.raises(InvalidInput, match="not a domain name"):
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
    def test_web_prefixes(self, prefix: str, is_one: bool) -> None:
        assert is_web_prefix(prefix) is is_one

    def test_the_sending_domain_of_a_tracking_domain(self) -> None:
        assert sending_domain("email.mg.example.com") == "mg.example.com"


class TestCertificates:
    """What a certificate says."""

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
    def test_something_else(self, pem: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_certificate(pem)


class TestTimes:
    """Times as RFC 3339."""

    @given(
        st.datetimes(
            min_value=datetime(1990, 1, 1),
            max_value=datetime(9990, 1, 1),
            timezones=st.just(timezone.utc),
        )
    )
    def test_are_read_as_they_were_written(self, moment: datetime) -> None:
        assert from_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)

    def test_are_in_utc(self) -> None:
        berlin = timezone(timedelta(hours=1))
        assert rfc3339(NOON.astimezone(berlin)) == "2026-11-01T12:00:00Z"
