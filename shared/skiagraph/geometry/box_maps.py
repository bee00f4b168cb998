"""Boxes from maps whose every cell measures how far the sides of its box are, and which of them are one too many."""

from __future__ import annotations

import torch
from torch import Tensor


def boxes_of_maps(logs: Tensor, stride: int, largest_log: float = 5.0) -> Tensor:
    """From logarithms of distances, in cells, to boxes in pixels.

    Args:
        logs: (..., 4, rows, columns), from the middle of a cell to row_min, column_min, row_max and column_max.
        stride: pixels of the image to a cell.
        largest_log: farther than exp(5) = 148 cells no side is; without a limit an untrained network overflows.

    Returns:
        (..., 4, rows, columns), (row_min, column_min, row_max, column_max), edges at whole numbers.
    """
    rows, columns = logs.shape[-2:]
    down = (torch.arange(rows, device=logs.device) + 0.5) * stride
    across = (torch.arange(columns, device=logs.device) + 0.5) * stride
    middle = torch.stack(torch.meshgrid(down, across, indexing="ij"))
    away = logs.clamp(max=largest_log).exp() * stride
    return torch.cat([middle - away[..., :2, :, :], middle + away[..., 2:, :, :]], dim=-3)


def uncovered_boxes(boxes: Tensor, labels: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression of hundreds of boxes at once, in TorchScript too.

    The answer is that of MONAI's `non_max_suppression`, which takes one step in Python for every box that it keeps:
    half a second for a thousand.

    Args:
        boxes: (B, 4, N), the best first.
        labels: (B, N); boxes of different labels do not touch each other.
        iou_threshold: a box goes if its IoU with a better one that stays is higher.

    Returns:
        (B, N), which boxes stay.
    """
    least = torch.maximum(boxes[:, :2, :, None], boxes[:, :2, None])
    most = torch.minimum(boxes[:, 2:, :, None], boxes[:, 2:, None])
    common = (most - least).clamp_min(0).prod(dim=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp_min(0).prod(dim=1)
    covered = common > iou_threshold * (areas[:, :, None] + areas[:, None] - common)
    hit = (covered & (labels[:, :, None] == labels[:, None])).triu(diagonal=1)
    stays = torch.ones_like(labels, dtype=torch.bool)
    settled = False
    while not settled:  # each round settles at least the next box for good, and mostly all
        now = ~(hit & stays[:, :, None]).any(dim=1)
        settled = torch.equal(now, stays)
        stays = now
    return stays
