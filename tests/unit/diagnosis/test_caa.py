"""CAA records as RFC 8659 and RFC 8657 have them."""

from __future__ import annotations

import pytest

from mailgun_tracking._diagnosis.caa import CaaRecord, CaaSet, refusal, relevant_set


def issue(value: str, flags: int = 0) -> CaaRecord:
    return CaaRecord(flags, "issue", value)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([issue("letsencrypt.org")], None, id="ours"),
        pytest.param([issue("LetsEncrypt.org.")], None, id="spelled otherwise"),
        pytest.param([issue(" letsencrypt.org ; x=1")], None, id="with a parameter"),
        pytest.param([issue("other.test"), issue("letsencrypt.org")], None, id="one of two"),
        pytest.param([issue("other.test")], "caa-refused", id="another CA"),
        pytest.param([issue(";")], "caa-refused", id="no CA"),
        pytest.param([issue("")], "caa-refused", id="empty"),
        pytest.param([issue("letsencrypt.org.example")], "caa-refused", id="looks like ours"),
        pytest.param([CaaRecord(0, "issuewild", ";")], None, id="wildcards only"),
        pytest.param(
            [CaaRecord(0, "issuewild", "letsencrypt.org"), issue("other.test")],
            "caa-refused",
            id="ours for wildcards only",
        ),
        pytest.param([CaaRecord(128, "iodef", "mailto:a@b.c")], None, id="known critical tag"),
        pytest.param([CaaRecord(0, "tbs", "x")], None, id="unknown tag"),
        pytest.param([CaaRecord(128, "tbs", "x")], "caa-critical-tag", id="unknown critical tag"),
        pytest.param(
            [CaaRecord(1, "tbs", "x"), issue("letsencrypt.org")],
            "caa-critical-tag",
            id="critical by mistake",
        ),
        pytest.param(
            [issue("letsencrypt.org; accounturi=https://x/acct/1")], "caa-account", id="account"
        ),
        pytest.param(
            [issue("letsencrypt.org; accounturi=https://x/acct/1"), issue("letsencrypt.org")],
            None,
            id="any account too",
        ),
        pytest.param(
            [issue("letsencrypt.org; validationmethods=dns-01,tls-alpn-01")],
            "caa-method",
            id="other methods",
        ),
        pytest.param(
            [issue("letsencrypt.org; ValidationMethods=dns-01, HTTP-01")], None, id="our method too"
        ),
        pytest.param(
            [issue("letsencrypt.org; validationmethods=http-01; accounturi=https://x/1")],
            "caa-account",
            id="our method for an account",
        ),
    ],
)
def test_what_records_say(records: list[CaaRecord], expected: str | None) -> None:
    """Whether Let's Encrypt may issue over HTTP-01 for Mailgun, or why not."""
    assert refusal(records) == expected


def test_the_climb() -> None:
    """The nearest name with records counts, and nothing above it is asked."""
    zone = {"mg.example.com": [issue("near.test")], "example.com": [issue("far.test")]}
    asked: list[str] = []

    def lookup(name: str) -> list[CaaRecord]:
        asked.append(name)
        return zone.get(name, [])

    found = relevant_set("email.mg.example.com", lookup)
    assert found == CaaSet("mg.example.com", (issue("near.test"),))
    assert asked == ["email.mg.example.com", "mg.example.com"]
    assert relevant_set("email.example.org", lookup) == CaaSet()
    assert asked[2:] == ["email.example.org", "example.org", "org"]
