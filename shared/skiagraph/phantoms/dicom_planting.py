"""Identifiers planted where they belong and where nobody looks, and a record of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from .dicom_people import Person, dates_in_text, ids_in_text, names_in_text, phones_in_text

Kind = Literal["name", "number", "phone", "date", "uid", "text"]

# (tag, VR) of free text that the profile removes or cleans, and of text that it leaves alone.
_REMOVED_TEXTS = (
    (0x00081030, "LO"),
    (0x0008103E, "LO"),
    (0x00084000, "LT"),
    (0x00101080, "LO"),
    (0x001021B0, "LT"),
    (0x00104000, "LT"),
    (0x00180010, "LO"),
    (0x00181030, "LO"),
    (0x00204000, "LT"),
    (0x00321060, "LO"),
    (0x00380300, "LO"),
    (0x00400254, "LO"),
    (0x00401400, "LT"),
    (0x00102180, "SH"),
    (0x00324000, "LT"),
)
_LEFT_TEXTS = ((0x00281055, "LO"), (0x00181020, "LO"), (0x00189004, "CS"))
# Two that the profile removes or replaces, and three that it leaves alone.
_SEQUENCES = (0x00400275, 0x00081111, 0x0040A370, 0x00400260, 0x00081250)
_MOST_LETTERS = {"SH": 16, "LO": 64, "CS": 16, "LT": 10240, "UN": 10240}
_PRIVATE_GROUPS = (0x0009, 0x0019, 0x0029, 0x0051)


@dataclass(frozen=True)
class Plant:
    """An identifier in a file.

    Attributes:
        path: element, such as ``(0040,0275)[1]/(0032,1060)``; ``preamble``, ``file name`` or ``pixels``.
        value: the identifier as it stands there.
        kind: what it is.
    """

    path: str
    value: str
    kind: Kind


@dataclass
class Planter:
    """Puts identifiers of a person into a data set and remembers where.

    Args:
        person: whose they are.
        rng: chooses values, ways to write them, and places.
    """

    person: Person
    rng: np.random.Generator
    plants: list[Plant] = field(default_factory=list)

    def set(self, dataset: Dataset, tag: int, vr: str, value: Any, kind: Kind, prefix: str = "") -> None:
        """Set an element and remember its values; bytes are remembered as the text that they are."""
        dataset.add_new(tag, vr, value)
        texts = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
        for text in texts:
            written = text.decode("utf-8") if isinstance(text, bytes) else str(text)
            self.plants.append(Plant(f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})", written.strip("\0 "), kind))

    def sentence(self, longest: int) -> tuple[str, Kind]:
        """A text with one identifier, no longer than so many letters."""
        kind, ways = self._choose()
        way = ways[int(self.rng.integers(len(ways)))]
        around = ("seen {} today", "{} re-examined", "cf. {}", "note: {}.", "{}")
        fitting = [text for form in around if len(text := form.format(way)) <= longest]
        return (fitting[int(self.rng.integers(len(fitting)))], kind) if fitting else ("", kind)

    def plant_texts(self, dataset: Dataset, count: int, prefix: str = "") -> None:
        """Plant sentences into some descriptions and comments, and into one text that the profile leaves alone."""
        order = self.rng.permutation(len(_REMOVED_TEXTS))[:count]
        places = [_REMOVED_TEXTS[int(index)] for index in order]
        places.append(_LEFT_TEXTS[int(self.rng.integers(len(_LEFT_TEXTS)))])
        for tag, vr in places:
            text, kind = self.sentence(_MOST_LETTERS[vr])
            text = text.upper() if vr == "CS" else text
            if text and tag not in dataset and (vr != "CS" or _is_code(text)):
                self.set(dataset, tag, vr, text, kind, prefix)

    def plant_nested(self, dataset: Dataset, depth: int, prefix: str = "") -> None:
        """Plant into sequences inside sequences."""
        tag = _SEQUENCES[int(self.rng.integers(len(_SEQUENCES)))]
        items = [Dataset(), Dataset()]
        dataset.add_new(tag, "SQ", Items(items))
        for number, item in enumerate(items, start=1):
            inside = f"{prefix}({tag >> 16:04X},{tag & 0xFFFF:04X})[{number}]/"
            self.plant_texts(item, 2, inside)
            self.set(item, 0x00401102, "ST", self.person.address, "text", inside)
        if depth > 1:
            self.plant_nested(items[-1], depth - 1, inside)

    def plant_private(self, dataset: Dataset) -> None:
        """Plant into a private block: text, a name, a date, a UID, bytes of unknown kind, a sequence."""
        group = _PRIVATE_GROUPS[int(self.rng.integers(len(_PRIVATE_GROUPS)))]
        base = group << 16 | 0x1000
        dataset.add_new(group << 16 | 0x0010, "LO", "SKIAGRAPH PHANTOM")
        text, kind = self.sentence(64)
        self.set(dataset, base | 1, "LO", text, kind)
        self.set(dataset, base | 2, "PN", self.person.name, "name")
        self.set(dataset, base | 3, "DA", f"{self.person.birth:%Y%m%d}", "date")
        self.set(dataset, base | 4, "UN", padded(f"owner {self.person.patient_id}".encode()), "number")
        self.set(dataset, base | 5, "OB", padded(f"\1\2\3\4{self.person.phone}\5\6".encode()), "phone")
        inner = Dataset()
        self.set(inner, 0x00104000, "LT", self.sentence(1000)[0], "text", f"({group:04X},1006)[1]/")
        dataset.add_new(base | 6, "SQ", Items([inner]))

    def _choose(self) -> tuple[Kind, list[str]]:
        person, chance = self.person, int(self.rng.integers(6))
        if chance == 0:
            return "name", names_in_text(person.physician)
        if chance == 1:
            return "number", ids_in_text(person.patient_id)
        if chance == 2:
            return "phone", phones_in_text(person.phone)
        if chance == 3:
            day: date = person.birth if self.rng.integers(2) else person.first_study
            return "date", dates_in_text(day)
        if chance == 4:
            return "number", ids_in_text(person.accession)
        return "name", names_in_text(person.name)


def padded(raw: bytes) -> bytes:
    """Bytes of even length, as DICOM wants them."""
    return raw + b"\0" * (len(raw) % 2)


def study_day(person: Person, study: int) -> date:
    """The day of a patient's study, each some weeks after the one before."""
    return person.first_study + timedelta(days=37 * study + study * study)


def _is_code(text: str) -> bool:
    return all(letter.isascii() and (letter.isalnum() or letter in " _") for letter in text)
