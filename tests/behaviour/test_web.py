"""The web scheme and the web prefix: https never over a host without a certificate."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts


@dataclass(frozen=True)
class Row:
    """A domain as Mailgun has it, what the program wants of it, and what becomes of that."""

    name: str
    wants: str
    refused: str | None = None
    """How the error ends; None where it is done."""
    scheme: str = "http"
    certificate: str | None = None
    """The status of the certificate of ``email.<domain>``; None where there never was one."""
    moved: str | None = None
    """The status of the certificate of ``links.<domain>``."""
    becomes: tuple[str, str] = ("http", "email")

    @property
    def domain(self) -> str:
        return f"{self.name}.example.com"


HTTPS = ("https", "email")
MOVED = ("https", "links")
ADD = (
    "add a TrackingCertificate for {} and depends_on it; "
    'with TLS at your own proxy set https_by="proxy"'
)
AGAIN = (
    'a TrackingCertificate for {} regenerates it; with TLS at your own proxy set https_by="proxy"'
)

CREATE = [
    Row("none", 'web_scheme="https"', f"email.none.example.com has no certificate; {ADD}"),
    Row(
        "processing",
        'web_scheme="https"',
        "the certificate of email.processing.example.com is processing; set wait=True on its "
        "TrackingCertificate and depends_on it, or run again once it is active; "
        'with TLS at your own proxy set https_by="proxy"',
        certificate="processing",
    ),
    Row(
        "expired",
        'web_scheme="https"',
        f"the certificate of email.expired.example.com is expired; {AGAIN}",
        certificate="expired",
    ),
    Row(
        "error",
        'web_scheme="https"',
        f"the certificate of email.error.example.com is error; {AGAIN}",
        certificate="error",
    ),
    Row("active", 'web_scheme="https"', certificate="active", becomes=HTTPS),
    Row("proxy", 'web_scheme="https", https_by="proxy"', becomes=HTTPS),
    Row("plain", 'web_scheme="http"', scheme="https"),
    Row("already", 'web_scheme="https"', scheme="https", becomes=HTTPS),
    Row("click", "click=True", scheme="https", certificate="expired", becomes=HTTPS),
    Row("prefix", 'web_prefix="links"', becomes=("http", "links")),
    Row(
        "away",
        'web_prefix="links"',
        f"links.away.example.com has no certificate; {ADD}",
        scheme="https",
        certificate="active",
        becomes=HTTPS,
    ),
    Row(
        "both",
        'web_prefix="links", web_scheme="https"',
        f"links.both.example.com has no certificate; {ADD}",
        scheme="https",
        certificate="active",
        becomes=HTTPS,
    ),
    Row(
        "ready",
        'web_prefix="links"',
        scheme="https",
        certificate="active",
        moved="active",
        becomes=MOVED,
    ),
    Row("down", 'web_prefix="links", web_scheme="http"', scheme="https", becomes=("http", "links")),
    Row("own", 'web_prefix="links", https_by="proxy"', scheme="https", becomes=MOVED),
]


def prepare(emulator: Emulator, rows: list[Row]) -> None:
    """Give Mailgun each row's domain."""
    emulator.set_dials(x509_other_host="issues")
    for row in rows:
        emulator.add_domain(row.domain, web_scheme=row.scheme)
        for label, status in (("email", row.certificate), ("links", row.moved)):
            if status:
                emulator.set_certificate(f"{label}.{row.domain}", status)


def program(rows: list[Row]) -> str:
    """Declares each row."""
    return "".join(f"DomainTracking({r.name!r}, {r.domain!r}, {r.wants})\n" for r in rows)


@pytest.mark.behaviour(20, 21)
def test_https_only_over_a_certificate(mail: MailFactory, emulator: Emulator) -> None:
    """A call that turns https on, or moves it, wants an active certificate or your own proxy."""
    prepare(emulator, CREATE)
    result = mail(program(CREATE)).up("--continue-on-error", check=False)

    for row in CREATE:
        said = result.diagnostics(row.name, "error")
        host = ("links." if "web_prefix" in row.wants else "email.") + row.domain
        if row.refused is None:
            assert said == [], row.name
        else:
            [error] = said
            assert error.startswith("CertificateMissing: "), row.name
            assert error.endswith(row.refused.format(host)), row.name
            assert row.domain not in " ".join(puts(emulator)), row.name
        now = emulator.domain(row.domain)
        assert (now.web_scheme, now.web_prefix) == row.becomes, row.name
    statuses = {r.path for r in emulator.requests if r.path.startswith("/v2/x509")}
    for name in ("proxy", "plain", "already", "click", "prefix", "down", "own"):
        assert not [path for path in statuses if f".{name}.example.com" in path], name


@pytest.mark.behaviour(20)
def test_a_domain_on_https_is_not_held_up(mail: MailFactory, emulator: Emulator) -> None:
    """Once on https, all else can be changed though the certificate has expired."""
    rows = [
        Row("managed", 'web_scheme="https", click=True', certificate="active", becomes=HTTPS),
        Row("alien", "click=True", scheme="https", certificate="active", becomes=HTTPS),
        Row("moves", "click=True", scheme="https", certificate="active", becomes=HTTPS),
        Row("downgrade", 'web_scheme="https"', certificate="active"),
    ]
    prepare(emulator, rows)
    stack = mail(program(rows))
    stack.up()
    for row in rows:
        emulator.set_certificate(f"email.{row.domain}", "expired")
    emulator.forget_requests()
    stack.write(
        """
        DomainTracking("managed", "managed.example.com", web_scheme="https", click=False)
        DomainTracking("alien", "alien.example.com", click=False)
        DomainTracking("moves", "moves.example.com", click=False, web_prefix="links")
        DomainTracking("downgrade", "downgrade.example.com", web_scheme="http")
        """
    )
    result = stack.up("--continue-on-error", check=False)

    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/alien.example.com/tracking/click",
        "PUT /v3/domains/managed.example.com/tracking/click",
        "PUT /v4/domains/downgrade.example.com",
    ]
    [error] = result.diagnostics("moves", "error")
    assert error.startswith(
        "CertificateMissing: cannot move moves.example.com, which is on https, to "
        "links.moves.example.com: links.moves.example.com has no certificate"
    )
    assert emulator.domain("managed.example.com").click == {"active": False}
    assert emulator.domain("alien.example.com").click == {"active": False}
    assert emulator.domain("moves.example.com").click == {"active": True}
    assert emulator.domain("moves.example.com").web_prefix == "email"
    assert emulator.domain("downgrade.example.com").web_scheme == "http"
