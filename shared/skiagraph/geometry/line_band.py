"""Lines drawn into a label image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .surface_line import Floats, resample_line

_SAMPLING_PX = 0.25


def draw_band(lines: Sequence[Floats], shape: tuple[int, int], width_px: float) -> NDArray[np.uint8]:
    """Draw lines as a band of even width.

    All pixels whose centre is near enough to a line are set: Pillow, which rounds points down, would shift it.

    Args:
        lines: each (N, 2), points (x, y) in pixels, pixel centres at whole numbers.
        shape: (rows, columns) of the image.
        width_px: pixels up to half of it away from a line are set. Below 1.02 a line would break where it runs
            between two rows.

    Returns:
        uint8 image, 255 on the band and 0 elsewhere.
    """
    image = np.zeros(shape, dtype=np.uint8)
    reach = int(np.ceil(width_px / 2)) + 1
    steps = np.arange(-reach, reach + 1)
    offsets = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    for line in lines:
        points = resample_line(line, _SAMPLING_PX)
        pixels = np.rint(points).astype(int)[:, None] + offsets
        near = np.linalg.norm(pixels - points[:, None], axis=-1) <= width_px / 2
        inside = np.all((pixels >= 0) & (pixels < shape[::-1]), axis=-1)
        x, y = pixels[near & inside].T
        image[y, x] = 255
    return image
