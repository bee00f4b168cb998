"""Whether points lie to each other as they should."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..geometry.vertebrae import POINT_NAMES

# The four edges of each vertebra, and the steps along both sides to the next one.
_EDGES = tuple(
    (4 * vertebra + start, 4 * vertebra + end)
    for vertebra in range(len(POINT_NAMES) // 4)
    for start, end in ((0, 1), (2, 3), (0, 2), (1, 3), (2, 4), (3, 5))
    if 4 * vertebra + end < len(POINT_NAMES)
)


def morphology_loss(points: Tensor, target: Tensor, counted: Tensor, size_px: Tensor) -> Tensor:
    """How far the edges between points differ from the true ones, in length and in direction.

    After Kim et al., "Morphology-Aware Interactive Keypoint Estimation" (MICCAI 2022), who choose pairs of points whose
    distance and direction vary little from image to image; here these are the edges of vertebrae and of the discs.

    Args:
        points: (B, 68, 2), (x, y) in pixels.
        target: the true ones.
        counted: (B, 68), 1 for points that lie in the image; an edge counts if both its ends do.
        size_px: (2,), width and height of the image, by which lengths are divided.

    Returns:
        mean absolute difference of the lengths, plus 1 minus the mean cosine between the directions.
    """
    start, end = (torch.tensor(ends, device=points.device) for ends in zip(*_EDGES, strict=True))
    edges, true = ((each[:, end] - each[:, start]) / size_px for each in (points, target))
    weights = counted[:, start] * counted[:, end]
    lengths = (edges.norm(dim=-1) - true.norm(dim=-1)).abs()
    directions = 1 - functional.cosine_similarity(edges, true, dim=-1)
    loss: Tensor = ((lengths + directions) * weights).sum() / weights.sum().clamp_min(1)
    return loss
