"""Follows a page of the documentation from top to bottom, as a reader would.

Each page gets its own Pulumi project and its own emulated Mailgun. What happens with a block of
code depends on its language:

- ``python`` is the project's program. If no command below runs it, ``pulumi up`` does. A program
  that uses other providers runs under Pulumi's mocks instead, and a test file runs under pytest.
  That of a policy pack, in a folder of its own, runs with the commands that name it.
- ``sh`` is a script that runs in the project's directory.
- ``console`` is a script too, or commands after ``$``, each followed by lines that its output must
  contain, in this order.
- ``yaml`` is a workflow, whose steps run, or a file.
- ``text`` is a requirements file, which is parsed.

A first line such as ``# domains.yaml`` names the file that a block is written to. Commands that
need more than this machine do not run: pip, git and make, and blocks that follow a comment
``<!-- not run: WHY -->``. `test_documents` still checks their targets and options.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from sybil import Document, Example, Region
from sybil.parsers.abstract.lexers import LexerCollection
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, FencedCodeBlockLexer

from mailgun_tracking.emulator import Emulator
from tests.engine.stack import TIMEOUT_SECONDS, Stack
from tests.examples.mocked import ANSWERS, Registered, run_mocked

# The first one is in the environment.
KEYS = {"your key": "default", "your new key": "default", "a key of brand-b": "brand-b"}
"""The keys of the emulated Mailgun, as the pages write them."""
OWN_PACKAGES = {"pulumi", "mailgun_tracking"}
_FILE_NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
_NOT_RUN = re.compile(r"<!-- not run: .+ -->\s*\Z")
_NEEDS_MORE = re.compile(r'(\w+="[^"]*" )*(pip|git|make) |.*\$\(make ')
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
_LEXERS = LexerCollection(
    [
        FencedCodeBlockLexer(".+"),
        DirectiveInHTMLCommentLexer(
            "invisible-code-block", r"\w+", {"arguments": "language", "source": "source"}
        ),
    ]
)


def blocks(document: Document) -> Iterable[Region]:
    """Every block of code on a page, without the directives of the site's builder."""
    for region in _LEXERS(document):
        if not region.lexemes["language"].startswith("{"):
            region.parsed = str(region.lexemes["source"])
            region.evaluator = _evaluate
            yield region


def _evaluate(example: Example) -> str | None:
    reader: Reader = example.namespace["reader"]
    try:
        if not _NOT_RUN.search(example.document.text[: example.start]):
            reader.read(example.region.lexemes["language"], example.parsed)
    except AssertionError as error:
        return f"{error}\n{example.parsed}"
    return None


class Reader:
    """Does what a page says, in a stack whose Mailgun is emulated."""

    def __init__(self, stack: Stack, mailgun: Emulator) -> None:
        self.directory = stack.directory
        self.project = stack.project
        self.environment = {
            **stack.environment,
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            "PULUMI_OPTION_SKIP_PREVIEW": "true",
            **mailgun.environment,
            "MAILGUN_API_KEY_BRAND_B": "a key of brand-b",
        }
        self._has_new_program = False
        self._run("pulumi stack select dev")

    def read(self, language: str, code: str) -> None:
        """Do what one block says.

        Raises:
            AssertionError: it does not work.
        """
        kinds: dict[str, Callable[[str], None]] = {
            "python": self._python,
            "sh": self._sh,
            "console": self._console,
            "yaml": self._yaml,
            "text": self._text,
        }
        assert language in kinds, f"no way to test a block of {language}"
        kinds[language](code)

    def finish(self) -> None:
        """Run the program, unless a command already did."""
        if self._has_new_program:
            self._run("pulumi up")

    def _python(self, code: str) -> None:
        if name := _FILE_NAME.match(code):
            self._write(name[1], code)
            if Path(name[1]).name.startswith("test_"):
                self._run(f"python -m pytest -q -p no:cacheprovider {name[1]}")
        elif _imported(code) <= OWN_PACKAGES | {"pathlib", "yaml"}:
            self.finish()
            (self.directory / "__main__.py").write_text(code)
            self._has_new_program = True
        else:
            self._mocked(code)

    def _mocked(self, code: str) -> None:
        folder = self.directory / "mocked"
        folder.mkdir(exist_ok=True)
        (done,) = run_mocked(
            [code], directory=folder, project=self.project, config={}, answers=ANSWERS
        )
        assert not done.error, done.error
        made = [step for step in done.steps if isinstance(step, Registered)]
        assert made, "the program creates nothing"
        names = [(one.parent, one.type, one.name) for one in made]
        assert len(set(names)) == len(names), f"two resources have the same URN: {names}"

    def _sh(self, code: str) -> None:
        lines = [line for line in code.splitlines() if not _NEEDS_MORE.match(line)]
        self._run("\n".join(lines))

    def _console(self, code: str) -> None:
        if not code.startswith("$ "):
            return self._sh(code)
        for command, _, output in (part.partition("\n") for part in f"\n{code}".split("\n$ ")[1:]):
            printed = iter(_lines(self._run(command)))
            for line in _lines(output):
                assert line in printed, f"{command} did not print, in this place: {line}"
        return None

    def _yaml(self, code: str) -> None:
        content = yaml.safe_load(code)
        if "jobs" in content:
            for job in content["jobs"].values():
                for step in job["steps"]:
                    self._sh_in(self._filled_in(job.get("env", {})), step.get("run", ""))
            return
        name = _FILE_NAME.match(code)
        assert name, "the first line has to name the file, as in # domains.yaml"
        self._write(name[1], code)

    def _write(self, name: str, text: str) -> None:
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    def _filled_in(self, env: Mapping[str, str]) -> dict[str, str]:
        """A job's environment, with this project's own values for the workflow's expressions."""
        values = {name: self.environment.get(name, "") for name in env}
        return {name: _EXPRESSION.sub(values[name], text) for name, text in env.items()}

    def _sh_in(self, environment: Mapping[str, str], code: str) -> None:
        outside = self.environment
        temp = self.directory / "runner"
        temp.mkdir(exist_ok=True)
        self.environment = {**outside, "RUNNER_TEMP": str(temp), **environment}
        try:
            self._sh(code)
        finally:
            self.environment = outside

    def _text(self, code: str) -> None:
        for line in code.splitlines():
            name = Requirement(line).name
            assert name == "mailgun-tracking", f"{name} is not this package"

    def _run(self, script: str) -> str:
        if re.search(r"\b(pulumi|fleet) (up|preview)\b", script):
            self._has_new_program = False
        finished = subprocess.run(
            ["sh", "-euc", script],
            cwd=self.directory,
            env=self.environment,
            # What `pulumi config set --secret` asks for.
            input="your new key\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert finished.returncode == 0, f"{script}\n{finished.stdout}"
        return finished.stdout


def _imported(program: str) -> set[str]:
    """The top-level packages that a program imports."""
    packages = set()
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            packages |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            packages.add(str(node.module).partition(".")[0])
    return packages


def _lines(output: str) -> list[str]:
    """Lines of an output that are the same on each run: without durations and empty lines."""
    text = re.sub(r"\d+(\.\d+)?s\b", "0s", output)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def follow(page: Path, stack: Stack, mailgun: Emulator) -> None:
    """Do everything that a page says.

    Raises:
        SybilFailure: a block does not work; the text has its line.
    """
    document = Document.parse(str(page), blocks)
    reader = document.namespace["reader"] = Reader(stack, mailgun)
    for example in document.examples():
        example.evaluate()
    reader.finish()


def has_code(page: Path) -> bool:
    """Whether a page has any block of code."""
    return any(Document.parse(str(page), blocks).examples())
