"""Sizes of boxes, and the few that stand for all of them: anchors."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.vq import kmeans2

_STARTS = 10


@dataclass(frozen=True, eq=False)
class AnchorFit:
    """Sizes of anchors, and how well they fit.

    Attributes:
        sizes: (count, 2), width and height, in the unit of the boxes, the smallest area first.
        mean_best_iou: see `mean_best_iou`; of these sizes times all scales.
    """

    sizes: NDArray[np.float64]
    mean_best_iou: float


def fit_anchors(boxes: ArrayLike, count: int, scales: Sequence[float] = (1.0,), seed: int = 0) -> AnchorFit:
    """Choose sizes of anchors for boxes: k-means of the logarithms of their widths and heights, the best of ten starts.

    Logarithms, since an anchor of half the width fits as badly as one of double the width. As in Redmon and Farhadi,
    "YOLO9000: Better, Faster, Stronger", CVPR 2017, the best is the one with the greatest mean of best IoUs.

    Args:
        boxes: (N, 4), xmin, ymin, xmax, ymax in any unit, none of them empty.
        count: how many sizes; there are fewer if the boxes have fewer different ones.
        scales: each size is there times each of these, as on the levels of a feature pyramid.
        seed: of the starts.

    Raises:
        ValueError: there is no box, or one without width or height, or `count` is below 1.
    """
    corners = np.asarray(boxes, dtype=float).reshape(-1, 4)
    sizes = corners[:, 2:] - corners[:, :2]
    if not len(sizes) or (sizes <= 0).any() or count < 1:
        raise ValueError(f"{count} anchors cannot be fitted to {len(sizes)} boxes; each needs a width and a height")
    count = min(count, len(np.unique(sizes, axis=0)))
    factors = np.asarray(scales, dtype=float)
    middles = np.sqrt(sizes.prod(axis=1))
    fits = []
    # With several scales it is open which box belongs to which: that depends on how large the anchors are.
    for start, typical in enumerate(np.geomspace(middles.min(), np.median(middles), _STARTS)):
        scale_of = factors[np.abs(np.log(middles[:, None] / typical / factors)).argmin(axis=1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mean that lost all its boxes stays where it was
            centres, _ = kmeans2(np.log(sizes / scale_of[:, None]), count, minit="++", seed=seed + start)
        anchors = np.exp(centres)
        scaled = (anchors[:, None] * factors[:, None]).reshape(-1, 2)
        fits.append(AnchorFit(anchors[np.argsort(anchors.prod(axis=1))], mean_best_iou(sizes, scaled)))
    return max(fits, key=lambda fit: fit.mean_best_iou)


def mean_best_iou(sizes: ArrayLike, anchors: ArrayLike) -> float:
    """How well anchors fit, 0 to 1: the IoU of a box with the anchor that suits it best, in the mean over the boxes.

    The anchor lies with its middle on that of the box, so this is the best that an anchor of its size can do.

    Args:
        sizes: (N, 2), width and height of each box.
        anchors: (A, 2), width and height of each anchor.
    """
    wanted, offered = np.asarray(sizes, dtype=float)[:, None], np.asarray(anchors, dtype=float)[None]
    shared = np.minimum(wanted, offered).prod(axis=2)
    iou = shared / (wanted.prod(axis=2) + offered.prod(axis=2) - shared)
    return float(iou.max(axis=1).mean())
