"""Average precision of boxes as the key metric of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.metrics import CumulativeIterationMetric

from .average_precision import average_precision
from .box_matching import IOU_THRESHOLDS, MAX_BOXES, Matches, class_boxes, labelled_numbers, match_boxes


class BoxAPMetric(CumulativeIterationMetric):
    """Average precision as COCO has it, mean over overlaps and over the classes that have true boxes.

    Stands in `monai.handlers.IgniteMetricHandler` with ``from_engine(["pred", "target"])``, and gathers over ranks.

    Args:
        classes: their names.
        thresholds: least overlaps of a hit, by default the ten of COCO.
    """

    def __init__(self, classes: Sequence[str], thresholds: Sequence[float] = IOU_THRESHOLDS) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.thresholds = tuple(thresholds)

    def _compute_list(self, y_pred: Any, y: Any = None, **_: Any) -> list[torch.Tensor | Sequence[torch.Tensor]]:
        """Of each image, what must be known of it to rank its boxes among those of all.

        Args:
            y_pred: of each image `boxes` (N, 4), `labels` (N,) and `labels_scores` (N,).
            y: of each image `boxes` (M, 4), `labels` (M,) and `labelled`, the numbers of the classes whose boxes are
                complete; all where it is missing.

        Returns:
            (images, classes, 100, 1 + overlaps), score of each found box and 1 where it is a hit, padded with NaN;
            (images, classes), how many true boxes there are, NaN where the class is not labelled.
        """
        found = torch.full(
            (len(y), len(self.classes), MAX_BOXES, 1 + len(self.thresholds)), math.nan, dtype=torch.float64
        )
        true = torch.full((len(y), len(self.classes)), math.nan, dtype=torch.float64)
        for image, (prediction, target) in enumerate(zip(y_pred, y, strict=True)):
            for number in labelled_numbers(target, len(self.classes)):
                matches = match_boxes([class_boxes(prediction, target, number)], self.thresholds)
                columns = np.stack([matches.scores, *matches.hits], axis=1)
                found[image, number, : len(columns)] = torch.from_numpy(columns)
                true[image, number] = int(matches.true_boxes[0])
        return [found, true]

    def _compute_tensor(self, *_: Any, **__: Any) -> torch.Tensor:
        raise TypeError("BoxAPMetric takes lists of boxes, one mapping for each image, not tensors.")

    def aggregate(self) -> torch.Tensor:
        """Average precision over the images of all ranks; NaN where no class has a true box."""
        buffers = self.get_buffer()
        if buffers is None:
            return torch.tensor(math.nan)
        found, true = (buffer.cpu().numpy() for buffer in buffers)
        every = [average_precision(_as_matches(found[:, n], true[:, n])).mean() for n in range(len(self.classes))]
        return torch.tensor(every, dtype=torch.float64).nanmean()


def _as_matches(found: np.ndarray, true: np.ndarray) -> Matches:
    """Of one class, from the scores and hits (images, 100, 1 + overlaps) and true boxes (images,) of `BoxAPMetric`."""
    image, box = np.nonzero(~np.isnan(found[..., 0]))
    scores, *hits = found[image, box].T
    order = np.argsort(-scores, kind="stable")
    return Matches(
        scores[order], image[order], np.stack(hits)[:, order] > 0, np.nan_to_num(true).astype(int), ~np.isnan(true)
    )
