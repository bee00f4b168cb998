"""The shape of spines from the labels of a data list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..data import data_list_sha256, read_data_list
from ..data.corners import read_corners
from ..data.data_list import Item
from ..data.point_shapes import write_shape
from ..data.readers import read_frame
from ..geometry.point_shape import fit_shape
from ..geometry.vertebrae import MIRRORED


def fit_corner_shape(
    data_list: str | Path, dataset_dir: str | Path, out: str | Path, size: tuple[int, int] = (512, 256), modes: int = 24
) -> int:
    """Fit the shape of the training part and write it for `CornerDecoder`.

    Every spine counts twice, as it is and mirrored.

    Args:
        data_list: its `label`s are vertebra corners.
        dataset_dir: folder of the images.
        out: JSON file to write.
        size: (rows, columns) of the image that all are brought to; a decoder of another size scales the shape.
        modes: how many modes of variation are kept.

    Returns:
        the number of spines.

    Raises:
        FileNotFoundError, ValueError: list, image or label is missing or damaged.
    """
    items = read_data_list(data_list, dataset_dir, "training")
    spines = np.stack([_on_grid(item, size) for item in items])
    mirrored = spines[:, list(MIRRORED)] * (-1, 1) + (size[1] - 1, 0)
    shape = fit_shape(torch.from_numpy(np.concatenate([spines, mirrored])), size, modes)
    write_shape(out, shape, {"data_list_sha256": data_list_sha256(data_list), "spines": len(items)})
    return len(items)


def _on_grid(item: Item, size: tuple[int, int]) -> NDArray[np.float64]:
    """The corners (68, 2) in pixels of the network's image."""
    rows, columns = read_frame(item["image"]).pixels.shape
    corners = read_corners(item["label"], (columns, rows), item.get("row"), item.get("first") or 0)
    return np.asarray((corners + 0.5) * (size[1] / columns, size[0] / rows) - 0.5)
