"""Commands that change the state, and the programs that follow them: Mailgun stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, MailStack, puts

PROGRAM = """
opts = pulumi.ResourceOptions(retain_on_delete={retain})
mg = DomainTracking("{name}", "mg.example.com", click="htmlonly", open=True, opts=opts)
TrackingCertificate("{name}", mg.tracking_domain, opts=opts)
HttpsTracking("{name}", "two.example.com", click=True, web_prefix="links", opts=opts)
"""
FROM = ("--source", "organization/mail/dev")
INTO = ("--dest", "organization/other/dev")


def program(name: str = "old", *, retain: bool = False) -> str:
    """A program with one resource of each kind.

    :param name: the name of all resources.
    :param retain: whether deleting them changes nothing at Mailgun.
    """
    return PROGRAM.format(name=name, retain=retain)


def pulumi(stack: MailStack, *command: str, given: str = "", check: bool = True) -> str:
    """Run a command that takes no `--stack`, in a stack's folder; returns what it printed.

    :param given: its standard input.
    """
    done = subprocess.run(
        ["pulumi", *command],
        cwd=stack.directory,
        env=stack.environment,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout
    assert check or done.returncode != 0, done.stdout
    return done.stdout


def urns(stack: MailStack) -> list[str]:
    """The resources in state, but for the stack and providers."""
    kinds = ("pulumi:pulumi:Stack", "pulumi:providers:")
    resources = stack.export()["deployment"].get("resources", [])
    return [one["urn"] for one in resources if not one["type"].startswith(kinds)]


def assert_is_as_deployed(emulator: Emulator, stack: MailStack) -> None:
    """The stack's program shows no difference, and nothing was sent that changes Mailgun."""
    stack.preview("--refresh", "--expect-no-changes")
    assert set(stack.up().changes) == {"same"}
    assert puts(emulator) == []
    mg, two = emulator.domain("mg.example.com"), emulator.domain("two.example.com")
    assert (mg.click["active"], mg.open["active"]) == ("htmlonly", True)
    assert (two.click["active"], two.web_scheme, two.web_prefix) == (True, "https", "links")


@pytest.fixture
def deployed(mail: MailFactory, emulator: Emulator) -> MailStack:
    """A stack with one resource of each kind."""
    stack = mail(program())
    stack.up()
    emulator.forget_requests()
    return stack


@pytest.mark.behaviour(74)
def test_state_rename(deployed: MailStack, emulator: Emulator) -> None:
    """Of each resource, a component's children included."""
    for urn in urns(deployed):
        deployed.run("state", "rename", "--yes", urn, "new")
    deployed.write(program("new"))
    assert_is_as_deployed(emulator, deployed)


@pytest.mark.behaviour(74)
def test_stack_export_and_import(
    deployed: MailStack, emulator: Emulator, mail: MailFactory
) -> None:
    """Into a stack of the same name in another backend."""
    file = deployed.directory / "exported.json"
    deployed.run("stack", "export", "--file", str(file))
    other = mail(program())
    other.run("stack", "import", "--file", str(file))
    assert sorted(urns(other)) == sorted(urns(deployed))
    assert_is_as_deployed(emulator, other)


@pytest.mark.behaviour(74)
def test_state_move(deployed: MailStack, emulator: Emulator, mail: MailFactory) -> None:
    """Into a stack of another project; a component takes its children along."""
    other = beside(deployed, mail, program())
    pulumi(deployed, "state", "move", "--yes", *FROM, *INTO, *tops(deployed))
    assert urns(deployed) == []
    deployed.write("")
    deployed.up()
    assert puts(emulator) == []
    assert_is_as_deployed(emulator, other)


@pytest.mark.behaviour(74)
def test_a_state_move_that_pulumi_refuses(
    deployed: MailStack, emulator: Emulator, mail: MailFactory
) -> None:
    """Into a stack that has dynamic resources and another configuration; the way that works."""
    other = beside(deployed, mail, 'TrackingCertificate("own", "email.mg.example.com")')
    other.config_set("mailgun-tracking:region", "us")
    other.up()
    refused = pulumi(deployed, "state", "move", "--yes", *FROM, *INTO, *tops(deployed), check=False)
    assert "pulumi-python::default already exists in destination stack" in refused
    deployed.write(program(retain=True))
    deployed.up()
    deployed.write("")
    deployed.up()
    assert urns(deployed) == []
    other.write(program())
    other.up()
    assert_is_as_deployed(emulator, other)


@pytest.mark.behaviour(74)
def test_a_stack_that_moves(mail: MailFactory, emulator: Emulator, tmp_path: Path) -> None:
    """Another passphrase, another name, and another folder with another backend."""
    footer = "pulumi.Output.secret('Leave: %unsubscribe_url%')"
    stack = mail(
        f"""
        mg = DomainTracking(
            "mg", "mg.example.com", click=True, unsubscribe={{"text_footer": {footer}}}
        )
        TrackingCertificate("mg", mg.tracking_domain)
        """,
        env={"MAILGUN_API_KEY": None},
    )
    # The stacks of tests have no passphrase.
    stack.run("stack", "change-secrets-provider", "passphrase")
    stack.config_set("mailgun:apiKey", emulator.key, secret=True)
    stack.up()
    emulator.forget_requests()

    passphrase = "another passphrase"
    rotate = ("change-secrets-provider", "passphrase", "--stack", stack.name)
    pulumi(stack, "stack", *rotate, given=passphrase)
    stack.environment["PULUMI_CONFIG_PASSPHRASE"] = passphrase
    stack.run("stack", "rename", "production")
    folder = tmp_path / "copy"
    program_text = (stack.directory / "__main__.py").read_text()
    stack.directory.rename(folder)
    moved = MailStack(folder, "", stack.project)
    moved.environment |= stack.environment
    moved.environment["PULUMI_BACKEND_URL"] = (folder / "backend").as_uri()
    moved.name = "production"
    moved.write_program(program_text)
    moved.preview("--refresh", "--expect-no-changes")
    assert set(moved.up().changes) == {"same"}
    assert puts(emulator) == []
    moved.destroy()
    assert emulator.domain("mg.example.com").click == {"active": False}


def tops(stack: MailStack) -> list[str]:
    """The resources in state that are no component's children."""
    return [urn for urn in urns(stack) if "$" not in urn]


def beside(stack: MailStack, mail: MailFactory, body: str) -> MailStack:
    """A stack of the project `other` in the backend of another stack."""
    other = mail(body, project="other")
    other.environment["PULUMI_BACKEND_URL"] = stack.environment["PULUMI_BACKEND_URL"]
    other.config_file.unlink()
    other.run("stack", "init")
    return other
