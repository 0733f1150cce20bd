"""`mailgun-tracking status`, against the emulator and its DNS server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailgun_tracking.cli.commands import commands
from mailgun_tracking.emulator import Emulator
from tests.cli.conftest import Environment

pytestmark = pytest.mark.behaviour(105)

Status = Callable[..., Result]
DAY = 24 * 3600
DOMAIN = "mg.example.com"


@pytest.fixture
def status(emulator: Emulator) -> Status:
    """Runs the command: `status("mg.example.com")`. Its DNS is that of the emulator."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            commands, ["status", *arguments, "--dns", emulator.name_server], catch_exceptions=False
        )

    return run


def test_all_is_well(status: Status, emulator: Emulator) -> None:
    """One line for an account, a line each for domains that are named; nothing is changed."""
    every = status("--all")
    assert (every.exit_code, every.stdout) == (0, "3 domains: all well\n")
    named = status("mg.example.com", "eu/eu.example.com")
    assert named.exit_code == 0
    assert [line.split()[:2] for line in named.stdout.splitlines()[1:3]] == [
        ["ok", "eu/eu.example.com"],
        ["ok", "mg.example.com"],
    ]
    assert {request.method for request in emulator.requests} == {"GET"}


def test_what_needs_a_person_comes_first(status: Status, emulator: Emulator) -> None:
    """Then what could not be looked at, what is not ready yet, and what is well."""
    emulator.drift("two.example.com", click=True, web_scheme="https")
    emulator.set_certificate(
        "email.two.example.com", age_seconds=70 * DAY, lifetime_seconds=90 * DAY
    )
    emulator.set_certificate("email.eu.example.com", "processing", region="eu")
    emulator.add_domain("a.example.com", state="disabled", disabled_reason="Too many complaints")
    result = status("--all", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["errors"] == []
    assert [(one["domain"], one["severity"], one["id"]) for one in shown["domains"]] == [
        ("a.example.com", "fix", "domain-disabled"),
        ("two.example.com", "fix", "certificate-not-renewed"),
        ("eu.example.com", "wait", "certificate-processing"),
        ("mg.example.com", "ok", None),
    ]
    text = status("--all").stdout
    assert "two.example.com: certificate-not-renewed" in text
    assert text.splitlines()[-1].startswith("4 domains: 2 to fix, 1 not ready yet, 1 well")


def test_what_could_not_be_looked_at(status: Status, emulator: Emulator) -> None:
    """It has an exit code of its own, whether it is one domain or a whole region."""
    emulator.add_fault(path="/v3/domains/mg.example.com/tracking", status=403)
    unread = status("--all")
    assert unread.exit_code == 2
    assert "mg.example.com: not checked: cannot read the tracking settings" in unread.stdout
    emulator.clear_faults()
    # Each region is listed once, before any domain is looked at.
    emulator.add_fault(path="/v4/domains", status=403, times=1)
    unlisted = status("--all")
    assert unlisted.exit_code == 2
    assert "Error: cannot list the account's domains in region" in unlisted.stderr
    assert "domain" in unlisted.stdout


def test_a_wrong_key(status: Status, environment: Environment) -> None:
    """It is something to fix, and the key is not shown."""
    environment.set(MAILGUN_API_KEY="0-not-a-key-0")
    result = status("mg.example.com", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["domains"][0]["id"] == "key-refused"
    assert "0-not-a-key-0" not in result.output


@pytest.mark.behaviour(103)
@pytest.mark.parametrize("command", [("status", "--all"), ("status", DOMAIN), ("doctor", DOMAIN)])
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MAILGUN_API_KEY", "", "no Mailgun API key is configured; set MAILGUN_API_KEY"),
        ("MAILGUN_BASE_URL", "ftp://a", "write it like https://api.mailgun.net, in MAILGUN_BASE"),
        ("MAILGUN_REQUESTS_PER_MINUTE", "many", "set MAILGUN_REQUESTS_PER_MINUTE to a whole"),
    ],
)
def test_wrong_settings_are_no_finding(
    environment: Environment, command: tuple[str, str], variable: str, value: str, told: str
) -> None:
    """Nothing could be looked at, so the exit code is not that of something to fix."""
    environment.set(**{variable: value})
    result = CliRunner().invoke(commands, command, catch_exceptions=False)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert "mailgun-tracking:" not in result.stderr


@pytest.mark.behaviour(103)
def test_advice_names_what_a_command_has(
    status: Status, emulator: Emulator, environment: Environment
) -> None:
    """It has no stack, so that only environment variables can be set."""
    environment.set(MAILGUN_BASE_URL=f"{emulator.url}/none")
    assert "check the base URL, MAILGUN_BASE_URL" in status("--all").stderr
    environment.set(MAILGUN_BASE_URL=f"{emulator.url}/{{region}}")
    # Longer than a call waits.
    emulator.add_fault(path="/v4/domains", status=429, headers={"Retry-After": str(DAY)})
    result = status("--all")
    assert "or set MAILGUN_REQUESTS_PER_MINUTE to stay below it" in result.stderr
    assert "mailgun-tracking:" not in result.output


@pytest.mark.behaviour(102)
def test_doctor_finds_an_emulated_domain_well(emulator: Emulator) -> None:
    """The emulator's name server also says who serves the zone."""
    arguments = ["doctor", "mg.example.com", "--dns", emulator.name_server]
    result = CliRunner().invoke(commands, arguments, catch_exceptions=False)
    assert result.stdout.startswith("mg.example.com: all well (email.mg.example.com CNAME")
    assert result.exit_code == 0


def test_a_wrong_subaccount(status: Status) -> None:
    """Another key would not help."""
    result = status("us/sub-9/mg.example.com", "--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)["domains"][0]
    assert shown["id"] == "subaccount-not-found"
    checks = {check["check"]: check for check in shown["checks"]}
    assert checks["key"]["severity"] == "ok"
    assert "check the subaccount's ID, sub-9" in checks["domain"]["mend"]


def test_sandbox_domains_are_left_out_and_named(status: Status, emulator: Emulator) -> None:
    """Nothing about them can be mended."""
    emulator.add_domain("sandbox1.example.com", type="sandbox")
    result = status("--all")
    assert (result.exit_code, result.stdout) == (0, "3 domains: all well\n")
    assert "left out: sandbox1.example.com is a sandbox domain\n" in result.stderr


def test_subaccounts_and_other_accounts(status: Status, emulator: Emulator) -> None:
    """They are looked at where they are asked for."""
    emulator.add_domain("b.example.com", account="brand-b")
    arguments = ("--all", "--subaccounts", "--account", "default", "--account", "brand-b")
    result = status(*arguments, "--json")
    shown = [(one["account"], one["subaccount"]) for one in json.loads(result.stdout)["domains"]]
    assert ("brand-b", "") in shown
    assert ("default", "sub-1") in shown


def test_a_host_that_nothing_uses(status: Status, emulator: Emulator) -> None:
    """Its missing record is no problem until tracking is on."""
    emulator.set(cname_check="invalid")
    assert status("--all").stdout == "3 domains: all well\n"
    emulator.drift("mg.example.com", open=True)
    result = status("mg.example.com")
    assert result.exit_code == 1
    assert "mg.example.com: dns-nxdomain: email.mg.example.com does not exist" in result.stdout


def test_the_page(status: Status, tmp_path: Path) -> None:
    """It is written beside what is printed."""
    page = tmp_path / "status.html"
    assert status("--all", "--html", str(page)).stdout == "3 domains: all well\n"
    assert "<h1>3 domains: all well</h1>" in page.read_text(encoding="utf-8")


def test_no_page_is_made_unless_it_is_written(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Making one takes time, and may fail."""
    monkeypatch.setattr("mailgun_tracking.cli.status.status_page", None)
    assert status("--all").exit_code == 0


def test_no_footer_is_shown(status: Status, emulator: Emulator, tmp_path: Path) -> None:
    """A footer may hold a secret."""
    footer = "<p>secret-7 %unsubscribe_url%</p>"
    emulator.drift("mg.example.com", unsubscribe={"active": True, "html_footer": footer})
    page = tmp_path / "status.html"
    shown = status("mg.example.com", "--json", "--html", str(page)).output
    assert "secret-7" not in shown + page.read_text(encoding="utf-8")
    assert emulator.key not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give domains, or --all"),
        (("--all", "mg.example.com"), "give domains, or --all"),
        (("mg.example.com", "--account", "a", "--account", "b"), "give one --account"),
        (("not a domain",), "'not a domain': the ID is not valid"),
    ],
)
def test_what_cannot_be_asked(status: Status, arguments: tuple[str, ...], message: str) -> None:
    """It could not look, and says why in a line."""
    result = status(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("server", ["", "a b", "192.0.2.1:x"])
def test_a_name_server_that_cannot_be_asked(server: str) -> None:
    """The message names the option."""
    result = CliRunner().invoke(commands, ["status", "--all", "--dns", server])
    assert result.exit_code == 2
    assert "Invalid value for --dns" in result.stderr


def test_a_page_that_cannot_be_written(status: Status, tmp_path: Path) -> None:
    """The message says why."""
    result = status("--all", "--html", str(tmp_path / "missing" / "status.html"))
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr
