"""How an identifier may be written elsewhere: parts and orders of a name, forms of a date, a number without dashes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Literal

from .text import compared, has_ideographs, is_ideographic, without_umlauts

Kind = Literal["name", "date", "text"]
# What an identifier is in which form, as it stands in an element.
Identifier = tuple[Kind, str]

_PARTICLES = frozenset(
    ("da", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la", "le", "les", "ten", "ter", "van",
     "von", "zu", "zum", "zur", "bin", "ibn", "al")
)  # fmt: skip
_TITLES = frozenset(("dr", "prof", "mr", "mrs", "ms", "md", "phd", "jr", "sr", "ii", "iii", "iv"))
# These stand where nothing is to be told.
_NOTHING = frozenset(
    ("anonymous", "anonymized", "anon", "none", "unknown", "unspecified", "na", "n", "a", "no", "yes", "null",
     "undefined", "removed", "other", "test", "not", "applicable", "patient", "person")
)  # fmt: skip
_LONGEST = 400
_LEAST_NATIONAL = 6
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_PARTS = re.compile(r"[\r\n,;\\]+")


def variants(identifier: Identifier) -> Iterator[str]:
    """The forms of an identifier to look for, as `compared` writes them; none if it tells nothing."""
    kind, value = identifier
    if set(compared(identifier[1]).split()) <= _NOTHING:
        return
    forms = {"name": _name, "date": _date, "text": _text}[kind]
    for spelled in {value[:_LONGEST], without_umlauts(value[:_LONGEST])}:
        for form in forms(spelled):
            plain = compared(form)
            if _tells(plain):
                yield plain


def _tells(form: str) -> bool:
    return has_ideographs(form) or len(form) > (1 if form.isalpha() else 2)


def _name(value: str) -> Iterator[str]:
    """A name (PN): each of its groups as a whole, and their families and given names in every order."""
    yield value
    for group in value.split("="):
        components = [part.strip() for part in group.split("^")[:3]]
        named = [part for part in components if part]
        yield " ".join(part for part in group.split("^") if part)
        yield " ".join(named)
        yield " ".join(reversed(named))
        yield "".join(named)
        yield "".join(reversed(named))
        yield from _parts_of_name(components)


def _parts_of_name(components: list[str]) -> Iterator[str]:
    words = [compared(component) for component in components if component]
    # Names without ^, as they are often typed, are taken apart at their spaces.
    for word in words:
        pieces = [piece for piece in word.split() if piece not in _PARTICLES and piece not in _TITLES]
        yield from (word, word.replace(" ", ""))
        yield from (piece for piece in pieces if len(piece) > 1 or is_ideographic(piece))
    if len(words) > 1:
        family, given = words[0], words[1]
        yield from (f"{given} {family}", f"{family} {given}", f"{given}{family}", f"{family}{given}")
        if not is_ideographic(given[:1] or "x"):
            yield from (f"{given[:1]} {family}", f"{family} {given[:1]}", f"{given[:1]}{family}")


def _date(value: str) -> Iterator[str]:
    """A date, YYYYMMDD, as people write it; `compared` makes one of all that differ by - . or / alone."""
    try:
        day = date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    except ValueError:
        return
    year, short_year = f"{day.year:04d}", f"{day.year % 100:02d}"
    yield value[:8]
    yield f"{day.day:02d}{day.month:02d}{year}"
    yield f"{day.month:02d}{day.day:02d}{year}"
    for first, second in ((day.day, day.month), (day.month, day.day)):
        for form in (
            f"{first:02d} {second:02d}",
            f"{first} {second}",
            f"{first:02d} {second}",
            f"{first} {second:02d}",
        ):
            yield f"{form} {year}"
            yield f"{form} {short_year}"
    yield f"{year} {day.month:02d} {day.day:02d}"
    yield f"{year} {day.month} {day.day}"
    yield f"{short_year} {day.month:02d} {day.day:02d}"
    for month in (_MONTHS[day.month - 1], _LONG_MONTHS[day.month - 1]):
        for number in (f"{day.day}", f"{day.day:02d}"):
            yield from (f"{number} {month} {year}", f"{number}{month}{year}", f"{month} {number} {year}")
            yield from (f"{number} {month} {short_year}", f"{year} {month} {number}")


def _text(value: str) -> Iterator[str]:
    """A number, address, institution: whole, without what divides it, and in its lines."""
    for part in {value, *value.split("\\"), *_PARTS.split(value)}:
        plain = compared(part)
        if len(plain) < 3 and not has_ideographs(plain):
            continue
        yield plain
        if len(plain) > 4 and any(map(str.isdigit, plain)):
            yield plain.replace(" ", "")
        yield from _national(part)


def _national(value: str) -> Iterator[str]:
    """A telephone number without its country code, which has one to three digits (ITU-T E.164), if it has one."""
    digits = "".join(filter(str.isdigit, value))
    if value.strip().startswith(("+", "00")) and len(digits) >= _LEAST_NATIONAL + 3:
        bare = digits.removeprefix("00")
        yield from (bare[code:] for code in (1, 2, 3))
