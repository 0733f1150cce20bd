"""What `mailgun-tracking import` imports, leaves out and says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mailgun_tracking._api.fields import FIELDS
from mailgun_tracking.cli.commands import commands
from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.cli.accounts import add_domain
from tests.cli.conftest import Environment
from tests.cli.running import run_import


@pytest.mark.behaviour(99)
def test_what_is_not_mailguns_default_is_managed(emulator: Emulator, tmp_path: Path) -> None:
    """Whatever the footers' line endings; a domain as Mailgun creates it manages nothing."""
    html = '<br>\r\n<p><a href="%unsubscribe_url%">unsubscribe</a></p>'
    emulator.drift("mg.example.com", click=True, unsubscribe={"html_footer": html}, web_prefix="go")
    imported = run_import(tmp_path, "mg.example.com", "two.example.com")
    managed = {entry["id"]: entry["outputs"]["managed"] for entry in imported.resources}
    assert managed == {"mg.example.com": ["click.active", "web_prefix"], "two.example.com": []}
    assert imported.code == 0
    assert imported.told == []
    assert KEYS.keys().isdisjoint((imported.directory / "import.json").read_text().split('"'))


@pytest.mark.behaviour(99)
def test_all_settings_are_managed(emulator: Emulator, tmp_path: Path) -> None:
    """As policies want it; except footers that are Mailgun's own."""
    emulator.drift("mg.example.com", click=True, unsubscribe={"text_footer": ""})
    imported = run_import(tmp_path, "mg.example.com", "two.example.com", "--all-settings")
    managed = {entry["id"]: entry["outputs"]["managed"] for entry in imported.resources}
    footers = {"unsubscribe.html_footer", "unsubscribe.text_footer"}
    usual = [field.path for field in FIELDS if field.path not in footers]
    assert managed["two.example.com"] == usual
    assert set(managed["mg.example.com"]) == {*usual, "unsubscribe.text_footer"}
    assert imported.program.endswith(
        """
DomainTracking(
    "two.example.com",
    "two.example.com",
    open={"active": False, "place_at_the_top": False},
    click=False,
    unsubscribe=False,
    web_scheme="http",
    web_prefix="email",
)
"""
    )


@pytest.mark.behaviour(98)
def test_what_is_written_and_what_to_do_next(emulator: Emulator, tmp_path: Path) -> None:
    emulator.drift("mg.example.com", web_scheme="https")
    emulator.set_certificate("email.mg.example.com")
    imported = run_import(tmp_path, "--all")
    out = imported.directory
    assert imported.printed == (
        f"Wrote {out}/import.json with 3 domains and 1 certificate, and {out}/__main__.py.\n"
        f"Next, use {out}/__main__.py as your program, or add it to yours, and run:\n"
        f"  pulumi import --file {out}/import.json --generate-code=false --protect=false\n"
        "  pulumi preview --expect-no-changes\n"
    )
    assert imported.written == ["__main__.py", "import.json"]
    # What the user may have changed since stays.
    again = run_import(tmp_path, "--all")
    assert again.code == 2
    assert f"{out}/import.json exists" in again.told[-1]


@pytest.mark.behaviour(100)
def test_sandbox_and_disabled_domains_are_left_out_and_named(
    emulator: Emulator, tmp_path: Path
) -> None:
    """Whether they are named or found; a domain that is not verified yet is imported."""
    emulator.drift("mg.example.com", type="sandbox")
    emulator.drift("two.example.com", state="disabled", disabled_reason="Unpaid")
    emulator.drift("eu.example.com", region="eu", state="unverified")
    lines = [
        "left out: mg.example.com is a sandbox domain",
        "left out: two.example.com is disabled at Mailgun: Unpaid",
    ]
    listed = [{"id": "sub-1", "name": "Brand B", "status": "closed"}]
    emulator.add_fault(path="/v5/*", status=200, body={"subaccounts": listed, "total": 1})
    found = run_import(tmp_path / "1", "--all", "--subaccounts")
    assert found.code == 0
    assert found.told == ["left out: subaccount sub-1 (Brand B) is closed", *lines]
    assert found.ids == ["DomainTracking eu/eu.example.com"]
    named = run_import(tmp_path / "2", "mg.example.com", "two.example.com")
    assert (named.code, named.told) == (0, lines)
    assert named.printed == "There is nothing to import.\n"
    assert named.written == []


@pytest.mark.behaviour(100)
def test_what_cannot_be_read_is_told_and_the_rest_is_written(
    emulator: Emulator, tmp_path: Path
) -> None:
    """A domain, the settings of one, a certificate, a list."""
    for name in ("a.example.com", "b.example.com", "c.example.com"):
        add_domain(emulator, name, {"web_scheme": "https"})
    emulator.add_fault(path="/v4/domains/mg.example.com", status=400, body={"message": "no"})
    emulator.add_fault(path="/v3/domains/a.example.com/tracking", status=403)
    emulator.add_fault(path="/v2/x509/email.b.example.com/status", status=403)
    emulator.add_fault(
        path="/v2/x509/email.c.example.com/status",
        status=200,
        body={"status": "active", "certificate": "no PEM"},
    )
    emulator.add_fault(path="/v5/*", status=403)
    imported = run_import(tmp_path, "--all", "--subaccounts")
    assert imported.code == 1
    assert imported.ids == [
        "DomainTracking c.example.com",
        "DomainTracking two.example.com",
        "DomainTracking eu/eu.example.com",
    ]
    told = "\n".join(imported.told)
    assert len(imported.told) == 6
    assert all(line.startswith("Error: cannot ") for line in imported.told)
    for what in (
        "list the account's subaccounts in region us",
        "list the account's subaccounts in region eu",
        "read the domain mg.example.com: no (400)",
        "read the tracking settings of a.example.com",
        "read the certificate for email.b.example.com",
        "read the certificate for email.c.example.com: Mailgun's response is not valid PEM",
    ):
        assert f"Error: cannot {what}" in told


@pytest.mark.behaviour(100)
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give the domains to import, or --all"),
        (("mg.example.com", "--all"), 2, "give the domains to import, or --all"),
        (("mg.example.com", "--subaccounts"), 2, "--subaccounts needs --all"),
        (("a.example.com", "--account=a", "--account=b"), 2, "several accounts need --all"),
        (("mg.example.com/x/y/z",), 2, "write DOMAIN, REGION/DOMAIN or REGION/SUBACCOUNT/DOMAIN"),
        (("eu.example.com",), 1, "eu.example.com is in region eu: set region='eu'"),
        (("--all", "--account=brand-c"), 2, "set MAILGUN_API_KEY_BRAND_C"),
        (("--all", "--name={host}"), 2, "names may contain {domain}, {account}, {region}"),
        (("--all", "--parent=a b"), 2, "'a b' cannot be used"),
        (("--all", "--name=m"), 2, "mg.example.com and two.example.com would both be called m"),
        (("mg.example.com", "--name={subaccount}"), 2, "mg.example.com would have no name"),
        (("--all", "--yaml", "--name=x-{domain}"), 2, "names resources after their domains"),
        (("--all", "--stack=-"), 1, "not what `pulumi stack export` prints"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    emulator: Emulator, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """Nothing is written then, and nothing is sent to Mailgun but GETs."""
    refused = run_import(tmp_path, *arguments)
    assert refused.code == code
    assert message in refused.told[-1]
    assert refused.written == []
    assert {request.method for request in emulator.requests} <= {"GET"}


@pytest.mark.behaviour(100)
@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("MAILGUN_API_KEY", "", "no Mailgun API key is configured; set MAILGUN_API_KEY"),
        ("MAILGUN_REGION", "asia", "the configured region cannot be used; set MAILGUN_REGION to "),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [("import", "--all"), ("import", "mg.example.com"), ("status", "--all")],
    ids=" ".join,
)
def test_wrong_settings_are_one_line(
    environment: Environment,
    tmp_path: Path,
    variable: str,
    value: str,
    advice: str,
    arguments: tuple[str, ...],
) -> None:
    """It names the environment variable: commands read no stack's configuration."""
    environment.set(**{variable: value})
    options = ["--out", str(tmp_path / "imported")] if "import" in arguments else []
    done = CliRunner().invoke(commands, [*arguments, *options], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {advice}")
    assert "pulumi config" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.behaviour(5)
@pytest.mark.parametrize("arguments", [("--all",), ("mg.example.com",)])
def test_a_wrong_key_is_explained(
    environment: Environment, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """The error says where the key came from, and not what it is."""
    environment.set(MAILGUN_API_KEY="0-not-a-key-0")
    refused = run_import(tmp_path, *arguments)
    assert refused.code == 1
    assert "the key is from MAILGUN_API_KEY in the environment" in refused.told[0]
    assert "0-not-a-key-0" not in str(refused)


@pytest.mark.behaviour(100)
@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        (
            None,
            "mg.example.com uses https, but Mailgun has no certificate for "
            'email.mg.example.com: add https_by="proxy" if your own CDN terminates TLS',
        ),
        ("expired", "left out: the certificate for email.mg.example.com has the status expired"),
        ("error", "left out: the certificate for email.mg.example.com has the status error"),
    ],
)
def test_certificates_that_are_not_active(
    emulator: Emulator, tmp_path: Path, certificate: str | None, told: str
) -> None:
    """The domain is imported with https, and what is odd about it is said."""
    emulator.drift("mg.example.com", web_scheme="https")
    emulator.set_certificate("email.mg.example.com", certificate)
    imported = run_import(tmp_path, "mg.example.com")
    assert (imported.code, imported.told) == (0, [told])
    assert imported.ids == ["DomainTracking mg.example.com"]
    assert 'web_scheme="https"' in imported.program
    assert "TrackingCertificate" not in imported.program


@pytest.mark.behaviour(100)
def test_a_field_that_mailgun_does_not_return_is_left_out(
    emulator: Emulator, tmp_path: Path
) -> None:
    emulator.drift("mg.example.com", open={"place_at_the_top": True}, click=True)
    emulator.set_dials(open_answer="active_only")
    imported = run_import(tmp_path, "mg.example.com", "two.example.com")
    assert imported.code == 0
    assert imported.told == [
        "left out: open.place_at_the_top of 2 domains, which Mailgun does not return"
    ]
    assert imported.resources[0]["inputs"]["managed"] == ["click.active"]


def exported(*resources: dict[str, Any]) -> str:
    """A state, as `pulumi stack export` prints it."""
    return json.dumps({"version": 3, "deployment": {"resources": list(resources)}})


@pytest.mark.behaviour(100)
def test_what_the_stack_has_is_left_out(emulator: Emulator, tmp_path: Path) -> None:
    """By type, account and ID; it is not read either."""
    add_domain(emulator, "a.example.com", {"web_scheme": "https"})
    first = run_import(tmp_path / "1", "--all")
    assert "TrackingCertificate email.a.example.com" in first.ids
    stack: dict[str, Any] = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::mail::x"}
    mg = next(entry for entry in first.resources if entry["id"] == "mg.example.com")
    other = {**mg, "id": "two.example.com", "outputs": {"account": "brand-b"}}
    certificate = next(entry for entry in first.resources if "email." in entry["id"])
    requests = len(emulator.requests)
    state = exported(stack, mg, other, certificate)
    second = run_import(tmp_path / "2", "--all", "--stack=-", stdin=state)
    assert second.code == 0
    assert second.told == [
        "left out: the domains of 3 subaccounts; add --subaccounts",
        "left out: 1 domain that the stack has already",
        "left out: the certificate for email.a.example.com is in the stack already",
    ]
    read = [request.path for request in emulator.requests[requests:]]
    assert "/v4/domains/mg.example.com" not in read
    assert second.ids == [
        "DomainTracking a.example.com",
        "DomainTracking two.example.com",
        "DomainTracking eu/eu.example.com",
    ]
    # An empty stack has no resources.
    empty = json.dumps({"version": 3, "deployment": {}})
    assert run_import(tmp_path / "3", "--all", "--stack=-", stdin=empty).ids == first.ids


@pytest.mark.behaviour(99)
def test_a_configured_place_is_not_mentioned(
    emulator: Emulator, environment: Environment, tmp_path: Path
) -> None:
    """The default region and subaccount are those of the environment."""
    environment.set(MAILGUN_REGION="eu", MAILGUN_SUBACCOUNT="sub-1")
    emulator.add_domain("s.example.com", region="eu", subaccount="sub-1")
    imported = run_import(tmp_path, "--all")
    assert 'DomainTracking("s.example.com", "s.example.com")\n' in imported.program
    assert 'sub.example.com", "sub.example.com", region="us")\n' in imported.program
    named = run_import(tmp_path / "named", "us/mg.example.com")
    assert 'mg.example.com", region="us", subaccount="")\n' in named.program


@pytest.mark.behaviour(99)
def test_the_configuration_of_domains(emulator: Emulator, tmp_path: Path) -> None:
    """As the program of this repository reads it; no text is taken for something else."""
    footers = {"html_footer": "<p>So long.</p>\n<p>1e3</p>\n", "text_footer": "1e3"}
    emulator.drift("mg.example.com", click="htmlonly", unsubscribe=footers)
    add_domain(emulator, "eu.example.net", {"web_scheme": "https", "region": "eu"})
    imported = run_import(tmp_path, "--all", "--yaml")
    text = (imported.directory / "config.yaml").read_text(encoding="utf-8")
    assert imported.written == ["config.yaml", "import.json"]
    assert "and " + str(imported.directory / "config.yaml") in imported.printed
    assert yaml.safe_load(text) == {
        "config": {
            "mail:domains": {
                "mg.example.com": {"click": "htmlonly", "unsubscribe": footers},
                "two.example.com": {},
                "eu.example.com": {"region": "eu"},
                "eu.example.net": {"https": True, "region": "eu"},
            }
        }
    }
    assert 'text_footer: "1e3"\n' in text
    assert "html_footer: |\n" in text


@pytest.mark.behaviour(100)
@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "Error: --stack needs pulumi, which is not on PATH"),
        ("exit 255", "Error: cannot read the stack prod: see above"),
        (
            "echo '[]'",
            "Error: the state cannot be read: it is not what `pulumi stack export` prints",
        ),
    ],
)
def test_a_stack_that_cannot_be_read(
    environment: Environment, tmp_path: Path, script: str | None, told: str
) -> None:
    """Nothing is imported twice because of that."""
    if script:
        (tmp_path / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "pulumi").chmod(0o755)
    environment.set(PATH=str(tmp_path))
    refused = run_import(tmp_path, "--all", "--stack=prod")
    assert (refused.code, refused.told) == (1, [told])
    assert refused.written == []


@pytest.mark.behaviour(100)
def test_a_place_that_cannot_be_written_to_is_said_before_anything_is_read(
    emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "imported").symlink_to(tmp_path / "nowhere" / "imported")
    (tmp_path / "nowhere").write_text("")
    refused = run_import(tmp_path, "--all")
    assert refused.code == 2
    assert refused.told[-1].startswith(f"Error: cannot write to {tmp_path}/imported: ")
    assert emulator.requests == []
