"""Stored values as grey, the way they are meant to be seen (PS3.3 C.11, PS3.4 N.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import UID, XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage

from .decoding import DicomFrames, StoredFrame
from .functional_groups import finite_numbers, frame_entries
from .lookup import look_up
from .padding import is_padding
from .pixel_description import PixelDescription

_LUMINANCE = (0.299, 0.587, 0.114)
_LUMINANCE_FIRST = ("YBR_FULL", "YBR_FULL_422")
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_BIPLANE = UID("1.2.840.10008.5.1.4.1.1.12.3")
# Their Modality LUT leads from what is shown back to the X-ray intensity (C.8.7.1.1.2), so it is not for display.
_SHOWN_AS_STORED = (XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage, _BIPLANE)
_STEEPEST = 500.0


def to_grey(stored: StoredFrame, frames: DicomFrames, index: int = 0) -> NDArray[np.float32]:
    """Grey levels of a stored frame, or of what was made from several.

    Grey images pass through the modality LUT and the VOI LUT or window (of the frame, in an Enhanced file), and
    MONOCHROME1 is turned so that large is white. Without window, eight bits are grey levels already, whatever they are
    rescaled to, and all else is stretched over its own range. Pixel padding and what is no number is black. Colours
    become luminance (ITU-R BT.601). A window that the standard does not allow is as one that is not there.

    Args:
        stored: the frame.
        frames: the file that it comes from.
        index: the frame whose lookup tables are used, counted from 0.

    Returns:
        (rows, columns), 0 (black) to 255 (white).

    Raises:
        ValueError: the photometric interpretation is none of the above, or a lookup table is damaged.
    """
    values, most = stored.values, 2**frames.description.bits_stored - 1
    if stored.photometric == "PALETTE COLOR":
        values = apply_color_lut(values, frames.header)
        return _luminance(values, np.iinfo(values.dtype).max)
    if stored.photometric == "RGB":
        return _luminance(values, most)
    if stored.photometric in _LUMINANCE_FIRST:
        return np.asarray(values[..., 0] * (255 / most), dtype=np.float32)
    if stored.photometric not in _MONOCHROME:
        raise ValueError(f"{frames.path}: the photometric interpretation {stored.photometric!r} is not supported")
    if not np.issubdtype(values.dtype, np.integer) or values.itemsize > 2:
        return _monochrome(values, stored.photometric, frames, index)
    # Far fewer values than pixels need to go through the tables.
    lowest = int(values.min())
    places = values.astype(np.intp) - lowest
    present = np.flatnonzero(np.bincount(places.ravel()))
    grey = np.zeros(present[-1] + 1, dtype=np.float32)
    grey[present] = _monochrome((present + lowest).astype(values.dtype), stored.photometric, frames, index)
    return grey[places]


def _monochrome(values: NDArray[Any], photometric: str, frames: DicomFrames, index: int) -> NDArray[np.float32]:
    header, description = frames.header, frames.description
    background = is_padding(values, header, description) | ~np.isfinite(values)
    grey = np.clip(_shown(values, background, header, index, description), 0, 255).astype(np.float32)
    grey = 255 - grey if photometric == "MONOCHROME1" else grey
    grey[background] = 0
    return grey


def _luminance(colours: NDArray[Any], most: int) -> NDArray[np.float32]:
    return np.asarray(colours @ (np.array(_LUMINANCE) * (255 / most)), dtype=np.float32)


def _shown(
    values: NDArray[Any], background: NDArray[np.bool_], header: Dataset, index: int, description: PixelDescription
) -> NDArray[np.float64]:
    """Grey before the turn of MONOCHROME1; outside of 0 to 255 for what is to be clipped."""
    ends = _modality(np.array(_grey_range(description), dtype=np.float64), header, index, description)
    values = _modality(values, header, index, description)
    entries = frame_entries(header, index, "FrameVOILUTSequence")
    if table := entries.get("VOILUTSequence"):
        looked_up = look_up(values, table[0], signed=bool(ends.min() < 0), little_endian=_is_little_endian(header))
        return looked_up.values * (255 / looked_up.most)
    if window := _window(entries):
        return 255 * _windowed(values, *window)
    if description.bits_allocated > 8 or description.signed:
        inside = values[~background]
        ends = np.array([inside.min(), inside.max()]) if inside.size else np.zeros(2)
    return np.asarray((values - ends.min()) * (255 / max(np.ptp(ends), 1e-6)))


def _grey_range(description: PixelDescription) -> tuple[int, int]:
    """Of bytes, all that they can hold, even if fewer bits are said to be stored."""
    whole_byte = description.bits_allocated == 8 and not description.signed
    return (0, 255) if whole_byte else description.stored_range


def _modality(values: NDArray[Any], header: Dataset, index: int, description: PixelDescription) -> NDArray[np.float64]:
    """C.11.1: the table or, where there is none, slope and intercept."""
    if header.get("SOPClassUID") in _SHOWN_AS_STORED:
        return values.astype(np.float64)
    if table := header.get("ModalityLUTSequence"):
        little_endian = _is_little_endian(header)
        return look_up(values, table[0], signed=description.signed, little_endian=little_endian).values
    entries = frame_entries(header, index, "PixelValueTransformationSequence")
    slope, intercept = (finite_numbers(entries, keyword)[:1] for keyword in ("RescaleSlope", "RescaleIntercept"))
    rescaled = values.astype(np.float64)
    return rescaled * slope[0] + intercept[0] if slope and intercept and slope[0] else rescaled


def _window(entries: Dataset) -> tuple[float, float, str] | None:
    """Centre, width and function of the first window that C.11.2.1.2 and C.11.2.1.3 allow."""
    function = str(entries.get("VOILUTFunction") or "LINEAR").upper()
    numbers = finite_numbers(entries, "WindowCenter")[:1] + finite_numbers(entries, "WindowWidth")[:1]
    possible = len(numbers) == 2 and (numbers[1] >= 1 if function == "LINEAR" else numbers[1] > 0)
    return (numbers[0], numbers[1], function) if possible else None


def _windowed(values: NDArray[np.float64], centre: float, width: float, function: str) -> NDArray[np.float64]:
    """C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2: 0 to 1, and beyond for what is to be clipped."""
    if function == "SIGMOID":
        steepness = np.clip(-4 * (values - centre) / width, -_STEEPEST, _STEEPEST)
        return np.asarray(1 / (1 + np.exp(steepness)))
    if function == "LINEAR_EXACT":
        return (values - centre) / width + 0.5
    if width == 1:
        return np.where(values <= centre - 0.5, 0.0, 1.0)
    return (values - (centre - 0.5)) / (width - 1) + 0.5


def _is_little_endian(header: Dataset) -> bool:
    return bool(header.original_encoding[1])
