"""F1 of bone surfaces as the key metric of a training."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric
from numpy.typing import NDArray

from .surface_distance import surface_distances

Lines = Sequence[NDArray[np.float64]]

logger = logging.getLogger(__name__)


def surface_f1(predicted: Lines, true: Lines | None, distance_mm: float) -> float:
    """F1 of one frame within a distance, lines (N, 2) in mm; NaN where the truth is None."""
    if true is None:
        return math.nan
    return surface_distances(predicted, true, distances_mm=[distance_mm])[f"f1_{distance_mm:.1f}mm"]


class SurfaceF1Metric(CumulativeIterationMetric):
    """Mean F1 of bone surfaces within a distance, over frames; see `surface_distances`.

    Stands in `monai.handlers.IgniteMetricHandler`, where `lines_mm` makes its input, and gathers over ranks.

    Args:
        distance_mm: how far apart, in mm, prediction and truth may lie; one decimal.

    Raises:
        ValueError: the distance is negative or finer than 0.1 mm.
    """

    def __init__(self, distance_mm: float = 0.5) -> None:
        super().__init__()
        if distance_mm < 0 or round(distance_mm, 1) != distance_mm:
            raise ValueError(f"distance_mm must be positive and a multiple of 0.1, got {distance_mm}.")
        self.distance_mm = distance_mm
        self._warned = False

    def _compute_list(self, y_pred: Any, y: Any = None, **_: Any) -> torch.Tensor:
        """F1 of each frame, (frames, 1): lines (N, 2) in mm against true ones, NaN where these are None."""
        pairs = zip(y_pred, y, strict=True)
        return torch.tensor([[surface_f1(*pair, self.distance_mm)] for pair in pairs], dtype=torch.float64)

    def _compute_tensor(self, *_: Any, **__: Any) -> torch.Tensor:
        raise TypeError("SurfaceF1Metric takes lists of lines, one for each frame, not tensors.")

    def aggregate(self) -> torch.Tensor:
        """Mean over the frames of all ranks where F1 is defined; NaN where it never is, with one warning."""
        values = self.get_buffer()
        mean = torch.tensor(math.nan) if values is None else values.nanmean()
        if mean.isnan() and not self._warned:
            self._warned = True
            logger.warning("F1 of bone surfaces is undefined: no frame is fully labelled (all are `partial`).")
        return mean
