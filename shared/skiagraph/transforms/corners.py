"""Vertebra corners on their way into an interactive network: labels, and clicks as hint maps."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import look_up_option
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..data.corners import read_corners
from ..geometry.heat_maps import gaussian_maps
from ..geometry.vertebrae import MIRRORED, POINT_NAMES
from .grid import file_to_grid, grid_to_file, move_points

# Of published heat maps, in pixels of a 512 x 256 image (Kim et al., MICCAI 2022).
HINT_SIGMA_PX = 7.5

Points = NDArray[np.float64]


class LoadCornersd(MapTransform):
    """Read the corners of an image as a tensor (68, 2), (x, y) in pixels of its file, float32.

    Args:
        keys: items that hold the path of a label (see `skiagraph.data.corners`). The item's ``row`` and
            ``first`` say where in the table its points are, and how they are ordered.
        image_key: the image, loaded by `LoadFramed`.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(self, keys: KeysCollection, image_key: str = "image", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Load the corners of an item."""
        loaded = dict(data)
        for key in self.key_iterator(loaded):
            rows, columns = (int(size) for size in data[self.image_key].meta["spatial_shape"])
            points = read_corners(data[key], (columns, rows), data.get("row"), data.get("first") or 0)
            loaded[key] = torch.from_numpy(points).float()
        return loaded


class CornersToGridd(MapTransform):
    """Move corners from pixels of the file to pixels of the image as it is now, (68, 2).

    Where the image has been mirrored, left and right corners change places, for they are named as seen in the image.

    Args:
        keys: points (68, 2), (x, y) in pixels of the file.
        image_key: the image, whose affine tells what was done to it.
        allow_missing_keys: do not complain about a missing key.
    """

    def __init__(self, keys: KeysCollection, image_key: str = "image", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Move the corners of an item."""
        moved = dict(data)
        for key in self.key_iterator(moved):
            points = corners_to_grid(np.asarray(data[key], dtype=float), data[self.image_key])
            moved[key] = torch.from_numpy(points).float()
        return moved


def corners_to_grid(points: Points, image: MetaTensor) -> Points:
    """Corners (68, 2), (x, y), from pixels of the file to pixels of the image as it is now.

    Where the image has been mirrored, left and right corners change places, for they are named as seen in the image.
    """
    matrix = file_to_grid(image)
    moved = move_points(points, matrix)
    return moved[list(MIRRORED)] if np.linalg.det(matrix[:, :2]) < 0 else moved


class HintMapsd(MapTransform):
    """Put hint maps and previous maps behind an image: the input of an interactive network.

    The channels are the image, then a map of each point's click, then a map of each point's previous prediction, which
    is empty at first (`skiagraph.engines` fills them in as clicks come). At stride 4 the image becomes 16 channels of a
    quarter of its size, one for each pixel of a 4 x 4 block (row by row), so that nothing of it is lost.

    The meta data of the image stay.

    Args:
        keys: images (1, rows, columns), each side a multiple of the stride.
        stride: pixels to a cell of the maps.
        clicks_key: the item's clicks, by the point's name {"T5_tl": (x, y), ...} in pixels of the file; may be missing.
            Output: ``clicked``, (68, 2), NaN where there is none; and ``grid_to_file``, (2, 3), which takes (x, y, 1)
            in pixels of the image to (x, y) in pixels of its file.
        sigma_px: of the Gaussian drawn at a click, in pixels of the image.
        on_error: ``"raise"``, or ``"report"`` to pass over clicks that cannot be, with a meta entry ``error`` that says
            why, so that they do not end the work on a folder.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: while running, no point has the name of a click, or it lies outside the image.
    """

    def __init__(
        self,
        keys: KeysCollection,
        stride: int = 4,
        clicks_key: str = "clicks",
        sigma_px: float = HINT_SIGMA_PX,
        on_error: str = "raise",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.report_errors = look_up_option(on_error, ("raise", "report")) == "report"
        self.stride = stride
        self.clicks_key = clicks_key
        self.sigma_px = sigma_px

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the maps of an item."""
        out = dict(data)
        for key in self.key_iterator(out):
            image: MetaTensor = data[key]
            clicked = self._read_clicks(data.get(self.clicks_key) or {}, image)
            on_grid = torch.from_numpy(corners_to_grid(clicked, image)).float()
            blocks = functional.pixel_unshuffle(image.as_tensor()[None], self.stride)[0].float()
            empty = blocks.new_zeros(2 * len(POINT_NAMES), *blocks.shape[1:])
            joined = fill_maps(torch.cat([blocks, empty])[None], on_grid[None], None, self.sigma_px)[0]
            out[key] = MetaTensor(joined).copy_meta_from(image)
            out["clicked"] = torch.from_numpy(clicked)
            out["grid_to_file"] = torch.from_numpy(grid_to_file(image))
        return out

    def _read_clicks(self, clicks: Mapping[str, Sequence[float]], image: MetaTensor) -> Points:
        rows, columns = (int(size) for size in image.meta["spatial_shape"])
        if image.meta["error"]:  # it could not be read, so there is nothing to click on
            return read_clicks({}, (columns, rows))
        try:
            return read_clicks(clicks, (columns, rows))
        except ValueError as problem:
            if not self.report_errors:
                raise
            image.meta["error"] = f"{image.meta['filename_or_obj']}: {problem}"
            return read_clicks({}, (columns, rows))


def input_stride(image: Tensor) -> int:
    """Pixels of the image to a cell of the input of a network, B C rows columns, that `HintMapsd` made."""
    return math.isqrt(image.shape[1] - 2 * len(POINT_NAMES))


def fill_maps(image: Tensor, hints: Tensor, previous: Tensor | None, sigma_px: float = HINT_SIGMA_PX) -> Tensor:
    """The input of a network's next pass.

    Args:
        image: its last one, B C rows columns (see `HintMapsd`).
        hints: clicks (B, 68, 2), (x, y) in pixels of the network's image, NaN where there is none.
        previous: maps of the last answer, B 68 rows columns, brought to the size of the input; None for none.
        sigma_px: of the Gaussian drawn at a click.
    """
    drawn = gaussian_maps(hints, (image.shape[2], image.shape[3]), sigma_px, input_stride(image)).to(image.dtype)
    hinted = torch.cat([image[:, : -2 * len(POINT_NAMES)], drawn, torch.zeros_like(drawn)], dim=1)
    return hinted if previous is None else with_previous(hinted, previous)


def with_previous(image: Tensor, previous: Tensor) -> Tensor:
    """The input of a network (see `fill_maps`) with other previous maps, and the same hints."""
    size = (image.shape[2], image.shape[3])
    if previous.shape[2:] != size:
        previous = functional.interpolate(previous, size=size, mode="bilinear", align_corners=False)
    return torch.cat([image[:, : -len(POINT_NAMES)], previous.to(image.dtype)], dim=1)


def read_clicks(clicks: Mapping[str, Sequence[float]], size: tuple[int, int]) -> Points:
    """Check clicks and put them in order.

    Args:
        clicks: {name: (x, y)} in pixels of the image, names as in `POINT_NAMES`.
        size: (width, height) of the image.

    Returns:
        (68, 2), NaN for points that were not clicked.

    Raises:
        ValueError: there is no such point, or a click is no pair of finite numbers, or lies outside the image.
    """
    points = np.full((len(POINT_NAMES), 2), np.nan)
    for name, place in clicks.items():
        if name not in POINT_NAMES:
            raise ValueError(f"{name}: no such point; they are called {POINT_NAMES[0]}, ..., {POINT_NAMES[-1]}")
        x, y = _read_pair(name, place)
        if not (-0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5):
            raise ValueError(f"{name}: the click ({x:g}, {y:g}) lies outside the image of {size[0]} x {size[1]} pixels")
        points[POINT_NAMES.index(name)] = x, y
    return points


def _read_pair(name: str, place: Any) -> tuple[float, float]:
    pair = tuple(place) if isinstance(place, (Sequence, np.ndarray)) and not isinstance(place, str) else ()
    if len(pair) != 2 or not all(isinstance(number, Real) and not isinstance(number, bool) for number in pair):
        raise ValueError(f"{name}: a click is a pair of numbers [x, y], got {place!r}")
    try:
        return float(pair[0]), float(pair[1])
    except OverflowError:
        return math.inf, math.inf  # outside of any image
