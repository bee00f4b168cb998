"""A picture of the last case that an evaluator worked on, for the tracking of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from numpy.typing import NDArray
from torch.nn import functional

from ..geometry.heat_maps import highest_points
from ..geometry.surface_line import SurfaceLine
from ..geometry.vertebrae import vertebra_outlines
from ..report.box_overlay import overlay_boxes
from ..report.overlays import GREEN, draw_lines

_TRUTH_COLOUR = (255, 170, 60)


def surface_sample(engine: Engine) -> NDArray[np.uint8] | None:
    """The first frame of the last batch, (rows, columns, 3), on the network's grid: truth orange, prediction green.

    Args:
        engine: an evaluator whose decollated cases hold `image` (0 to 1) and, from `SurfaceLinesd`, `pred_lines` and,
            where there is a truth, `truth_lines`.
    """
    cases: Any = engine.state.output
    if not cases:
        return None
    case = cases[0]
    image = case["image"]
    picture = np.asarray(image[0].detach().cpu() * 255).round().astype(np.uint8)
    # From the grid of the file to that of the network, whose pixels hold several of the file's.
    scale = np.array(picture.shape[::-1]) / np.asarray(image.meta["spatial_shape"], dtype=float)[::-1]
    for key, colour in (("truth_lines", _TRUTH_COLOUR), ("pred_lines", GREEN)):
        lines: list[SurfaceLine] = case.get(key, [])
        picture = draw_lines(picture, [(line.points_px + 0.5) * scale - 0.5 for line in lines], colour)
    return picture


def corners_sample(engine: Engine) -> NDArray[np.uint8] | None:
    """The first image of the last batch, (rows, columns, 3), with vertebrae: truth orange, prediction green.

    Args:
        engine: an evaluator whose decollated cases hold `image` (from `HintMapsd`), `pred` (logits of the corners) and,
            where there is a truth, `label` (corners in pixels of the network's image).
    """
    cases: Any = engine.state.output
    if not cases:
        return None
    case = cases[0]
    logits = torch.as_tensor(case["pred"]).float().cpu()
    blocks = torch.as_tensor(case["image"]).float().cpu()[: -2 * len(logits)]
    grey = functional.pixel_shuffle(blocks[None], math.isqrt(len(blocks)))[0, 0]
    picture = _as_bytes(grey)
    points = highest_points(logits.flatten(1).softmax(dim=1).reshape(logits.shape), grey.shape[0] // logits.shape[1])
    for corners, colour in ((case.get("label"), _TRUTH_COLOUR), (points, GREEN)):
        if corners is None:
            continue
        picture = draw_lines(picture, vertebra_outlines(np.asarray(corners.cpu(), dtype=float)), colour)
    return picture


def boxes_sample(engine: Engine, classes: Sequence[str], threshold: float = 0.0) -> NDArray[np.uint8] | None:
    """The first image of the last batch, (rows, columns, 3), on the detector's grid: truth dashed, found coloured.

    Args:
        classes: name of each label.
        threshold: found boxes with a lower score are left out.
        engine: an evaluator whose cases hold `image`, `pred` (see `skiagraph.networks.CentreDetector`) and, where there
            is a truth, `target`.
    """
    cases: Any = engine.state.output
    if not cases:
        return None
    case = cases[0]
    picture = _as_bytes(torch.as_tensor(case["image"]).float().cpu()[0])
    pred, truth = case["pred"], case.get("target")
    found = {name: each[pred["labels_scores"] >= threshold] for name, each in pred.items()}
    names = [classes[int(label)] for label in found["labels"]]
    scores = np.asarray(found["labels_scores"].detach().cpu())
    true_boxes = None if truth is None else _as_xy(truth)
    return overlay_boxes(picture, _as_xy(found), names, scores, true_boxes, classes=classes)


def _as_bytes(grey: torch.Tensor) -> NDArray[np.uint8]:
    """A normalised image as 0 to 255, black below its darkest and white above its brightest hundredth."""
    low, high = grey.quantile(0.01), grey.quantile(0.99)
    return np.asarray(((grey - low) / (high - low).clamp_min(1e-6) * 255).clamp(0, 255)).round().astype(np.uint8)


def _as_xy(boxes: Mapping[str, torch.Tensor]) -> NDArray[np.float64]:
    """From MONAI's order (row_min, column_min, row_max, column_max) to (xmin, ymin, xmax, ymax)."""
    return np.asarray(boxes["boxes"].detach().cpu(), dtype=float)[:, [1, 0, 3, 2]]
