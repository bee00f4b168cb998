from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from skiagraph.networks.roi_align import MultiScaleRoIAlign, pyramid_level, roi_align


def interpolated(plane: Tensor, row: float, column: float) -> float:
    """The plane at a point given in cells, 0 the centre of the first, kept to the centres of the outermost."""
    rows, columns = plane.shape
    row, column = min(max(row, 0.0), rows - 1.0), min(max(column, 0.0), columns - 1.0)
    top, left = min(int(row), rows - 2), min(int(column), columns - 2)
    down, right = row - top, column - left
    return float(
        plane[top, left] * (1 - down) * (1 - right)
        + plane[top, left + 1] * (1 - down) * right
        + plane[top + 1, left] * down * (1 - right)
        + plane[top + 1, left + 1] * down * right
    )


def brute_force(features: Tensor, box: list[float], stride: int, size: int, ratio: int) -> Tensor:
    """As Mask R-CNN has it, point by point."""
    top, left, bottom, right = (side / stride - 0.5 for side in box)
    answer = torch.zeros(len(features), size, size)
    for channel, plane in enumerate(features):
        for i in range(size):
            for j in range(size):
                values = []
                for u in range(ratio):
                    for v in range(ratio):
                        row = top + (i + (u + 0.5) / ratio) * (bottom - top) / size
                        column = left + (j + (v + 0.5) / ratio) * (right - left) / size
                        values.append(interpolated(plane, row, column))
                answer[channel, i, j] = sum(values) / len(values)
    return answer


@pytest.mark.parametrize(("stride", "size", "ratio"), [(4, 7, 2), (8, 3, 2), (8, 2, 3), (16, 1, 1)])
def test_is_what_point_by_point_gives(stride: int, size: int, ratio: int) -> None:
    generator = torch.Generator().manual_seed(stride)
    features = torch.randn(2, 6, 9, generator=generator)
    limit = torch.tensor([6.0, 9.0]) * stride
    corners = torch.rand(8, 2, 2, generator=generator).sort(dim=1).values * limit
    whole = torch.tensor([[0.0, 0.0, 6.0 * stride, 9.0 * stride], [0.0, 0.0, 1.0, 2.0]])
    boxes = torch.cat([corners.flatten(1), whole])
    expected = torch.stack([brute_force(features, box, stride, size, ratio) for box in boxes.tolist()])
    torch.testing.assert_close(roi_align(features, boxes, stride, size, ratio), expected, rtol=1e-4, atol=1e-5)


def test_a_plane_that_rises_gives_the_centres_of_the_grid() -> None:
    """Features that are the place itself, in pixels: cell (i, j) has its centre at (i + 1/2, j + 1/2) strides."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(48.0), indexing="ij")
    features = torch.stack([(rows + 0.5) * 8, (columns + 0.5) * 8])
    pooled = roi_align(features, torch.tensor([[20.0, 50.0, 90.0, 190.0]]), stride=8, size=7)
    torch.testing.assert_close(pooled[0, 0, :, 3], 25.0 + 10 * torch.arange(7))
    torch.testing.assert_close(pooled[0, 1, 3, :], 60.0 + 20 * torch.arange(7))


@pytest.mark.parametrize(
    ("side", "level"), [(10, 0), (111.9, 0), (112, 1), (223.9, 1), (224, 2), (447, 2), (448, 3), (5000, 3)]
)
def test_level_doubles_with_the_side(side: float, level: int) -> None:
    """Equation 1 of the paper: a box of 224 pixels is pooled at stride 16, one of half that at stride 8."""
    boxes = torch.tensor([[0.0, 0.0, side, side], [5.0, 7.0, 5.0 + side / 2, 7.0 + 2 * side]])
    assert pyramid_level(boxes, (4, 8, 16, 32)).tolist() == [level, level]


def test_boxes_are_pooled_from_their_image_and_level_in_their_order() -> None:
    """Every level of every image is a constant of its own."""
    levels = [torch.tensor([[1.0], [2.0]])[:, :, None, None].expand(-1, -1, n, n) * 10**k for k, n in enumerate((8, 4))]
    large, small = [0.0, 0.0, 30.0, 30.0], [1.0, 2.0, 9.0, 8.0]
    align = MultiScaleRoIAlign(size=2, strides=(56, 112))  # the first is for sides below 28 * 56
    boxes = [torch.tensor([large, small]) * 56, torch.tensor([small, large, small]) * 56]
    pooled = align(levels, boxes)
    assert pooled.shape == (5, 1, 2, 2)
    sides = [math.sqrt((b[2] - b[0]) * (b[3] - b[1])) * 56 for b in (large, small)]
    assert sides[1] < 784 < sides[0]
    torch.testing.assert_close(pooled[:, 0, 0, 0], torch.tensor([10.0, 1.0, 2.0, 20.0, 2.0]))


def test_an_image_without_boxes_gives_none() -> None:
    align = MultiScaleRoIAlign(size=3, strides=(4,))
    features = torch.ones(2, 5, 8, 8)
    assert align([features], [torch.zeros(0, 4), torch.tensor([[0.0, 0.0, 9.0, 9.0]])]).shape == (1, 5, 3, 3)
    assert align([features], [torch.zeros(0, 4), torch.zeros(0, 4)]).shape == (0, 5, 3, 3)


def test_gradient_is_shared_out_whole() -> None:
    """The weights of each mean sum to one, and none falls outside of its box's image."""
    features = torch.randn(2, 3, 8, 8, requires_grad=True)
    pooled = MultiScaleRoIAlign(size=4, strides=(4,))([features], [torch.zeros(0, 4), torch.rand(3, 4).cumsum(1) * 8])
    pooled.sum().backward()
    torch.testing.assert_close(features.grad.sum(dim=(1, 2, 3)), torch.tensor([0.0, 3 * 3 * 16.0]))
