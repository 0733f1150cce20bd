"""Notes on disk of changes that no state may tell of."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.unfinished import EVERYTHING, Unfinished

MG = Target("", "https://api.mailgun.net", "", "mg.example.com")
TWO = MG.with_domain("two.example.com")
OPEN, CLICK = "open.active", "click.active"


def files(home: Path) -> list[Path]:
    """The notes in Pulumi's home."""
    return [*home.glob("mailgun-tracking/unfinished/*")]


@pytest.mark.behaviour(77)
def test_a_later_process_finds_what_was_noted(tmp_path: Path) -> None:
    Unfinished().note(MG, [OPEN])
    Unfinished().note(MG, [CLICK])
    assert Unfinished().of(MG) == {OPEN, CLICK}
    assert Unfinished().of(TWO) == set()
    [file] = files(tmp_path)
    assert MG.domain not in file.name
    assert (
        file.read_text()
        == '{"domain": "mg.example.com", "fields": ["click.active", "open.active"]}'
    )


@pytest.mark.behaviour(77)
def test_what_is_finished_is_forgotten_only_once_it_is_saved(tmp_path: Path) -> None:
    """In this process the state is trusted from then on; a kill would still need the note."""
    notes = Unfinished()
    notes.note(MG, [OPEN, CLICK])
    notes.finish(MG, [OPEN])
    assert notes.of(MG) == {CLICK}
    assert Unfinished().of(MG) == {OPEN, CLICK}
    notes.forget_finished()
    assert Unfinished().of(MG) == {CLICK}
    notes.finish(MG, [CLICK])
    notes.note(MG, [CLICK])
    notes.forget_finished()
    assert Unfinished().of(MG) == {CLICK}
    notes.forget(MG, [CLICK])
    assert files(tmp_path) == []
    notes.forget(MG, [CLICK])


@pytest.mark.behaviour(77)
def test_without_a_folder_a_process_knows_its_own_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only home, or none that is a folder, is no error."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "file"))
    notes = Unfinished()
    notes.note(MG, [OPEN])
    assert notes.of(MG) == {OPEN}
    assert Unfinished().of(MG) == set()
    notes.forget(MG, [OPEN])
    assert notes.of(MG) == set()


def test_the_usual_home_is_used_without_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    Unfinished().note(MG, [OPEN])
    assert files(tmp_path / ".pulumi")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"fields": 5}'])
def test_a_note_that_cannot_be_read_stands_for_everything(tmp_path: Path, content: str) -> None:
    Unfinished().note(MG, [OPEN])
    files(tmp_path)[0].write_text(content)
    assert Unfinished().of(MG) == EVERYTHING
