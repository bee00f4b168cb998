"""Average precision and recall of found boxes, as COCO defines them."""

from __future__ import annotations

import math

import numpy as np

from .box_matching import Array, Matches

# Where COCO reads precision off.
RECALLS = np.linspace(0, 1, 101)


def average_precision(matches: Matches, weights: Array | None = None) -> Array:
    """Average precision (thresholds,) of one class; NaN without a true box.

    Equal to that of pycocotools (Lin et al., "Microsoft COCO", 2014), of which MONAI's `COCOMetric` differs: it adds
    up in single precision, and counts classes without truth as -1.

    Args:
        matches: of all images.
        weights: (images,), how often each image counts; by default once.
    """
    return interpolated_precision(matches, weights).mean(axis=1)


def interpolated_precision(matches: Matches, weights: Array | None = None) -> Array:
    """Highest precision at no less than each of the 101 `RECALLS`, (thresholds, 101); 0 where recall ends before.

    Args:
        matches: of all images.
        weights: (images,), how often each image counts; by default once.
    """
    each, true_boxes, _ = matches.weigh(weights)
    if not true_boxes:
        return np.full((len(matches.hits), len(RECALLS)), math.nan)
    # Between hits precision only falls, so that its highest values stand at them.
    at_hits = np.flatnonzero(matches.hits.any(axis=0))
    hits = np.cumsum(matches.hits[:, at_hits] * each[at_hits], axis=1)
    precision = hits / np.maximum(np.cumsum(each)[at_hits], 1)
    best_from_here = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    ended = np.pad(best_from_here, ((0, 0), (0, 1)))
    at = [np.searchsorted(recall, RECALLS) for recall in hits / true_boxes]
    return np.take_along_axis(ended, np.stack(at), axis=1)


def average_recall(matches: Matches, weights: Array | None = None) -> float:
    """Share of the true boxes that are found, averaged over the thresholds of overlap; NaN without a true box.

    Args:
        matches: of all images.
        weights: (images,), how often each image counts; by default once.
    """
    each, true_boxes, _ = matches.weigh(weights)
    return float((matches.hits @ each).mean() / true_boxes) if true_boxes else math.nan
