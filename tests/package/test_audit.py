"""`.ci/audit.py`: what it makes of pip-audit's answers."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from types import ModuleType
from typing import Any

import pytest

from tests.engine.stack import ROOT

GOOD = {"name": "idna", "version": "3.20", "vulns": []}
BAD = {
    "name": "dill",
    "version": "0.4.1",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["0.4.2"]}],
}
UNKNOWN = {"name": "click", "skip_reason": "Dependency not found and could not be audited"}
NO_CONNECTION = "Traceback (most recent call last):\nrequests.exceptions.ConnectionError: refused\n"


@pytest.fixture
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("versions", "stderr", "code", "said"),
    [
        ([GOOD], "", 0, "Audited 1 of 1 "),
        ([GOOD, BAD], "", 1, "dill 0.4.1: PYSEC-2026-1, fixed in 0.4.2\n"),
        ([GOOD, UNKNOWN], "", 0, "not audited, because pip-audit's service does not know them: "),
        ([BAD, UNKNOWN], "", 1, "dill 0.4.1: PYSEC-2026-1"),
        ([UNKNOWN], "", 0, "skipped: pip-audit's service knows none of the packages\n"),
        (None, NO_CONNECTION, 0, "skipped: pip-audit's service cannot be reached: requests."),
        (None, "ERROR:pip_audit._cli:requirement idna is unpinned\n", 1, "idna is unpinned"),
    ],
)
def test_a_finding_fails_and_a_service_out_of_reach_is_told(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    versions: list[dict[str, Any]] | None,
    stderr: str,
    code: int,
    said: str,
) -> None:
    """Only a run that pip-audit could not begin, or a finding, is a failure."""
    stdout = "" if versions is None else json.dumps({"dependencies": versions, "fixes": []})
    answer = subprocess.CompletedProcess([], 1, stdout, stderr)
    monkeypatch.setattr(script, "audit", lambda: answer)
    assert script.main() == code
    assert said in "".join(capsys.readouterr())


def test_no_answer_in_time_is_told(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CI does not wait for it."""

    def hangs(*_args: object, **_options: object) -> None:
        raise subprocess.TimeoutExpired("pip-audit", 60)

    monkeypatch.setattr(subprocess, "run", hangs)
    assert script.main() == 0
    assert capsys.readouterr().out.startswith("skipped: ")
