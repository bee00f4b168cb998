from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from PIL import Image

from skiagraph.report import plot_click_curve, plot_distance_curves
from skiagraph.report.plots import _curve

SUMMARY = {
    f"{name}{part}_{step / 10:.1f}mm": step / 20
    for name in ("accuracy", "completeness", "f1")
    for part in ("", "_high")
    for step in range(21)
}


def test_curves_are_read_by_their_names_in_order_of_distance() -> None:
    summary = {"f1_1.0mm": 0.9, "f1_0.5mm": 0.7, "f1_low_0.5mm": 0.1, "f1_2.0mm": math.nan, "published_f1_0.5mm": 0.2}
    assert _curve(summary, "f1") == [(0.5, 0.7), (1.0, 0.9)]


def colours(path: Path) -> set[tuple[int, int, int]]:
    return {tuple(colour) for colour in np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).tolist()}


@pytest.mark.parametrize("with_low", [False, True])
def test_a_curve_is_drawn_where_there_are_values(tmp_path: Path, with_low: bool) -> None:
    low = {key.replace("high", "low"): value * 0.8 for key, value in SUMMARY.items() if "high" in key}
    path = tmp_path / "new" / "curves.png"
    plot_distance_curves({**SUMMARY, **(low if with_low else {}), "n": 3}, path)
    assert ((0xD5, 0x5E, 0x00) in colours(path)) == with_low
    assert (0x00, 0x72, 0xB2) in colours(path)


def test_an_empty_summary_gives_empty_axes(tmp_path: Path) -> None:
    plot_distance_curves({}, tmp_path / "curves.png")
    assert (0x00, 0x72, 0xB2) not in colours(tmp_path / "curves.png")


@pytest.fixture
def curves(monkeypatch: pytest.MonkeyPatch) -> dict[str, Line2D]:
    """What lines are drawn, by their label."""
    drawn: dict[str, Line2D] = {}

    class Canvas(FigureCanvasAgg):
        def print_png(self, path: Path) -> None:
            drawn.update({line.get_label(): line for line in self.figure.axes[0].lines})
            super().print_png(path)

    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg", Canvas)
    return drawn


def test_click_curves_go_from_no_click_to_all(tmp_path: Path, curves: dict[str, Line2D]) -> None:
    means = [60.0 / (click + 1) for click in range(12)]
    summary = {f"mre_px_k{click}": means[click] for click in reversed(range(12))}
    summary |= {"mre_percent_k0": 3.0, "fix_next_mre_px_k0": 60.0, "fix_next_mre_px_k1": 40.0, "n": 5}
    plot_click_curve(summary, tmp_path / "new" / "curve.png")
    assert curves["the worst point put right"].get_xdata().tolist() == list(range(12))
    assert curves["the worst point put right"].get_ydata().tolist() == means
    assert curves["the proposed point put right"].get_ydata().tolist() == [60, 40]
    assert "by hand, without the network" not in curves
    # After no, one, ... five clicks, as published.
    assert curves["Kim et al. 2022"].get_ydata().tolist() == [58.6, 35.4, 29.4, 24.0, 21.1, 17.7]
    assert {(0x00, 0x72, 0xB2), (0x00, 0x9E, 0x73), (0x99, 0x99, 0x99)} <= colours(tmp_path / "new" / "curve.png")


def test_without_clicks_the_published_curves_are_drawn_alone(tmp_path: Path, curves: dict[str, Line2D]) -> None:
    plot_click_curve({"n": 0}, tmp_path / "curve.png")
    assert set(curves) == {"Kim et al. 2022", "UNet-IKEM", "HRNet-OCR-IKEM"}
    assert (0x00, 0x72, 0xB2) not in colours(tmp_path / "curve.png")
