"""Stored frames as pictures in which a reader could see text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, convert_color_space

from ..decoding import DicomFrames, StoredFrame
from ..grey import to_grey
from ..pixel_description import PixelDescription

_LUMINANCE_FIRST = ("YBR_FULL", "YBR_FULL_422")


def looks(stored: StoredFrame, frames: DicomFrames, index: int) -> list[NDArray[np.uint8]]:
    """Colours as they are; grey as it is meant to be seen and, where that differs, stretched over all of its values.

    A window hides what lies outside of it, but every viewer can open it.

    Returns:
        Pictures of (rows, columns) or (rows, columns, 3).

    Raises:
        ValueError: the photometric interpretation is not supported, or a lookup table is damaged.
    """
    if stored.values.ndim == 3 or stored.photometric == "PALETTE COLOR":
        return [_colours(stored, frames)]
    meant = np.rint(to_grey(stored, frames, index)).astype(np.uint8)
    stretched = _stretched(stored.values)
    if stored.photometric == "MONOCHROME1":
        stretched = 255 - stretched
    return [meant] if np.array_equal(meant, stretched) else [meant, stretched]


def black(frames: DicomFrames) -> NDArray[Any]:
    """The stored value, or the three of a colour, that is shown black.

    Where grey has no value that is always black, because there is no window, it is the darkest of the first frame:
    a lower one would darken the rest of the picture.

    Raises:
        ValueError: the photometric interpretation is not supported.
    """
    first, description = frames[0], frames.description
    if first.photometric == "PALETTE COLOR":
        indices = np.arange(description.stored_range[1] + 1).astype(first.values.dtype)
        return indices[_table(indices, frames).astype(np.int64).sum(axis=1).argmin()]
    if first.values.ndim == 3:
        return _black_colour(first, description)
    grey = to_grey(first, frames)
    darkest = np.unravel_index(grey.argmin(), grey.shape)
    if grey[darkest] < 1 or description.keyword != "PixelData":
        return first.values[darkest]
    ends = np.array([description.stored_range]).astype(first.values.dtype)
    return ends[0, to_grey(StoredFrame(ends, first.photometric), frames)[0].argmin()]


def _black_colour(stored: StoredFrame, description: PixelDescription) -> NDArray[Any]:
    no_colour = 1 << (description.bits_stored - 1)
    luminance_first = stored.photometric in _LUMINANCE_FIRST
    return np.array([0, no_colour, no_colour] if luminance_first else [0, 0, 0], dtype=stored.values.dtype)


def _colours(stored: StoredFrame, frames: DicomFrames) -> NDArray[np.uint8]:
    if stored.photometric == "PALETTE COLOR":
        colours = _table(stored.values, frames)
        return (colours >> 8 * (colours.dtype.itemsize - 1)).astype(np.uint8)
    if stored.photometric not in (*_LUMINANCE_FIRST, "RGB"):
        raise ValueError(f"{frames.path}: the photometric interpretation {stored.photometric!r} is not supported")
    colours = (stored.values >> max(frames.description.bits_stored - 8, 0)).astype(np.uint8)
    if stored.photometric in _LUMINANCE_FIRST:
        return np.asarray(convert_color_space(colours, "YBR_FULL", "RGB"))
    return colours


def _table(indices: NDArray[Any], frames: DicomFrames) -> NDArray[Any]:
    return np.asarray(apply_color_lut(indices, frames.header))


def _stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
    low, high = finite.min(), finite.max()
    return np.rint((finite - low) * (255 / max(high - low, 1e-300))).astype(np.uint8)
