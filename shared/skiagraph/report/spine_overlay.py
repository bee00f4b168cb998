"""A spine drawn over its radiograph: vertebrae, Cobb angles, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ..geometry.cobb import CobbAngle, CobbAngles
from ..geometry.vertebrae import VERTEBRAE, vertebra_corners, vertebra_outlines
from .overlays import GREEN, draw_lines

YELLOW, RED, BLUE = (255, 214, 64), (255, 84, 72), (90, 190, 255)
_CENTRELINE = (255, 140, 0)

# Lines and letters grow with the image, so that they look the same on a screen.
_LINE_SHARE, _TEXT_SHARE = 1 / 700, 1 / 55
# How far the lines of an angle stand out beyond the vertebra, in widths of it.
_REACH = 0.9


def overlay_spine(
    image: NDArray[np.uint8],
    points: NDArray[np.float64],
    angles: CobbAngles | None = None,
    faults: Mapping[str, str] | None = None,
    marks: Mapping[int, tuple[int, int, int]] | None = None,
) -> NDArray[np.uint8]:
    """Draw the outline of every vertebra, the curve of the spine, and the angles between the end vertebrae.

    Args:
        image: (rows, columns), grey; not changed.
        points: (68, 2), (x, y) in pixels of the image.
        angles: drawn as lines along the end vertebrae with the number of degrees; by default none.
        faults: names of vertebrae to draw in red (see `order_faults`).
        marks: points, by their number, that get a ring of a colour: clicks, and the one to look at next.

    Returns:
        RGB image (rows, columns, 3).
    """
    width_px = max(1.0, image.shape[0] * _LINE_SHARE)
    outlines = dict(zip(VERTEBRAE, vertebra_outlines(points), strict=True))
    wrong = [outline for name, outline in outlines.items() if name in (faults or {})]
    right = [outline for name, outline in outlines.items() if name not in (faults or {})]
    centres = vertebra_corners(points).mean(axis=(1, 2))
    drawn = draw_lines(image, right, GREEN, width_px)
    drawn = draw_lines(drawn, wrong, RED, width_px)
    drawn = draw_lines(drawn, [centres], _CENTRELINE, width_px)
    for angle in _distinct(angles):
        drawn = draw_lines(drawn, list(_end_lines(angle, points)), YELLOW, width_px)
    for number, colour in (marks or {}).items():
        drawn = draw_lines(drawn, [_ring(points[number], 4 * width_px)], colour, 1.5 * width_px)
    return _write_names(drawn, points, centres, _distinct(angles))


def _distinct(angles: CobbAngles | None) -> list[CobbAngle]:
    """The angles that there is something to draw of."""
    every = [angles.largest, angles.upper, angles.lower] if angles else []
    return [angle for angle in every if angle.region]


def _end_lines(angle: CobbAngle, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    upper, lower = (_mid_line(points, name) for name in (angle.upper_end, angle.lower_end))
    return upper, lower


def _mid_line(points: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """A vertebra's line from left to right, (2, 2), longer than the vertebra."""
    left, right = vertebra_corners(points)[VERTEBRAE.index(name)].mean(axis=0)
    return np.stack([left - _REACH * (right - left), right + _REACH * (right - left)])


def _ring(centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 25)
    return centre + radius * np.column_stack([np.cos(angle), np.sin(angle)])


def _write_names(
    drawn: NDArray[np.uint8], points: NDArray[np.float64], centres: NDArray[np.float64], angles: list[CobbAngle]
) -> NDArray[np.uint8]:
    picture = Image.fromarray(drawn)
    draw = ImageDraw.Draw(picture)
    size = max(9.0, drawn.shape[0] * _TEXT_SHARE)
    small, large = ImageFont.load_default(0.6 * size), ImageFont.load_default(size)
    edge = max(1, round(size / 12))
    for name, (x, y) in zip(VERTEBRAE, centres, strict=True):
        draw.text((x, y), name, GREEN, small, anchor="mm", stroke_width=edge, stroke_fill="black")
    for angle in angles:
        x, y = np.mean([_mid_line(points, end)[1] for end in (angle.upper_end, angle.lower_end)], axis=0)
        text = f"{angle.region} {angle.angle_deg:.0f}°"
        x = min(max(x, 0), drawn.shape[1] - draw.textlength(text, large) - edge)
        draw.text((x, y), text, YELLOW, large, anchor="lm", stroke_width=edge, stroke_fill="black")
    return np.asarray(picture)
