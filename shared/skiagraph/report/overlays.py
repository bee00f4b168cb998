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
    for line in filter(len, lines):
        _draw_line(drawn, np.asarray(line, dtype=float), colour, width_px)
    return np.asarray(drawn)


def _draw_line(drawn: Image.Image, points: NDArray[Any], colour: tuple[int, int, int], width_px: float) -> None:
    """Draw one line; only the rectangle around it is drawn larger, which is much faster than the whole image."""
    margin = int(np.ceil(width_px)) + 1
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - margin, 0)
    right, bottom = np.minimum(np.ceil(points.max(axis=0)).astype(int) + margin + 1, drawn.size)
    if left >= right or top >= bottom:
        return
    finer = Image.new("L", (int(right - left) * _FINER, int(bottom - top) * _FINER))
    # From pixel centres at whole numbers to those of the finer grid.
    on_finer = (points - (left, top) + 0.5) * _FINER - 0.5
    width = max(1, round(width_px * _FINER))
    ImageDraw.Draw(finer).line([(x, y) for x, y in on_finer], fill=255, width=width, joint="curve")
    drawn.paste(colour, (int(left), int(top)), finer.reduce(_FINER))
