"""`mailgun-tracking import`: bringing what exists at Mailgun into a state."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailFactory, MailStack, calls, puts


def mailgun_tracking(
    stack: MailStack, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command with the stack's environment."""
    return subprocess.run(
        [sys.executable, "-c", "from mailgun_tracking.cli import main; main()", *arguments],
        env={**stack.environment, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.behaviour(1, 15)
def test_what_was_imported_previews_without_a_change(
    mail: MailFactory, emulator: Emulator, tmp_path: Path
) -> None:
    """Domains and certificates of both regions and a subaccount, under the ids of the state."""
    emulator.drift("mg.example.com", open=True, click="htmlonly", web_prefix="go")
    emulator.drift("sub.example.com", unsubscribe={"html_footer": "<p>%unsubscribe_url%</p>"})
    emulator.set_certificate("go.mg.example.com")
    emulator.set_certificate("email.eu.example.com", region="eu")
    certificates = ["--certificate", "go.mg.example.com"]
    certificates += ["--certificate", "eu/email.eu.example.com"]
    ids = ["mg.example.com", "eu/eu.example.com", "us/sub-1/sub.example.com"]
    stack = mail()
    made = mailgun_tracking(stack, "import", *ids, *certificates)
    assert made.returncode == 0, made.stderr
    assert KEYS.keys().isdisjoint(made.stdout.split('"'))
    file = tmp_path / "import.json"
    file.write_text(made.stdout)
    entries = {one["name"]: one["id"] for one in json.loads(made.stdout)["resources"]}
    assert sorted(entries.values()) == sorted(
        [*ids, "go.mg.example.com", "eu/email.eu.example.com"]
    )
    imported = stack.import_(file)
    assert imported.changes == {"import": 5}
    stack.write(
        """
        mg = DomainTracking(
            "mg.example.com", "mg.example.com", open=True, click="htmlonly", unsubscribe=False
        )
        off = dict(open=False, click=False, unsubscribe=False)
        DomainTracking("eu.example.com", "eu.example.com", region="eu", **off)
        DomainTracking("sub.example.com", "sub.example.com", subaccount="sub-1", **off)
        TrackingCertificate("go.mg.example.com", mg.tracking_domain)
        TrackingCertificate("email.eu.example.com", "email.eu.example.com", region="eu")
        """
    )
    emulator.forget_requests()
    preview = stack.preview("--expect-no-changes")
    assert preview.changes == {"same": 5}
    assert calls(emulator) == []
    assert stack.refresh("--expect-no-changes").changes == {"same": 5}
    assert {stack.resource(name)["id"] for name in entries} == set(entries.values())

    # It is a resource like any other from here on.
    stack.destroy()
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/click",
        "PUT /v3/domains/mg.example.com/tracking/open",
    ]
    assert emulator.domain("mg.example.com").click["active"] is False
    assert "go.mg.example.com" in emulator.domain("mg.example.com").certificates


@pytest.mark.behaviour(15)
def test_every_domain_with_the_fields_that_the_program_mentions(
    mail: MailFactory, emulator: Emulator, tmp_path: Path
) -> None:
    """`--all` lists the account's domains; `--field` says what will be managed."""
    emulator.add_domain("b.example.com", account="brand-b", web_scheme="https", click="htmlonly")
    emulator.add_domain("b2.example.com", account="brand-b")
    stack = mail()
    key = next(key for key, account in KEYS.items() if account == "brand-b")
    arguments = ["import", "--all", "--account", "brand-b"]
    arguments += ["--field", "web_scheme", "--field", "unsubscribe.text_footer"]
    made = mailgun_tracking(stack, *arguments, MAILGUN_API_KEY_BRAND_B=key)
    assert made.returncode == 0, made.stderr
    resources = json.loads(made.stdout)["resources"]
    assert [one["name"] for one in resources] == ["b.example.com", "b2.example.com"]
    assert {request.account for request in emulator.requests} == {"brand-b"}
    file = tmp_path / "import.json"
    file.write_text(made.stdout)
    stack.import_(file)
    footer = emulator.domain("b.example.com").unsubscribe["text_footer"]
    stack.write(
        f"""
        for name, scheme in (("b.example.com", "https"), ("b2.example.com", "http")):
            DomainTracking(
                name, name, web_scheme=scheme, unsubscribe={{"text_footer": {footer!r}}},
                account="brand-b",
            )
        """
    )
    stack.preview("--expect-no-changes", env={"MAILGUN_API_KEY_BRAND_B": key})
    assert puts(emulator) == []


@pytest.mark.behaviour(49)
def test_footers_as_mailgun_has_them_can_be_declared(
    mail: MailFactory, emulator: Emulator, tmp_path: Path
) -> None:
    """One of any text and an emptied one; whoever keeps them is not warned."""
    footers = {"html_footer": "off", "text_footer": ""}
    emulator.drift("mg.example.com", unsubscribe=footers)
    stack = mail()
    fields = [f"--field=unsubscribe.{name}" for name in footers]
    made = mailgun_tracking(stack, "import", "mg.example.com", *fields)
    assert made.returncode == 0, made.stderr
    file = tmp_path / "import.json"
    file.write_text(made.stdout)
    stack.import_(file)
    stack.write(f'DomainTracking("mg.example.com", "mg.example.com", unsubscribe={footers!r})')
    preview = stack.preview("--refresh", "--expect-no-changes")
    assert preview.diagnostics("mg.example.com") == []
    assert puts(emulator) == []


@pytest.mark.behaviour(1)
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "give a domain, --certificate or --all"),
        (("mg.example.com/x/y/z",), 1, "write DOMAIN, REGION/DOMAIN or REGION/SUBACCOUNT/DOMAIN"),
        (("eu.example.com",), 1, "eu.example.com is in region eu: set region='eu'"),
        (("--certificate", "email.mg.example.com"), 1, "(404)"),
        (("--field", "click", "mg.example.com"), 2, "click.active"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(
    mail: MailFactory, emulator: Emulator, arguments: tuple[str, ...], status: int, message: str
) -> None:
    """Nothing is printed for `pulumi import` then."""
    refused = mailgun_tracking(mail(), "import", *arguments)
    assert refused.returncode == status
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""
    assert puts(emulator) == []


@pytest.mark.behaviour(5)
@pytest.mark.parametrize("arguments", [("--all",), ("mg.example.com",)])
def test_a_wrong_key_is_explained(mail: MailFactory, arguments: tuple[str, ...]) -> None:
    """The error says where the key came from, and not what it is."""
    refused = mailgun_tracking(mail(), "import", *arguments, MAILGUN_API_KEY="0-not-a-key-0")
    assert refused.returncode == 1
    assert "the key is from MAILGUN_API_KEY in the environment" in refused.stderr
    assert "0-not-a-key-0" not in refused.stderr
    assert "Traceback" not in refused.stderr
