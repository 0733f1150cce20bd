"""The benchmark of fleets: its tables, and the files that it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fleet import COMMANDS, Cost, Measured, document, write_domains
from benchmarks.marked import replace_marked
from mailgun_tracking.fleet.domain_file import read_domain_file
from tests.docs.markdown import ROOT


def measured(domains: int, size: int, cpu_seconds: float) -> Measured:
    """A fleet each of whose commands took this long."""
    return Measured(domains, size, [Cost(cpu_seconds, 12.3, 5 * domains)] * len(COMMANDS))


def test_the_tables_have_what_was_measured() -> None:
    """A row for each fleet, and how much more a domain of the largest one costs."""
    text = document([measured(1000, 1000, 100), measured(3000, 150, 120), measured(300, 150, 10)])
    assert text.count("| domains | stacks | `up` (create) | `preview` | `up` (change) |") == 3
    assert "\n| 1,000 | 1 | 100.0 (100) |" in text
    assert "\n| 3,000 | 20 | 120.0 (40) |" in text
    assert "\n| 300 | 2 | 12 | 12 | 12 | 12 |\n" in text
    assert "\n| 300 | 2 | 5 | 5 | 5 | 5 |\n" in text
    assert "multiple" not in document([measured(1000, 1000, 100), measured(300, 150, 10)])
    assert "of 3,000, as a multiple of those of a domain of 300: `up` (create) 1.20, " in text


@pytest.mark.parametrize("changed", [False, True])
def test_one_setting_changes(tmp_path: Path, changed: bool) -> None:
    """The file is one that a fleet can use."""
    write_domains(tmp_path, 2, changed=changed)
    assert dict(read_domain_file(tmp_path)) == {
        name: {"open": True, "click": not changed, "unsubscribe": True}
        for name in ("d0.example.com", "d1.example.com")
    }


def test_the_page_has_a_place_for_the_tables(tmp_path: Path) -> None:
    """Between its markers."""
    copy = tmp_path / "benchmarks.md"
    copy.write_text((ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8"))
    replace_marked(copy, "fleets", "new")
    assert "\n\nnew\n\n<!-- end of fleets -->" in copy.read_text(encoding="utf-8")
