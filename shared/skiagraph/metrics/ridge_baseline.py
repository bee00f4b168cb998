"""What a filter without training finds: the baseline that a network has to beat.

Sato et al., "Three-dimensional multi-scale line filter for segmentation and visualization of curvilinear structures
in medical images" (Medical Image Analysis 1998), as in `skimage.filters.sato`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray
from skimage.filters import sato
from tqdm import tqdm

from ..geometry.surface_line import SurfaceLine
from ..transforms.surface import SurfaceLinesd
from .case_means import case_means
from .surface_cases import lines_mm
from .surface_f1 import surface_f1

Floats = NDArray[np.float32]
Case = Mapping[str, Any]

_SCALES_PX = ((1.0,), (2.0,), (3.0,), (5.0,), (8.0,), (1.0, 2.0, 3.0), (2.0, 3.0, 5.0), (3.0, 5.0, 8.0))
_THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_MIN_COLUMNS = (3, 20, 40)
_NAME = "f1"


@dataclass(frozen=True)
class RidgeFilter:
    """Bright ridges above a share of the frame's highest response.

    Attributes:
        scales_px: standard deviations of the Gaussians, in pixels of the image that is filtered.
        threshold: share of the frame's highest response, so that the frame's gain does not matter.
        min_columns: shorter lines are dropped.
    """

    scales_px: tuple[float, ...]
    threshold: float
    min_columns: int

    def lines(self, case: Case, response: Floats | None = None) -> list[SurfaceLine]:
        """Bone surfaces in pixels of the original image.

        Args:
            case: with `image` (1, rows, columns), resized as the network sees it, loaded by `LoadFramed`.
            response: the case's `ridge_response`, where it is known already.
        """
        if response is None:
            response = ridge_response(_image(case), self.scales_px)
        ridges = MetaTensor(torch.from_numpy(response)[None]).copy_meta_from(case["image"])
        found: list[SurfaceLine] = SurfaceLinesd("pred", self.threshold, self.min_columns)({"pred": ridges})[
            "pred_lines"
        ]
        return found

    def f1(self, case: Case, distance_mm: float = 0.5, response: Floats | None = None) -> float:
        """F1 of a case, which has `truth_lines` too; NaN where only some of its bones are labelled."""
        (predicted,), (true,) = lines_mm([{**case, "pred_lines": self.lines(case, response)}])
        return surface_f1(predicted, true, distance_mm)


def ridge_response(image: NDArray[Any], scales_px: Sequence[float]) -> Floats:
    """Sato's response to bright ridges, the highest over the scales, over that of the whole image: 0 to 1.

    Args:
        image: (rows, columns).
        scales_px: standard deviations of the Gaussians.
    """
    response = sato(np.asarray(image, dtype=np.float64), sigmas=scales_px, black_ridges=False)
    return np.asarray(response / max(response.max(), np.finfo(float).tiny), dtype=np.float32)


def tune_ridge_filter(cases: Sequence[Case], distance_mm: float = 0.5) -> RidgeFilter | None:
    """The scales, threshold and shortest line with the highest mean F1.

    Args:
        cases: as for `RidgeFilter.lines`, with `truth_lines` from `SurfaceLinesd`.
        distance_mm: within which F1 is measured.

    Returns:
        None where F1 is defined for no case.
    """
    best, best_f1 = None, -math.inf
    for scales in tqdm(_SCALES_PX, desc="ridge filter", unit="scale", disable=None):
        responses = [ridge_response(_image(case), scales) for case in cases]
        for threshold, min_columns in itertools.product(_THRESHOLDS, _MIN_COLUMNS):
            candidate = RidgeFilter(scales, threshold, min_columns)
            pairs = zip(cases, responses, strict=True)
            f1 = case_means({_NAME: candidate.f1(case, distance_mm, response)} for case, response in pairs).get(_NAME)
            if f1 is not None and f1 > best_f1:
                best, best_f1 = candidate, f1
    return best


def _image(case: Case) -> NDArray[Any]:
    return np.asarray(case["image"][0].detach().cpu())
