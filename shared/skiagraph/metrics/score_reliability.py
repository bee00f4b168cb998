"""Whether a found box is as often true as its score says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .box_matching import Array, Matches

# Detectors keep hundreds of boxes with next to no score: right about all of them, they would hide all others.
LEAST_SCORE = 0.05


@dataclass(frozen=True)
class Reliability:
    """Scores against truth, in bins of score of equal width from 0 to 1.

    Args:
        mean_score: (bins,), NaN in an empty bin.
        share_true: (bins,), share of the boxes that hit a true one; NaN in an empty bin.
        boxes: (bins,), how many there are.
    """

    mean_score: Array
    share_true: Array
    boxes: Array

    @property
    def expected_calibration_error(self) -> float:
        """Mean distance of share and score over all boxes (Guo et al., arXiv 1706.04599); NaN without boxes."""
        filled = self.boxes > 0
        off = np.abs(self.share_true - self.mean_score)[filled] @ self.boxes[filled]
        return float(off / self.boxes.sum()) if filled.any() else math.nan


def score_reliability(
    matches: Matches, weights: Array | None = None, bins: int = 10, least_score: float = LEAST_SCORE
) -> Reliability:
    """Compare the scores of found boxes with how many hit a true one, at the least overlap (IoU 0.5).

    Args:
        matches: of one class in all images, scores 0 to 1.
        weights: (images,), how often each image counts; by default once.
        bins: how many of equal width.
        least_score: boxes below it are left out.
    """
    each, _, _ = matches.weigh(weights)
    each = each * (matches.scores >= least_score)
    at = np.minimum((matches.scores * bins).astype(int), bins - 1)
    boxes, scores, hits = (
        np.bincount(at, each * what, minlength=bins) for what in (1.0, matches.scores, matches.hits[0])
    )
    filled = np.where(boxes > 0, boxes, math.nan)
    return Reliability(scores / filled, hits / filled, boxes.astype(float))
