"""Points as heat maps and back, in batches of tensors.

A map at stride s has one cell for s x s pixels of its image; the centre of cell (0, 0) lies in the middle of these.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gaussian_maps(points: Tensor, size: tuple[int, int], sigma_px: float, stride: int = 1) -> Tensor:
    """Draw every point as a Gaussian of height 1 on a map of its own.

    Args:
        points: (..., N, 2), (x, y) in pixels of the image; a point that is NaN gives an empty map.
        size: (rows, columns) of a map.
        sigma_px: standard deviation in pixels of the image.
        stride: pixels of the image to a cell of the map.

    Returns:
        (..., N, rows, columns).
    """
    cells = (points + 0.5) / stride - 0.5
    across = torch.arange(size[1], device=points.device, dtype=cells.dtype)
    down = torch.arange(size[0], device=points.device, dtype=cells.dtype)
    sigma = sigma_px / stride
    columns = torch.exp(-0.5 * ((across - cells[..., 0, None]) / sigma) ** 2)
    rows = torch.exp(-0.5 * ((down - cells[..., 1, None]) / sigma) ** 2)
    return torch.nan_to_num(rows)[..., :, None] * torch.nan_to_num(columns)[..., None, :]


def highest_points(maps: Tensor, stride: int = 1, radius: int = 2) -> Tensor:
    """Where each map is highest, to a fraction of a cell: the centroid of the square around its highest cell.

    Args:
        maps: (..., rows, columns), not negative, more than `2 * radius` cells to a side.
        stride: pixels of the image to a cell of the map.
        radius: half the side of the square, in cells. Where it is less than three standard deviations of the peak, the
            point is drawn towards its highest cell. A square that would leave the map is moved inside.

    Returns:
        (..., 2), (x, y) in pixels of the image. Of an empty map, its first cell.
    """
    rows, columns = maps.shape[-2:]
    flat = maps.flatten(-2)
    highest = flat.argmax(dim=-1, keepdim=True)
    top = (highest // columns).clamp(radius, rows - 1 - radius)
    left = (highest % columns).clamp(radius, columns - 1 - radius)
    beside = torch.arange(-radius, radius + 1, device=maps.device)
    down, across = torch.meshgrid(beside, beside, indexing="ij")
    y, x = top + down.flatten(), left + across.flatten()
    weights = flat.gather(-1, y * columns + x)
    total = weights.sum(dim=-1)
    centre = torch.stack([(weights * x).sum(dim=-1), (weights * y).sum(dim=-1)], dim=-1)
    cells = torch.where(
        total[..., None] > 0,
        centre / total[..., None].clamp_min(torch.finfo(maps.dtype).tiny),
        torch.cat([highest % columns, highest // columns], dim=-1).to(maps.dtype),
    )
    return (cells + 0.5) * stride - 0.5
