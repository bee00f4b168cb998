"""What a detector learns from, and what it keeps: matching, sampling and suppression of boxes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from monai.data.box_utils import box_iou
from torch import Tensor

from ..geometry.box_maps import uncovered_boxes

BACKGROUND = -1
IGNORED = -2


@dataclass(frozen=True)
class Assignment:
    """How candidates become examples of objects and of background.

    Args:
        object_iou: a candidate with at least this IoU with a true box is an example of it.
        background_iou: one with less than this with all is an example of background; those between are left out.
        examples: how many examples of an image are drawn at random.
        object_share: the largest share of objects among them.
        every_box: the best candidates of a true box are examples of it even where their IoU is lower.
    """

    object_iou: float
    background_iou: float
    examples: int
    object_share: float
    every_box: bool = False


def match(truth: Tensor, candidates: Tensor, assignment: Assignment) -> Tensor:
    """Which true box each candidate is an example of (Ren et al., "Faster R-CNN", NeurIPS 2015).

    Args:
        truth: (N, 4).
        candidates: (M, 4).
        assignment: the thresholds.

    Returns:
        (M,) indices of true boxes, `BACKGROUND` or `IGNORED`.
    """
    if len(truth) == 0:
        return torch.full((len(candidates),), BACKGROUND, device=candidates.device)
    iou = torch.as_tensor(box_iou(truth, candidates))
    best, nearest = iou.max(dim=0)
    matched = torch.where(best < assignment.object_iou, IGNORED, nearest)
    matched = torch.where(best < assignment.background_iou, BACKGROUND, matched)
    if assignment.every_box:
        is_best = (iou == iou.amax(dim=1, keepdim=True)) & (iou > 0)
        matched = torch.where(is_best.any(dim=0), nearest, matched)
    return matched


def draw(matched: Tensor, assignment: Assignment) -> tuple[Tensor, Tensor]:
    """Draw examples from what `match` returned: indices of objects, and of background, by torch's generator."""
    objects, background = (
        among[torch.randperm(len(among), device=among.device)]
        for among in (torch.where(matched >= 0)[0], torch.where(matched == BACKGROUND)[0])
    )
    objects = objects[: int(assignment.examples * assignment.object_share)]
    return objects, background[: assignment.examples - len(objects)]


def labelled_classes(target: Mapping[str, Tensor], classes: int, device: torch.device) -> Tensor:
    """Which classes have all their boxes in an image's target, bool (classes,).

    Args:
        target: those of its ``labelled``, numbers of classes; all where it has none.
        classes: number of classes.
        device: where the answer lies.

    Raises:
        ValueError: ``labelled`` names a class that there is not.
    """
    labelled = target.get("labelled")
    if labelled is None:
        return torch.ones(classes, dtype=torch.bool, device=device)
    if len(labelled) > 0 and (int(labelled.min()) < 0 or int(labelled.max()) >= classes):
        raise ValueError(f"labelled is to name some of the classes 0 to {classes - 1}, not {labelled.tolist()}")
    known = torch.zeros(classes, dtype=torch.bool, device=device)
    known[labelled.to(device)] = True
    return known


def suppress(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression (see `uncovered_boxes`).

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou_threshold: a box goes if its IoU with a better one that stays is higher.

    Returns:
        indices of the boxes that stay, best first.
    """
    order = scores.argsort(descending=True, stable=True)
    return order[uncovered_boxes(boxes[order].T[None], torch.zeros_like(order)[None], iou_threshold)[0]]
