"""Lookup tables for grey values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset


@dataclass(frozen=True)
class LookedUp:
    """What a table makes of values.

    Attributes:
        values: in the shape of the input.
        most: the highest value that the table can give; the lowest is 0.
    """

    values: NDArray[np.float64]
    most: int


def look_up(values: NDArray[Any], table: Dataset, *, signed: bool, little_endian: bool) -> LookedUp:
    """Apply a modality or VOI LUT (PS3.3 C.11.1.1 and C.11.2.1.1); what lies outside gets its first or last entry.

    Args:
        values: whole numbers; others are rounded.
        table: item of Modality LUT Sequence or VOI LUT Sequence.
        signed: whether values below zero are possible, so that the descriptor's first input is a signed number.
        little_endian: order of the bytes in the file.

    Raises:
        ValueError: an entry is missing, or the table is shorter than it says.
    """
    described = table.get("LUTDescriptor")
    if described is None or len(described) != 3 or table.get("LUTData") is None:
        raise ValueError("a lookup table has no descriptor of three numbers, or no data")
    count, first, bits = (int(number) for number in described)
    count %= 1 << 16
    count = count or 1 << 16
    if signed and first >= 1 << 15:
        first -= 1 << 16
    single_bytes = bits <= 8 and isinstance(table.LUTData, bytes) and len(table.LUTData) < 2 * count
    entries = _entries(
        table.LUTData, np.dtype(np.uint8) if single_bytes else np.dtype("<u2" if little_endian else ">u2")
    )
    if len(entries) < count:
        raise ValueError(f"a lookup table of {count} entries holds {len(entries)}")
    entries = entries[:count]
    places = np.clip(np.rint(values) - first, 0, count - 1).astype(np.intp)
    # Some tables are of more bits than their descriptor says.
    return LookedUp(entries[places].astype(np.float64), max(2**bits, 2 ** int(entries.max()).bit_length()) - 1)


def _entries(data: Any, word: np.dtype[Any]) -> NDArray[np.uint16]:
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data)).astype(np.uint16)
    return np.frombuffer(data[: len(data) // word.itemsize * word.itemsize], word).astype(np.uint16)
