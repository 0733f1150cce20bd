"""The tables in Markdown, and how they get into a file."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from benchmarks.marked import replace_marked
from benchmarks.results import Results
from benchmarks.tables import document, readme_table

START, END = "<!-- speed: by benchmarks/run.py -->\n", "<!-- end of speed -->"


def test_the_readme_has_one_row_per_size(results: Results) -> None:
    """The medians at 100 ms, and those of the baseline in brackets."""
    lines = readme_table(results).splitlines()
    assert lines[:5] == [
        "| resources | `up` | `preview` | `refresh` |",
        "| --- | ---: | ---: | ---: |",
        "| 1 | 4.0 (2.0) | 4.0 (2.0) | 4.0 (2.0) |",
        "| 100 | 4.0 (2.0) | 4.0 (2.0) | 4.0 (2.0) |",
        "| 300 | 4.0 (2.0) | 4.0 (2.0) | 4.0 (2.0) |",
    ]


def test_sizes_that_were_not_measured_are_left_out(results: Results) -> None:
    """A small run of the benchmark gives a small table."""
    results.measurements = [one for one in results.measurements if one.n < 100]
    assert [line for line in readme_table(results).splitlines() if "2.0" in line] == [
        "| 1 | 4.0 (2.0) | 4.0 (2.0) | 4.0 (2.0) |"
    ]


def test_the_document_has_wall_and_cpu_times_with_their_ratios(results: Results) -> None:
    """A baseline has no ratio."""
    text = document(results)
    part = text[text.index("### 10 resources\n") : text.index("### 100 resources\n")]
    wall, cpu = part.split("CPU seconds, median of 3 runs:\n")
    assert "Wall seconds, median of 3 runs:\n" in wall
    assert f"\n| no-op |{' 2.0 |' * 5}\n" in wall
    assert f"\n| DomainTracking, 0 ms |{' 4.0 (2.00×) |' * 5}\n" in wall
    assert f"\n| no-op, --parallel 64 |{' 20.0 |' * 5}\n" in cpu
    assert f"\n| DomainTracking, 100 ms, --parallel 64 |{' 40.0 (2.00×) |' * 5}\n" in cpu


def test_the_document_has_what_a_resource_costs_at_the_largest_size(results: Results) -> None:
    """Requests of each command, bytes beyond the baseline, peak memory, the emulator's CPU."""
    text = document(results)
    assert "With 300 resources." in text
    assert "\n| no-op | 2, 2, 2, 2, 2 | 2000 | 50 MiB | 0.5 s |\n" in text
    assert "\n| DomainTracking, 0 ms | 2, 2, 2, 2, 2 | 3000 (+1000) | 50 MiB | 0.5 s |\n" in text
    assert "adds 10 ms" in text


def test_the_document_says_how_far_single_runs_differ(results: Results) -> None:
    """Here not at all, until one run in three takes half as long again."""
    assert "within 0% of the ratio shown, and nine of ten within 0%" in document(results)
    for one in results.measurements:
        if one.baseline:
            one.wall_seconds = [2.0, 4.0, 9.0]
    assert "within 0% of the ratio shown, and nine of ten within 50%" in document(results)


def test_only_what_is_between_the_markers_is_replaced(tmp_path: Path) -> None:
    """Twice gives the same file, and backslashes are kept."""
    file = tmp_path / "page.md"
    file.write_text(f"before\n\n{START}\nold\n\n{END}\n\nafter\n", encoding="utf-8")
    for _ in range(2):
        replace_marked(file, "speed", r"| \1 |")
        expected = f"before\n\n{START}\n| \\1 |\n\n{END}\n\nafter\n"
        assert file.read_text(encoding="utf-8") == expected


def test_a_file_without_markers_is_left_alone(tmp_path: Path) -> None:
    """The command fails instead."""
    file = tmp_path / "page.md"
    file.write_text(f"{START}no end\n", encoding="utf-8")
    with pytest.raises(click.ClickException, match=r"page\.md"):
        replace_marked(file, "speed", "new")
    assert file.read_text(encoding="utf-8") == f"{START}no end\n"
