"""`mailgun_stack`: programs on the real engine, against the emulator."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest
from pulumi import automation

from mailgun_tracking import DomainTracking, HttpsTracking, get_domain_tracking
from mailgun_tracking._provider import operation
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.testing import MailgunStackFactory
from mailgun_tracking.testing.projects import project_settings

CLICK = "PUT /v3/domains/mg.example.com/tracking/click"


pytestmark = pytest.mark.usefixtures("engine_on_path")


def files_in(folder: Path) -> set[Path]:
    """All files but compiled modules."""
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def program() -> None:
    """Tracks clicks as the configuration says, over https."""
    click = pulumi.Config().require_object("click")
    mg = HttpsTracking("mg", "mg.example.com", click=click, open=True)
    pulumi.export("scheme", mg.web_scheme)
    pulumi.export("stack", pulumi.get_stack())


@pytest.mark.behaviour(113)
def test_a_function(mailgun: Emulator, mailgun_stack: MailgunStackFactory) -> None:
    """Each command, and what the assertions say where they do not hold."""
    mailgun.add_domain("mg.example.com")
    mailgun.add_domain("mg.example.com", region="eu", click=True)
    stack = mailgun_stack(program, "prod")
    stack.set_config("click", {"active": "htmlonly"})

    up = stack.up()
    assert {name: output.value for name, output in up.outputs.items()} == {
        "scheme": "https",
        "stack": "prod",
    }
    stack.assert_requests(
        [
            f"{CLICK} active=htmlonly",
            "PUT /v3/domains/mg.example.com/tracking/open",
            "POST /v2/x509/email.mg.example.com",
            "PUT /v4/domains/mg.example.com web_scheme=https",
        ]
    )
    with pytest.raises(AssertionError) as differs:
        stack.assert_requests([f"{CLICK} active=yes", "POST /v2/x509/email.mg.example.com"])
    assert str(differs.value).splitlines() == [
        "the changes sent to Mailgun differ:",
        f"  not sent: {CLICK} active=yes",
        f"  unexpected: {CLICK} active=htmlonly (status 200)",
        "  unexpected: PUT /v3/domains/mg.example.com/tracking/open active=true (status 200)",
        "  unexpected: PUT /v4/domains/mg.example.com web_scheme=https (status 200)",
    ]
    stack.assert_mailgun(
        "mg.example.com", click="htmlonly", web_scheme="https", certificate="active"
    )
    # Of the other region, by its ID or with `region`.
    stack.assert_mailgun("eu/MG.example.com", click=True)
    stack.assert_mailgun("mg.example.com", region="eu", click=True)
    with pytest.raises(AssertionError) as other:
        stack.assert_mailgun("mg.example.com", click=True, open={"place_at_the_top": True})
    assert str(other.value).splitlines() == [
        "mg.example.com differs at Mailgun:",
        "  click.active is 'htmlonly', not True",
        "  open.place_at_the_top is False, not True",
    ]
    with pytest.raises(TypeError, match=r"knows open, click, .* not clicks"):
        stack.assert_mailgun("mg.example.com", clicks=True)

    mailgun.drift("mg.example.com", click=False)
    with pytest.raises(AssertionError) as changes:
        stack.assert_no_changes(refresh=True)
    assert str(changes.value).startswith(
        "the preview shows changes:\n  update DomainTracking mg: click.active\n\n"
    )
    stack.refresh()
    stack.assert_requests([])
    names = {one["urn"].rpartition("::")[2] for one in stack.export()["deployment"]["resources"]}
    assert {"mg", "test-prod"} <= names
    stack.destroy()
    stack.assert_mailgun("mg.example.com", open=False)


@pytest.mark.behaviour(113)
def test_a_domain_that_was_not_added_is_named(
    mailgun: Emulator, mailgun_stack: MailgunStackFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the method that adds it, after all that Pulumi prints."""
    monkeypatch.setattr(operation, "MISSING_SECONDS", 0.0)
    mailgun.add_domain("mg.example.com")
    names = ("mg.example.com", "shop.example.com")
    stack = mailgun_stack(lambda: [get_domain_tracking(name) for name in names])
    with pytest.raises(automation.CommandError) as failed:
        stack.preview()
    assert str(failed.value).splitlines()[-1] == (
        "The emulator has no domain shop.example.com: add it with `mailgun.add_domain`."
    )


@pytest.mark.behaviour(113)
def test_a_folder(
    mailgun: Emulator,
    mailgun_stack: MailgunStackFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it is: nothing is written there, and the configuration of its stacks is not used."""
    folder = tmp_path / "mail"
    (folder / "infra").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("{name: mail, runtime: python, main: infra}")
    (folder / "Pulumi.test.yaml").write_text("config: {'mailgun:apiKey': of-production}")
    (folder / "infra" / "domain.txt").write_text("mg.example.com")
    (folder / "infra" / "names.py").write_text("DOMAIN = open('domain.txt').read()")
    (folder / "infra" / "__main__.py").write_text(
        "from mailgun_tracking import DomainTracking\n"
        "from names import DOMAIN\n"
        "DomainTracking('mg', DOMAIN, click=True)\n"
    )
    before = files_in(folder)
    # Plugins of other providers that are installed need not be downloaded again.
    (tmp_path / "home" / "plugins").mkdir(parents=True)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    mailgun.add_domain("mg.example.com")
    stack = mailgun_stack(folder)
    stack.set_config("mailgun-tracking:apiKey", mailgun.key, secret=True)
    stack.up()
    stack.assert_requests([CLICK])
    assert stack.export()["deployment"]["resources"][0]["urn"].startswith("urn:pulumi:test::mail::")
    home = Path(stack.stack.workspace.pulumi_home or "")
    assert (home / "plugins").resolve() == tmp_path / "home" / "plugins"
    assert files_in(folder) == before


@pytest.mark.behaviour(111, 113)
def test_without_an_engine_it_says_what_to_install(
    mailgun_stack: MailgunStackFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """That is an error, as no test may be skipped for it in CI."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"no `pulumi` on PATH: install the Pulumi CLI 3.200"):
        mailgun_stack(lambda: DomainTracking("mg", "mg.example.com"))


@pytest.mark.behaviour(113)
def test_a_project_is_used_from_another_folder(tmp_path: Path) -> None:
    """With paths that stay valid, and without its backend, which may be that of production."""
    (tmp_path / "Pulumi.yaml").write_text(
        "{name: mail, runtime: {name: python, options: {virtualenv: ../venv}}, "
        "stackConfigDir: stacks, backend: {url: 's3://production'}}"
    )
    assert project_settings(tmp_path) == {
        "name": "mail",
        "runtime": {"name": "python", "options": {"virtualenv": f"{tmp_path}/../venv"}},
        "main": str(tmp_path),
    }
