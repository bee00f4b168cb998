"""Metrics of bone surfaces from the cases of an ignite evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.surface_line import SurfaceLine
from ..report.plots import plot_distance_curves
from ..transforms.load import spacing_mm
from .published_surface import SHAPE, published_surface_metrics
from .surface_distance import GreyLookup, summarise_surfaces, surface_distances

Lines = list[NDArray[np.float64]]


def lines_mm(output: Sequence[Mapping[str, Any]]) -> tuple[list[Lines], list[Lines | None]]:
    """Predicted and true lines in mm of each case, as `SurfaceF1Metric` wants them.

    Args:
        output: decollated cases with `image` (from `LoadFramed`), and `pred_lines` and `truth_lines` (from
            `SurfaceLinesd`).

    Returns:
        lines (N, 2), points (x, y) in mm, of every case; None as truth where only some of the bones are labelled.

    Raises:
        ValueError: a case's pixel size is unknown.
    """
    predicted = [_in_mm(case, case["pred_lines"]) for case in output]
    true = [None if _is_partial(case) else _in_mm(case, case["truth_lines"]) for case in output]
    return predicted, true


def score_surfaces(case: Mapping[str, Any], threshold: float = 0.5) -> dict[str, float]:
    """All metrics of one frame: those of `surface_distances`, `dice` of the band, and the published ones.

    Dice is 1 where there is neither band nor prediction; like the published metrics, it wants all bones labelled.

    Args:
        threshold: probability from which on a pixel counts for `dice`; the published metrics have their own, 0.5.
        case: as for `lines_mm`, `image` scaled to 0..1 (what is bright is told by it). The published metrics need
            also `pred` (probability) and `label`, whose first channel is the band, both 256 x 256, and all bones
            labelled.

    Raises:
        ValueError: the case's pixel size is unknown.
    """
    image, partial = case["image"], _is_partial(case)
    grey = GreyLookup(_array(image[0]) * 255, _array(image.affine).astype(np.float64))
    predicted, true = _in_mm(case, case["pred_lines"]), _in_mm(case, case["truth_lines"])
    values = surface_distances(predicted, true, grey, partial=partial)
    if "label" in case and not partial:
        probability, band = _array(case["pred"][0]), _array(case["label"][0]) > 0
        values["dice"] = _dice(probability > threshold, band)
        if band.shape == SHAPE:
            values.update(published_surface_metrics(probability, band))
    return values


def plot_surfaces(rows: Sequence[Mapping[str, Any]], output_dir: str | Path) -> None:
    """Draw accuracy, completeness and F1 against distance, averaged over frames: `distance_curves.png`."""
    plot_distance_curves(summarise_surfaces(rows), Path(output_dir) / "distance_curves.png")


def _dice(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    total = int(predicted.sum()) + int(true.sum())
    return 2 * int((predicted & true).sum()) / total if total else 1.0


def _in_mm(case: Mapping[str, Any], lines: Sequence[SurfaceLine]) -> Lines:
    spacing = spacing_mm(case["image"])
    if spacing is None:
        name = case["image"].meta["filename_or_obj"]
        raise ValueError(f"{name}: the size of its pixels is unknown, so nothing can be measured; give --spacing.")
    return [line.points_px * spacing[::-1] for line in lines]


def _is_partial(case: Mapping[str, Any]) -> bool:
    return bool(case["image"].meta["partial"])


def _array(image: Any) -> NDArray[Any]:
    return np.asarray(image.detach().cpu())
