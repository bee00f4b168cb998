"""Found boxes matched to the true ones, as COCO does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.apps.detection.metrics.matching import matching_batch
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Of COCO: least overlaps of a hit, and how many boxes of a class count in an image.
IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
MAX_BOXES = 100


@dataclass(frozen=True)
class ClassBoxes:
    """Boxes of one class in one image, all in one frame and order of axes.

    Args:
        found: (N, 4).
        scores: (N,), higher is surer; in any order.
        true: (M, 4).
    """

    found: Array
    scores: Array
    true: Array


@dataclass(frozen=True)
class Matches:
    """What became of the found boxes of one class in all images, best first.

    Images where the class is not labelled have neither found nor true boxes here.

    Args:
        scores: (N,), descending.
        image: (N,), number of the image that each was found in.
        hits: (thresholds, N), whether a found box is that of a true one, at each least overlap.
        true_boxes: (images,), how many there are.
        labelled: (images,), whether the class is.
    """

    scores: Array
    image: NDArray[np.int64]
    hits: NDArray[np.bool_]
    true_boxes: NDArray[np.int64]
    labelled: NDArray[np.bool_]

    def weigh(self, weights: Array | None = None) -> tuple[Array, float, float]:
        """What the found boxes (N,), all true boxes, and all labelled images weigh.

        Args:
            weights: (images,), how often each image counts; by default once.
        """
        weights = np.ones(len(self.labelled)) if weights is None else weights
        return weights[self.image], float(weights @ self.true_boxes), float(weights @ self.labelled)


def class_boxes(prediction: Mapping[str, Any], target: Mapping[str, Any], number: int) -> ClassBoxes:
    """Boxes of one class out of those of an image.

    Args:
        prediction: tensors ``boxes`` (N, 4), ``labels`` (N,) and ``labels_scores`` (N,), as a detector answers.
        target: tensors ``boxes`` (M, 4) and ``labels`` (M,).
        number: of the class.
    """
    found, true = (_array(where["labels"]) == number for where in (prediction, target))
    return ClassBoxes(
        _array(prediction["boxes"]).reshape(-1, 4)[found],
        _array(prediction["labels_scores"])[found],
        _array(target["boxes"]).reshape(-1, 4)[true],
    )


def labelled_numbers(target: Mapping[str, Any], classes: int) -> list[int]:
    """Numbers of the classes whose boxes are complete in an image: ``labelled`` of its target, all without it."""
    return [int(number) for number in target.get("labelled", range(classes))]


def match_boxes(images: Sequence[ClassBoxes | None], thresholds: Sequence[float] = IOU_THRESHOLDS) -> Matches:
    """Match the boxes of one class in each image: the surest first, to the free true box that it overlaps most.

    Args:
        images: None where the class is not labelled.
        thresholds: least intersection over union (IoU) of a hit.
    """
    some = [boxes or ClassBoxes(np.empty((0, 4)), np.empty(0), np.empty((0, 4))) for boxes in images]
    results = matching_batch(
        box_iou_double,
        thresholds,
        pred_boxes=[boxes.found for boxes in some],
        pred_classes=[np.zeros(len(boxes.found)) for boxes in some],
        pred_scores=[boxes.scores for boxes in some],
        gt_boxes=[boxes.true for boxes in some],
        gt_classes=[np.zeros(len(boxes.true)) for boxes in some],
        max_detections=MAX_BOXES,
    )
    # Of an image without boxes there is no result.
    matched = [(number, result[0]) for number, result in enumerate(results) if result]
    scores = np.concatenate([np.empty(0), *(match["dtScores"] for _, match in matched)])
    order = np.argsort(-scores, kind="stable")
    image = [np.full(len(match["dtScores"]), number) for number, match in matched]
    hits = [np.empty((len(thresholds), 0)), *(match["dtMatches"] for _, match in matched)]
    return Matches(
        scores=scores[order],
        image=np.concatenate([np.empty(0, dtype=int), *image])[order],
        hits=np.concatenate(hits, axis=1)[:, order] > 0,
        true_boxes=np.array([len(boxes.true) for boxes in some], dtype=int),
        labelled=np.array([boxes is not None for boxes in images], dtype=bool),
    )


def box_iou_double(boxes: Array, others: Array) -> Array:
    """Intersection over union (N, M) of boxes (N, 4) and (M, 4), 0 where none has an area.

    In double precision: MONAI's `box_iou` has single, by which boxes of whole pixels miss thresholds that they reach.
    """
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    shared = (high - low).clip(min=0).prod(axis=-1)
    areas, other_areas = ((each[:, 2:] - each[:, :2]).prod(axis=-1) for each in (boxes, others))
    union = areas[:, None] + other_areas - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _array(values: Any) -> Array:
    return np.asarray(values.detach().cpu(), dtype=float)
