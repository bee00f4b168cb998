"""All ways in which a person's name of DICOM (PS3.5, 6.2.1) is written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from .text import common_words, has_ideographs, is_east_asian, normalise, spelled_out

_PARTS = 3  # family, given, middle; prefixes and suffixes are titles
_LEAST_JOINED = 5


def ways_to_write(name: str) -> Iterator[tuple[str, bool]]:
    """Texts to look for in normalised text, and whether each is sure.

    A way begins and ends with a space where a word must begin and end. One that is not sure is a single word
    that is also a word of DICOM's own, as in the name ``Hand^Anna``.

    Args:
        name: value of a PN, ``Family^Given^Middle^Prefix^Suffix=ideographic=phonetic``, or a name in plain writing.
    """
    for group in name.split("="):
        for written in {normalise, spelled_out}:
            parts = [written(part).split() for part in group.split("^")[:_PARTS]]
            yield from _ways([part for part in parts if part])


def whole_names(name: str) -> Iterator[str]:
    """The normalised name in full, two parts or more, in both orders and with the given name's first letter."""
    for group in name.split("="):
        parts = [normalise(part).strip() for part in group.split("^")[:_PARTS]]
        words = [part for part in parts if part] if "^" in group else normalise(group).split()
        if len(words) > 1:
            yield from (" ".join(order) for order in permutations(words[:2]))


def _ways(parts: list[list[str]]) -> Iterator[tuple[str, bool]]:
    words = [word for part in parts for word in part]
    for word in words:
        yield from _ways_of_word(word)
    if len(words) < 2:
        return
    family, rest = (parts[0], parts[1:]) if len(parts) > 1 else (words[:1], [words[1:]])
    given = rest[0]
    sure = len("".join(family + given)) > 2 or is_east_asian("".join(words))
    for first, second in ((family, given), (given, family), (family, [given[0][0]]), ([given[0][0]], family)):
        # A single letter beside a word that everybody uses tells nothing.
        telling = sure and not (min(map(len, (first[0], second[0]))) == 1 and _is_common(family))
        if telling:
            yield f" {' '.join(first + second)} ", True
        joined = "".join(first + second)
        if is_east_asian(joined):
            yield joined, True
        elif telling and len(joined) >= _LEAST_JOINED and not joined.isdigit():
            yield f" {joined} ", True


def _ways_of_word(word: str) -> Iterator[tuple[str, bool]]:
    if has_ideographs(word) or (is_east_asian(word) and len(word) > 1):
        # There are no gaps between such words; one letter of Hangul or kana is too often one of grammar.
        yield word, True
    elif is_east_asian(word) or (len(word) > 1 and not word.isdigit()):
        yield f" {word} ", word not in common_words()


def _is_common(words: list[str]) -> bool:
    return all(word in common_words() for word in words)
