"""The examples that need no cloud provider, on the real engine against the emulator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import puts
from tests.engine.result import Result
from tests.engine.stack import Stack, StackFactory
from tests.examples.projects import EXAMPLES, VIRTUALENV, commands_of, project_of, text_of
from tests.package.locks import LOCKS, applies, pins, pythons

LOCAL = ("existing-domain", "many-domains")


def copied(example: str, stack: Stack) -> None:
    """Copy an example's files into a stack's directory, with this test run's virtualenv."""
    kept = shutil.ignore_patterns("venv", "emulator.json", "Pulumi.*.yaml", "__pycache__")
    shutil.copytree(EXAMPLES / example, stack.directory, dirs_exist_ok=True, ignore=kept)
    (stack.directory / "venv").symlink_to(sys.prefix)


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
    """Run the commands of an example's README except for its virtualenv; return the outputs."""
    copied(example, stack)
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


def preview_of(entries: str, new_stack: StackFactory, emulator: Emulator) -> Result:
    """The failed preview of many-domains with these entries and a valid one."""
    stack = new_stack("", project=project_of("many-domains")["name"])
    copied("many-domains", stack)
    entries = f"two.example.com: {{click: true}}\n{entries}\n"
    (stack.directory / "domains.yaml").write_text(entries, encoding="utf-8")
    where = {"MAILGUN_BASE_URL": f"{emulator.url}/{{region}}", "MAILGUN_API_KEY": emulator.key}
    result = stack.preview(check=False, env=where)
    assert result.code != 0
    assert "Traceback" not in result.output
    assert not puts(emulator)
    return result


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("mg.example.com: {clik: true}", "got an unexpected keyword argument 'clik'"),
        ("mg.example.com: true", "must be a mapping, not bool"),
    ],
)
def test_an_entry_of_another_form_is_named(
    new_stack: StackFactory, emulator: Emulator, entry: str, told: str
) -> None:
    """An entry that is no resource fails the preview, in one line with its name."""
    result = preview_of(entry, new_stack, emulator)
    (line,) = [said for said in result.all_diagnostics() if said.startswith("domains.yaml: ")]
    assert line.startswith("domains.yaml: mg.example.com: ")
    assert line.endswith(told)


@pytest.mark.parametrize(
    ("entry", "property_"),
    [
        ("mg.example.com: {click: html}", "click"),
        ("mg.example.com: {open: {activ: true}}", "open.activ"),
    ],
)
def test_an_entry_with_a_wrong_value_is_named(
    new_stack: StackFactory, emulator: Emulator, entry: str, property_: str
) -> None:
    """An invalid value fails the preview in the row of its own entry only."""
    result = preview_of(entry, new_stack, emulator)
    (message,) = result.diagnostics("mg.example.com", "error")
    assert f" has a problem: {property_}: " in message
    assert not result.diagnostics("two.example.com", "error")


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
        assert second == "pulumi stack init dev" or project.name == "PulumiPolicy.yaml"


def test_paths_of_examples_are_relative() -> None:
    """The path by which an example installs this package is right from its own directory."""
    for name in (*LOCAL, "infra-repo", "policy-pack"):
        line = text_of(name, "requirements.txt").splitlines()[-1]
        path = line.partition("[")[0]
        assert (EXAMPLES / name / Path(path)).resolve() == EXAMPLES.parent


def test_the_program_in_the_root_directory(new_stack: StackFactory, emulator: Emulator) -> None:
    """With the configuration in Pulumi.dev.yaml it turns on tracking and https."""
    root = EXAMPLES.parent
    stack = new_stack((root / "__main__.py").read_text(encoding="utf-8"), project="mail")
    config = yaml.safe_load((root / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    for domain in config["mail:domains"]:
        emulator.add_domain(domain)
    stack.config_set("domains", config["mail:domains"])
    where = {"MAILGUN_BASE_URL": f"{emulator.url}/{{region}}", "MAILGUN_API_KEY": emulator.key}
    stack.up(env=where)
    news = emulator.domain("news.example.com")
    assert (news.web_scheme, news.click) == ("https", {"active": "htmlonly"})
    assert emulator.domain("receipts.example.com").web_scheme == "http"
    assert set(stack.outputs()["certificates_valid_until"]) == {
        "news.example.com",
        "alerts.example.com",
    }
    assert stack.preview("--expect-no-changes", env=where).changes.keys() <= {"same"}
