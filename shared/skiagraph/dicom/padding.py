"""Pixels that fill up an image and show nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from .functional_groups import finite_numbers
from .pixel_description import PixelDescription

_VALUES = {
    "PixelData": "PixelPaddingValue",
    "FloatPixelData": "FloatPixelPaddingValue",
    "DoubleFloatPixelData": "DoubleFloatPixelPaddingValue",
}
_LIMITS = {
    "PixelData": "PixelPaddingRangeLimit",
    "FloatPixelData": "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelData": "DoubleFloatPixelPaddingRangeLimit",
}


def is_padding(values: NDArray[Any], header: Dataset, description: PixelDescription) -> NDArray[np.bool_]:
    """Where stored values are padding (PS3.3 C.7.5.1.1.2): from Pixel Padding Value to Range Limit, if there is one."""
    ends = [
        _in_type(number, values.dtype)
        for names in (_VALUES, _LIMITS)
        for number in finite_numbers(header, names[description.keyword])[:1]
    ]
    if not ends or not finite_numbers(header, _VALUES[description.keyword]):
        return np.zeros(values.shape, dtype=np.bool_)
    return np.asarray((values >= min(ends)) & (values <= max(ends)))


def _in_type(number: float, dtype: np.dtype[Any]) -> float:
    """The number that the same bits are in the type of the pixels: its sign is often written wrongly."""
    if not np.issubdtype(dtype, np.integer):
        return number
    info = np.iinfo(dtype)
    return (int(number) - info.min) % (int(info.max) - info.min + 1) + info.min
