"""The web scheme and the web prefix on the engine; tests/providers has every case."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts


@pytest.mark.behaviour(20, 21)
def test_https_needs_a_certificate_or_a_proxy(mail: MailFactory, emulator: Emulator) -> None:
    """One of two domains is refused, without a change."""
    result = mail(
        """
        DomainTracking("refused", "mg.example.com", web_scheme="https", click=True)
        DomainTracking("proxy", "two.example.com", web_scheme="https", https_by="proxy")
        """
    ).up("--continue-on-error", check=False)
    [error] = result.diagnostics("refused", "error")
    assert error.startswith("CertificateMissing: ")
    assert puts(emulator) == ["PUT /v4/domains/two.example.com"]
    assert emulator.domain("two.example.com").web_scheme == "https"


@pytest.mark.behaviour(20, 36)
def test_a_first_up_moves_a_domain_that_is_on_https(mail: MailFactory, emulator: Emulator) -> None:
    """It ends on https, though the certificate has to move the domain first, using http.

    When the settings follow, what the certificate's check has read is out of date.
    """
    emulator.set_certificate("email.mg.example.com", "active")
    emulator.drift("mg.example.com", web_scheme="https")
    stack = mail('HttpsTracking("mg", "mg.example.com", web_prefix="track", click=True)')
    stack.up()
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.web_scheme) == ("track", "https")
    assert domain.certificates["track.mg.example.com"].status == "active"
    states = [
        one["outputs"]["web_scheme"]
        for one in stack.export()["deployment"]["resources"]
        if one["type"].endswith("TrackingHost")
    ]
    assert states == ["https"]


@pytest.mark.behaviour(59)
def test_https_over_a_custom_host(mail: MailFactory, emulator: Emulator) -> None:
    """Certificate and outputs are for the host that links use; a prefix to move to is refused."""
    host = "links.example.com"
    emulator.drift("mg.example.com", custom_host=host)
    program = """
        mg = HttpsTracking("mg", "mg.example.com"{more})
        pulumi.export("links", [mg.tracking_domain, mg.record.name, mg.record.value])
        """
    stack = mail(program.format(more=""))
    stack.up()
    assert stack.outputs()["links"] == [host, host, "mailgun.org"]
    assert puts(emulator) == [f"POST /v2/x509/{host}", "PUT /v4/domains/mg.example.com"]
    assert emulator.domain("mg.example.com").web_scheme == "https"
    stack.preview("--refresh", "--expect-no-changes")
    stack.write(program.format(more=', web_prefix="track"'))
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert f"use the custom tracking host {host}" in refused.output
    stack.write(program.format(more=', web_prefix="email"'))
    stack.up()
    assert emulator.domain("mg.example.com").tracking_host == host
