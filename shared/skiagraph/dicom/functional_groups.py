"""Entries of one frame of an Enhanced multi-frame file (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue


def frame_group(header: Dataset, index: int, macro: str) -> Dataset | None:
    """The item of a macro's sequence that holds for a frame: its own, else the one that all frames share.

    Args:
        header: of the file.
        index: of the frame, counted from 0.
        macro: keyword of the macro's sequence, such as ``"PixelMeasuresSequence"``.

    Returns:
        The item; None where the file has none, as in a classic file.
    """
    own = header.get("PerFrameFunctionalGroupsSequence") or ()
    shared = header.get("SharedFunctionalGroupsSequence") or ()
    for groups in (*own[index : index + 1], *shared[:1]):
        items = groups.get(macro)
        if items:
            return items[0]
    return None


def frame_entries(header: Dataset, index: int, macro: str) -> Dataset:
    """As `frame_group`, and the header itself where there is no such macro: a classic file has the entries there."""
    group = frame_group(header, index, macro)
    return header if group is None else group


def finite_numbers(entries: Dataset, keyword: str) -> tuple[float, ...]:
    """The values of an entry; none where it is missing, empty or not finite numbers."""
    try:
        value = entries.get(keyword)
        numbers = tuple(float(entry) for entry in (value if isinstance(value, (MultiValue, list)) else [value]))
    except (TypeError, ValueError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()
