"""Text in the frames of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..decoding import DicomFrames
from .finding import Finding
from .looks import looks
from .text_detection import Box, contains, find_text

# Boxes of one text differ a little from frame to frame.
_SAME_TEXT = 0.5


def search_text(frames: DicomFrames, blanked: Sequence[Box], *, keep_markers: bool) -> list[Finding]:
    """Text that does not lie within boxes that are blanked anyway, as boxes that are to be blanked in all frames.

    Every frame is searched in all of its looks, unless it equals one that was outside of the boxes found until then.

    Raises:
        OSError: the network that finds text cannot be loaded.
        ValueError: a frame cannot be decoded or shown.
    """
    found: dict[Box, set[int]] = {}
    searched: set[bytes] = set()
    for index, stored in enumerate(frames):
        for look in looks(stored, frames, index):
            if _fingerprint(look, [*blanked, *found]) in searched:
                continue
            for box in find_text(look, keep_markers=keep_markers):
                if not any(contains(other, box) for other in blanked):
                    _add(found, box, index)
            searched.add(_fingerprint(look, [*blanked, *found]))
    return [Finding(tuple(sorted(indices)), box, "text", "blanked") for box, indices in sorted(found.items())]


def _add(found: dict[Box, set[int]], box: Box, index: int) -> None:
    """Join a box with those of the same text into one that holds them all."""
    indices = {index}
    while same := [other for other in found if _overlap(other, box) > _SAME_TEXT]:
        for other in same:
            indices |= found.pop(other)
        corners = np.array([box, *same])
        low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
        box = int(low[0]), int(low[1]), int(high[0]), int(high[1])
    found[box] = indices


def _overlap(first: Box, second: Box) -> float:
    """Their common area as a share of the smaller one."""
    rows = min(first[2], second[2]) - max(first[0], second[0])
    columns = min(first[3], second[3]) - max(first[1], second[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return max(rows, 0) * max(columns, 0) / max(min(areas), 1)


def _fingerprint(look: NDArray[np.uint8], boxes: Sequence[Box]) -> bytes:
    """Of what lies outside of the boxes."""
    outside = look.copy()
    for top, left, bottom, right in boxes:
        outside[top:bottom, left:right] = 0
    return hashlib.blake2b(outside.tobytes(), digest_size=16).digest()
