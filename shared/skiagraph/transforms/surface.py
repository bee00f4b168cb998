"""From a probability map to the lines of bone surfaces in the original image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ..geometry.surface_line import SurfaceLine, extract_surface_lines
from .grid import grid_to_file, move_points


class SurfaceLinesd(MapTransform):
    """Extract bone surfaces from maps (1, rows, columns), as `SurfaceLine`s in pixels of the original image.

    The map may have been resized: its affine, which MONAI's transforms keep, leads back to the original.

    Args:
        keys: maps between 0 and 1, loaded by `LoadFramed` or computed from such an image; label images (0 to 255)
            are binarised. Output: key + ``_lines``, a list of `SurfaceLine`.
        threshold: probability above which a pixel belongs to a surface.
        min_columns: shorter lines are dropped.
        allow_missing_keys: do not complain about a missing key.

    Raises:
        ValueError: while running, a map holds NaN or infinity: that is not an image without bone.
    """

    def __init__(
        self, keys: KeysCollection, threshold: float = 0.5, min_columns: int = 3, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.threshold = threshold
        self.min_columns = min_columns

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the lines of a case's maps."""
        out = dict(data)
        for key in self.key_iterator(dict(data)):
            image: MetaTensor = out[key]
            probability = np.asarray(image[0].detach().cpu(), dtype=np.float32)
            if not np.isfinite(probability).all():
                raise ValueError(f"{key}: the network's answer is not finite; its weights are of a diverged training")
            if probability.max() > 1:
                probability = (probability > 0).astype(np.float32)
            lines = extract_surface_lines(probability, self.threshold, self.min_columns)
            out[f"{key}_lines"] = [_to_original(line, image) for line in lines]
        return out


def _to_original(line: SurfaceLine, image: MetaTensor) -> SurfaceLine:
    """Carry a line from the grid of `image` to that of the file it came from."""
    return replace(line, points_px=move_points(line.points_px, grid_to_file(image)))
