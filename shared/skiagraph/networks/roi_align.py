"""Features inside boxes, from the level of a pyramid that suits each box's size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.data.box_utils import box_area
from torch import Tensor, nn
from torch.nn import functional

# Lin et al., "Feature Pyramid Networks for Object Detection" (CVPR 2017), equation 1: a box of ImageNet's size is
# pooled at stride 16.
CANONICAL_SIZE = 224
CANONICAL_STRIDE = 16


def roi_align(features: Tensor, boxes: Tensor, stride: int, size: int, sampling_ratio: int = 2) -> Tensor:
    """Average features in a grid of cells over each box, at exact positions.

    He et al., "Mask R-CNN" (ICCV 2017), aligned: cell (0, 0) of the features has its centre at half a stride from the
    image's edges. Each cell of the grid is the mean of ``sampling_ratio`` x ``sampling_ratio`` points, bilinearly
    interpolated; beyond the centres of the outermost cells the features go on as they are there.

    Args:
        features: (C, rows, columns) of one image.
        boxes: (N, 4) as (row_min, column_min, row_max, column_max), in pixels of the image.
        stride: pixels from cell to cell of the features.
        size: rows and columns of the grid.
        sampling_ratio: points in each direction in a cell of the grid.

    Returns:
        (N, C, size, size).
    """
    points = size * sampling_ratio
    steps = (torch.arange(points, dtype=boxes.dtype, device=boxes.device) + 0.5) / points
    extent = boxes.new_tensor([stride * cells for cells in features.shape[1:]])
    start, end = boxes[:, :2] / extent, boxes[:, 2:] / extent
    at = start[:, :, None] + (end - start)[:, :, None] * steps  # (N, 2, points), 0 and 1 the edges of the image
    rows = at[:, 0, :, None].expand(-1, -1, points)
    columns = at[:, 1, None, :].expand(-1, points, -1)
    # All boxes below one another are one picture to sample.
    grid = (2 * torch.stack([columns, rows], dim=-1) - 1).flatten(0, 1)[None].to(features.dtype)
    sampled = functional.grid_sample(features[None], grid, mode="bilinear", padding_mode="border", align_corners=False)
    pooled = functional.avg_pool2d(sampled[0], sampling_ratio)
    return pooled.unflatten(1, (len(boxes), size)).movedim(0, 1)


def pyramid_level(boxes: Tensor, strides: Sequence[int]) -> Tensor:
    """Which level of a pyramid each box is pooled from, (N,) from 0.

    Args:
        boxes: (N, 4), in pixels of the image.
        strides: of the levels, each twice that of the one before.
    """
    side = torch.as_tensor(box_area(boxes)).clamp_min(1e-6).sqrt()
    # A side of exactly 112, 224, ... is the start of a level; rounding is not to take it below.
    level = torch.floor(torch.log2(side * CANONICAL_STRIDE / (CANONICAL_SIZE * strides[0])) + 1e-6)
    return level.clamp(0, len(strides) - 1).long()


class MultiScaleRoIAlign(nn.Module):
    """RoIAlign over a feature pyramid.

    Args:
        size: rows and columns of the grid in each box.
        sampling_ratio: points in each direction in a cell of the grid.
        strides: of the levels, each twice that of the one before.
    """

    def __init__(self, size: int = 7, sampling_ratio: int = 2, strides: Sequence[int] = (4, 8, 16, 32)) -> None:
        super().__init__()
        self.size = size
        self.sampling_ratio = sampling_ratio
        self.strides = tuple(strides)

    def forward(self, levels: Sequence[Tensor], boxes: Sequence[Tensor]) -> Tensor:
        """Pool the boxes of a batch.

        Args:
            levels: for each stride the features (B, C, rows, columns); further levels are not looked at.
            boxes: for each image (N, 4) as (row_min, column_min, row_max, column_max), in pixels.

        Returns:
            (sum of N, C, size, size), in the order of the boxes.
        """
        return torch.cat([self._of_image(levels, number, mine) for number, mine in enumerate(boxes)])

    def _of_image(self, levels: Sequence[Tensor], number: int, boxes: Tensor) -> Tensor:
        pooled = levels[0].new_zeros((len(boxes), levels[0].shape[1], self.size, self.size))
        chosen = pyramid_level(boxes, self.strides)
        for level, stride in enumerate(self.strides):
            (here,) = torch.where(chosen == level)
            if len(here) > 0:
                pooled[here] = roi_align(levels[level][number], boxes[here], stride, self.size, self.sampling_ratio)
        return pooled
