"""Notes on disk of changes that no state may tell of."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailgun_tracking._api.fields import footer_fingerprint
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.unfinished import EVERYTHING, SentFooter, Unfinished, https_of

MG = Target("", "https://api.mailgun.net", "", "mg.example.com")
TWO = MG.with_domain("two.example.com")
OPEN, CLICK, FOOTER = "open.active", "click.active", "unsubscribe.html_footer"
BY = "urn:of::the-settings"


def files(home: Path) -> list[Path]:
    """The notes in Pulumi's home."""
    return [*home.glob("mailgun-tracking/unfinished/*")]


@pytest.mark.behaviour(77)
def test_a_later_process_finds_what_was_noted(tmp_path: Path) -> None:
    Unfinished().note(MG, [OPEN], BY)
    Unfinished().note(MG, [CLICK], BY)
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
    notes.note(MG, [OPEN, CLICK], BY)
    notes.finish(MG, [OPEN], BY)
    assert notes.of(MG) == {CLICK}
    assert Unfinished().of(MG) == {OPEN, CLICK}
    notes.forget_finished()
    assert Unfinished().of(MG) == {CLICK}
    notes.finish(MG, [CLICK], BY)
    notes.note(MG, [CLICK], BY)
    notes.forget_finished()
    assert Unfinished().of(MG) == {CLICK}
    notes.forget(MG, [CLICK], BY)
    assert files(tmp_path) == []
    notes.forget(MG, [CLICK], BY)


@pytest.mark.behaviour(77)
def test_what_another_resource_changes_as_well_is_not_forgotten() -> None:
    """Each resource says so for itself; what an earlier run has left, anyone may."""
    https = https_of("links.mg.example.com")
    Unfinished().note(MG, [OPEN], BY)
    notes = Unfinished()
    notes.note(MG, ["web_scheme", https], "urn:of::the-certificate")
    notes.note(MG, ["web_scheme"], BY)
    notes.forget(MG, [OPEN, "web_scheme"], BY)
    notes.finish(MG, ["web_scheme"], BY)
    assert notes.of(MG) == Unfinished().of(MG) == {"web_scheme", https}
    notes.finish(MG, ["web_scheme"], "urn:of::the-certificate")
    assert notes.of(MG) == set()
    notes.forget_finished()
    assert Unfinished().of(MG) == set()


@pytest.mark.behaviour(52, 77)
def test_footers_are_noted_by_their_hashes(tmp_path: Path) -> None:
    """Until they are forgotten with the field."""
    sent = SentFooter(footer_fingerprint("the old one"), footer_fingerprint("the new one"))
    notes = Unfinished()
    notes.note(MG, [OPEN, FOOTER], BY, {FOOTER: sent})
    notes.note(MG, [CLICK], BY)
    assert notes.footer(MG, FOOTER) == Unfinished().footer(MG, FOOTER) == sent
    assert "one" not in files(tmp_path)[0].read_text()
    notes.forget(MG, [FOOTER], BY)
    assert notes.footer(MG, FOOTER) is Unfinished().footer(MG, FOOTER) is None
    assert Unfinished().of(MG) == {OPEN, CLICK}


@pytest.mark.behaviour(77)
def test_without_a_folder_a_process_knows_its_own_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only home, or none that is a folder, is no error."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "file"))
    notes = Unfinished()
    notes.note(MG, [OPEN], BY)
    assert notes.of(MG) == {OPEN}
    assert Unfinished().of(MG) == set()
    notes.forget(MG, [OPEN], BY)
    assert notes.of(MG) == set()


def test_the_usual_home_is_used_without_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    Unfinished().note(MG, [OPEN], BY)
    assert files(tmp_path / ".pulumi")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"fields": 5}', '{"fields": [], "footers": {"a": 5}}']
)
def test_a_note_that_cannot_be_read_stands_for_everything(tmp_path: Path, content: str) -> None:
    Unfinished().note(MG, [OPEN], BY)
    files(tmp_path)[0].write_text(content)
    assert Unfinished().of(MG) == EVERYTHING
