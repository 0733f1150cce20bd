"""What the documents say is so: programs run, links lead somewhere, and names exist."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

import mailgun_tracking
from mailgun_tracking.cli.commands import commands
from mailgun_tracking.emulator import Emulator
from mailgun_tracking.emulator.dials import allowed_settings
from tests.behaviour.mail import MailFactory, calls
from tests.docs.markdown import README, ROOT, Document, codes, documents
from tests.engine.stack import StackFactory
from tests.examples.mocked import run_mocked
from tests.examples.test_cloud import ANSWERS, ROUTE53

DOCUMENTS = pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
SUBCOMMANDS = ("up", "preview", "refresh", "destroy", "import", "config set", "stack init")


def test_every_program_of_the_readme_is_run_here() -> None:
    """There is a test for each of them below."""
    assert len(README.blocks("python")) == 2
    assert [doc.name for doc in documents() if doc != README and doc.blocks("python")] == []


def shown(output: str) -> tuple[list[str], str]:
    """What `pulumi up` printed, as far as it is the same on each run.

    The steps come first, as a set: their order varies, and so does whether a row's message is
    repeated behind them. From the diagnostics on, all but the duration is compared.
    """
    output = "\n".join(line.rstrip() for line in output.splitlines() if line.strip())
    output = re.sub(r"\d+(\.\d+)?s\b", "0s", output)
    progress, _, rest = output.partition("\nDiagnostics:\n")
    steps = re.findall(r"^ \+  \S+ \S+ creat(?:ing|ed) \(0s\)", progress, re.MULTILINE)
    return sorted(set(steps)), rest


def test_the_first_program_does_what_is_shown(mail: MailFactory, emulator: Emulator) -> None:
    """On the real engine it prints what the README shows, and Mailgun has what it says."""
    emulator.add_domain("news.example.com")
    stack = mail()
    stack.write_program(README.blocks("python")[0])
    (block,) = [one for one in README.blocks("console") if "Updating (dev)" in one]
    command, _, expected = block.partition("\n")
    assert command == "$ pulumi up --yes --skip-preview"
    result = stack.up()
    assert shown(result.stdout) == shown(expected)
    assert len(shown(expected)[0]) == 4
    domain = emulator.domain("news.example.com")
    assert domain.click == {"active": "htmlonly"}
    assert domain.open == {"active": True, "place_at_the_top": False}
    assert domain.unsubscribe["html_footer"].endswith('">Unsubscribe</a></p>')
    put = [call.rpartition("/")[2] for call in calls(emulator) if call.startswith("PUT")]
    assert sorted(put) == ["click", "open", "unsubscribe"]


def test_the_https_program_makes_the_record_and_waits_for_it(tmp_path: Path) -> None:
    """On the real SDK of AWS: the record in the zone, then the certificate, then https."""
    program = README.blocks("python")[1]
    assert len(program.splitlines()) <= 15
    (done,) = run_mocked(
        [program], directory=tmp_path, project="readme", config={}, answers=ANSWERS
    )
    assert not done.error
    assert list(done.resources) == [
        "HttpsTracking",
        "Record",
        "TrackingCertificate",
        "DomainTracking",
    ]
    assert done.resources["Record"].inputs == ROUTE53
    assert done.resources["TrackingCertificate"].depends_on == ["Record"]
    assert done.resources["DomainTracking"].inputs["web_scheme"] == "https"
    assert done.resources["DomainTracking"].inputs["domain"] == "mg.example.com"


def dead_links(document: Document) -> list[str]:
    """The relative links of a document that lead nowhere."""
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
    """Files exist, and so do the headings after `#`."""
    assert dead_links(document) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """A file or a heading that is not there is told; one in code is no link."""
    file = tmp_path / "page.md"
    file.write_text(
        "# A `Head` ing!\n[a](#a-head-ing) [b](#gone) [c](gone.md) [d](page.md#x) `[e](gone)`\n"
    )
    assert dead_links(Document(file)) == ["#gone", "gone.md", "page.md#x"]


def targets() -> set[str]:
    """What can be made."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@DOCUMENTS
def test_make_has_every_target_that_is_named(document: Document) -> None:
    """Each `make TARGET` can be made."""
    named = {
        target
        for code in document.code()
        for target in re.findall(r"\bmake +(?:-\w+ +)*([a-z][a-z-]*)", code)
    }
    assert named <= targets()


def test_targets_are_found() -> None:
    """The check above looks at something."""
    assert {"up", "test", "lint", "https-demo", "env"} <= targets()


def options_of(command: click.Command) -> set[str]:
    """The options of a command of ours."""
    return {"--help", *[name for parameter in command.params for name in parameter.opts]}


@pytest.fixture(scope="module")
def known_options(new_stack: StackFactory) -> dict[str, set[str]]:
    """The long options of each command that the documents name, by the command."""
    stack = new_stack("")
    known = {}
    for name in SUBCOMMANDS:
        text = stack.run(*name.split(), "--help").stdout
        known[f"pulumi {name}"] = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    context = click.Context(commands)
    for name in commands.list_commands(context):
        command = commands.get_command(context, name)
        assert command is not None
        known[f"mailgun-tracking {name}"] = options_of(command)
    return known


def words_of(code: str) -> list[str]:
    """A line of code as words, without its comment."""
    try:
        return shlex.split(code, comments=True)
    except ValueError:
        return code.split()


def unknown_options(code: str, known: dict[str, set[str]]) -> list[str]:
    """The options in a line of code that its command, or else every known one, has not."""
    found: list[str] = []
    allowed = set().union(*known.values())
    words = words_of(code)
    for place, word in enumerate(words):
        rest = " ".join([word.rpartition("/")[2], *words[place + 1 : place + 3]])
        if word in ("pip", "pytest", "make") or word.startswith("ARGS="):
            return found
        for command, options in known.items():
            if f"{rest} ".startswith(f"{command} "):
                allowed = options
        if re.fullmatch(r"--[a-z][a-z-]*(=.*)?", word) and word.partition("=")[0] not in allowed:
            found.append(word)
    return found


@DOCUMENTS
def test_every_option_exists(document: Document, known_options: dict[str, set[str]]) -> None:
    """Each option that is named is one of the command before it, or of some command of theirs."""
    found = {code: unknown_options(code, known_options) for code in document.code()}
    assert {code: options for code, options in found.items() if options} == {}


def test_an_option_that_is_not_there_is_seen(known_options: dict[str, set[str]]) -> None:
    """Also behind `--`, where another command begins; and one of another command is told."""
    line = "venv/bin/mailgun-tracking emulator --any-domains -- pulumi up --yess --field"
    assert unknown_options(line, known_options) == ["--any-domains", "--yess", "--field"]
    assert unknown_options("--run-programs", known_options) == ["--run-programs"]
    assert unknown_options("--run-program", known_options) == []
    assert unknown_options("mailgun-tracking import --field click.active", known_options) == []


def test_every_field_of_the_import_exists() -> None:
    """`--field NAME` takes the names that the documents give it."""
    command = commands.get_command(click.Context(commands), "import")
    assert command is not None
    (option,) = [one for one in command.params if one.name == "fields"]
    assert isinstance(option.type, click.Choice)
    for document in documents():
        for code in document.code():
            for field in re.findall(r"--field[ =](\S+)", code):
                assert field in option.type.choices


def test_the_dials_are_those_of_the_emulator() -> None:
    """The table has each dial and its settings, in the emulator's order, the default first."""
    rows = Document(ROOT / "docs" / "assumptions.md").table("dial")
    told = [(codes(dial), tuple(codes(settings))) for dial, settings, *_ in rows]
    assert told == [([name], settings) for name, settings in allowed_settings().items()]


def test_each_line_of_the_behaviour_has_a_test() -> None:
    """The lines are numbered one by one, and each number marks a test, and no other does."""
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


def test_the_modules_are_those_of_the_package() -> None:
    """ARCHITECTURE's table names each module, and none that is not there."""
    rows = Document(ROOT / "ARCHITECTURE.md").table("module")
    named = [module for row in rows for module in codes(row[0])]
    package = ROOT / "mailgun_tracking"
    modules = {file.stem for file in package.glob("*.py") if not file.stem.startswith("_")}
    modules |= {file.parent.name for file in package.glob("*/__init__.py")}
    assert sorted(named) == sorted(modules)


@pytest.mark.parametrize("name", ["DomainTracking", "TrackingCertificate"])
def test_the_arguments_are_those_of_the_resource(name: str) -> None:
    """The README's tables name arguments that the resources take."""
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


def committed_files() -> Iterable[Path]:
    """Every file that is, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


# Written apart, so that this file is free of them too.
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
    """No path of somebody's machine, and no host of a package registry."""
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
    """The pattern finds what it is for."""
    for text in ("cd /" + "root/x", "'/" + "tmp/a'", "https://py" + "pi.org/x"):
        assert UNWANTED.search(text), text
    for text in ("$root/x", "a/tmp/b", "/v3/domains"):
        assert not UNWANTED.search(text), text
