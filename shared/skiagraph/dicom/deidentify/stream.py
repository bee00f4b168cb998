"""Data elements as they lie in the bytes of a file (PS3.5 7): nothing is decoded, so what is kept is copied as it is.

De-identification leaves most of a file as it was. Parsing every value into an object and writing it again takes longer
than all the rest, and may change what was to be kept.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, error

from pydicom.datadict import DicomDictionary
from pydicom.datadict import dictionary_VR as vr_in_dictionary

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_DATA = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
MAX_DEPTH = 64

# PS3.5 7.1.2: these have a length of 32 bits, the others of 16.
LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
SHORT_VRS = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
     b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip

Data = bytes | mmap.mmap


class BrokenStreamError(ValueError):
    """The bytes are no DICOM data set from here on."""


@lru_cache(maxsize=65536)
def known_vr(tag: int) -> bytes:
    """VR of the standard's dictionary, the first where there are several; UN for what is not in it."""
    entry = DicomDictionary.get(tag)
    if entry is not None:
        return entry[0][:2].encode().replace(b"NO", b"UN")
    if tag & 0x1FFFF == 0x10000 or (tag >> 16) & 1:
        return b"LO" if 0x10 <= tag & 0xFFFF <= 0xFF else b"UN"
    try:
        return vr_in_dictionary(tag)[:2].encode()
    except KeyError:
        return b"UL" if tag & 0xFFFF == 0 else b"UN"


@dataclass(frozen=True)
class Encoding:
    """How a transfer syntax writes the headers of elements."""

    implicit: bool = False
    little: bool = True

    def header(self, tag: int, vr: bytes, length: int) -> bytes:
        """Header of an element.

        Raises:
            BrokenStreamError: the value is too long for its VR.
        """
        structs = _structs(self.little)
        if self.implicit:
            return structs.implicit.pack(tag >> 16, tag & 0xFFFF, length)
        if vr in LONG_VRS:
            return structs.explicit.pack(tag >> 16, tag & 0xFFFF, vr, 0) + structs.number.pack(length)
        if length > 0xFFFF:
            raise BrokenStreamError(f"the new value of {name_of(tag)} is too long for its VR {vr.decode()}")
        return structs.explicit.pack(tag >> 16, tag & 0xFFFF, vr, length)

    def element(self, tag: int, vr: bytes, value: bytes) -> bytes:
        """An element whole; the value has an even length."""
        return self.header(tag, vr, len(value)) + value

    def item(self, content: bytes) -> bytes:
        """An item of a sequence, with its length."""
        return _structs(self.little).implicit.pack(0xFFFE, 0xE000, len(content)) + content


IMPLICIT = Encoding(implicit=True)


@dataclass(frozen=True)
class _Structs:
    explicit: Struct
    implicit: Struct
    number: Struct


@lru_cache(maxsize=2)
def _structs(little: bool) -> _Structs:
    order = "<" if little else ">"
    return _Structs(Struct(f"{order}HH2sH"), Struct(f"{order}HHL"), Struct(f"{order}L"))


class Cursor:
    """A place in the bytes that moves on as they are read.

    Attributes:
        position: of the next byte.
        end: of what may be read.
    """

    __slots__ = ("_explicit", "_implicit", "_number", "data", "encoding", "end", "position")

    def __init__(self, data: Data, position: int, end: int, encoding: Encoding) -> None:
        structs = _structs(encoding.little)
        self.data, self.position, self.end, self.encoding = data, position, end, encoding
        self._implicit = structs.implicit.unpack_from
        self._explicit = structs.explicit.unpack_from
        self._number = structs.number.unpack_from

    def within(self, encoding: Encoding) -> Cursor:
        """Another cursor at the same place that reads another encoding."""
        return Cursor(self.data, self.position, self.end, encoding)

    def header(self) -> tuple[int, bytes, int]:
        """Tag, VR and length of the element that begins here; moves to its value.

        Raises:
            BrokenStreamError: there is no header of an element here.
        """
        at = self.position
        try:
            if self.encoding.implicit:
                group, element, length = self._implicit(self.data, at)
                self.position = at + 8
                tag = group << 16 | element
                return tag, known_vr(tag), length
            group, element, vr, length = self._explicit(self.data, at)
            tag = group << 16 | element
            if vr in SHORT_VRS:
                self.position = at + 8
            elif vr in LONG_VRS:
                (length,) = self._number(self.data, at + 8)
                self.position = at + 12
            elif group == 0xFFFE:
                vr, (length,) = b"", self._number(self.data, at + 4)
                self.position = at + 8
            else:
                raise BrokenStreamError(f"{name_of(tag)} has an unknown VR {vr!r}")
        except error:
            raise BrokenStreamError("the file ends within the header of an element") from None
        return tag, vr, length

    def value_end(self, length: int, limit: int | None = None) -> int:
        """Where a value of a defined length ends.

        Raises:
            BrokenStreamError: it ends beyond what holds it.
        """
        end = self.position + length
        if end > (self.end if limit is None else limit):
            raise BrokenStreamError("a value is longer than what holds it: the file is truncated or damaged")
        return end

    def items(self, length: int, limit: int | None = None) -> Iterator[int | None]:
        """Go through the items of a sequence: for each, where its data set ends, or None if a delimiter ends it.

        The caller reads the item, and leaves the cursor behind its last element (behind its delimiter if it has one).

        Raises:
            BrokenStreamError: there is something else than an item.
        """
        limit = self.end if limit is None else limit
        end = None if length == UNDEFINED else self.value_end(length, limit)
        while end is None or self.position < end:
            try:
                group, element, size = self._implicit(self.data, self.position)
            except error:
                raise BrokenStreamError("the file ends within a sequence") from None
            self.position += 8
            tag = group << 16 | element
            if tag == SEQUENCE_END and end is None:
                return
            if tag != ITEM:
                raise BrokenStreamError(f"{name_of(tag)} stands where an item of a sequence should begin")
            yield None if size == UNDEFINED else self.value_end(size, limit if end is None else end)
        if self.position != end:
            raise BrokenStreamError("the items of a sequence are longer than the sequence")

    def skip(self, vr: bytes, length: int, depth: int = 0) -> None:
        """Move behind a value, whatever it is.

        Raises:
            BrokenStreamError: its end cannot be found, or it is nested too deeply.
        """
        if length != UNDEFINED:
            self.position = self.value_end(length)
            return
        check_depth(depth)
        reader = self.within(IMPLICIT) if vr == b"UN" else self
        for end in reader.items(length):
            if end is not None:
                reader.position = end
                continue
            while True:
                tag, inner_vr, inner_length = reader.header()
                if tag == ITEM_END:
                    break
                reader.skip(inner_vr, inner_length, depth + 1)
        self.position = reader.position


def check_depth(depth: int) -> None:
    """Refuse what is nested so deeply that only a program would have done it.

    Raises:
        BrokenStreamError: deeper than ``MAX_DEPTH``.
    """
    if depth > MAX_DEPTH:
        raise BrokenStreamError(f"sequences are nested more than {MAX_DEPTH} deep")


def name_of(tag: int) -> str:
    """The tag as the standard writes it."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
