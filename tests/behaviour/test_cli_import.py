"""`mailgun-tracking import`: bringing what exists at Mailgun into a stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.conftest import KEYS
from tests.behaviour.mail import MailFactory, MailStack, calls, puts
from tests.cli.accounts import SUBACCOUNTS, add_domain, combinations
from tests.engine.stack import ROOT

DOMAINS = 300


def mailgun_tracking(
    stack: MailStack, *arguments: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in the stack's directory, with its environment."""
    return subprocess.run(
        [sys.executable, "-c", "from mailgun_tracking.cli import main; main()", *arguments],
        cwd=stack.directory,
        env={**stack.environment, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def use(stack: MailStack, directory: Path) -> None:
    """Make what was written to a directory the stack's program."""
    stack.write_program((directory / "__main__.py").read_text(encoding="utf-8"))


@pytest.mark.behaviour(98)
def test_a_whole_account_previews_without_a_change(mail: MailFactory) -> None:
    """300 domains in two regions and three subaccounts, in which every pair of settings occurs."""
    with Emulator(subaccounts=SUBACCOUNTS) as emulator:
        for number, row in enumerate(combinations(DOMAINS)):
            add_domain(emulator, f"mg{number:03}.example.com", row)
        stack = mail(env=emulator.environment)
        done = mailgun_tracking(stack, "import", "--all", "--subaccounts", "--out", "all")
        assert (done.returncode, done.stderr) == (0, "")
        # The state is saved once, at the end.
        once = {"PULUMI_SKIP_CHECKPOINTS": "true"}
        imported = stack.import_(stack.directory / "all" / "import.json", env=once)
        assert set(imported.changes) == {"import"}
        use(stack, stack.directory / "all")
        emulator.forget_requests()
        preview = stack.preview("--expect-no-changes")
        assert preview.changes == {"same": imported.changes["import"]}
        assert calls(emulator) == []


@pytest.mark.behaviour(1, 98, 100)
def test_imported_resources_are_resources_like_any_other(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Below components, under names by a pattern, with the ids of the state and all settings; of
    two regions, a subaccount and another account."""
    place = {"region": "eu", "subaccount": "sub-1"}
    add_domain(emulator, "a.example.com", {"web_scheme": "https", "click.active": "htmlonly"})
    add_domain(emulator, "b.example.com", {"web_scheme": "https", "web_prefix": "go", **place})
    emulator.add_domain("c.example.com", account="brand-b", open=True)
    [key] = [key for key, account in KEYS.items() if account == "brand-b"]
    stack = mail(env={"MAILGUN_API_KEY_BRAND_B": key})
    arguments = ["import", "--all", "--subaccounts", "--account=default", "--account=brand-b"]
    names = ["--name={domain}.{region}", "--parent=mail-{region}"]
    done = mailgun_tracking(stack, *arguments, *names, "--all-settings", "--out=imported")
    assert (done.returncode, done.stderr) == (0, "")
    imported = stack.import_(stack.directory / "imported" / "import.json")
    assert imported.changes == {"import": 11}
    use(stack, stack.directory / "imported")
    assert stack.preview("--refresh", "--expect-no-changes").changes == {"same": 11}

    # What the stack has is not imported again.
    again = mailgun_tracking(stack, *arguments, "--stack=dev", "--out=again")
    assert (again.returncode, again.stdout) == (0, "There is nothing to import.\n")
    assert again.stderr == "left out: 7 domains that the stack has already\n"

    emulator.forget_requests()
    stack.destroy()
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/a.example.com/tracking/click",
        "PUT /v3/domains/c.example.com/tracking/open",
    ]


@pytest.mark.behaviour(98)
def test_the_configuration_is_for_the_program_of_this_repository(
    mail: MailFactory, emulator: Emulator
) -> None:
    """With certificates in both regions, and footers of any text."""
    footers = {"html_footer": "<p>So long.</p>\n<p>– 退订</p>\n", "text_footer": "1e3"}
    emulator.drift("mg.example.com", click="htmlonly", unsubscribe=footers)
    add_domain(emulator, "a.example.com", {"web_scheme": "https", "web_prefix": "go"})
    add_domain(emulator, "b.example.com", {"web_scheme": "https", "region": "eu"})
    stack = mail()
    done = mailgun_tracking(stack, "import", "--all", "--yaml", "--out=imported")
    assert done.returncode == 0, done.stderr
    stack.import_(stack.directory / "imported" / "import.json")
    stack.write_program((ROOT / "__main__.py").read_text(encoding="utf-8"))
    with stack.config_file.open("a", encoding="utf-8") as file:
        file.write((stack.directory / "imported" / "config.yaml").read_text(encoding="utf-8"))
    preview = stack.preview()
    # The program has outputs, which are new.
    assert preview.changes == {"same": 7}
    assert puts(emulator) == []
