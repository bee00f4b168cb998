"""Which action the standard, and beyond its table this program, has for an element."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from pydicom.datadict import DicomDictionary, dictionary_has_tag, tag_for_keyword

from .beyond import CLASS_UIDS, DEVICE, HUNTED_URIS, PSEUDONYMS, REMOVED, REPLACED, TERMS
from .options import Options
from .stream import PIXEL_DATA, known_vr, name_of


class Action(Enum):
    """What is done with an element."""

    KEEP = "keep"
    HUNT = "hunt identifiers"
    CLEAN = "clean"
    REMOVE = "remove"
    EMPTY = "empty"
    DUMMY = "dummy"
    PSEUDONYM = "pseudonym"
    PATIENT = "patient's pseudonym"
    UID = "map UID"
    SHIFT = "shift date"
    RECURSE = "recurse"
    SCRUB = "dummy content"
    PRIVATE = "private"
    BINARY = "hunt identifiers in bytes"


# What an option or a rule takes away, its value is an identifier that is hunted everywhere else.
TAKES_AWAY = frozenset(
    (Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.PSEUDONYM, Action.PATIENT, Action.SHIFT, Action.SCRUB)
)
TEXT_VRS = frozenset((b"AE", b"AS", b"CS", b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"))
FREE_TEXT_VRS = frozenset((b"LT", b"ST", b"UT"))
DATE_VRS = frozenset((b"DA", b"DT", b"TM"))


@dataclass(frozen=True, slots=True)
class Rule:
    """An action, and the row it comes from.

    Attributes:
        action: what is done.
        reason: the row of the standard's table, or why without one.
        describes: the text is a description, which may hold identifiers but is none.
    """

    action: Action
    reason: str
    describes: bool = False


@cache
def load_table(name: str) -> dict[str, Any]:
    """A table that the package ships: "profile" or "safe_private"."""
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=64)
def safe_private(creator: str, group: int) -> dict[int, bytes]:
    """Elements within a private block that PS3.15 Table E.3.10-1 calls safe, with their VR."""
    found: dict[int, bytes] = {}
    vr = b"UN"
    for word in load_table("safe_private")["creators"].get(creator, {}).get(f"{group:04x}", "").split():
        if word.isalpha() and word.isupper():
            vr = word.encode()
        else:
            found[int(word, 16)] = vr
    return found


class Profile:
    """The rules for a choice of options.

    Combined codes of the table (X/Z/D...) depend on the Type of the attribute in the IOD, which a data set does not
    say. The one is taken that conforms whatever the Type is: D for all that have D, Z for X/Z, and references are
    mapped (U) for X/Z/U*. A sequence with D keeps its items, with a dummy in place of every text, name and date;
    so it is done with Content Sequence (0040,A730), whose codes and numbers stay, as the Clean Structured Content
    Option has it. Group 50xx and 60xx are removed as a whole. What is in no table goes by its VR, as Note 4 of PS3.15
    E.1.1 advises; what is not in the standard's dictionary at all is removed.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._rows: dict[int, Rule] = {}
        self._beyond()
        for tag, row in load_table("profile")["rows"].items():
            if tag.isalnum() and "x" not in tag and tag != "private":
                self._rows[int(tag, 16)] = self._from_row(int(tag, 16), row)
        self._special()
        self._known: dict[tuple[int, bytes], Rule] = {}

    def rule(self, tag: int, vr: bytes) -> Rule:
        """The rule for an element, by its tag and the VR that the file gives it."""
        known = self._known.get((tag, vr))
        if known is None:
            known = self._known[tag, vr] = self._find(tag, vr)
        return known

    def _beyond(self) -> None:
        self._set(REMOVED, Rule(Action.REMOVE, "beyond the table: it may identify"))
        self._set(REPLACED, Rule(Action.DUMMY, "beyond the table: it may identify"))
        if not self.options.retain_device:
            self._set(DEVICE, Rule(Action.DUMMY, "beyond the table: it names a device"))
        self._set(CLASS_UIDS, Rule(Action.BINARY, "beyond the table: UID of a class or register"))
        self._set(TERMS, Rule(Action.KEEP, "beyond the table: one of few terms"))
        self._set(HUNTED_URIS, Rule(Action.HUNT, "beyond the table: URI of a code"))

    def _special(self) -> None:
        self._set(PSEUDONYMS, Rule(Action.PSEUDONYM, "E.1-1 Z: keyed pseudonym"))
        self._set(("PatientName", "PatientID"), Rule(Action.PATIENT, "E.1-1 Z: keyed pseudonym of the patient"))
        self._set(("ContentSequence",), Rule(Action.RECURSE, "E.1-1 D: its texts, names, dates and UIDs"))
        self._set(("TextValue",), Rule(Action.DUMMY, "E.1-1 D of Content Sequence", describes=True))

    def _set(self, keywords: tuple[str, ...], rule: Rule) -> None:
        for keyword in keywords:
            tag = tag_for_keyword(keyword)
            if tag is None:
                raise KeyError(keyword)
            self._rows[tag] = rule

    def _from_row(self, tag: int, row: dict[str, str]) -> Rule:
        vr, describes = known_vr(tag), "descriptors" in row
        for column in reversed(self.options.columns):
            if column in row:
                return Rule(_optional(row[column], column, vr), f"E.1-1 {column} {row[column]}", describes)
        code = row["basic"]
        return Rule(_basic(code, vr), f"E.1-1 {code}", describes)

    def _find(self, tag: int, vr: bytes) -> Rule:
        group = tag >> 16
        if group & 1:
            return Rule(Action.PRIVATE, "E.1-1 private")
        if 0x5000 <= group <= 0x501E or 0x6000 <= group <= 0x601E:
            return Rule(Action.REMOVE, "E.1-1 50xx and 60xx: the whole group")
        if group < 8 or not tag & 0xFFFF:
            return Rule(Action.REMOVE, "no element of a data set, or a group length")
        row = self._rows.get(tag)
        if row is not None:
            return _fitted(row, vr, known_vr(tag))
        if tag not in DicomDictionary and not dictionary_has_tag(tag):
            return Rule(Action.REMOVE, "beyond the table: not in the dictionary")
        action = _by_vr(tag, vr)
        if action is Action.UID and self.options.retain_uids:
            action = Action.KEEP
        if action is Action.SHIFT and not self.options.modified_dates:
            action = Action.DUMMY
        return Rule(action, "beyond the table: by VR")


def _basic(code: str, vr: bytes) -> Action:
    if vr == b"SQ":
        return {"X": Action.REMOVE, "Z": Action.EMPTY, "X/Z": Action.EMPTY, "X/Z/U*": Action.RECURSE}.get(
            code, Action.SCRUB
        )
    if code == "X":
        return Action.REMOVE
    if code in ("Z", "X/Z"):
        return Action.EMPTY
    # A UID that D or U replaces is mapped: a dummy would be the same everywhere.
    return Action.UID if code == "U" or vr == b"UI" else Action.DUMMY


def _optional(code: str, column: str, vr: bytes) -> Action:
    if column == "modified_dates":
        return Action.SHIFT if vr in DATE_VRS else Action.REMOVE if vr == b"OB" else Action.HUNT
    if vr == b"SQ":
        return Action.RECURSE
    if vr in TEXT_VRS:
        return Action.CLEAN if code == "C" else Action.HUNT
    return Action.KEEP if code == "K" else Action.REMOVE


def _fitted(rule: Rule, vr: bytes, known: bytes) -> Rule:
    """The rule where the file gives the element another VR than the dictionary does."""
    if (vr == b"SQ") == (known == b"SQ") or rule.action is Action.REMOVE:
        return rule
    if vr == b"UN" and known == b"SQ":
        return rule
    return Rule(Action.REMOVE, f"{rule.reason}, and its VR {vr.decode()} is not the dictionary's")


def _by_vr(tag: int, vr: bytes) -> Action:
    known = known_vr(tag)
    kinds = {vr, known}
    if tag in PIXEL_DATA:
        return Action.KEEP
    if b"SQ" in kinds:
        return Action.RECURSE
    if b"PN" in kinds:
        return Action.DUMMY
    if b"UR" in kinds or b"AE" in kinds:
        return Action.REMOVE
    if kinds & DATE_VRS:
        return Action.SHIFT
    if kinds & FREE_TEXT_VRS:
        return Action.CLEAN
    if b"UI" in kinds:
        return Action.UID
    if kinds & TEXT_VRS or kinds & {b"IS", b"DS"}:
        return Action.HUNT
    return Action.BINARY if kinds & {b"UN", b"OB", b"OW", b"OF", b"OD", b"OL", b"OV"} else Action.KEEP


def describe(tag: int) -> str:
    """Tag and keyword, for messages."""
    entry = DicomDictionary.get(tag)
    return f"{name_of(tag)} {entry[4]}" if entry else name_of(tag)
