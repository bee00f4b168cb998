from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from skiagraph.report import plot_froc, plot_precision_recall, plot_reliability

BLUE, RED = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
RECALLS = np.linspace(0, 1, 11)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Axes]:
    """Axes of the figures that were written."""
    axes: list[Axes] = []

    class Canvas(FigureCanvasAgg):
        def print_png(self, path: Path) -> None:
            axes.extend(self.figure.axes)
            super().print_png(path)

    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg", Canvas)
    return axes


def colours(path: Path) -> set[tuple[int, int, int]]:
    return {tuple(colour) for colour in np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).tolist()}


def test_precision_and_recall_of_each_class_at_two_overlaps(tmp_path: Path, drawn: list[Axes]) -> None:
    precisions = {"implant": np.stack([1 - RECALLS / 2, 1 - RECALLS]), "fracture": np.zeros((2, 11))}
    plot_precision_recall(RECALLS, precisions, tmp_path / "new" / "curve.png")
    lines = {line.get_label(): line for line in drawn[0].lines}
    assert list(lines) == [f"{name}, IoU {iou}" for name in ("implant", "fracture") for iou in (0.5, 0.75)]
    assert lines["implant, IoU 0.5"].get_ydata().tolist() == (1 - RECALLS / 2).tolist()
    assert lines["implant, IoU 0.75"].get_ydata().tolist() == (1 - RECALLS).tolist()
    assert {BLUE, RED} <= colours(tmp_path / "new" / "curve.png")


def test_what_is_found_without_a_false_box_holds_from_the_left_edge_and_the_last_to_the_right(
    tmp_path: Path, drawn: list[Axes]
) -> None:
    plot_froc({"implant": (np.array([0, 0, 0.5, 2]), np.array([0, 0.4, 0.4, 0.9]))}, tmp_path / "froc.png")
    (line,) = drawn[0].lines
    low, high = drawn[0].get_xlim()
    assert line.get_xdata().tolist() == [low, low, 0.5, 2, high]
    assert line.get_ydata().tolist() == [0, 0.4, 0.4, 0.9, 0.9]
    assert line.get_drawstyle() == "steps-post"
    assert drawn[0].get_xscale() == "log"


def test_bins_with_boxes_are_marked_by_how_many_there_are(tmp_path: Path, drawn: list[Axes]) -> None:
    bins = (np.array([0.2, np.nan, 0.8]), np.array([0.1, np.nan, 0.9]), np.array([10.0, 0, 40]))
    plot_reliability({"implant": bins}, tmp_path / "reliability.png")
    (marks,) = drawn[0].collections
    assert marks.get_offsets().tolist() == [[0.2, 0.1], [0.8, 0.9]]
    small, large = marks.get_sizes()
    assert large > 2 * small


@pytest.mark.parametrize("count", [0, 1, 9])
def test_any_number_of_classes_is_drawn(tmp_path: Path, count: int, drawn: list[Axes]) -> None:
    names = [f"class {number}" for number in range(count)]
    plot_precision_recall(RECALLS, {name: np.ones((2, 11)) for name in names}, tmp_path / "a.png")
    plot_froc({name: (np.array([0.0, 20]), np.array([0.0, 1])) for name in names}, tmp_path / "b.png")
    plot_reliability({name: (np.ones(2), np.ones(2), np.zeros(2)) for name in names}, tmp_path / "c.png")
    assert [len(axes.get_legend_handles_labels()[0]) for axes in drawn] == [2 * count, count, count]
