"""The pytest plugin: its fixtures, and what it costs where they are not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys

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
"""


@pytest.fixture
def isolated(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytest with the plugin, in the environment of somebody who has keys."""
    monkeypatch.setenv("MAILGUN_API_KEY", "a real key")
    monkeypatch.setenv("MAILGUN_API_KEY_BRAND_B", "another real key")
    return pytester


@pytest.mark.behaviour(111)
def test_each_test_has_a_mailgun_of_its_own(isolated: pytest.Pytester) -> None:
    """And keys of the real environment are out of sight while it runs."""
    isolated.makepyfile(TESTS)
    result = isolated.runpytest_inprocess("-p", "pytest_mailgun_tracking", "-p", "no:randomly")
    result.assert_outcomes(passed=4)
    assert os.environ["MAILGUN_API_KEY"] == "a real key"


@pytest.mark.behaviour(111)
def test_a_conftest_can_replace_the_emulator(isolated: pytest.Pytester) -> None:
    """For several accounts, for example."""
    isolated.makeconftest(
        """
        import pytest
        from mailgun_tracking.emulator import Emulator

        @pytest.fixture(scope="session")
        def mailgun_emulator():
            with Emulator(keys={"key-a": "default", "key-b": "brand-b"}) as emulator:
                yield emulator
        """
    )
    isolated.makepyfile(
        """
        def test_accounts(mailgun):
            mailgun.add_domain("b.example.com", account="brand-b")
            assert mailgun.key == "key-a"
        """
    )
    isolated.runpytest_inprocess("-p", "pytest_mailgun_tracking").assert_outcomes(passed=1)


@pytest.mark.behaviour(111)
def test_a_missing_extra_is_one_line(
    isolated: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install, and is an error: a test is never skipped for it."""
    for name in [name for name in sys.modules if name.startswith("mailgun_tracking.emulator")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    isolated.makepyfile("def test_it(mailgun): pass")
    result = isolated.runpytest_inprocess("-p", "pytest_mailgun_tracking")
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
    folder = os.path.dirname(pytest_mailgun_tracking.__file__)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": folder},
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout) == ["pytest_mailgun_tracking"]


@pytest.mark.behaviour(111)
def test_a_failed_assertion_is_shown_where_the_test_has_it(isolated: pytest.Pytester) -> None:
    """Without the kit's own lines."""
    isolated.makepyfile("def test_it(mailgun_mocks): mailgun_mocks.resource('Zone')")
    result = isolated.runpytest_inprocess("-p", "pytest_mailgun_tracking")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: 0 resources are Zone; declared: nothing"])
    result.stdout.no_fnmatch_line("*declared = *")
