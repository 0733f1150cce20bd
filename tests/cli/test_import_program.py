"""The program that `mailgun-tracking import` writes: how it reads, and what checks it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from mailgun_tracking.cli.import_program import _assign
from mailgun_tracking.emulator import Emulator
from tests.cli.accounts import SUBACCOUNTS, add_domain, combinations
from tests.cli.running import run_import
from tests.engine.stack import ROOT

FOOTER = '<p class="footer">You get this newsletter because you asked for it.</p>\n'
FOOTER += '<p><a href="%unsubscribe_url%">Unsubscribe</a></p>\n'


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """An account without domains."""
    for domain in emulator.domains():
        emulator.remove_domain(domain.name, domain.region)
    return emulator


@pytest.mark.behaviour(99)
def test_domains_that_are_alike(
    emulator: Emulator, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """One list and one loop."""
    for number in range(12):
        emulator.add_domain(f"brand{number:02}.example.com", open=True, click="htmlonly")
    assert run_import(tmp_path, "--all").program == snapshot


@pytest.mark.behaviour(99)
def test_domains_that_are_not(
    emulator: Emulator, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """Loops for those that are alike, the others one by one; a long footer has a name."""
    for name in ("news", "offers", "weekly"):
        emulator.add_domain(
            f"{name}.example.com",
            open={"active": True, "place_at_the_top": True},
            click=True,
            unsubscribe={"active": True, "html_footer": FOOTER, "text_footer": ""},
        )
    emulator.add_domain("alerts.example.com", click=True)
    emulator.add_domain("billing.example.com", click=True, web_prefix="go")
    emulator.add_domain("receipts.example.com")
    emulator.add_domain("shop.example.com", unsubscribe={"active": True, "html_footer": FOOTER})
    for number in range(9):
        emulator.add_domain(f"tenant{number}.example.net", click=True)
    assert run_import(tmp_path, "--all").program == snapshot


@pytest.mark.behaviour(99)
def test_https_regions_and_subaccounts(
    emulator: Emulator, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """Certificates come before what needs them; a place is mentioned where it is another one."""
    https = {"click.active": True, "web_scheme": "https"}
    for name in ("news", "offers"):
        add_domain(emulator, f"{name}.example.com", https)
        add_domain(emulator, f"{name}.example.eu", {**https, "region": "eu", "web_prefix": "go"})
    add_domain(emulator, "shop.example.com", {**https, "custom_host": "links.shop.example.org"})
    brand_b = {"open.active": True, "subaccount": "sub-1", "region": "eu"}
    add_domain(emulator, "b.example.net", brand_b)
    emulator.add_domain("other.example.org", account="brand-b", click="htmlonly")
    arguments = ["--all", "--subaccounts", "--account", "default", "--account", "brand-b"]
    assert run_import(tmp_path, *arguments).program == snapshot


@pytest.mark.behaviour(99)
def test_names_and_parents(emulator: Emulator, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """By patterns; a pattern is filled in as far as it is the same for all of a loop."""
    for name in ("news", "offers"):
        add_domain(emulator, f"{name}.example.com", {"web_scheme": "https"})
    emulator.add_domain("news.example.eu", region="eu", click=True)
    names = ["--name={region}-{domain}", "--parent=mail-{region}"]
    assert run_import(tmp_path, "--all", *names).program == snapshot
    one = run_import(tmp_path / "one", "--all", "--parent=mail").program
    assert '\nparent = pulumi.ComponentResource("mailgun-tracking:index:Domains", "mail")\n' in one
    assert one.count("ResourceOptions(parent=parent") == 3


@pytest.mark.behaviour(99)
def test_parents_by_subaccount(emulator: Emulator, tmp_path: Path) -> None:
    """The account's own domains have none, and the same name can be in two."""
    for subaccount in (None, *SUBACCOUNTS[:2]):
        region = "eu" if subaccount == "sub-2" else "us"
        name = f"{'pulumi' if subaccount is None else 'news'}.example.com"
        emulator.add_domain(name, region=region, subaccount=subaccount)
    imported = run_import(tmp_path, "--all", "--subaccounts", "--parent={subaccount}")
    assert 'DomainTracking("pulumi.example.com", "pulumi.example.com")\n' in imported.program
    assert 'for name in ("sub-1", "sub-2")' in imported.program
    assert [
        (entry["logicalName"], entry.get("parent"))
        for entry in imported.resources
        if "component" not in entry
    ] == [
        ("pulumi.example.com", None),
        ("news.example.com", "parent sub-1"),
        ("news.example.com", "parent sub-2"),
    ]
    plain = run_import(tmp_path / "plain", "pulumi.example.com").program
    assert "import pulumi" not in plain


@pytest.mark.behaviour(99)
def test_a_program_passes_ruff_and_mypy(emulator: Emulator, tmp_path: Path) -> None:
    """Of 300 domains with every pair of settings, as the tools have it by default, and strictly."""
    for number, row in enumerate(combinations(300)):
        add_domain(emulator, f"mg{number:03}.example.com", row)
    for prefix in ("go", "click"):
        for number in range(5):
            alike = {"web_scheme": "https", "web_prefix": prefix, "click.active": True}
            add_domain(emulator, f"{prefix}{number}.example.org", alike)
    for length in (60, 70, 80, 90, 300):
        footer = {"unsubscribe.html_footer": "x" * length}
        add_domain(emulator, f"one-word{length}.example.org", footer)
        words = {"unsubscribe.text_footer": "it's " * (length // 5)}
        add_domain(emulator, f"words{length}.example.org", words)
    imported = run_import(
        tmp_path, "--all", "--subaccounts", "--name={domain}.{region}", "--parent=in-{region}"
    )
    assert imported.code == 0
    for name in ("CLICK_HTTPS_DOMAINS", "CLICK_HTTPS_DOMAINS_2"):
        assert f"\n{name} = [\n" in imported.program
    # From a directory of its own: ruff takes packages beside the program for its own.
    ruff = [sys.executable, "-m", "ruff"]
    mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache")]
    for command in (
        [*ruff, "format", "--isolated", "--check"],
        [*ruff, "check", "--isolated"],
        mypy,
    ):
        done = subprocess.run(
            [*command, str(imported.directory / "__main__.py")],
            cwd=imported.directory,
            env={"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.behaviour(99)
@given(text=st.text(max_size=300) | st.text('ab "\\\n\r', max_size=300))
def test_a_constant_holds_its_text(text: str) -> None:
    """Whatever is in it, wherever it is broken."""
    [assignment] = ast.parse(_assign("FOOTER", text)).body
    assert isinstance(assignment, ast.Assign)
    assert ast.literal_eval(assignment.value) == text
