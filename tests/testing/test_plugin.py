"""The pytest plugin: its fixtures, and what it costs where they are not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_mailgun_tracking

TESTS = """
import os
import pytest
from mailgun_tracking import DomainTracking
from mailgun_tracking._provider.process import process

@pytest.mark.parametrize("number", [1, 2])
def test_mailgun_is_new_each_time(mailgun, number):
    assert mailgun.domains() == []
    assert mailgun.requests == []
    mailgun.add_domain("mg.example.com", click=True)
    mailgun.add_fault(path="*", status=503)
    assert os.environ["MAILGUN_API_KEY"] == mailgun.key
    assert os.environ["MAILGUN_BASE_URL"].startswith(mailgun.url)
    assert "MAILGUN_API_KEY_BRAND_B" not in os.environ
    # Programs that are functions run in this process.
    assert not process.moving
    process.moving.add(number)

def test_mocks(mailgun_mocks):
    assert "MAILGUN_API_KEY" not in os.environ
    mailgun_mocks.run(lambda: DomainTracking("mg", "mg.example.com", click=True))
    assert mailgun_mocks.resource("DomainTracking").outputs["domain"] == "mg.example.com"

def test_both(mailgun, mailgun_mocks):
    assert os.environ["MAILGUN_API_KEY"] == mailgun.key

def test_afterwards():
    assert os.environ["MAILGUN_API_KEY"] == "a real key"

def test_failing(mailgun_mocks): mailgun_mocks.resource("Zone")
"""
ACCOUNTS = """
import pytest
from mailgun_tracking.emulator import Emulator

@pytest.fixture(scope="session")
def mailgun_emulator():
    with Emulator(keys={"key-a": "default", "key-b": "brand-b"}) as emulator:
        yield emulator
"""
TEST_OF_ACCOUNTS = """
def test_accounts(mailgun):
    mailgun.add_domain("b.example.com", account="brand-b")
    assert mailgun.key == "key-a"
"""


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    """Run pytest with the plugin in a process of its own, since programs import Pulumi there."""
    return pytester.runpytest_subprocess("-p", "pytest_mailgun_tracking")


@pytest.mark.behaviour(111)
def test_each_test_has_a_mailgun_of_its_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the real environment are out of sight; a folder can have another emulator.

    A failed assertion is shown where the test has it, without the kit's own lines.
    """
    monkeypatch.setenv("MAILGUN_API_KEY", "a real key")
    monkeypatch.setenv("MAILGUN_API_KEY_BRAND_B", "another real key")
    pytester.makepyfile(TESTS)
    folder = pytester.mkpydir("accounts")
    (folder / "conftest.py").write_text(ACCOUNTS)
    (folder / "test_accounts.py").write_text(TEST_OF_ACCOUNTS)
    result = run(pytester)
    result.assert_outcomes(passed=6, failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: 0 resources are Zone; declared: nothing"])
    result.stdout.no_fnmatch_line("*declared = *")


@pytest.mark.behaviour(111)
def test_a_missing_extra_is_one_line(pytester: pytest.Pytester) -> None:
    """It says what to install, and is an error: a test is never skipped for it."""
    pytester.makeconftest("import sys; sys.modules['uvicorn'] = None")
    pytester.makepyfile("def test_it(mailgun): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["uvicorn is missing: install mailgun-tracking*test*"])
    result.stdout.no_fnmatch_line("*another exception*")


@pytest.mark.behaviour(111)
def test_a_run_that_does_not_use_it_loads_only_the_module() -> None:
    """Neither Pulumi nor the package, which take a quarter of a second."""
    script = (
        "import json, sys, pytest; before = set(sys.modules); import pytest_mailgun_tracking; "
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(pytest_mailgun_tracking.__file__).parent)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == ["pytest_mailgun_tracking"]
