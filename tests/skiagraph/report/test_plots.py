from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skiagraph.report import plot_distance_curves
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
