"""Identifiers of a study and its patient, found in whatever text they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick
from pydicom.uid import UID_dictionary

from .text import compared, compared_with_places, has_ideographs, is_ideographic
from .variants import Identifier, Kind, variants

MARKER = "REMOVED"
# From here on, names, numbers and any other words are found within longer ones, too.
_LONG_NAME, _LONG_NUMBER, _LONG = 4, 5, 6

_DIVIDED = re.compile(r"\w \d|\d \w")
_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
_UID_IN_BYTES = re.compile(r"(?<![\d.])[12](?:\.\d+){4,}(?![\d.])")
# Bytes as `compared` has them, spaces apart.
_COMPARED = bytes(code if chr(code).isalnum() and code < 128 else 32 for code in range(256)).lower()
# With five components or more, and with fewer: a version number is shorter.
_SHORTEST_UID, _SHORTEST_OF_FEW = 14, 20
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
# What identifies in free text, whoever it is of. After PS3.15 E.3.5 and the identifiers of 45 CFR 164.514(b)(2).
_PATTERNS = re.compile(
    rf"""
    (?P<uid>\b\d+(?:\.\d+)*\.\d{{20,}}\b)                # UIDs that were mapped stay
    | (?<![\d.])\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}(?![\d.]*\d)   # dates in numbers
    | \b(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{{6}})?\b
    | \b\d{{1,2}}\.?[ -]?{_MONTH}[ -,]*\d{{2,4}}\b | \b{_MONTH}[ ]\d{{1,2}},?[ ]\d{{2,4}}\b
    | (?<!\S)[^\s@]+@\S+ | \b(?:https?|ftp|file)://\S+ | \\\\\S+
    | \+?\(?\d[\d ()/-]{{6,}}\d                          # telephone numbers
    | \b[A-Z]{{0,3}}[-]?\d{{6,}}\b                       # record numbers
    | \b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Patient|Pt)\b[.:]?[ ]*(?:med\.?[ ]*)?(?-i:[A-Z][\w'-]+(?:[ ,]+[A-Z][\w'-]*)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of an identifier.

    Attributes:
        text: as `compared` writes it.
        anywhere: it counts within longer words, too.
        divided: it counts where something stands between its letters, as in 123-456.
    """

    text: str
    anywhere: bool = False
    divided: bool = False


class Hunter:
    """Finds the identifiers of one study, whatever their case, accents, order, character set and separators.

    Short ones count as whole words only; names of four letters or more, numbers of five, and other words of six within
    words too. Chinese, Japanese and Korean
    names count from one letter on, wherever they stand.
    """

    def __init__(self, identifiers: Iterable[Identifier], map_uid: Callable[[str], str] | None) -> None:
        self._automaton = ahocorasick.Automaton()
        self._map_uid = map_uid
        self.numbers: set[str] = set()
        self._has_divided = False
        for kind, value in identifiers:
            for form in variants((kind, value)):
                known = self._automaton.get(form, _Form(form))
                anywhere = known.anywhere or _is_found_in_words(form, kind)
                divided = known.divided or (kind == "text" and len(form) >= _LONG and _is_number(form))
                self._automaton.add_word(form, _Form(form, anywhere, divided))
                self._has_divided = self._has_divided or divided
                if form.isdigit() and len(form) >= _LONG_NUMBER:
                    self.numbers.add(form)
        self._any = len(self._automaton) > 0
        if self._any:
            self._automaton.make_automaton()

    def finds(self, text: str) -> bool:
        """Whether an identifier stands in a text."""
        return bool(self._spans(compared(text))) if self._any else False

    def finds_in_bytes(self, value: bytes) -> bool:
        """Whether an identifier of six letters or more, or a UID, stands in bytes, in ASCII or UTF-16."""
        dense = value.replace(b"\0", b"")
        if any(uid not in UID_dictionary for uid in _UID_IN_BYTES.findall(dense.decode("latin-1"))):
            return True
        letters = b" ".join(dense.translate(_COMPARED).split()).decode("ascii")
        return self._any and any(end - start >= _LONG for start, end in self._spans(letters))

    def finds_word(self, text: str) -> bool:
        """Whether an identifier stands in a text as words of its own, and not within another word."""
        letters = compared(text)
        return self._any and any(_stands_alone(letters, start, end) for start, end in self._spans(letters))

    def replaced(self, text: str, marker: str = MARKER) -> str:
        """The text with a marker for every word that an identifier stands in, and with UIDs mapped."""
        if self._map_uid is not None and text.count(".") > 1 and len(text) >= _SHORTEST_UID:
            text = self._with_mapped_uids(text, self._map_uid)
        if not self._any or not self._spans(compared(text)):
            return text
        letters, places = compared_with_places(text)
        words = (_whole_words(letters, start, end) for start, end in self._spans(letters))
        cut = [(places[start], places[end - 1] + 1) for start, end in words]
        new = _cut(text, cut, marker)
        return marker if self._spans(compared(new).replace(compared(marker), " ")) else new

    def cleaned(self, text: str) -> str:
        """`replaced`, and dates, numbers, addresses and titled names of anybody too."""
        text = self.replaced(text)
        cut = [match.span() for match in _PATTERNS.finditer(text) if match["uid"] is None]
        return _cut(text, cut, MARKER) if cut else text

    def _with_mapped_uids(self, text: str, map_uid: Callable[[str], str]) -> str:
        def mapped(match: re.Match[str]) -> str:
            uid = match[0]
            shortest = _SHORTEST_UID if uid.count(".") > 3 else _SHORTEST_OF_FEW
            return uid if len(uid) < shortest or uid in UID_dictionary else map_uid(uid)

        return _UID.sub(mapped, text)

    def _spans(self, letters: str) -> list[tuple[int, int]]:
        found = []
        for last, form in self._automaton.iter(letters):
            start, end = last + 1 - len(form.text), last + 1
            if form.anywhere or _stands_alone(letters, start, end):
                found.append((start, end))
        return [*found, *self._divided_spans(letters)] if self._has_divided else found

    def _divided_spans(self, letters: str) -> Iterator[tuple[int, int]]:
        """Numbers in which spaces stand."""
        if _DIVIDED.search(letters) is None:
            return
        places = [place for place, letter in enumerate(letters) if letter != " "]
        for last, form in self._automaton.iter(letters.replace(" ", "")):
            if form.divided:
                yield places[last + 1 - len(form.text)], places[last] + 1


def _is_number(form: str) -> bool:
    return " " not in form and any(map(str.isdigit, form))


def _is_found_in_words(form: str, kind: Kind) -> bool:
    words = form.split()
    shortest = _LONG_NAME if kind == "name" else _LONG if form.isalpha() or kind == "date" else _LONG_NUMBER
    return is_ideographic(form[0]) or (len(form) >= shortest and len(words[0]) > 1 and len(words[-1]) > 1)


def _stands_alone(letters: str, start: int, end: int) -> bool:
    before, after = letters[start - 1 : start], letters[end : end + 1]
    return not _goes_on(before, letters[start]) and not _goes_on(letters[end - 1], after)


def _whole_words(letters: str, start: int, end: int) -> tuple[int, int]:
    """A span, with what is left of the words that it begins and ends in: it would tell what was there."""
    while start > 0 and _goes_on(letters[start - 1], letters[start]) and not has_ideographs(letters[start - 1]):
        start -= 1
    while end < len(letters) and _goes_on(letters[end - 1], letters[end]) and not has_ideographs(letters[end]):
        end += 1
    return start, end


def _goes_on(one: str, other: str) -> bool:
    """Whether two neighbours belong to one word or number."""
    return (one.isalpha() and other.isalpha()) or (one.isdigit() and other.isdigit())


def _cut(text: str, spans: list[tuple[int, int]], marker: str) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not pieces:
            pieces += [text[at:start], marker]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


@lru_cache(maxsize=64)
def hunter_of(identifiers: frozenset[Identifier], map_uid: Callable[[str], str] | None) -> Hunter:
    """The hunter of a study; kept for its other files."""
    return Hunter(identifiers, map_uid)
