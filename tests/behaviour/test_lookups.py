"""The lookups."""

from __future__ import annotations

import pytest
from cryptography import x509

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts

BOTH_FORMS = """
from dataclasses import asdict

def plain_and_output(name, plain, output, *given, **where):
    pulumi.export(name, asdict(plain(*given, **where)))
    inputs = [pulumi.Output.from_input(item) for item in given]
    pulumi.export(name + " as output", output(*inputs, **where).apply(asdict))

plain_and_output("host", get_tracking_domain, get_tracking_domain_output, "MG.example.com.")
plain_and_output(
    "eu", get_tracking_domain, get_tracking_domain_output, "eu.example.com", region="eu"
)
plain_and_output("settings", get_domain_tracking, get_domain_tracking_output, "mg.example.com")
plain_and_output(
    "sub", get_domain_tracking, get_domain_tracking_output, "sub.example.com", subaccount="sub-1"
)
plain_and_output(
    "certificate",
    get_tracking_certificate,
    get_tracking_certificate_output,
    "go.mg.example.com",
)
plain_and_output(
    "processing",
    get_tracking_certificate,
    get_tracking_certificate_output,
    "email.two.example.com",
)
"""


@pytest.mark.behaviour(32)
def test_both_forms_return_what_mailgun_has(mail: MailFactory, emulator: Emulator) -> None:
    """Tracking domains, settings and certificates with their PEM, in previews and in up."""
    emulator.drift("mg.example.com", web_prefix="go", open=True, click="htmlonly")
    emulator.drift("sub.example.com", unsubscribe=True)
    emulator.set_certificate("go.mg.example.com")
    emulator.set_certificate("email.two.example.com", "processing")
    stack = mail(BOTH_FORMS)
    preview = stack.preview().resource_outputs("mail-dev")
    stack.up()
    outputs = stack.outputs()
    assert preview == outputs
    for name in ("host", "eu", "settings", "sub", "certificate", "processing"):
        assert outputs[name] == outputs[f"{name} as output"]
    assert outputs["host"] == {
        "domain": "mg.example.com",
        "tracking_domain": "go.mg.example.com",
        "web_prefix": "go",
        "web_scheme": "http",
        "cname_name": "go.mg.example.com",
        "cname_value": "mailgun.org",
        "cname_is_valid": True,
    }
    assert outputs["eu"]["cname_value"] == "eu.mailgun.org"
    domain = emulator.domain("mg.example.com")
    assert outputs["settings"] == {
        "domain": "mg.example.com",
        "open": domain.open,
        "click": {"active": "htmlonly"},
        "unsubscribe": domain.unsubscribe,
        "web_scheme": "http",
    }
    assert outputs["sub"]["unsubscribe"]["active"] is True
    pem = domain.certificates["go.mg.example.com"].pem
    assert pem is not None
    (certificate,) = x509.load_pem_x509_certificates(pem.encode())[:1]
    facts = outputs["certificate"]
    assert facts["certificate"] == pem
    assert facts["status"] == "active"
    assert facts["names"] == ["go.mg.example.com"]
    assert facts["serial"] == f"{certificate.serial_number:x}"
    expires = certificate.not_valid_after_utc
    assert facts["not_after"] == expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert outputs["processing"]["status"] == "processing"
    assert outputs["processing"]["certificate"] == outputs["processing"]["not_after"] == ""
    assert puts(emulator) == []


MAKER = """
import json, os, urllib.request, base64
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class DomainProvider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        url = os.environ["MAILGUN_BASE_URL"].replace("{region}", "us") + "/v4/domains"
        key = base64.b64encode(f"api:{os.environ['MAILGUN_API_KEY']}".encode()).decode()
        request = urllib.request.Request(
            url, data=f"name={props['domain']}".encode(), headers={"Authorization": f"Basic {key}"}
        )
        urllib.request.urlopen(request).close()
        return CreateResult(props["domain"], dict(props))


class Domain(Resource, module="mailgun", name="Domain"):
    def __init__(self, name, domain):
        super().__init__(DomainProvider(), name, {"domain": domain})
"""
"""A provider that creates a domain, whose name is known before it exists."""


@pytest.mark.behaviour(12, 32)
def test_a_domain_made_in_the_same_up_is_unknown_in_its_preview(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Its name is known, and Mailgun responds with 404; what depends on it waits for `up`."""
    stack = mail(
        """
        from maker import Domain

        made = Domain("made", "new.example.com")
        host = get_tracking_domain_output(made.domain)
        settings = get_domain_tracking_output(made.domain)
        pulumi.export("host", host.tracking_domain)
        pulumi.export("open", settings.apply(lambda found: found.open["active"]))
        tracking = DomainTracking("tracking", made.domain, click=True)
        certificate = TrackingCertificate("certificate", host.tracking_domain)
        whole = get_tracking_certificate_output(certificate.tracking_domain)
        after = pulumi.Output.all(certificate.status, whole).apply(lambda both: both[1].status)
        """
    )
    stack.write_program(MAKER, "maker.py")
    preview = stack.preview()
    assert preview.changes == {"create": 3}
    assert preview.step("certificate") == "create"
    assert "new.example.com" not in str(preview.resource_outputs("mail-dev"))
    assert puts(emulator) == []
    up = stack.up(check=False)
    assert up.code == 0, up.output
    assert stack.outputs()["host"] == "email.new.example.com"
    assert up.resource_outputs("certificate")["status"] == "active"
    assert emulator.domain("new.example.com").click["active"] is True


@pytest.mark.behaviour(32)
def test_what_is_not_there_is_unknown_in_previews_and_an_error_in_up(
    mail: MailFactory, emulator: Emulator
) -> None:
    """For the output forms; the plain forms raise in a preview too."""
    stack = mail(
        """
        pulumi.export("host", get_tracking_domain_output("no.example.com").tracking_domain)
        certificate = get_tracking_certificate_output("email.mg.example.com")
        pulumi.export("pem", certificate.certificate)
        """
    )
    stack.set_constants({"_provider.operation.MISSING_SECONDS": 0.0})
    preview = stack.preview()
    assert "no.example.com" not in preview.stdout
    refused = stack.up(check=False)
    assert refused.code != 0
    assert "(404)" in refused.output
    assert "Traceback" not in refused.output

    stack.write(
        """
        for look, name in (
            (get_tracking_domain, "no.example.com"),
            (get_domain_tracking, "eu.example.com"),
            (get_tracking_certificate, "email.no.example.com"),
        ):
            try:
                look(name)
            except DomainNotFound as error:
                print("raised:", error)
        try:
            get_tracking_certificate("email.mg.example.com")
        except CertificateNotFound as error:
            print("raised:", error)
        get_tracking_domain("no.example.com")
        """
    )
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert refused.output.count("raised: ") >= 4
    assert "eu.example.com is in region eu: set region='eu'" in refused.output
    assert "cannot read the domain no.example.com: Domain not found (404)" in refused.output
    assert "Traceback" not in refused.output
    assert {call.split("/")[1] for call in calls(emulator)} == {"v2", "v3", "v4"}
    assert puts(emulator) == []
