"""The plot."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from benchmarks.plot import draw, write_plot
from benchmarks.results import Results


@pytest.fixture
def figure(results: Results) -> Figure:
    """The plot, with everything in its place."""
    figure = draw(results)
    figure.draw_without_rendering()
    return figure


def test_the_legend_is_inside_the_figure_and_below_the_plot(figure: Figure) -> None:
    """Each of its texts is whole, and none overlaps the axis labels."""
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 7
    (axes,) = figure.axes
    lowest = axes.xaxis.label.get_window_extent().y0
    for part in (legend, *legend.get_texts()):
        box = part.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= lowest


def test_the_axes_have_units_and_a_few_ticks(figure: Figure) -> None:
    """Ticks are at the sizes measured, and labels do not run into each other."""
    (axes,) = figure.axes
    assert axes.get_xlabel() == "number of resources"
    assert axes.get_ylabel() == "milliseconds per resource"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "10", "100", "300"]
    for axis in (axes.xaxis, axes.yaxis):
        assert 4 <= len(axis.get_ticklocs()) <= 7
        assert len(axis.get_ticklocs(minor=True)) == 0
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0


def test_the_same_results_give_the_same_file(results: Results, tmp_path: Path) -> None:
    """It holds no date, and it is small."""
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    write_plot(results, first)
    write_plot(results, second)
    text = first.read_text(encoding="utf-8")
    assert text == second.read_text(encoding="utf-8")
    assert "dc:date" not in text
    assert "milliseconds per resource" in text
    assert len(text) < 50_000
