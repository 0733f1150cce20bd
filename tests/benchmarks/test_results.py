"""The file that results are kept in."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import Results


def test_results_are_read_as_they_were_saved(results: Results, tmp_path: Path) -> None:
    """The folder is created."""
    file = tmp_path / "build" / "benchmark.json"
    results.save(file)
    assert Results.load(file) == results
