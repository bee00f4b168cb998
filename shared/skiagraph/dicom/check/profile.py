"""What the Basic Application Level Confidentiality Profile asks of an attribute (PS3.15 Annex E, Table E.1-1)."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

# CID 7050 of PS3.16.
BASIC = 113100
CLEAN_PIXELS = 113101
CLEAN_FACES = 113102
CLEAN_GRAPHICS = 113103
CLEAN_STRUCTURED = 113104
CLEAN_DESCRIPTORS = 113105
KEEP_FULL_DATES = 113106
KEEP_MODIFIED_DATES = 113107
KEEP_UIDS = 113110
KEEP_SAFE_PRIVATE = 113111
METHOD_MEANINGS = {
    BASIC: "Basic Application Confidentiality Profile",
    CLEAN_PIXELS: "Clean Pixel Data Option",
    CLEAN_FACES: "Clean Recognizable Visual Features Option",
    CLEAN_GRAPHICS: "Clean Graphics Option",
    CLEAN_STRUCTURED: "Clean Structured Content Option",
    CLEAN_DESCRIPTORS: "Clean Descriptors Option",
    KEEP_FULL_DATES: "Retain Longitudinal Temporal Information Full Dates Option",
    KEEP_MODIFIED_DATES: "Retain Longitudinal Temporal Information Modified Dates Option",
    113108: "Retain Patient Characteristics Option",
    113109: "Retain Device Identity Option",
    KEEP_UIDS: "Retain UIDs Option",
    KEEP_SAFE_PRIVATE: "Retain Safe Private Option",
    113112: "Retain Institution Identity Option",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        name: the attribute's name.
        action: of the basic profile, such as ``"X/Z"``.
        kept_by: codes of the options that retain it.
        cleaned_by: codes of the options that keep it without what identifies.
    """

    name: str
    action: str
    kept_by: frozenset[int]
    cleaned_by: frozenset[int]

    def action_under(self, options: Collection[int]) -> str:
        """``"K"`` (retained), ``"C"`` (cleaned) or the action of the basic profile.

        Args:
            options: codes that an output declares in (0012,0064).
        """
        if self.kept_by.intersection(options):
            return "K"
        return "C" if self.cleaned_by.intersection(options) else self.action


@lru_cache(maxsize=1)
def _table() -> tuple[dict[int, Row], dict[tuple[int, int | None], Row], Row]:
    """Rows by tag; rows of repeating groups by (first byte of the group, element); the row of private attributes."""
    single: dict[int, Row] = {}
    repeating: dict[tuple[int, int | None], Row] = {}
    private = None
    with Path(__file__).with_name("profile_table.csv").open(newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file):
            kept, cleaned = (frozenset(map(int, record[key].split())) for key in ("kept_by", "cleaned_by"))
            row = Row(record["name"], record["action"], kept, cleaned)
            tag = record["tag"]
            if tag == "PRIVATE":
                private = row
            elif "X" in tag:
                repeating[int(tag[:2], 16), None if "X" in tag[4:] else int(tag[4:], 16)] = row
            else:
                single[int(tag, 16)] = row
    if private is None:
        raise ValueError("profile_table.csv has no row of private attributes; make it anew")
    return single, repeating, private


@lru_cache(maxsize=65536)
def row_of(tag: int) -> Row | None:
    """The row of an attribute, or None where the profile leaves it as it is."""
    single, repeating, private = _table()
    if (tag >> 16) & 1:
        return private
    first = tag >> 24
    return single.get(tag) or repeating.get((first, tag & 0xFFFF)) or repeating.get((first, None))
