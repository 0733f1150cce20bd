"""A domain that is deleted and recreated under the same name, by hand or by the program."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, puts

TOLD = "{domain} was deleted and recreated at Mailgun; `pulumi up --refresh` restores what it lost"
NEW = TOLD.format(domain="mg.example.com")
MODULE = '''
"""The domain itself, and its record, as resources."""

import os

import requests
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class DomainProvider(ResourceProvider):
    def diff(self, id, olds, news):
        changed = [name for name in ("name", "wildcard") if olds[name] != news[name]]
        return DiffResult(bool(changed), changed, delete_before_replace=True)

    def create(self, props):
        self.send("POST", "v4/domains", {"name": props["name"]})
        return CreateResult(props["name"], props)

    def delete(self, id, props):
        self.send("DELETE", "v3/domains/" + id)

    def send(self, method, path, data=None):
        url = os.environ["MAILGUN_BASE_URL"].format(region="us") + "/" + path
        auth = ("api", os.environ["MAILGUN_API_KEY"])
        with requests.Session() as session:
            session.trust_env = False
            session.request(method, url, data=data, auth=auth).raise_for_status()


class Domain(Resource, name="Domain"):
    name: object

    def __init__(self, name, wildcard):
        super().__init__(DomainProvider(), "domain", {"name": name, "wildcard": wildcard})


class RecordProvider(ResourceProvider):
    def diff(self, id, olds, news):
        changed = [name for name in ("name", "value") if olds[name] != news[name]]
        return DiffResult(bool(changed), changed)

    def create(self, props):
        return CreateResult(props["name"], props)


class Record(Resource, name="Record"):
    pass


def cname(record, opts):
    return Record(RecordProvider(), "record", {"name": record.name, "value": record.value}, opts)
'''


def make_again(emulator: Emulator, *domains: str) -> None:
    """Delete domains, and create them again."""
    for domain in domains or ("mg.example.com",):
        emulator.remove_domain(domain)
        emulator.add_domain(domain)
    emulator.forget_requests()


def is_as_declared(emulator: Emulator, prefix: str = "email", name: str = "mg.example.com") -> bool:
    """Whether click tracking is on, over https, with an active certificate."""
    domain = emulator.domain(name)
    certificate = domain.certificates.get(domain.tracking_host)
    assert certificate is not None
    return (domain.click["active"], domain.web_scheme, domain.web_prefix, certificate.status) == (
        True,
        "https",
        prefix,
        "active",
    )


@pytest.mark.behaviour(67)
@pytest.mark.parametrize("other_host", ["not_found", "issues"])
def test_one_up_with_refresh_puts_the_component_right(
    mail: MailFactory, emulator: Emulator, other_host: str
) -> None:
    """The rows tell it, and https comes after the certificate; so with a prefix of its own."""
    emulator.set_dials(x509_other_host=other_host)
    prefixes = {"mg": "email", "two": "links"}
    domains = {name: f"{name}.example.com" for name in prefixes}
    stack = mail(
        """
        HttpsTracking("mg", "mg.example.com", click=True)
        HttpsTracking("two", "two.example.com", click=True, web_prefix="links")
        """
    )
    stack.up()
    assert all(is_as_declared(emulator, prefixes[one], domains[one]) for one in domains)
    make_again(emulator, *domains.values())

    preview = stack.preview("--refresh")
    for name, domain in domains.items():
        assert preview.diagnostics(f"DomainTracking::{name}") == [TOLD.format(domain=domain)]
        assert preview.diagnostics(f"TrackingHost::{name}")[0] == TOLD.format(domain=domain)
        assert preview.step(f"TrackingCertificate::{name}") == "create"
    assert puts(emulator) == []

    stack.up("--refresh")
    changing = [request for request in emulator.requests if request.method != "GET"]
    for name, domain in domains.items():
        assert is_as_declared(emulator, prefixes[name], domain)
        issued = puts(emulator).index(f"POST /v2/x509/{prefixes[name]}.{domain}")
        https = [
            at
            for at, request in enumerate(changing)
            if request.form.get("web_scheme") == "https" and f"/{domain}" in request.path
        ]
        assert issued < https[0]
    preview = stack.preview("--refresh", "--expect-no-changes")
    assert [preview.diagnostics(f"DomainTracking::{name}") for name in domains] == [[], []]


@pytest.mark.behaviour(67)
def test_one_up_with_refresh_puts_the_resources_right(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The same without the component, also after a refresh of one of them alone."""
    stack = mail(
        """
        certificate = TrackingCertificate("mail", "email.mg.example.com")
        DomainTracking(
            "mail", "mg.example.com", click=True, web_scheme="https",
            opts=pulumi.ResourceOptions(depends_on=[certificate]),
        )
        """
    )
    stack.up()
    first = stack.export()["deployment"]["resources"][-1]["outputs"]["domain_id"]
    make_again(emulator)
    refreshed = stack.refresh("--target", "**DomainTracking::mail")
    assert refreshed.diagnostics("DomainTracking::mail") == [NEW]
    assert stack.export()["deployment"]["resources"][-1]["outputs"]["domain_id"] != first

    # The state still has a certificate that Mailgun has not.
    failed = stack.up(check=False)
    [error] = [text for text in failed.all_diagnostics() if "CertificateMissing" in text]
    assert "if there is one, run `pulumi up --refresh`" in error
    stack.up("--refresh")
    assert is_as_declared(emulator)
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(67)
def test_an_update_tells_it_too(mail: MailFactory, emulator: Emulator) -> None:
    """One that asks Mailgun about the domain."""
    program = 'DomainTracking("mail", "mg.example.com", click=True, web_prefix="{prefix}")'
    stack = mail(program.format(prefix="one"))
    stack.up()
    make_again(emulator)
    stack.write(program.format(prefix="two"))
    assert NEW in stack.up().diagnostics("DomainTracking::mail")
    stack.up("--refresh")
    domain = emulator.domain("mg.example.com")
    assert (domain.web_prefix, domain.click["active"]) == ("two", True)


def with_module(mail: MailFactory, emulator: Emulator, body: str) -> MailStack:
    """A stack whose program creates the domain itself."""
    emulator.remove_domain("mg.example.com")
    stack = mail("from domain import *\n" + body.replace("WILDCARD", "False"))
    stack.write_program(MODULE, "domain.py")
    return stack


@pytest.mark.behaviour(68)
def test_what_depends_on_the_domain_is_created_anew_with_it(
    mail: MailFactory, emulator: Emulator
) -> None:
    """In the same `up`, without a refresh; but not the record, which is needed as it is."""
    body = (
        'domain = Domain("mg.example.com", WILDCARD)\n'
        'HttpsTracking("mail", domain.name, cname=cname, click=True)\n'
    )
    stack = with_module(mail, emulator, body)
    stack.up()
    assert is_as_declared(emulator)
    stack.write("from domain import *\n" + body.replace("WILDCARD", "True"))
    emulator.forget_requests()
    up = stack.up()
    assert up.steps("record") == ["same"]
    assert "DELETE /v3/domains/mg.example.com" in puts(emulator)
    assert is_as_declared(emulator)
    stack.preview("--refresh", "--expect-no-changes")


@pytest.mark.behaviour(67)
@pytest.mark.parametrize("resource", ["HttpsTracking", "DomainTracking"])
def test_a_name_that_does_not_come_from_the_domain(
    mail: MailFactory, emulator: Emulator, resource: str
) -> None:
    """Then the engine does not know what depends on it, and a refresh finds out."""
    body = (
        'domain = Domain("mg.example.com", WILDCARD)\n'
        "opts = pulumi.ResourceOptions(depends_on=[domain])\n"
        f'{resource}("mail", "mg.example.com", click=True, opts=opts)\n'
    )
    stack = with_module(mail, emulator, body)
    stack.up()
    stack.write("from domain import *\n" + body.replace("WILDCARD", "True"))
    stack.up()
    stack.up("--refresh")
    domain = emulator.domain("mg.example.com")
    assert domain.click["active"] is True
    assert resource == "DomainTracking" or is_as_declared(emulator)
    stack.preview("--refresh", "--expect-no-changes")
