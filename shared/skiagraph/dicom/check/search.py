"""Many values looked for at once, in texts and in bytes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import ahocorasick

from .bytes_as_text import ENCODINGS, texts_in_bytes
from .names import ways_to_write
from .profile import row_of
from .secrets import Secret
from .text import common_words, dates_in, is_east_asian, normalise, spelled_out

_LEAST_JOINED_DIGITS = 6
_DIGITS_OF_PHONE = 10
_LEAST_BYTES, _LEAST_DISTINCT_BYTES = 6, 3
# Dark pixels of 16 bits are short words in UTF-16.
_LEAST_WIDE_BYTES = 10
_NAME_IN_BYTES = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Hit:
    """A value that was found.

    Attributes:
        secret: the value.
        sure: False if it is excused where the original has the same text.
    """

    secret: Secret
    sure: bool


class Hunter:
    """Looks for values.

    Args:
        secrets: all values of a patient.
        options: codes that the output declares: what they retain is not looked for, and of what they clean only the
            parts that identify.
    """

    def __init__(self, secrets: Iterable[Secret], options: Collection[int] = ()) -> None:
        self.secrets = list(_not_retained(secrets, options))
        self._dates: dict[date, list[Hit]] = defaultdict(list)
        ways: dict[str, list[Hit]] = defaultdict(list)
        joined: dict[str, list[Hit]] = defaultdict(list)
        in_bytes: dict[str, list[Hit]] = defaultdict(list)
        for secret in self.secrets:
            if secret.kind == "date":
                self._dates[date.fromisoformat(secret.text)].append(Hit(secret, secret.strong))
                continue
            for way, sure in dict.fromkeys(_ways(secret)):
                ways[way].append(Hit(secret, sure and secret.strong))
            for digits in _joined_digits(secret):
                joined[digits].append(Hit(secret, secret.strong))
            if secret.strong:
                for pattern in set(_ways_in_bytes(secret)):
                    in_bytes[pattern].append(Hit(secret, sure=True))
        self._ways, self._joined, self._in_bytes = map(_automaton, (ways, joined, in_bytes))

    def in_text(self, text: str, *, trusted: bool = True, but_dates: Collection[date] = ()) -> Iterator[Hit]:
        """Values that stand in a text.

        Args:
            text: any text.
            trusted: whether the text is read in the encoding that it was written in; else a single letter is chance.
            but_dates: days that it may name.
        """
        words = normalise(text)
        yield from self._words(words, trusted=trusted)
        if (other := spelled_out(text)) != words:
            yield from self._words(other, trusted=trusted)
        for day in dates_in(text) - set(but_dates) if self._dates else ():
            yield from self._dates.get(day, ())

    @property
    def days(self) -> list[date]:
        """All dates that are looked for."""
        return list(self._dates)

    def on_day(self, day: date) -> list[Hit]:
        """Dates of the original that are this day."""
        return self._dates.get(day, [])

    def in_bytes(self, raw: bytes) -> Iterator[Hit]:
        """Values that stand in an element's bytes, in whatever encoding."""
        for text in texts_in_bytes(raw):
            yield from self.in_text(text, trusted=False)

    def in_file(self, piece: bytes) -> Iterator[Hit]:
        """Strong values that stand in a piece of a file, letters of ASCII being large or small."""
        if self._in_bytes is None:
            return
        text = piece.lower().decode("latin-1")
        for end, (pattern, hits) in self._in_bytes.iter(text):
            if _stands_alone(text, end - len(pattern) + 1, end + 1):
                yield from hits

    def _words(self, words: str, *, trusted: bool) -> Iterator[Hit]:
        if self._ways is not None:
            for _, (way, hits) in self._ways.iter(words):
                if trusted or len(way.strip()) > (1 if is_east_asian(way) else 3):
                    yield from hits
        if self._joined is not None:
            yield from self._digits(words.replace(" ", ""))

    def _digits(self, text: str) -> Iterator[Hit]:
        if self._joined is None:
            return
        for end, (digits, hits) in self._joined.iter(text):
            before, after = text[: end - len(digits) + 1][-1:], text[end + 1 : end + 2]
            whole_number = not before.isdigit() or len(digits) == _DIGITS_OF_PHONE
            if whole_number and not after.isdigit():
                yield from hits


def _not_retained(secrets: Iterable[Secret], options: Collection[int]) -> Iterator[Secret]:
    """Values that an option does not keep; a whole text may stay where texts are cleaned, a name in it may not."""
    grouped: dict[tuple[str, str], list[Secret]] = defaultdict(list)
    for secret in secrets:
        grouped[secret.kind, secret.text].append(secret)
    for same in grouped.values():
        actions = {row.action_under(options) for secret in same if secret.tag >= 0 and (row := row_of(secret.tag))}
        kept = "K" in actions or ("C" in actions and all(secret.kind == "text" for secret in same))
        if not kept:
            yield max(same, key=lambda secret: (secret.strong, secret.path))


def _ways(secret: Secret) -> Iterator[tuple[str, bool]]:
    if secret.kind == "name":
        yield from ways_to_write(secret.text)
    elif secret.kind != "phone":
        for words in {normalise(secret.text), spelled_out(secret.text)}:
            whole = words.strip()
            sure = not all(word in common_words() for word in words.split())
            if whole:
                yield (whole if is_east_asian(whole) and len(whole) > 1 else words), sure


def _joined_digits(secret: Secret) -> Iterator[str]:
    """Numbers without what parts them; of a telephone number its last digits, for a prefix may be missing."""
    digits = "".join(letter for letter in secret.text if letter.isdigit())
    letters = any(letter.isalpha() for letter in secret.text)
    if secret.kind == "phone" and len(digits) >= _LEAST_JOINED_DIGITS:
        yield digits[-_DIGITS_OF_PHONE:]
    elif secret.kind == "number" and not letters and len(digits) >= _LEAST_JOINED_DIGITS:
        yield digits


def _ways_in_bytes(secret: Secret) -> Iterator[str]:
    if secret.kind == "name":
        texts = [word for word in _NAME_IN_BYTES.findall(secret.text) if normalise(word).strip() not in common_words()]
    else:
        texts = [secret.text.strip()]
    for text in texts:
        for written in {text, text.upper(), text.lower(), text.title()}:
            for encoding in (*ENCODINGS, "utf-16-le", "utf-16-be"):
                try:
                    raw = written.encode(encoding).lower()
                except UnicodeEncodeError:
                    continue
                least = _LEAST_WIDE_BYTES if encoding.startswith("utf-16") else _LEAST_BYTES
                if len(raw) >= least and len(set(raw)) >= _LEAST_DISTINCT_BYTES:
                    yield raw.decode("latin-1")


def _stands_alone(text: str, start: int, end: int) -> bool:
    def is_letter(letter: str) -> bool:
        return letter.isascii() and letter.isalnum()

    before, after = text[max(start - 1, 0) : start], text[end : end + 1]
    joins_before = is_letter(before) and is_letter(text[start])
    return not joins_before and not (is_letter(after) and is_letter(text[end - 1]))


def _automaton(patterns: dict[str, list[Hit]]) -> ahocorasick.Automaton | None:
    if not patterns:
        return None
    automaton = ahocorasick.Automaton()
    for pattern, hits in patterns.items():
        automaton.add_word(pattern, (pattern, hits))
    automaton.make_automaton()
    return automaton
