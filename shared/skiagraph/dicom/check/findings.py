"""What a check found, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["leak", "notice"]
LEAK: Level = "leak"
NOTICE: Level = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        level: ``"leak"`` makes the check fail, ``"notice"`` does not.
        kind: such as ``name``, ``uid``, ``date``, ``profile``; see `KINDS`.
        file: in the output, or in the original where it is missing in the output.
        path: element, or what part of the file.
        what: the value that was found.
        origin: file and element of the original that has it.
        note: more, in words.
    """

    level: Level
    kind: str
    file: str
    path: str
    what: str
    origin: str = ""
    note: str = ""

    def masked(self) -> str:
        """The value as it may be shown to anybody: its first letter and its length."""
        return f"{self.what[0]}... ({len(self.what)} characters)" if self.what else ""


KINDS = {
    "name": "a person's name of the original",
    "number": "a number or address that identifies",
    "text": "a text that was to be removed",
    "phone": "a telephone number",
    "date": "a date of the original",
    "uid": "a UID of the original",
    "profile": "a row of Table E.1-1 is not honoured",
    "private": "a private element",
    "method": "(0012,0062) to (0012,0064) or (0028,0303) missing or wrong",
    "bytes": "bytes outside the elements: preamble, padding, or after the end",
    "pixels": "pixels differ, or cannot be compared",
    "burned in": "text burned into the pixels, by its own or the original's word",
    "reference": "a reference that leads nowhere or elsewhere",
    "mapping": "one UID became two, or two became one",
    "patient": "two patients became one, or one became two",
    "shift": "dates of a patient are not shifted by one interval",
    "meta": "file meta and data set contradict each other",
    "copy": "a file that was copied as it is",
    "unreadable": "cannot be read as DICOM",
    "not in output": "a file of the original has no counterpart",
    "not in input": "a file of the output has no counterpart",
}
