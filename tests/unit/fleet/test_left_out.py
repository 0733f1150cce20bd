"""Stacks that a run leaves out, as their preview failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking.cli import fleet_run
from mailgun_tracking.fleet.outcome import Outcome
from mailgun_tracking.fleet.run import Run


@pytest.mark.parametrize("show_json", [True, False])
@pytest.mark.behaviour(122)
def test_they_are_not_done(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    show_json: bool,
) -> None:
    stacks = ["one", "two", "three"]
    (tmp_path / "Pulumi.yaml").write_text("name: mail\nruntime: python\n")
    (tmp_path / "domains.yaml").write_text("".join(f"{stack}.test: {{}}\n" for stack in stacks))
    lines = [f"{stack}.test,{stack}\n" for stack in stacks]
    (tmp_path / "stacks.csv").write_text("".join(["domain,stack\n", *lines]))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(fleet_run, "Backend", lambda _folder: None)
    command: Any = fleet_run._Command
    monkeypatch.setattr(command, "_prepared", lambda *_: stacks)
    monkeypatch.setattr(command, "_confirmed", lambda *_: ["one", "three"])
    monkeypatch.setattr(Run, "stacks", lambda _run, ready, *_: [Outcome(stack) for stack in ready])
    with pytest.raises(SystemExit) as ended:
        command("up", tmp_path, (), (), None, 1, None, None, show_json).run(yes=False)
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    if show_json:
        report = json.loads(printed)
        assert not report["done"]
        assert [(one["stack"], one["error"]) for one in report["stacks"]] == [
            ("one", ""),
            ("two", "its preview failed"),
            ("three", ""),
        ]
        assert [(one["domain"], one["result"]) for one in report["domains"]] == [
            ("two.test", "not done")
        ]
    else:
        assert printed.splitlines() == [
            "1 not done",
            "  two.test",
            "two: its preview failed",
            "3 stacks, 2 done",
        ]
