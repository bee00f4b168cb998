"""Identifiers of a study, found in whatever text they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import ahocorasick
from pydicom.uid import UID_dictionary

from .text import compared, compared_with_places, is_ideographic
from .variants import Identifier, variants

MARKER = "REMOVED"
# From here on, an identifier is found within a longer word, too.
_LONG = 6
_IN_BYTES = 6

_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.]*\d)")
# With five components or more, and with fewer: a version number is shorter.
_SHORTEST_UID, _SHORTEST_OF_FEW = 14, 20
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
# What identifies in free text, whoever it is of. After PS3.15 E.3.5 and the identifiers of 45 CFR 164.514(b)(2).
_PATTERNS = re.compile(
    rf"""
    \b\d{{1,4}}[-/.]\d{{1,2}}[-/.]\d{{1,4}}\b           # dates in numbers
    | \b(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:\d{{6}})?\b
    | \b\d{{1,2}}\.?[ -]?{_MONTH}[ -,]*\d{{2,4}}\b | \b{_MONTH}[ ]\d{{1,2}},?[ ]\d{{2,4}}\b
    | \S+@\S+ | \b(?:https?|ftp|file)://\S+ | \\\\\S+
    | \+?\(?\d[\d ()/-]{{6,}}\d                          # telephone numbers
    | \b[A-Z]{{0,3}}[-]?\d{{6,}}\b                       # record numbers
    | \b(?:Dr|Prof|Mr|Mrs|Ms|Herr|Frau|Patient|Pt)\b[.:]?[ ]*(?:med\.?[ ]*)?(?-i:[A-Z][\w'-]+(?:[ ,]+[A-Z][\w'-]*)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Hunter:
    """Finds the identifiers of one study, whatever their case, accents, order, character set and separators.

    Short ones count as whole words only, those of six letters or more within words too. Chinese, Japanese and Korean
    names count from one letter on, wherever they stand.
    """

    def __init__(self, identifiers: Iterable[Identifier], map_uid: Callable[[str], str] | None) -> None:
        self._automaton = ahocorasick.Automaton()
        self._map_uid = map_uid
        self.numbers: set[str] = set()
        self._in_bytes: list[bytes] = []
        for identifier in identifiers:
            for form in variants(identifier):
                self._automaton.add_word(form, (form, _is_found_in_words(form)))
                if form.isdigit() and len(form) >= _LONG:
                    self.numbers.add(form)
                if len(form) >= _IN_BYTES and form.isascii() and " " not in form:
                    self._in_bytes.append(form.encode())
        self._any = len(self._automaton) > 0
        if self._any:
            self._automaton.make_automaton()

    def finds(self, text: str) -> bool:
        """Whether an identifier stands in a text."""
        return bool(self._spans(compared(text))) if self._any else False

    def finds_in_bytes(self, value: bytes) -> bool:
        """Whether an identifier of six letters or more stands in bytes, in ASCII or UTF-16."""
        low = value.replace(b"\0", b"").lower()
        return any(form in low for form in self._in_bytes)

    def replaced(self, text: str, marker: str = MARKER) -> str:
        """The text with a marker for every identifier, and with UIDs mapped."""
        if self._map_uid is not None and text.count(".") > 1 and len(text) >= _SHORTEST_UID:
            text = self._with_mapped_uids(text, self._map_uid)
        if not self._any or not self._spans(compared(text)):
            return text
        letters, places = compared_with_places(text)
        cut = [(places[start], places[end - 1] + 1) for start, end in self._spans(letters)]
        new = _cut(text, cut, marker)
        return marker if self._spans(compared(new).replace(compared(marker), " ")) else new

    def cleaned(self, text: str) -> str:
        """`replaced`, and dates, numbers, addresses and titled names of anybody too."""
        text = self.replaced(text)
        cut = [match.span() for match in _PATTERNS.finditer(text)]
        return _cut(text, cut, MARKER) if cut else text

    def _with_mapped_uids(self, text: str, map_uid: Callable[[str], str]) -> str:
        def mapped(match: re.Match[str]) -> str:
            uid = match[0]
            shortest = _SHORTEST_UID if uid.count(".") > 3 else _SHORTEST_OF_FEW
            return uid if len(uid) < shortest or uid in UID_dictionary else map_uid(uid)

        return _UID.sub(mapped, text)

    def _spans(self, letters: str) -> list[tuple[int, int]]:
        found = []
        for last, (form, anywhere) in self._automaton.iter(letters):
            start, end = last + 1 - len(form), last + 1
            if anywhere or _stands_alone(letters, start, end):
                found.append((start, end))
        return found


def _is_found_in_words(form: str) -> bool:
    words = form.split()
    return is_ideographic(form[0]) or (len(form) >= _LONG and len(words[0]) > 1 and len(words[-1]) > 1)


def _stands_alone(letters: str, start: int, end: int) -> bool:
    before, after = letters[start - 1 : start], letters[end : end + 1]
    return not _goes_on(before, letters[start]) and not _goes_on(letters[end - 1], after)


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
