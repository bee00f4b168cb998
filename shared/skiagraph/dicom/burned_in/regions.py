"""Parts of pictures that hold text by what the header says of the machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from .text_detection import Box

_RULES = Path(__file__).with_name("region_rules.json")
_REGION = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")
_BY_NUMBER = ("Rows", "Columns", "WindowWidth")


@dataclass(frozen=True)
class RegionRule:
    """Where a kind of machine writes text.

    Attributes:
        name: what it is about, and where it was published.
        when: keyword and what its element holds: numbers are equal, Modality is equal, other texts occur in it, in
            capitals or not.
        boxes: (row_min, column_min, row_max, column_max), may reach beyond the picture.
    """

    name: str
    when: tuple[tuple[str, str | int], ...]
    boxes: tuple[Box, ...]

    def applies_to(self, header: Dataset) -> bool:
        """Whether a file is of this kind."""
        return all(_holds(header, keyword, wanted) for keyword, wanted in self.when)


@lru_cache(maxsize=1)
def region_rules() -> tuple[RegionRule, ...]:
    """All rules of region_rules.json, which names its sources."""
    table = json.loads(_RULES.read_text(encoding="utf-8"))
    return tuple(
        RegionRule(
            f"{rule['name']} ({rule['source']})",
            tuple(rule["when"].items()),
            tuple((box[0], box[1], box[2], box[3]) for box in rule["boxes"]),
        )
        for rule in table["rules"]
    )


def _holds(header: Dataset, keyword: str, wanted: str | int) -> bool:
    value: Any = header.get(keyword)
    if value is None:
        return False
    if keyword in _BY_NUMBER:
        values = [value] if isinstance(value, (int, float, str)) else list(value)
        return bool(values) and float(values[0]) == wanted
    text = value if isinstance(value, str) else "\\".join(map(str, value))
    if keyword == "Modality":
        return text.strip().casefold() == str(wanted).casefold()
    return str(wanted).casefold() in text.casefold()


def outside_of_ultrasound_regions(header: Dataset) -> list[Box]:
    """All that no region of Sequence of Ultrasound Regions (0018,6011) holds, as boxes that do not overlap.

    PS3.3 C.8.5.5.1.1: places are of pixels, from 0, the last ones included. Regions that are empty, incomplete or
    outside of the picture count for nothing; where none is left, the picture has no regions, and nothing is outside.
    """
    shape = int(header.Rows), int(header.Columns)
    regions = [
        region
        for item in header.get("SequenceOfUltrasoundRegions") or ()
        if (region := _region(item, shape)) is not None
    ]
    if not regions:
        return []
    edges = sorted({0, shape[0], *(edge for region in regions for edge in (region[0], region[2]))})
    boxes: list[Box] = []
    for top, bottom in pairwise(edges):
        across = sorted((left, right) for first, left, last, right in regions if first <= top and bottom <= last)
        for left, right in _gaps(across, shape[1]):
            above = (boxes[-1][0], left, top, right) if boxes else None
            if above is not None and boxes[-1] == above:
                boxes[-1] = (above[0], left, bottom, right)
            else:
                boxes.append((top, left, bottom, right))
    return boxes


def _region(item: Dataset, shape: tuple[int, int]) -> Box | None:
    places = [item.get(keyword) for keyword in _REGION]
    if not all(isinstance(place, int) for place in places):
        return None
    top, left, bottom, right = (int(place) for place in places if place is not None)
    clipped = max(top, 0), max(left, 0), min(bottom + 1, shape[0]), min(right + 1, shape[1])
    return clipped if clipped[0] < clipped[2] and clipped[1] < clipped[3] else None


def _gaps(covered: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    gaps, end = [], 0
    for start, stop in [*covered, (length, length)]:
        if start > end:
            gaps.append((end, start))
        end = max(end, stop)
    return gaps
