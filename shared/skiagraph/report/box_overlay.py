"""Found boxes drawn over their image, with class and score."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .overlays import draw_lines

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

# The bright colours of Okabe and Ito, which the colour-blind can tell apart, also on a dark image.
COLOURS: tuple[Colour, ...] = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66), (204, 121, 167))
WHITE = (255, 255, 255)

# Of the longer side, so that lines and letters look the same on a screen.
_LINE_SHARE, _TEXT_SHARE = 1 / 300, 1 / 38
# Length of a dash and of the gap after it, in widths of the line.
_DASH = 4

Rectangle = tuple[float, float, float, float]


def overlay_boxes(
    image: NDArray[np.uint8],
    boxes: Array,
    names: Sequence[str],
    scores: Sequence[float] | Array,
    truth: Array | None = None,
    classes: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Draw boxes in the colour of their class, with class and score beside them; or write that nothing was found.

    Args:
        image: (rows, columns) grey or (rows, columns, 3) RGB; not changed.
        boxes: (N, 4), (xmin, ymin, xmax, ymax) in pixels of the image, whose left edge is 0.
        names: class of each box.
        scores: of each box, 0 to 1.
        truth: (M, 4), true boxes, drawn dashed and white.
        classes: the first has the first colour, and so on, whatever is in the image; names that are not among them
            follow in their order.

    Returns:
        RGB image (rows, columns, 3).
    """
    size = max(image.shape[:2])
    width_px = max(1.0, size * _LINE_SHARE)
    dashes = [dash for box in _four(truth) for dash in _dashed(_outline(box, image, width_px), width_px)]
    drawn = draw_lines(image, dashes, WHITE, width_px)
    colours = _class_colours([*classes, *names])
    surest_last = np.argsort(np.asarray(scores), kind="stable")
    for number in surest_last:
        outline = _outline(_four(boxes)[number], image, width_px)
        drawn = draw_lines(drawn, [outline], colours[names[number]], width_px)
    labels = [(_four(boxes)[n], f"{names[n]} {scores[n]:.2f}", colours[names[n]]) for n in surest_last[::-1]]
    return _write(drawn, labels or [(np.zeros(4), "nothing found", WHITE)])


def _four(boxes: Array | None) -> Array:
    return np.asarray([] if boxes is None else boxes, dtype=float).reshape(-1, 4)


def _class_colours(names: Sequence[str]) -> dict[str, Colour]:
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(dict.fromkeys(names))}


def _outline(box: Array, image: NDArray[np.uint8], width_px: float) -> Array:
    """The closed line (5, 2) of a box between pixel centres; where the box ends with the image, its line is inside."""
    low, high = np.zeros(2) + width_px / 2, np.array(image.shape[1::-1]) - width_px / 2
    left, top, right, bottom = np.clip(box, np.tile(low, 2), np.tile(np.maximum(low, high), 2)) - 0.5
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])


def _dashed(line: Array, width_px: float) -> list[Array]:
    """Dashes along a line of (N, 2) points."""
    dashes = []
    for start, end in pairwise(line):
        length = float(np.linalg.norm(end - start))
        starts = np.arange(0, length, 2 * _DASH * width_px)
        ends = np.minimum(starts + _DASH * width_px, length)
        dashes += [start + np.outer(both, (end - start) / length) for both in zip(starts, ends, strict=True)]
    return dashes


def _write(drawn: NDArray[np.uint8], labels: Sequence[tuple[Array, str, Colour]]) -> NDArray[np.uint8]:
    """Write texts at their boxes, the first ones first; each where it covers no other if there is such a place."""
    picture = Image.fromarray(drawn)
    draw = ImageDraw.Draw(picture)
    size = max(10.0, max(picture.size) * _TEXT_SHARE)
    font, edge = ImageFont.load_default(size), max(1, round(size / 10))
    gap = 2 * edge
    taken: list[Rectangle] = []
    for box, text, colour in labels:
        extent = draw.textbbox((0, 0), text, font, stroke_width=edge)
        text_size = extent[2] - extent[0] + 2 * gap, extent[3] - extent[1] + 2 * gap
        places = _places(box, text_size, picture.size)
        place = next((p for p in places if not any(_overlap(p, other) for other in taken)), places[0])
        taken.append(place)
        at = (place[0] + gap - extent[0], place[1] + gap - extent[1])
        draw.text(at, text, colour, font, stroke_width=edge, stroke_fill="black")
    return np.asarray(picture)


def _places(box: Array, text_size: tuple[float, float], image_size: tuple[int, int]) -> list[Rectangle]:
    """Where a text may stand, within the image: above the box, below it, at its upper or its lower edge inside."""
    (width, height), (left, top, _, bottom) = text_size, box
    x = max(0.0, min(left, image_size[0] - width))
    rows = [top - height, bottom, top, bottom - height]
    fitting = [y for y in rows if 0 <= y <= image_size[1] - height] or [0.0]
    return [(x, y, x + width, y + height) for y in fitting]


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
