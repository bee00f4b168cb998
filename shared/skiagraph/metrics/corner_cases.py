"""Metrics of interactive vertebra corners from the cases of an ignite evaluator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.cobb import cobb_angles_deg, cobb_intervals_deg
from ..report.plots import plot_click_curve
from ..transforms.decode_corners import Corners
from ..transforms.grid import grid_to_file, move_points
from .case_means import case_means

Row = Mapping[str, Any]
Array = NDArray[np.float64]

# Mean errors that are good enough, in pixels of the file (Kim et al., MICCAI 2022, look at 20 and 50 in theirs).
_GOOD_PX = (20, 50)
_ANGLES = ("largest", "upper", "lower")


def score_corners(case: Mapping[str, Any], interval_scale: float = 1.0) -> dict[str, float]:
    """All metrics of one image.

    * ``mre_px_kN``: mean radial error in pixels of the file after N clicks on the worst point; a clicked point is exact
      from then on. ``fix_next_mre_px_kN``: clicks where the network proposes to. ``manual_mre_px_kN``: the worst
      points of the first answer put right by hand, and no network asked again. ``mre_percent_kN``: in percent of the
      image's height.
    * ``clicks_to_20px``, ``clicks_to_50px``: how many it takes until the mean is below; NaN where all were not enough.
    * ``others_mre_px_exact_click``, ``others_mre_px_wrong_click``: mean of the points not clicked, after the first
      click and after one that missed.
    * ``cobb_error_largest_deg`` and so on: absolute errors of the angles without clicks against those of the true
      corners; ``cobb_in_interval``: share of the three that lie in their intervals; ``smape_percent`` of the three
      together, as in AASCE: the sum of the differences over the sum of all six; 0 if all six are 0.

    Args:
        case: a decollated output of `skiagraph.engines.ClickCurve`, with `image` and, from `DecodeCornersd`,
            `pred_corners`.
        interval_scale: by which the deviations of points are multiplied for the intervals (see `cobb_intervals_deg`).
    """
    curve = _array(case["errors_px"])
    height = float(case["image"].meta["spatial_shape"][0])
    by_clicks = {"mre_px": curve.mean(axis=1), "manual_mre_px": _by_hand(curve[0], len(curve))}
    if "errors_px_fix_next" in case:
        by_clicks["fix_next_mre_px"] = _array(case["errors_px_fix_next"]).mean(axis=1)
    by_clicks["mre_percent"] = by_clicks["mre_px"] / height * 100
    values = {
        f"{name}_k{clicks}": float(mean) for name, means in by_clicks.items() for clicks, mean in enumerate(means)
    }
    for good in _GOOD_PX:
        reached = np.flatnonzero(by_clicks["mre_px"] < good)
        values[f"clicks_to_{good}px"] = float(reached[0]) if len(reached) else math.nan
    if "errors_px_wrong_click" in case:
        others = np.arange(curve.shape[1]) != curve[0].argmax()
        values["others_mre_px_exact_click"] = float(curve[1, others].mean())
        values["others_mre_px_wrong_click"] = float(_array(case["errors_px_wrong_click"])[others].mean())
    truth = move_points(_array(case["label"]), grid_to_file(case["image"]))
    return {**values, **_score_angles(case["pred_corners"], truth, interval_scale)}


def summarise_corners(rows: Sequence[Row]) -> dict[str, float]:
    """Means over images (see `score_corners`), and how many are good enough.

    ``share_under_20px_kN``: of the images, after N clicks. ``failures_20px``: share that all clicks did not bring so
    far; ``clicks_to_20px`` is the mean over the others. ``cobb_mae_deg``: mean over the three angles.
    """
    summary = case_means(rows)
    clicks = sum(name.startswith("mre_px_k") for name in summary)
    for good in _GOOD_PX:
        for click in range(clicks):
            below = [row[f"mre_px_k{click}"] < good for row in rows]
            summary[f"share_under_{good}px_k{click}"] = float(np.mean(below))
        summary[f"failures_{good}px"] = float(np.mean([math.isnan(row[f"clicks_to_{good}px"]) for row in rows]))
    summary["cobb_mae_deg"] = float(np.mean([summary[f"cobb_error_{name}_deg"] for name in _ANGLES]))
    return summary


def plot_corners(rows: Sequence[Row], output_dir: str | Path) -> None:
    """Draw the mean error against the number of clicks, beside the published ones: `click_curve.png`."""
    plot_click_curve(summarise_corners(rows), Path(output_dir) / "click_curve.png")


def _score_angles(corners: Corners, truth: Array, interval_scale: float) -> dict[str, float]:
    measured, true = cobb_angles_deg(corners.points_px), cobb_angles_deg(truth)
    intervals = cobb_intervals_deg(corners.points_px, corners.deviation_px * interval_scale)
    errors = np.abs(measured - true)
    total = float((measured + true).sum())
    inside = (intervals[:, 0] <= true) & (true <= intervals[:, 1])
    return {
        **{f"cobb_error_{name}_deg": float(error) for name, error in zip(_ANGLES, errors, strict=True)},
        "cobb_in_interval": float(inside.mean()),
        "smape_percent": float(errors.sum()) / total * 100 if total else 0.0,
    }


def _by_hand(errors: Array, clicks: int) -> Array:
    """Mean error (clicks) after the worst 0, 1, 2, ... of the points have been put right."""
    left = np.sort(errors)[::-1].copy()
    return np.array([left[click:].sum() / len(left) for click in range(clicks)])


def _array(values: Any) -> Array:
    return np.asarray(values.detach().cpu(), dtype=float)
