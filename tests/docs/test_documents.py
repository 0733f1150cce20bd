"""What the documents refer to exists: links, targets, options, arguments, errors, dials."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

import mailgun_tracking
from mailgun_tracking import errors
from mailgun_tracking.cli.commands import commands
from mailgun_tracking.emulator.dials import allowed_settings
from tests.docs.markdown import README, ROOT, Document, codes, documents
from tests.engine.stack import StackFactory
from tests.examples.projects import github_scripts, gitlab_scripts

DOCUMENTS = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
SUBCOMMANDS = (
    "cancel",
    "config set",
    "destroy",
    "import",
    "login",
    "preview",
    "refresh",
    "stack",
    "stack init",
    "state delete",
    "state move",
    "up",
)
NOT_OURS = ("dig", "git", "make", "pip", "pytest", "python3")
"""Commands whose options are not checked."""
INFRA_REPO = {"pulumi preview", "mailgun-tracking emulator", "mailgun-tracking status"}


def dead_links(document: Document) -> list[str]:
    """The relative links of a document whose target does not exist."""
    dead = []
    for link in document.links():
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.path.parent / path).resolve() if path else document.path
        if not target.exists() or (anchor and anchor not in Document(target).anchors()):
            dead.append(link)
    return dead


@DOCUMENTS
def test_links_lead_somewhere(document: Document) -> None:
    """The files of relative links exist, and so do the headings after `#`."""
    assert dead_links(document) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """A missing file or heading is reported; a link in a code span is not a link."""
    file = tmp_path / "page.md"
    file.write_text(
        "# A `Head` ing!\n[a](#a-head-ing) [b](#gone) [c](gone.md) [d](page.md#x) `[e](gone)`\n"
    )
    assert dead_links(Document(file)) == ["#gone", "gone.md", "page.md#x"]


def targets() -> set[str]:
    """The targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@DOCUMENTS
def test_make_has_every_target_that_is_named(document: Document) -> None:
    """Each `make TARGET` is a target of the Makefile."""
    named = {
        target
        for code in document.code()
        for target in re.findall(r"\bmake +(?:-\w+ +)*([a-z][a-z-]*)", code)
    }
    assert named <= targets()


def test_targets_are_found() -> None:
    """The check above compares with something."""
    assert {"up", "test", "lint", "https-demo", "env", "docs"} <= targets()


def all_commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """The commands of a group by name, with the commands of the groups among them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield before + name, command
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{before}{name} ")


def options_of(command: click.Command) -> set[str]:
    """The options of a command of this package."""
    return {"--help", *[name for parameter in command.params for name in parameter.opts]}


@pytest.fixture(scope="module")
def known_options(new_stack: StackFactory) -> dict[str, set[str]]:
    """The long options of each command that the documents name, by the command."""
    stack = new_stack("")
    known = {}
    for name in SUBCOMMANDS:
        # Not `stack.run`, whose `--stack` some commands do not know.
        arguments = ["pulumi", *name.split(), "--help"]
        text = subprocess.check_output(arguments, env=stack.environment, text=True)
        known[f"pulumi {name}"] = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    for name, command in all_commands(commands):
        known[f"mailgun-tracking {name}"] = options_of(command)
    return known


def words_of(code: str) -> list[str]:
    """A line of code as a shell splits it, without its comment."""
    try:
        return shlex.split(code, comments=True)
    except ValueError:
        return code.split()


def unknown_options(code: str, known: dict[str, set[str]]) -> list[str]:
    """The options in a line of code that its command, or else any known one, does not have."""
    found: list[str] = []
    allowed = set().union(*known.values())
    words = words_of(code)
    for place, word in enumerate(words):
        rest = " ".join([word.rpartition("/")[2], *words[place + 1 : place + 3]])
        if word in NOT_OURS or word.startswith("ARGS="):
            return found
        for command, options in known.items():
            if f"{rest} ".startswith(f"{command} "):
                allowed = options
        if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word) and word.partition("=")[0] not in allowed:
            found.append(word)
    return found


@DOCUMENTS
def test_every_option_exists(document: Document, known_options: dict[str, set[str]]) -> None:
    """Each option is one of the command before it, or of any known command."""
    found = {code: unknown_options(code, known_options) for code in document.code()}
    assert {code: options for code, options in found.items() if options} == {}


def test_an_option_that_is_not_there_is_seen(known_options: dict[str, set[str]]) -> None:
    """An unknown option is reported, also after `--`, where another command begins."""
    line = "venv/bin/mailgun-tracking emulator --any-domains -- pulumi up --yess --parent"
    assert unknown_options(line, known_options) == ["--any-domains", "--yess", "--parent"]
    assert unknown_options("--run-programs", known_options) == ["--run-programs"]
    assert unknown_options("--run-program", known_options) == []
    assert unknown_options("mailgun-tracking import --name mail-{domain}", known_options) == []


@pytest.mark.parametrize(
    ("jobs", "commands_named"),
    [
        (github_scripts("infra-repo"), INFRA_REPO),
        (gitlab_scripts("infra-repo"), INFRA_REPO),
        (github_scripts("fleet"), {"mailgun-tracking fleet"}),
    ],
)
def test_ci_files_of_examples_name_what_exists(
    jobs: dict[str, list[str]], commands_named: set[str], known_options: dict[str, set[str]]
) -> None:
    """Each subcommand and option of `pulumi` and `mailgun-tracking`."""
    lines = {line for job in jobs.values() for script in job for line in script.splitlines()}
    assert [one for line in lines for one in unknown_options(line, known_options)] == []
    named = {
        " ".join(found)
        for line in lines
        for found in re.findall(r"\b(pulumi|mailgun-tracking) ([a-z]+(?: init)?)\b", line)
    }
    assert commands_named <= named
    assert named <= known_options.keys()


def test_each_command_is_documented() -> None:
    """The README or a page of the documentation shows how to call it."""
    shown = [code for document in documents() for code in document.code()]
    for name, _ in all_commands(commands):
        assert any(f"mailgun-tracking {name} " in f"{code} " for code in shown), name


def test_the_reference_has_every_option() -> None:
    """Each command has a section, with its own options and no others."""
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    for name, command in all_commands(commands):
        section = text.partition(f"\n## mailgun-tracking {name}\n")[2].partition("\n## ")[0]
        own = {text for param in command.params for text in param.opts if text.startswith("--")}
        assert set(re.findall(r"`(--[a-z-]+)", section)) == own, name


def test_the_dials_are_those_of_the_emulator() -> None:
    """docs/assumptions.md has each dial and its settings in the emulator's order."""
    rows = Document(ROOT / "docs" / "assumptions.md").table("dial")
    told = [(codes(dial), tuple(codes(settings))) for dial, settings, *_ in rows]
    assert told == [([name], settings) for name, settings in allowed_settings().items()]


def test_each_line_of_the_behaviour_has_a_test() -> None:
    """The lines are numbered consecutively, and the tests are marked with just these numbers."""
    promised = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
    lines = [int(number) for number in re.findall(r"^(\d+)\. ", promised, re.MULTILINE)]
    assert lines == list(range(1, len(lines) + 1))
    marked = {
        int(number)
        for file in (ROOT / "tests").rglob("test_*.py")
        for mark in re.findall(r"mark\.behaviour\(([\d, ]+)\)", file.read_text(encoding="utf-8"))
        for number in mark.split(",")
    }
    assert marked == set(lines)


@pytest.mark.parametrize("name", ["DomainTracking", "TrackingCertificate", "HttpsTracking"])
def test_the_readme_lists_every_argument(name: str) -> None:
    """Its tables have each argument of a resource, and no other."""
    section = README.text.split(f"\n### {name}\n")[1].split("\n##")[0]
    named = {
        argument
        for line in section.splitlines()
        if line.startswith("| `")
        for argument in codes(line.split("|")[1])
    }
    parameters = set(inspect.signature(getattr(mailgun_tracking, name)).parameters)
    own = parameters - {"resource_name", "opts", "account", "region", "subaccount"}
    assert own <= named <= parameters


def test_the_errors_page_has_every_error() -> None:
    """docs/reference/errors.md describes each class of `mailgun_tracking.errors` once."""
    page = Document(ROOT / "docs" / "reference" / "errors.md").text
    described = re.findall(r"^\.\. autoexception:: (\w+)$", page, re.MULTILINE)
    assert sorted(described) == sorted(errors.__all__)


def committed_files() -> Iterable[Path]:
    """Every file that is committed, or could be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# Split, so that this file does not contain them either.
UNWANTED = re.compile(
    "|".join(
        [
            r"(?<![\w.}$)])/(?:root|home|work|Users)" + r"/\w",
            r"(?<![\w.}$)])/tmp" + r"/\w",
            r"py" + r"pi\.org",
            r"python" + r"hosted",
            r"proxy\.go" + r"lang",
            r"registry\.npm" + "js",
            r"deb\.deb" + r"ian",
            r"crates" + r"\.io",
            r"repo1?\.mav" + "en",
        ]
    )
)


def test_no_text_names_a_machine_or_a_registry() -> None:
    """No absolute path of a machine, and no host of a package registry."""
    found = []
    for file in committed_files():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = file.relative_to(ROOT)
        found += [f"{name}: {match.group()}" for match in UNWANTED.finditer(text)]
    assert found == []


def test_a_machines_path_is_seen() -> None:
    """The pattern matches such paths and hosts, and nothing else."""
    for text in ("cd /" + "root/x", "'/" + "tmp/a'", "https://py" + "pi.org/x"):
        assert UNWANTED.search(text), text
    for text in ("$root/x", "a/tmp/b", "/v3/domains"):
        assert not UNWANTED.search(text), text
