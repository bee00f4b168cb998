"""The metrics of UltraBones100k as its code computes them, for comparison with its figures alone.

Defined on masks with one scale for both axes, and with frames left out: `surface_distances` is the sound definition.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from .surface_distance import DISTANCES_MM

SHAPE = (256, 256)
"""(rows, columns) of the masks to which the scale belongs."""

# Width and height of a frame, averaged, over 256 pixels, with pixels rounded to 0.054 mm.
_SCALE_MM = (950 + 811) / 2 / 256 * 0.054
_NAMES = ("published_precision", "published_recall", "published_f1")


def published_surface_metrics(probability: NDArray[Any], label: NDArray[Any]) -> dict[str, float]:
    """Precision, recall and F1 of one frame by the code of UltraBones100k (Wu et al., arXiv 2502.03783).

    Precision is the share of predicted pixels (probability > 0.5) closer than d to a label pixel, recall the reverse,
    with a strict "<" (0 at d = 0) and 0.18573 mm a pixel across and down. Wherever there is no prediction or no
    label, the published code leaves the frame out: NaN here.

    Args:
        probability: (256, 256), 0 to 1.
        label: (256, 256), not 0 on the band of 3 pixels to either side of the bone.

    Returns:
        ``published_precision_<d>mm``, ``published_recall_<d>mm`` and ``published_f1_<d>mm``, d = 0, 0.1 .. 2 mm.

    Raises:
        ValueError: the masks have another shape.
    """
    if probability.shape != SHAPE or label.shape != SHAPE:
        raise ValueError(f"the published metrics want masks of {SHAPE}, got {probability.shape} and {label.shape}.")
    predicted, true = probability > 0.5, label > 0
    if not (predicted.any() and true.any()):
        return {f"{name}_{d:.1f}mm": math.nan for d in DISTANCES_MM for name in _NAMES}
    to_true = distance_transform_edt(~true)[predicted] * _SCALE_MM
    to_predicted = distance_transform_edt(~predicted)[true] * _SCALE_MM
    values: dict[str, float] = {}
    for d in DISTANCES_MM:
        precision, recall = float(np.mean(to_true < d)), float(np.mean(to_predicted < d))
        f1 = 2 * precision * recall / (precision + recall + 1e-10)
        values.update({f"{name}_{d:.1f}mm": v for name, v in zip(_NAMES, (precision, recall, f1), strict=True)})
    return values
