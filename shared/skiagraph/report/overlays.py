"""Findings drawn over the image that they were found in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

GREEN = (70, 230, 120)

# Lines are drawn this much larger and averaged: Pillow itself draws without antialiasing.
_FINER = 4


def draw_lines(
    image: NDArray[np.uint8],
    lines: Sequence[NDArray[Any]],
    colour: tuple[int, int, int] = GREEN,
    width_px: float = 1.5,
) -> NDArray[np.uint8]:
    """Draw thin antialiased lines over an image.

    Args:
        image: (rows, columns) grey or (rows, columns, 3) RGB; not changed.
        lines: each (N, 2), points (x, y) in pixels of the image, pixel centres at whole numbers.
        colour: red, green and blue, 0 to 255.
        width_px: width of a line in pixels.

    Returns:
        RGB image (rows, columns, 3).
    """
    drawn = Image.fromarray(image).convert("RGB")
    finer = Image.new("L", (drawn.width * _FINER, drawn.height * _FINER))
    draw = ImageDraw.Draw(finer)
    for line in lines:
        # From pixel centres at whole numbers to those of the finer grid.
        points = (np.asarray(line, dtype=float) + 0.5) * _FINER - 0.5
        draw.line([(x, y) for x, y in points], fill=255, width=max(1, round(width_px * _FINER)), joint="curve")
    drawn.paste(colour, mask=finer.reduce(_FINER))
    return np.asarray(drawn)
