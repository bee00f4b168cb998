"""A DICOM file, opened for reading only: its meta information, and where its data set lies (PS3.10 7)."""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.uid import UID_dictionary

from .stream import SHORT_VRS, BrokenStreamError, Cursor, Data, Encoding

DIRECTORY = "1.2.840.10008.1.3.10"
_IMPLICIT, _EXPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
# The pixels of these are on a server.
_ELSEWHERE = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205")
_MOST_INFLATED = 1 << 28
_READ_AT_ONCE = 1 << 20


class NotDicomError(ValueError):
    """The file is no DICOM file."""


@dataclass(frozen=True)
class Source:
    """An open file.

    Attributes:
        data: bytes in which the data set lies: those of the file, or what was inflated.
        start: where the data set begins in them.
        encoding: how its elements are written.
        transfer_syntax: UID; a guess from the first bytes where the file does not say.
        deflated: the data set is compressed as a whole, and ``data`` is not the file's.
        meta: raw values of the file meta information by tag; empty where there is none.
        file: descriptor of the file, to copy from; None for data that are in memory only.
    """

    data: Data
    start: int
    encoding: Encoding
    transfer_syntax: str
    deflated: bool = False
    meta: dict[int, bytes] = field(default_factory=dict)
    file: int | None = None

    @property
    def sop_class(self) -> str:
        """UID of the kind of object that the meta information names, or none."""
        return self.meta.get(0x00020002, b"").decode("ascii", "replace").strip("\0 ")

    def cursor(self) -> Cursor:
        """A cursor at the first element of the data set."""
        return Cursor(self.data, self.start, len(self.data), self.encoding)


@contextmanager
def open_source(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Open a file.

    A small file is read whole, a large one is mapped, and only what is looked at is read.

    Raises:
        NotDicomError: it is none.
        ValueError: it is one that cannot be read or holds no pixels of its own.
        OSError: it cannot be opened.
    """
    with Path(path).open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise NotDicomError("the file is empty")
        if size <= _READ_AT_ONCE:
            yield parse_source(file.read(), file.fileno())
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield parse_source(mapped, file.fileno())


def parse_source(data: Data, file: int | None = None) -> Source:
    """Find the data set in the bytes of a file; errors are those of `open_source`."""
    has_preamble = data[128:132] == b"DICM"
    start = 132 if has_preamble else 0
    meta: dict[int, bytes] = {}
    if has_preamble or data[:4] in (b"\2\0\0\0", b"\2\0\1\0", b"\2\0\2\0"):
        meta, start = _read_meta(data, start)
    syntax = meta.get(0x00020010, b"").decode("ascii", "replace").strip("\0 ")
    if not syntax:
        syntax = _guess_syntax(data, start)
        if not syntax:
            raise (ValueError if has_preamble else NotDicomError)("its first bytes are no element of a data set")
    if syntax in _ELSEWHERE:
        raise ValueError("its pixels are on a server (JPIP), so that nothing can be said of them")
    if syntax not in UID_dictionary or UID_dictionary[syntax][1] != "Transfer Syntax":
        raise ValueError(f"its transfer syntax {syntax} is not of the standard")
    encoding = Encoding(implicit=syntax == _IMPLICIT, little=syntax != _BIG)
    if syntax == _DEFLATED:
        return Source(_inflate(data, start), 0, encoding, syntax, deflated=True, meta=meta)
    return Source(data, start, encoding, syntax, meta=meta, file=file)


def _read_meta(data: Data, start: int) -> tuple[dict[int, bytes], int]:
    cursor = Cursor(data, start, len(data), Encoding())
    meta: dict[int, bytes] = {}
    while data[cursor.position : cursor.position + 2] == b"\2\0":
        tag, _, length = cursor.header()
        end = cursor.value_end(length)
        meta[tag] = data[cursor.position : end]
        cursor.position = end
    return meta, cursor.position


def _guess_syntax(data: Data, start: int) -> str:
    head = data[start : start + 8]
    explicit = head[4:6] in SHORT_VRS or head[4:6] in (b"SQ", b"UT", b"OB")
    if head[:2] == b"\0\x08" and explicit:
        return _BIG
    if head[:2] != b"\x08\0" or len(head) < 8:
        return ""
    if explicit:
        return _EXPLICIT
    return _IMPLICIT if int.from_bytes(head[4:], "little") <= min(len(data), 1024) else ""


def _inflate(data: Data, start: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[start:], _MOST_INFLATED)
    except zlib.error as error:
        raise BrokenStreamError(f"its deflated data set cannot be inflated: {error}") from error
    if not inflater.eof:
        raise BrokenStreamError(f"its deflated data set is truncated, or larger than {_MOST_INFLATED >> 20} MiB")
    return inflated
