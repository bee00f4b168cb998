"""From the grid that a network works on to that of the file, and back."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray

from .load import spacing_mm

Matrix = NDArray[np.float64]


def grid_to_file(image: MetaTensor) -> Matrix:
    """The (2, 3) matrix that takes (x, y, 1) in pixels of `image` as it is now to (x, y) in pixels of its file.

    Args:
        image: loaded by `LoadFramed`, or computed from such an image; its affine, which MONAI's transforms keep, leads
            back to the file.
    """
    affine = torch.as_tensor(image.affine, dtype=torch.float64)[:2].cpu().numpy()
    row_spacing, column_spacing = spacing_mm(image) or (1.0, 1.0)
    # From (row, column) to (x, y) on both sides.
    matrix = affine[::-1][:, [1, 0, -1]] / np.array([[column_spacing], [row_spacing]])
    return np.ascontiguousarray(matrix)


def file_to_grid(image: MetaTensor) -> Matrix:
    """The reverse of `grid_to_file`, (2, 3)."""
    matrix = grid_to_file(image)
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


def move_points(points: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    """Points (..., 2) through a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])
