"""Which stack a domain is in: the rule, for any way in which a fleet grows and shrinks."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgun_tracking.errors import FleetError
from mailgun_tracking.fleet.assignment import (
    Assignment,
    assign,
    in_order,
    read_assignment,
    recut,
    write_assignment,
)

FLEETS = settings(deadline=None, database=None, max_examples=20)
SIZES = st.integers(100, 200)


DOMAINS = [f"{hashlib.md5(b'%d' % n).hexdigest()[:8]}.example.com" for n in range(10_000)]
"""Their order says nothing about when they came."""


def held(assignment: Assignment) -> list[int]:
    """How many domains each stack has, in the order of the stacks."""
    counts = Counter(assignment.values())
    return [counts[stack] for stack in sorted(counts, key=in_order)]


def assert_full(assignment: Assignment, size: int) -> None:
    """All stacks but the last have this many domains."""
    *full, last = held(assignment)
    assert set(full) <= {size}
    assert 0 < last <= size


@pytest.mark.behaviour(118)
@FLEETS
@given(batches=st.lists(st.integers(1, 4000), max_size=8), size=SIZES)
def test_growing_to_10000_moves_nothing(batches: list[int], size: int) -> None:
    """From 3, in batches of any size."""
    count, now = 3, assign({}, DOMAINS[:3], size)
    for batch in [*batches, 10_000]:
        count = min(count + batch, 10_000)
        before, now = now, assign(now, DOMAINS[:count], size)
        assert before.items() <= now.items()
        assert len(now) == count
        assert_full(now, size)


@pytest.mark.behaviour(118)
@FLEETS
@given(data=st.data(), count=st.integers(1, 2000), size=SIZES)
def test_what_leaves_makes_room(data: st.DataObject, count: int, size: int) -> None:
    """It moves nothing either, and is taken by those that come, before a stack is opened."""
    now = assign({}, DOMAINS[:count], size)
    for _ in range(3):
        left = set(data.draw(st.sets(st.sampled_from(sorted(now)), max_size=len(now) - 1)))
        came = data.draw(st.integers(0, 500))
        wanted = [*sorted(now.keys() - left), *DOMAINS[count : count + came]]
        count += came
        before, now = now, assign(now, wanted, size)
        assert now.keys() == set(wanted)
        kept = {domain: stack for domain, stack in before.items() if domain not in left}
        assert kept.items() <= now.items()
        assert max(held(now)) <= size
        if set(now.values()) - set(kept.values()):
            assert_full(now, size)


@pytest.mark.behaviour(118)
@FLEETS
@given(count=st.integers(1, 2000), old=SIZES, size=SIZES)
def test_a_recut(count: int, old: int, size: int) -> None:
    """It moves what has no room in its stack, or whose stack is not needed; nothing else."""
    wanted = DOMAINS[:count]
    before = assign({}, wanted, old)
    now = recut(before, wanted, size)
    assert now.keys() == set(wanted)
    assert max(held(now)) <= size
    assert len(held(now)) == -(-count // size)
    stay = sum(min(one, size) for one in held(before)[: len(held(now))])
    assert sum(before[domain] == now[domain] for domain in wanted) >= stay
    assert recut(now, wanted, size) == now


def test_numbers_in_names_are_numbers() -> None:
    many = assign({}, DOMAINS[:1200], 1)
    assert sorted(set(many.values()), key=in_order)[998:1001] == [
        "fleet-999",
        "fleet-1000",
        "fleet-1001",
    ]
    assert assign({"a": "mail-9", "b": "mail-10"}, "abc", 2)["c"] == "mail-9"


@pytest.mark.behaviour(118)
def test_the_file(tmp_path: Path) -> None:
    """Written in order; read in any order, and with the lines of two branches."""
    file = tmp_path / "stacks.csv"
    file.write_text("domain,stack\n")
    (tmp_path / "before").hardlink_to(file)
    write_assignment(tmp_path, {"b.example": "fleet-002", "a.example": "fleet-001"})
    # It is another file: no half of it was ever there to be read.
    assert (tmp_path / "before").read_text() == "domain,stack\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["before", "stacks.csv"]
    text = file.read_text()
    assert text == "domain,stack\na.example,fleet-001\nb.example,fleet-002\n"
    merged = "domain,stack\r\nb.example,fleet-002\n\na.example,fleet-001\nb.example,fleet-002"
    (tmp_path / "stacks.csv").write_text(merged)
    found = read_assignment(tmp_path)
    assert found == {"b.example": "fleet-002", "a.example": "fleet-001"}
    write_assignment(tmp_path, found)
    assert (tmp_path / "stacks.csv").read_text() == text


@pytest.mark.behaviour(118)
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("stack,domain\n", "stacks.csv, line 1: must be domain,stack"),
        (
            "domain,stack\na.example,one\nb.example,one\na.example,two\n",
            "stacks.csv, line 4: a.example has another stack in line 2; delete one of them",
        ),
        ("domain,stack\na.example,\n", "stacks.csv, line 2: a.example has no stack whose name"),
        ("domain,stack\na.example,a b\n", "stacks.csv, line 2: a.example has no stack whose name"),
        ("domain,stack\na.example\n", "stacks.csv, line 2: has 1 cells, and the first row has 2"),
        (
            "domain,stack\n<<<<<<< HEAD\na.example,one\n=======\nb.example,one\n>>>>>>> other\n",
            "stacks.csv, line 2: a merge conflict; keep both sides",
        ),
    ],
)
def test_what_is_wrong_with_the_file(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "stacks.csv").write_text(text)
    with pytest.raises(FleetError) as raised:
        read_assignment(tmp_path)
    assert str(raised.value).startswith(error)
