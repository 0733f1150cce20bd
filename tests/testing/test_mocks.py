"""`mailgun_mocks`: programs without an engine and without Mailgun."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pulumi
import pytest

from mailgun_tracking import (
    DomainTracking,
    HttpsTracking,
    InvalidInput,
    TrackingCertificate,
    get_domain_tracking,
    get_tracking_certificate,
    get_tracking_domain,
)
from mailgun_tracking.testing import MailgunMocks

FOOTER = '<a href="%unsubscribe_url%">bye</a>'


class Zone(pulumi.CustomResource):
    """A resource of another package."""

    def __init__(self, name: str, record: str) -> None:
        super().__init__("dns:index:Zone", name, {"record": record, "serial": None})


def everything() -> None:
    """Declares one of each, and exports what they are once they exist."""
    secret = pulumi.Output.secret(FOOTER)
    mg = DomainTracking(
        "mg", "MG.example.com", click="htmlonly", unsubscribe={"html_footer": secret}
    )
    eu = HttpsTracking("eu", "eu.example.com", open=True, web_prefix="go", region="eu")
    read = DomainTracking.get("read", "eu/sub-1/read.example.com")
    certificate = TrackingCertificate.get("read", "email.read.example.com")
    Zone("zone", get_tracking_domain("mg.example.com").cname_value)
    pulumi.export("mg", mg.tracking_domain)
    pulumi.export("click", mg.click)
    pulumi.export("open", mg.open.active)
    pulumi.export("footer_is_secret", pulumi.Output.from_input(mg.unsubscribe).is_secret())
    pulumi.export("id", mg.domain_id)
    pulumi.export("https", eu.web_scheme)
    pulumi.export("host", eu.tracking_domain)
    pulumi.export("valid", eu.certificate.status)
    pulumi.export("read", read.region)
    pulumi.export("names", certificate.names)
    pulumi.export("settings", get_domain_tracking("mg.example.com").click)
    pulumi.export("until", get_tracking_certificate("email.mg.example.com").not_after)
    pulumi.export("owner", pulumi.Config().require("owner"))
    pulumi.export("brands", pulumi.Config("other").require_object("brands"))


@pytest.mark.behaviour(112)
def test_resources_have_all_their_outputs(mailgun_mocks: MailgunMocks) -> None:
    """As once they are created, and lookups answer."""
    exported = mailgun_mocks.run(everything, {"owner": "me", "other:brands": ["a", "b"]})
    assert len(exported.pop("id")) == 24
    assert exported.pop("until") > "2026-"
    assert exported == {
        "mg": "email.mg.example.com",
        "click": {"active": "htmlonly"},
        "open": False,
        "footer_is_secret": True,
        "https": "https",
        "host": "go.eu.example.com",
        "valid": "active",
        "read": "eu",
        "names": ["email.read.example.com"],
        "settings": {"active": False},
        "owner": "me",
        "brands": ["a", "b"],
    }
    mg = mailgun_mocks.resource("DomainTracking", "mg")
    assert mg.inputs == {
        "domain": "MG.example.com",
        "click": {"active": "htmlonly"},
        "unsubscribe": {"html_footer": FOOTER},
    }
    assert mg.outputs["unsubscribe"] == {"active": False, "html_footer": FOOTER}
    assert mg.outputs["managed"] == ["click.active", "unsubscribe.html_footer"]
    host = mailgun_mocks.resource("mailgun:TrackingHost")
    assert host.inputs == {"domain": "eu.example.com", "region": "eu"} | {
        "web_scheme": "https",
        "web_prefix": "go",
    }
    assert host.outputs["cname"] == {"name": "go.eu.example.com", "value": "eu.mailgun.org"}
    assert mailgun_mocks.resource("dns:index:Zone").outputs == {"record": "mailgun.org"}


@pytest.mark.behaviour(112)
def test_what_a_program_gets_wrong_is_an_error(mailgun_mocks: MailgunMocks) -> None:
    """Invalid inputs, functions without an answer, and resources that it does not declare."""
    with pytest.raises(InvalidInput, match="DomainTracking mg: click: must be"):
        mailgun_mocks.run(lambda: DomainTracking("mg", "mg.example.com", click="html"))  # type: ignore[arg-type]

    def zone() -> None:
        found = pulumi.runtime.invoke("aws:route53/getZone:getZone", {"name": "example.com"})
        pulumi.export("zone", found.value["zoneId"])

    with pytest.raises(LookupError, match=r"mailgun_mocks\.answers\['aws:route53/getZone:getZone'"):
        mailgun_mocks.run(zone)
    mailgun_mocks.answers["aws:route53/getZone:getZone"] = {"zoneId": "Z1"}
    assert mailgun_mocks.run(zone) == {"zone": "Z1"}
    with pytest.raises(AssertionError, match="0 resources are TrackingCertificate; declared: noth"):
        mailgun_mocks.resource("TrackingCertificate")


@pytest.mark.behaviour(112)
def test_nothing_is_left_behind(mailgun_mocks: MailgunMocks) -> None:
    """Neither an event loop that is open, nor a thread, nor what the next test would find."""
    threads = set(threading.enumerate())
    loops: list[asyncio.AbstractEventLoop] = []

    def fails() -> None:
        DomainTracking("mg", "mg.example.com").domain.apply(
            lambda _: loops.append(asyncio.get_running_loop())
        )
        raise KeyError("oh")

    with pytest.raises(KeyError):
        mailgun_mocks.run(fails)
    mailgun_mocks.run(
        lambda: pulumi.Output.from_input("").apply(
            lambda _: loops.append(asyncio.get_running_loop())
        )
    )
    assert loops
    assert all(loop.is_closed() for loop in loops)
    assert set(threading.enumerate()) <= threads
    assert pulumi.runtime.settings.get_root_resource() is None
    assert pulumi.runtime.get_config("test:owner") is None


@pytest.mark.behaviour(112)
def test_a_folder_is_a_program_as_well(mailgun_mocks: MailgunMocks, tmp_path: Path) -> None:
    """With the project's name, in the program's folder, and with its own modules each time."""
    (tmp_path / "src").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("{name: mail, runtime: python, main: src}")
    (tmp_path / "src" / "domain.txt").write_text("mg.example.com")
    (tmp_path / "src" / "settings_of_this_program.py").write_text(
        "import pulumi\nowner = pulumi.Config('mail').require('owner')\n"
    )
    (tmp_path / "src" / "__main__.py").write_text(
        "import pathlib, pulumi, settings_of_this_program as settings\n"
        "pulumi.export('owner', settings.owner)\n"
        "pulumi.export('domain', pathlib.Path('domain.txt').read_text())\n"
    )
    here = Path.cwd()
    for owner in ("me", "you"):
        exported = mailgun_mocks.run(tmp_path, {"owner": owner})
        assert exported == {"owner": owner, "domain": "mg.example.com"}
    assert Path.cwd() == here
