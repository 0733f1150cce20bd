"""A rate limit in a file, which all processes of a machine share."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailgun_tracking._api.moments import SHARED_LIMIT, Moments, in_file
from mailgun_tracking._api.rate_limit import TURNS_PER_SECOND, RateLimit
from mailgun_tracking._api.settings import Settings
from mailgun_tracking._api.target import Target
from mailgun_tracking.errors import ConfigurationError

OTHER_PROCESS = """
import sys
import time
from pathlib import Path
from mailgun_tracking._api.rate_limit import RateLimit
limit = RateLimit(int(sys.argv[2]), Path(sys.argv[1]))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the limit is kept."""
    return tmp_path / "default.json"


@contextmanager
def other_process(file: Path, code: str, per_minute: int = 2) -> Iterator[subprocess.Popen[str]]:
    """Another process, which has done something with its `limit` once this is entered.

    :param code: what it does; it must end with a `print`.
    """
    command = [sys.executable, "-c", OTHER_PROCESS + code, str(file), str(per_minute)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def stored(**changed: Any) -> bytes:
    """A file's content with two calls just made and a hold of 100 s, or with other values."""
    now = time.monotonic()
    content = {
        "booted": time.time() - now,
        "held_until": now + 100,
        "next_turn": now,
        "calls": [now, now],
        **changed,
    }
    return json.dumps(content).encode() + b"\n"


@pytest.mark.behaviour(116)
def test_what_one_process_does_counts_in_all(file: Path) -> None:
    """Its calls, its turns, and the limit that Mailgun told it."""
    code = "limit.reserve(), limit.reserve(), limit.take_turn(), limit.hold(100)\nprint(flush=True)"
    with other_process(file, code):
        mine = RateLimit(3, file)
        assert mine.wait()[0] == pytest.approx(100, abs=60)
        assert mine.wait()[1] == "Mailgun's rate limit is reached"
        assert 40 < mine.held_for() <= 100
        assert mine.reserve()[1] == 0.0
        assert 0 < mine.reserve()[1] <= 60


@pytest.mark.behaviour(116)
def test_whoever_was_held_resumes_in_turn(file: Path) -> None:
    """Also calls of several processes."""
    one, other = RateLimit(file=file), RateLimit(file=file)
    turns = [time.monotonic() + limit.take_turn() for limit in (one, other, one, other)]
    for before, after in itertools.pairwise(turns):
        assert after - before >= 0.9 / TURNS_PER_SECOND


def test_a_limit_that_another_process_met_counts_as_met(file: Path) -> None:
    """Checks then wait for what they read ahead."""
    mine = RateLimit(file=file)
    assert not mine.is_limited
    RateLimit(file=file).hold(100)
    mine.held_for()
    assert mine.is_limited


def test_a_call_that_waits_keeps_its_place(file: Path) -> None:
    """And one that takes long counts from its end."""
    limit = RateLimit(2, file)
    first, _ = limit.reserve()
    limit.reserve()
    waits = [limit.reserve() for _ in range(2)]
    assert [round(wait) for _, wait in waits] == [60, 60]
    assert [round(limit.reserve()[1]) for _ in range(2)] == [120, 120]
    limit.finish(first)
    with in_file(file)() as found:
        assert first not in found.calls
        assert len(found.calls) == 6


def test_a_due_call_goes_before_those_that_are_not(file: Path) -> None:
    now = time.monotonic()
    file.write_bytes(stored(held_until=0, calls=[now - 61, now - 1, now + 59, now + 59]))
    assert RateLimit(2, file).reserve(now - 1)[1] == 0
    assert RateLimit(2, file).reserve()[1] > 58


@pytest.mark.behaviour(116)
def test_a_process_that_is_killed_with_the_lock_gives_it_back(file: Path) -> None:
    code = "memory = limit._memory()\nmemory.__enter__()\nprint(flush=True)\ntime.sleep(600)"
    limit = RateLimit(2, file)
    with other_process(file, code) as other:
        waiting = threading.Thread(target=limit.reserve)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        other.kill()
        waiting.join(30)
        assert not waiting.is_alive()


@pytest.mark.behaviour(116)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(stored()[:-20], id="cut-short"),
        pytest.param(stored(booted=0), id="another-boot"),
        pytest.param(stored(booted="0"), id="boot-as-text"),
        pytest.param(stored(held_until=time.monotonic() + 10**6), id="held-for-days"),
        pytest.param(stored(calls=[time.monotonic() + 10**6]), id="call-in-days"),
        pytest.param(stored(calls=[float("nan")]), id="call-not-a-number"),
        pytest.param(stored(held_until=float("nan")), id="held-not-a-number"),
        pytest.param(stored(held_until="later"), id="held-as-text"),
        pytest.param(stored(calls="later"), id="calls-as-text"),
        pytest.param(stored(calls=["later"]), id="call-as-text"),
        pytest.param(stored(calls={"a": 1}), id="calls-as-object"),
        pytest.param(stored(calls=[10**400]), id="huge"),
        pytest.param(stored(more=1), id="unknown-name"),
        pytest.param(b"[]\n", id="list"),
        pytest.param(b"{}\n", id="no-names"),
        pytest.param(b"\xff\x00\n", id="not-text"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_file_counts_as_empty(content: bytes, file: Path) -> None:
    """So does one from before the machine was started anew."""
    file.write_bytes(content)
    limit = RateLimit(2, file)
    assert limit.wait()[0] == 0
    limit.reserve()
    limit.reserve()
    assert 0 < RateLimit(2, file).wait()[0] <= 60


def test_what_a_longer_content_has_left_does_not_count(file: Path) -> None:
    file.write_bytes(stored() + stored(calls=[])[10:])
    assert RateLimit(2, file).held_for() > 0


def test_a_step_of_the_wall_clock_does_not_end_a_wait(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one that looks like a restart does: then nothing is known, as at the beginning."""
    RateLimit(file=file).hold(100)
    real = time.time
    for step, is_held in ((-30, True), (30, True), (-3600, False)):
        monkeypatch.setattr(time, "time", lambda step=step: real() + step)
        assert (RateLimit(file=file).held_for() > 0) is is_held


@pytest.mark.behaviour(116)
@pytest.mark.parametrize(
    ("directory", "reason"),
    [
        ("missing", "No such file or directory"),
        ("a_file", "Not a directory"),
        ("a_folder", "Is a directory"),
    ],
)
def test_a_directory_that_cannot_be_used_is_an_error(
    directory: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a_file").touch()
    (tmp_path / "a_folder" / "default.json").mkdir(parents=True)
    settings = Settings(
        environment={"MAILGUN_API_KEY": "k", SHARED_LIMIT: str(tmp_path / directory)}
    )
    with pytest.raises(ConfigurationError) as caught:
        settings.client(Target("default", "us", "", "mg.example.com"))
    assert str(caught.value) == (
        f"the shared rate limit cannot be kept in {tmp_path / directory}: {reason}; "
        "set MAILGUN_TRACKING_SHARED_LIMIT to a local directory that exists and can be written "
        "to, by its absolute path, or unset it"
    )


def test_nor_a_relative_one() -> None:
    with pytest.raises(ConfigurationError, match="not an absolute path"):
        in_file(Path("default.json"))


def test_nor_one_that_is_removed_meanwhile(file: Path) -> None:
    limit = RateLimit(2, file)
    shutil.rmtree(file.parent)
    for use in (limit.reserve, limit.wait, limit.take_turn, lambda: limit.hold(1)):
        with pytest.raises(ConfigurationError, match="No such file"):
            use()


def test_nor_any_on_a_system_without_flock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(ConfigurationError, match="this system cannot lock"):
        in_file(file)


@pytest.mark.behaviour(116)
def test_each_account_has_a_file_that_does_not_tell_its_key(tmp_path: Path) -> None:
    settings = Settings(
        lambda name: {"b": "key-b"} if name == "mailgun-tracking:accounts" else None,
        environment={"MAILGUN_API_KEY": "key-a", SHARED_LIMIT: str(tmp_path)},
    )
    with closing(settings.connections):
        for account in ("default", "b"):
            settings.rate_limit(account).hold(1)
        assert settings.rate_limit() is settings.rate_limit()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.json", "default.json"]
    for file in tmp_path.iterdir():
        assert set(json.loads(file.read_text())) == {"booted", *vars(Moments())}
