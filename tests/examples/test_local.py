"""The examples that need no cloud provider, on the real engine against the emulator."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
import yaml
from packaging.requirements import Requirement

from mailgun_tracking.emulator import Emulator
from mailgun_tracking.testing import MailgunMocks, MailgunStackFactory
from tests.engine.stack import Stack, StackFactory
from tests.examples.projects import EXAMPLES, VIRTUALENV, commands_of, project_of, text_of
from tests.package.locks import LOCKS, applies, pins, pythons

LOCAL = ("existing-domain", "many-domains")


def run(command: str, stack: Stack) -> str:
    """Run a shell command in a stack's directory and return what it printed."""
    finished = subprocess.run(
        ["sh", "-c", command],
        cwd=stack.directory,
        env={**stack.environment, "PULUMI_SKIP_CONFIRMATIONS": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, f"{command}\n{finished.stdout}"
    return finished.stdout


def follow(example: str, stack: Stack) -> list[str]:
    """Run the commands of an example's README in a stack's directory; return the outputs.

    Its virtualenv is that of this test run.
    """
    kept = shutil.ignore_patterns("venv", "emulator.json", "Pulumi.*.yaml", "__pycache__")
    shutil.copytree(EXAMPLES / example, stack.directory, dirs_exist_ok=True, ignore=kept)
    (stack.directory / "venv").symlink_to(sys.prefix)
    for old in (*stack.directory.glob("Pulumi.*.yaml"), stack.directory / "backend"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    (stack.directory / "backend").mkdir()
    first, *commands = commands_of(example)
    assert first == VIRTUALENV
    outputs = [run(command, stack) for command in commands]
    again = commands[-1].replace("pulumi up", "pulumi preview --expect-no-changes")
    assert again != commands[-1]
    run(again, stack)
    return outputs


def test_an_existing_domain(new_stack: StackFactory) -> None:
    """The commands of its README change what the program mentions, and nothing else."""
    stack = new_stack("", project=project_of("existing-domain")["name"])
    output = follow("existing-domain", stack)[-1]
    assert "open false => true" in output
    assert "click false => htmlonly" in output
    assert '"open.place_at_the_top"' in output
    with Emulator(state_file=stack.directory / "emulator.json") as mailgun:
        domain = mailgun.domain("mg.example.com")
    assert domain.click == {"active": "htmlonly"}
    assert domain.open == {"active": True, "place_at_the_top": True}
    assert domain.unsubscribe["active"] is False
    assert domain.web_scheme == "http"


def test_many_domains(new_stack: StackFactory) -> None:
    """The commands of its README create a resource for each entry, in both regions."""
    stack = new_stack("", project=project_of("many-domains")["name"])
    output = follow("many-domains", stack)[-1]
    assert "+ 5 created" in output
    with Emulator(state_file=stack.directory / "emulator.json") as mailgun:
        assert mailgun.domain("mg.example.com").click == {"active": "htmlonly"}
        news = mailgun.domain("news.example.com")
        assert news.open == {"active": True, "place_at_the_top": True}
        assert news.unsubscribe["active"] is True
        assert news.unsubscribe["text_footer"] == "To unsubscribe: <%unsubscribe_url%>"
        assert mailgun.domain("receipts.example.com").click == {"active": False}
        assert mailgun.domain("eu.example.com", "eu").click == {"active": True}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{clik: true}", r"domains\.yaml: mg.example.com: .*unexpected keyword argument 'clik'"),
        ("true", r"domains\.yaml: mg.example.com: .*must be a mapping, not bool"),
        ("{click: html}", "DomainTracking mg.example.com: click: must be "),
        ("{open: {activ: true}}", r"DomainTracking mg.example.com: open\.activ: "),
    ],
)
def test_a_wrong_entry_is_named(
    mailgun_mocks: MailgunMocks, tmp_path: Path, entry: str, told: str
) -> None:
    """In an error that Pulumi shows as one line."""
    for file in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(EXAMPLES / "many-domains" / file, tmp_path)
    entries = f"two.example.com: {{click: true}}\nmg.example.com: {entry}\n"
    (tmp_path / "domains.yaml").write_text(entries, encoding="utf-8")
    with pytest.raises(pulumi.RunError, match=told) as error:
        mailgun_mocks.run(tmp_path)
    assert "\n" not in str(error.value)
    assert "two.example.com" not in str(error.value)


def test_each_example_is_whole() -> None:
    """Each has a project, program, requirements and README, with the versions tested here."""
    pinned = {
        python: {name: version for file in LOCKS for name, version in pins(file, python).items()}
        for python in pythons()
    }
    projects = [*EXAMPLES.glob("*/Pulumi.yaml"), *EXAMPLES.glob("*/PulumiPolicy.yaml")]
    assert len(projects) >= 9
    for project in projects:
        folder = project.parent
        for file in ("__main__.py", "requirements.txt", "README.md"):
            assert (folder / file).is_file(), folder
        assert yaml.safe_load(project.read_text(encoding="utf-8"))["runtime"] == {
            "name": "python",
            "options": {"virtualenv": "venv"},
        }
        for line in text_of(folder.name, "requirements.txt").splitlines():
            if line.startswith("../.."):
                continue
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            for python, versions in pinned.items():
                if applies(requirement, python):
                    assert specifier.version == versions[requirement.name], (folder, line)
        first, second, *_ = commands_of(folder.name)
        assert first == VIRTUALENV
        has_stacks_made = project.name == "PulumiPolicy.yaml" or folder.name == "fleet"
        assert has_stacks_made or second == "pulumi stack init dev"


def test_paths_of_examples_are_relative() -> None:
    """The path by which an example installs this package is right from its own directory."""
    for name in (*LOCAL, "fleet", "infra-repo", "policy-pack"):
        line = text_of(name, "requirements.txt").splitlines()[-1]
        path = line.partition("[")[0]
        assert (EXAMPLES / name / Path(path)).resolve() == EXAMPLES.parent


@pytest.mark.usefixtures("engine_on_path")
def test_the_program_in_the_root_directory(
    mailgun: Emulator, mailgun_stack: MailgunStackFactory
) -> None:
    """With the configuration in Pulumi.dev.yaml it turns on tracking and https."""
    root = EXAMPLES.parent
    config = yaml.safe_load((root / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    for domain in config["mail:domains"]:
        mailgun.add_domain(domain)
    stack = mailgun_stack(lambda: runpy.run_path(str(root / "__main__.py")))
    stack.set_config("domains", config["mail:domains"])
    valid = stack.up().outputs["certificates_valid_until"].value
    assert valid.keys() == {"news.example.com", "alerts.example.com"}
    stack.assert_mailgun("news.example.com", web_scheme="https", click="htmlonly")
    stack.assert_mailgun("receipts.example.com", web_scheme="http")
    stack.assert_no_changes()
