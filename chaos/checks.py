"""Tests that `make chaos` runs with many more examples than `make test` does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.chaos.examples import EXAMPLES_VARIABLE
from tests.engine.stack import ROOT

CHECKS: Mapping[str, Sequence[str]] = {
    "bad programs and configurations, and the message that each gets": (
        "tests/behaviour/test_bad_inputs.py",
    ),
    "answers of a server, at random, to each call of the client": ("tests/chaos/test_answers.py",),
    "lives of a domain under faults, against a model": ("tests/chaos/test_model.py",),
    "lives of a domain with changes by hand, against a model": (
        "tests/providers/test_convergence.py",
    ),
    "states with values that somebody has edited, at random": (
        "tests/providers/test_edited_states.py",
    ),
    "redirects, proxies and answers that could give a key away": (
        "tests/unit/api/test_refusals.py",
        "tests/unit/api/test_transport.py",
        "tests/behaviour/test_keys.py",
    ),
}
"""The files to run, by what they try."""


@dataclass
class Check:
    """One of `CHECKS` as it was run.

    Attributes:
        name: what was tried.
        tried: how many examples: those that a test counts itself, and each other test as one.
        failed: how many tests failed.
        seconds: how long it took.
        output: what pytest printed, if any failed.
    """

    name: str
    tried: int
    failed: int
    seconds: float
    output: str = ""


def run_check(name: str, examples: int) -> Check:
    """Run one of the checks.

    Args:
        name: its name in `CHECKS`.
        examples: how many examples hypothesis tries.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mailgun-tracking-chaos-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1"]
        done = subprocess.run(  # noqa: S603 - our own tests
            [*command, f"--junitxml={report}", *CHECKS[name]],
            cwd=ROOT,
            env={**os.environ, EXAMPLES_VARIABLE: str(examples)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        tried, failed = counted(report.read_text(encoding="utf-8"))
    seconds = time.monotonic() - began
    # Where pytest itself fails, no test did.
    failed = failed or int(done.returncode != 0)
    return Check(name, tried, failed, seconds, done.stdout if failed else "")


def counted(report: str) -> tuple[int, int]:
    """How many examples a JUnit report tells of, and how many tests failed.

    A test tells how many it has tried by the property `tried`, as often as it likes.
    """
    tried = failed = 0
    for case in ElementTree.fromstring(report).iter("testcase"):  # noqa: S314 - pytest's own
        own = case.findall("./properties/property[@name='tried']")
        tried += int(own[-1].attrib["value"]) if own else 1
        failed += any(child.tag in ("failure", "error") for child in case)
    return tried, failed
