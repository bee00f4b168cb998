"""What an original says that no output may say: names, numbers, texts, dates and UIDs.

A value is looked for if its attribute, or a sequence or private block around it, has a row in Table E.1-1, or if it is
a person's name. It is *strong* if it points to somebody by itself: persons' names, numbers that identify, addresses,
places, the dates of the study. A strong one may stand nowhere. A weak one (a description, a private value, what was
read out of free text) may stand where the profile leaves an attribute alone and the original has the same value there:
``CHEST`` in Body Part Examined is no leak because Study Description said it too.

Not looked for: what is empty or a placeholder, words of DICOM's own dictionaries, identifying numbers below four
characters and others below six, times of day, the words of codes, and values such as M or 045Y; whether these are
still where they were, the rows of the profile tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydicom.datadict import keyword_for_tag

from .bytes_as_text import whole_text
from .profile import Row, row_of
from .reading import DicomFile, Leaf
from .text import (
    MAIL_IN_TEXT,
    PHONE_IN_TEXT,
    TITLED_NAME,
    UID_IN_TEXT,
    common_words,
    date_of,
    dates_in,
    is_east_asian,
    normalise,
)

Kind = Literal["name", "number", "text", "phone", "date"]

_FREE_TEXT_VRS = frozenset(("AE", "LO", "SH", "ST", "LT", "UC", "UR", "UT", "UN", "OB"))
_DATE_VRS = frozenset(("DA", "DT"))
_POINTING = re.compile(
    r"\b(IDs?|Identifiers?|Identification|Numbers?|Locator|Address|AE|Station Name|Institution Name|Residence"
    r"|Institutional Department Name|Telecom|Responsible Organization|Camera Owner Name)\b"
)
_PHONE = re.compile(r"\b(Telephone|Phone|Telecom)\b")
_LONG_NUMBER = re.compile(r"(?<![\w.])(?:[A-Za-z]{1,6}[-_ ]?)?\d{6,}(?![\w.])")
# Dates on which something was done to the patient; others may be those of a calibration.
_GROUPS_OF_PATIENT = frozenset((0x0008, 0x0010, 0x0032, 0x0038, 0x0040))
_PLACEHOLDER_NAMES = frozenset(
    ("anonymous", "anonymized", "anonymised", "anon", "unknown", "none", "removed", "dummy", "no", "name")
)
_PLACEHOLDER_DATES = frozenset(("1900-01-01", "1970-01-01", "2000-01-01", "1850-01-01"))
_LEAST_OF_NUMBER, _LEAST_LETTERS, _LEAST_DIGITS = 4, 3, 6
# Private values of many kilobytes are tables of a machine.
_LONGEST_TEXT = 16384
# Code Value, Code Meaning and what belongs to them (PS3.3 8.8): words of a code book.
_CODES = range(0x00080100, 0x00080125)
_STANDARD_ROOT = "1.2.840.10008."
# UIDs of kinds of things, not of things.
_CLASS_KEYWORDS = re.compile(
    r"(SOPClass\w*|TransferSyntax\w*|ImplementationClass|CodingScheme|Context|MappingResource|ApplicationHosting\w*"
    r"|PrivateInformationCreator|PrivateRecord|RelatedGeneralSOPClass|ContextGroupExtensionCreator|\w*Class)UID\w*$"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A value to look for.

    Attributes:
        kind: what it is.
        text: as the original has it; a date as ``2024-01-31``.
        tag: whose value it is; -1 for what was read out of running text.
        path: its element in the original.
        strong: whether it may stand nowhere at all.
    """

    kind: Kind
    text: str
    tag: int
    path: str
    strong: bool


def secrets_of(file: DicomFile) -> set[Secret]:
    """All values of a file that its output may not say, but UIDs."""
    return {secret for leaf, row in with_rows(file) for secret in _secrets_of_leaf(leaf, row)}


def uids_of(file: DicomFile) -> Iterator[tuple[str, str]]:
    """UIDs of a file that name a thing, and the path of each; those of the standard itself name none."""
    for leaf, row in with_rows(file):
        if leaf.vr == "UI" and not names_a_class(leaf.tag) and (row or "InstanceUID" in keyword_for_tag(leaf.tag)):
            yield from ((uid.strip(" \0"), leaf.path) for uid in leaf.texts if is_own_uid(uid))
        elif row is not None and leaf.vr in _FREE_TEXT_VRS:
            for text in _texts(leaf):
                yield from ((uid, leaf.path) for uid in UID_IN_TEXT.findall(text) if is_own_uid(uid))


def names_a_class(tag: int) -> bool:
    """Whether an attribute's UIDs are those of classes, which are no identifiers."""
    return bool(_CLASS_KEYWORDS.match(keyword_for_tag(tag)))


def is_own_uid(uid: str) -> bool:
    """Whether a UID is not one of the standard."""
    return bool(uid.strip(" \0")) and not uid.startswith(_STANDARD_ROOT)


def with_rows(file: DicomFile) -> Iterator[tuple[Leaf, Row | None]]:
    """All elements, with the row of the profile that an element or the nearest sequence around it has."""
    row_at: dict[str, Row | None] = {}
    for leaf in file.leaves:
        parent = leaf.path.rpartition("/")[0].rpartition("[")[0]
        row = row_of(leaf.tag) or row_at.get(parent)
        if leaf.vr == "SQ":
            row_at[leaf.path] = row
        yield leaf, row


def _secrets_of_leaf(leaf: Leaf, row: Row | None) -> Iterator[Secret]:
    if leaf.vr == "PN":
        yield from (Secret("name", text, leaf.tag, leaf.path, strong=True) for text in leaf.texts if _names(text))
    elif row is None:
        return
    elif leaf.vr in _DATE_VRS:
        strong = leaf.tag >> 16 in _GROUPS_OF_PATIENT
        for day in filter(None, map(date_of, leaf.texts)):
            if day.isoformat() not in _PLACEHOLDER_DATES:
                yield Secret("date", day.isoformat(), leaf.tag, leaf.path, strong=strong)
    elif leaf.vr in _FREE_TEXT_VRS and leaf.tag not in _CODES:
        for text in _texts(leaf):
            yield from _secrets_of_text(text, leaf)


def _texts(leaf: Leaf) -> Iterator[str]:
    yield from (text for text in leaf.texts if len(text) <= _LONGEST_TEXT)
    if leaf.vr in ("UN", "OB") and (text := whole_text(leaf.raw)) and len(text) <= _LONGEST_TEXT:
        yield text


def _secrets_of_text(text: str, leaf: Leaf) -> Iterator[Secret]:
    own_row = row_of(leaf.tag) if not leaf.private else None
    points = own_row is not None and bool(_POINTING.search(own_row.name))
    if own_row is not None and _PHONE.search(own_row.name):
        yield Secret("phone", text, leaf.tag, leaf.path, strong=True)
    elif points and _tells_number(text):
        yield Secret("number", text, leaf.tag, leaf.path, strong=True)
    elif _tells(text) and len(text) <= 1024:
        yield Secret("text", text, leaf.tag, leaf.path, strong=points)
    for mail in MAIL_IN_TEXT.findall(text):
        yield Secret("number", mail, -1, leaf.path, strong=True)
    for number in () if leaf.private else _LONG_NUMBER.findall(text):
        yield Secret("number", number, -1, leaf.path, strong=False)
    for phone in PHONE_IN_TEXT.findall(text):
        if sum(letter.isdigit() for letter in phone) >= 7 and not dates_in(phone):
            yield Secret("phone", phone, -1, leaf.path, strong=False)
    for name in TITLED_NAME.findall(text):
        yield Secret("name", name, -1, leaf.path, strong=False)
    for day in dates_in(text):
        yield Secret("date", day.isoformat(), -1, leaf.path, strong=False)


def _names(text: str) -> bool:
    """Whether a name has a word that is no placeholder."""
    words = [word for word in normalise(text).split() if not word.isdigit()]
    return bool(set(words) - _PLACEHOLDER_NAMES) and (len(words) > 1 or not words[0].isascii() or len(words[0]) > 1)


def _tells(text: str) -> bool:
    """Whether a text says more than DICOM's own words and small numbers."""
    words = [word for word in normalise(text).split() if word not in common_words()]
    letters = sum(len(word) for word in words if not word.isdigit())
    digits = max((len(word) for word in words if word.isdigit()), default=0)
    return any(map(is_east_asian, words)) or letters >= _LEAST_LETTERS or digits >= _LEAST_DIGITS


def _tells_number(text: str) -> bool:
    words = normalise(text).split()
    has_digits = any(word.isdigit() and (len(set(word)) > 1 or len(word) == 1) for word in words)
    return has_digits and sum(map(len, words)) >= _LEAST_OF_NUMBER
