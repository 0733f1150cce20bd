"""Every block of code in the README and the documentation runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil.example import SybilFailure

from mailgun_tracking.emulator import Emulator
from tests.docs.markdown import ROOT
from tests.docs.reader import KEYS, follow, has_code
from tests.engine.stack import StackFactory

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def follow_page(page: Path, new_stack: StackFactory) -> None:
    """Follow a page in a new stack, with a Mailgun that has every domain."""
    with Emulator(keys=KEYS, any_domain=True) as mailgun:
        follow(page, new_stack("", project="mail"), mailgun)


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if has_code(page)],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_a_page_can_be_followed(page: Path, new_stack: StackFactory) -> None:
    """From top to bottom, each program and command works and prints what the page shows."""
    follow_page(page, new_stack)


PROGRAM = """
from mailgun_tracking import DomainTracking
DomainTracking("mg", "mg.example.com", {})
"""
RECORDS = """
import pulumi_aws as aws
from mailgun_tracking import HttpsTracking

def cname(record, opts):
    return aws.route53.Record("tracking", zone_id="Z", name=record.name, type="CNAME", opts=opts)

for domain in ("mg.example.com", "two.example.com"):
    HttpsTracking(domain, domain, cname=cname)
"""
MISTAKES = {
    "an invalid input": ("python", PROGRAM.format("click='html'"), "click: must be"),
    "a misspelt argument": ("python", PROGRAM.format("clik=True"), "TypeError"),
    "an error under mocks": ("python", "import pulumi_aws\nraise KeyError('x')\n", "KeyError: 'x'"),
    "two records of one name": ("python", RECORDS, "two resources have the same URN"),
    "a failing test": ("python", "# test_it.py\ndef test_it(): assert False\n", "1 failed"),
    "a failing command": ("sh", "echo begun\nfalse\necho ended\n", "\nbegun\n"),
    "other output": ("console", "$ echo one\none\n$ echo two\nthree\n", "echo two did not print"),
    "a failing step": ("yaml", "jobs: {a: {steps: [{run: exit 3}]}}\n", "exit 3"),
    "a file without a name": ("yaml", "a: 1\n", "has to name the file"),
    "another requirement": ("text", "mailgun==1.0\n", "mailgun is not this package"),
    "another language": ("ruby", "puts 1\n", "no way to test a block of ruby"),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_on_a_page_is_found(
    mistake: str, new_stack: StackFactory, tmp_path: Path
) -> None:
    """The failure names the line of the block and what is wrong with it."""
    language, code, told = MISTAKES[mistake]
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n```{language}\n{code}```\n\n```sh\npulumi preview\n```\n")
    with pytest.raises(SybilFailure) as failure:
        follow_page(page, new_stack)
    assert told in str(failure.value)
    assert "page.md, line " in str(failure.value)
