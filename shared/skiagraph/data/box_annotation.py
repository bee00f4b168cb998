"""Boxes that somebody drew in an image, whatever file they stand in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Pixels: in COCO an edge is the sum of two numbers.
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class BoxAnnotation:
    """The boxes of one image.

    Attributes:
        boxes: (N, 4), xmin, ymin, xmax, ymax in pixels: edges, so the whole image is (0, 0, width, height).
        classes: the class of each box.
        size: (width, height) in pixels of the image that they were drawn in, None where the file does not tell.
        truncated: of each box, whether the image shows only a part of what is in it. Left out: none is.
        difficult: of each box, whether a detector is neither to find it nor to leave it out. Left out: none is.
    """

    boxes: NDArray[np.float64]
    classes: tuple[str, ...]
    size: tuple[int, int] | None = None
    truncated: tuple[bool, ...] = ()
    difficult: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        for flag in ("truncated", "difficult"):
            object.__setattr__(self, flag, getattr(self, flag) or (False,) * len(self.classes))


def box_problems(annotation: BoxAnnotation, size: tuple[int, int], classes: Collection[str]) -> list[str]:
    """What is wrong with the boxes of an image: sorts of fault, a colon, and the boxes that have it.

    Args:
        annotation: the boxes.
        size: (width, height) of the image in pixels.
        classes: names of the classes that are known.

    Returns:
        One text for each sort of fault: drawn in an image of another size, class names that are not known, boxes
        that are empty or reversed, boxes that reach out of the image. Empty if all is well.
    """
    problems = []
    if annotation.size is not None and annotation.size != size:
        problems.append(f"drawn in an image of another size: {_size(annotation.size)}, but it has {_size(size)} pixels")
    if unknown := sorted(set(annotation.classes) - set(classes)):
        problems.append(f"unknown class: {', '.join(unknown)}")
    low, high = annotation.boxes[:, :2], annotation.boxes[:, 2:]
    empty = (low >= high).any(axis=1)
    outside = ~empty & ((low < -_ROUNDING) | (high > np.array(size) + _ROUNDING)).any(axis=1)
    for fault, boxes in (("empty or reversed box", empty), ("box out of the image", outside)):
        if boxes.any():
            problems.append(
                f"{fault}: {', '.join(_box(annotation, index) for index in np.flatnonzero(boxes).tolist())}"
            )
    return problems


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _box(annotation: BoxAnnotation, index: int) -> str:
    corners = ", ".join(f"{value:g}" for value in annotation.boxes[index])
    return f"{annotation.classes[index]} ({corners})"
