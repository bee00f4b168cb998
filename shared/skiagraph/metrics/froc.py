"""Free-response operating characteristic: how many false boxes the true ones cost."""

from __future__ import annotations

import math

import numpy as np

from .box_matching import Array, Matches


def froc_curve(matches: Matches, weights: Array | None = None) -> tuple[Array, Array]:
    """False boxes per image, and share of the true boxes found, from no box to all; at the least overlap.

    One point for each score, which is the highest threshold that lets it pass; also the lowest score, which MONAI's
    `compute_froc_curve_data` leaves out. A second box on a true one is false.

    Args:
        matches: of one class in all images.
        weights: (images,), how often each image counts; by default once.

    Returns:
        both (points,); NaN where no image is labelled, or there is no true box.
    """
    each, true_boxes, images = matches.weigh(weights)
    hits = matches.hits[0]
    last_of_score = np.append(np.diff(matches.scores) != 0, True)[: len(hits)]
    false, found = (np.append(0, np.cumsum(each * which)[last_of_score]) for which in (~hits, hits))
    return false / (images or math.nan), found / (true_boxes or math.nan)


def best_threshold(matches: Matches, weights: Array | None = None) -> float:
    """The threshold on the score with the highest F1 at the least overlap; NaN where nothing true was found.

    Args:
        matches: of one class in all images.
        weights: (images,), how often each image counts; by default once.
    """
    each, true_boxes, _ = matches.weigh(weights)
    hits = matches.hits[0]
    if not (each * hits).any():
        return math.nan
    last_of_score = np.append(np.diff(matches.scores) != 0, True)
    f1 = 2 * np.cumsum(each * hits) / (np.cumsum(each) + true_boxes)
    return float(matches.scores[last_of_score][np.argmax(f1[last_of_score])])


def sensitivity_at(matches: Matches, false_per_image: float, weights: Array | None = None) -> float:
    """Largest share of the true boxes found at a threshold with at most so many false boxes per image.

    Args:
        matches: of one class in all images.
        false_per_image: how many are allowed.
        weights: (images,), how often each image counts; by default once.

    Returns:
        the share at IoU 0.5, not interpolated between thresholds; NaN where there is no true box.
    """
    false, sensitivity = froc_curve(matches, weights)
    return float(sensitivity[false <= false_per_image][-1]) if np.isfinite(false).all() else math.nan


def false_per_negative(false: Array, true: Array, weights: Array | None = None) -> float:
    """False boxes per negative image, one without a box of a class that is labelled there; NaN without such images.

    Of an image that is negative for some of the classes, only their boxes count.

    Args:
        false: (classes, images), boxes above the threshold.
        true: (classes, images), how many true boxes there are, NaN where the class is not labelled.
        weights: (images,), how often each image counts; by default once.
    """
    weights = np.ones(true.shape[1]) if weights is None else weights
    negative = true == 0
    images = float(weights @ negative.any(axis=0))
    return float(np.where(negative, false, 0).sum(axis=0) @ weights / images) if images else math.nan
