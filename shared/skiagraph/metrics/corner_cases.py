"""Metrics of interactive vertebra corners from the cases of an ignite evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.cobb import cobb_angles_deg, cobb_intervals_deg
from ..report.plots import plot_click_curve
from ..transforms.decode_corners import Corners
from ..transforms.grid import grid_to_file, move_points
from ..transforms.load import spacing_mm
from .case_means import case_means

Row = Mapping[str, Any]
Array = NDArray[np.float64]

# Mean errors that are good enough, in pixels of the file.
_GOOD_PX = (20, 50)
_ANGLES = ("largest", "upper", "lower")
# How the points to click are chosen, and what the metrics' names begin with.
_CURVES = {"points_px": "", "points_px_fix_next": "fix_next_"}


def score_corners(case: Mapping[str, Any], interval_scale: float = 1.0) -> dict[str, float]:
    """All metrics of one image. Those of clicks on the worst point; with ``fix_next_``, where the network proposes to.

    * ``mre_px_kN``: mean radial error in pixels of the file after N clicks; a clicked point is exact from then on.
      ``mre_percent_kN``: in percent of the image's height. ``manual_mre_px_kN``: the worst points of the first answer
      put right by hand, and no network asked again.
    * ``clicks_to_20px``, ``clicks_to_50px``: how many it takes until the mean is below; where all were not enough, as
      many as were made.
    * ``others_mre_px_exact_click``, ``others_mre_px_wrong_click``: mean of the points not clicked, after the first
      click and after one that missed.
    * ``cobb_mae_deg_kN``: mean absolute error of the three angles against those of the true corners;
      ``smape_percent_kN``, of the three together, as in AASCE: the sum of the differences over the sum of all six; 0 if
      all six are 0. ``cobb_error_largest_deg`` and so on: each angle without clicks; ``cobb_in_interval``: share of the
      three that lie in their intervals.

    Args:
        case: a decollated output of `skiagraph.engines.ClickCurve`, thorough, with `image` and, from `DecodeCornersd`,
            `pred_corners`.
        interval_scale: standard deviation of a point, for the intervals of the angles, to its expected error.
    """
    truth = _read_truth(case)
    values: dict[str, float] = {}
    for key, name in _CURVES.items():
        by_clicks = _score_clicks(_array(case[key]), truth)
        values |= {f"{name}{what}_k{k}": float(v) for what, every in by_clicks.items() for k, v in enumerate(every)}
        values |= {f"{name}clicks_to_{good}px": _clicks_to(by_clicks["mre_px"], good) for good in _GOOD_PX}
    by_hand = _put_right_by_hand(truth.errors_px(_array(case["points_px"])))
    values |= {f"manual_mre_px_k{clicks}": float(mean) for clicks, mean in enumerate(by_hand)}
    return {**values, **_score_misses(case, truth), **_score_intervals(case["pred_corners"], truth, interval_scale)}


def summarise_corners(rows: Sequence[Row]) -> dict[str, float]:
    """Means over images (see `score_corners`), and how many are good enough.

    ``share_under_20px_kN``: of the images, after N clicks. ``failures_20px``: share that all clicks did not bring so
    far. ``cobb_mae_deg`` and ``smape_percent`` are those without clicks. Without rows there is only ``n``.
    """
    summary = case_means(rows)
    if not rows:
        return summary
    clicks = sum(name.startswith("mre_px_k") for name in summary)
    for name, good in product(_CURVES.values(), _GOOD_PX):
        below = np.array([[row[f"{name}mre_px_k{click}"] < good for click in range(clicks)] for row in rows])
        summary |= {f"{name}share_under_{good}px_k{k}": float(share) for k, share in enumerate(below.mean(axis=0))}
        summary[f"{name}failures_{good}px"] = float(1 - below.any(axis=1).mean())
    return {**summary, "cobb_mae_deg": summary["cobb_mae_deg_k0"], "smape_percent": summary["smape_percent_k0"]}


def plot_corners(rows: Sequence[Row], output_dir: str | Path) -> None:
    """Draw the mean error against the number of clicks, beside the published ones: `click_curve.png`."""
    plot_click_curve(summarise_corners(rows), Path(output_dir) / "click_curve.png")


@dataclass(frozen=True)
class _Truth:
    """The corners of an image (68, 2) in pixels of the file, and what errors are measured by."""

    points_px: Array
    scale: Array
    height_px: float

    @property
    def angles_deg(self) -> Array:
        return cobb_angles_deg(self.points_px * self.scale)

    def errors_px(self, points: Array) -> Array:
        return np.asarray(np.linalg.norm(points - self.points_px, axis=-1))


def _read_truth(case: Mapping[str, Any]) -> _Truth:
    image = case["image"]
    # An angle is one of the body, not of the image, where a pixel is wider than high.
    scale = np.array((spacing_mm(image) or (1.0, 1.0))[::-1])
    return _Truth(move_points(_array(case["label"]), grid_to_file(image)), scale, float(image.meta["spatial_shape"][0]))


def _score_clicks(points: Array, truth: _Truth) -> dict[str, Array]:
    """Each metric by the number of clicks, of points (clicks, 68, 2)."""
    means = truth.errors_px(points).mean(axis=1)
    measured, true = cobb_angles_deg(points * truth.scale), truth.angles_deg
    off, total = np.abs(measured - true), (measured + true).sum(axis=1)
    share = np.divide(off.sum(axis=1), total, out=np.zeros_like(total), where=total != 0)
    return {
        "mre_px": means,
        "mre_percent": means / truth.height_px * 100,
        "cobb_mae_deg": off.mean(axis=1),
        "smape_percent": share * 100,
    }


def _score_misses(case: Mapping[str, Any], truth: _Truth) -> dict[str, float]:
    exact, missed = (truth.errors_px(_array(case[key])) for key in ("points_px", "points_px_wrong_click"))
    others = np.arange(len(missed)) != exact[0].argmax()
    return {
        "others_mre_px_exact_click": float(exact[1, others].mean()),
        "others_mre_px_wrong_click": float(missed[others].mean()),
    }


def _score_intervals(corners: Corners, truth: _Truth, interval_scale: float) -> dict[str, float]:
    points = corners.points_px * truth.scale
    deviations = corners.expected_error_px * np.sqrt(truth.scale.prod()) * interval_scale
    low, high = cobb_intervals_deg(points, deviations).T
    errors = np.abs(cobb_angles_deg(points) - truth.angles_deg)
    inside = (low <= truth.angles_deg) & (truth.angles_deg <= high)
    named = {f"cobb_error_{name}_deg": float(error) for name, error in zip(_ANGLES, errors, strict=True)}
    return {**named, "cobb_in_interval": float(inside.mean())}


def _clicks_to(means: Array, good: float) -> float:
    return float(next((clicks for clicks, mean in enumerate(means) if mean < good), len(means) - 1))


def _put_right_by_hand(errors: Array) -> Array:
    """Mean error after the worst 0, 1, 2, ... of the first answer's points have been put right, from (clicks, 68)."""
    left = np.sort(errors[0])[::-1]
    return np.array([left[click:].sum() / len(left) for click in range(len(errors))])


def _array(values: Any) -> Array:
    return np.asarray(values.detach().cpu(), dtype=float)
