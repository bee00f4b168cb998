"""Where the compressed frames of a file lie (PS3.5 A.4), found without reading them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

_ITEM = b"\xfe\xff\x00\xe0"
_SEQUENCE_END = b"\xfe\xff\xdd\xe0"
_ITEM_HEADER = 8
# Start of a JPEG or JPEG-LS image, of a JPEG 2000 codestream with its size, and of the box that may stand around it.
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
_RLE_SEGMENTS = range(1, 16)
_RLE_HEADER = 64


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a frame: where its bytes begin in the file, how many they are, and how the first of them look."""

    offset: int
    length: int
    begins_image: bool


def find_frames(file: BinaryIO, offset: int, count: int, extended_table: bytes = b"") -> list[tuple[Fragment, ...]]:
    """The fragments of every frame, by reading no more than their first bytes.

    The extended or the basic offset table says which fragments belong to a frame, if its offsets are those of
    fragments; else one fragment is one frame, or all of them if there is but one frame, or a frame begins with every
    fragment that begins an image.

    Args:
        file: a file with encapsulated pixels.
        offset: where the value of the pixels begins: at the item of the basic offset table.
        count: number of frames that the header tells. Of a cut-off file, fewer are found.
        extended_table: value of Extended Offset Table (7FE0,0001).

    Raises:
        ValueError: the pixels are not encapsulated, or in more or fewer pieces than there are frames.
    """
    table, *fragments = _items(file, offset)
    first = table.offset + table.length
    starts = {fragment.offset - _ITEM_HEADER - first: number for number, fragment in enumerate(fragments)}
    file.seek(table.offset)
    for offsets in (_unpacked(extended_table, "Q"), _unpacked(file.read(table.length), "L")):
        if len(offsets) >= count and offsets[0] == 0 and all(entry in starts for entry in offsets):
            return _grouped(fragments, [starts[entry] for entry in offsets])[:count]
    if len(fragments) == count:
        return [(fragment,) for fragment in fragments]
    begins = [number for number, fragment in enumerate(fragments) if fragment.begins_image]
    frames = [tuple(fragments)] if count == 1 else _grouped(fragments, begins)
    if len(frames) > count or (count > 1 and begins[:1] != [0]):
        raise ValueError(
            f"{len(fragments)} fragments without a valid offset table cannot be told apart as {count} frames"
        )
    return frames


def _items(file: BinaryIO, offset: int) -> list[Fragment]:
    items: list[Fragment] = []
    file.seek(offset)
    while (header := file.read(_ITEM_HEADER)) and not header.startswith(_SEQUENCE_END):
        if len(header) < _ITEM_HEADER:
            break
        if not header.startswith(_ITEM):
            raise ValueError(f"its pixels are not encapsulated as its transfer syntax asks, at byte {file.tell()}")
        length = int.from_bytes(header[4:], "little")
        start = file.tell()
        items.append(Fragment(start, length, _begins_image(file.read(min(length, 16)))))
        file.seek(start + length)
    if not items:
        raise ValueError("its pixels are cut off before the first frame")
    return items


def _begins_image(head: bytes) -> bool:
    if head.startswith(_IMAGE_STARTS):
        return True
    if len(head) < 8:
        return False
    segments, first = struct.unpack_from("<LL", head)
    return segments in _RLE_SEGMENTS and first == _RLE_HEADER


def _unpacked(table: bytes, kind: str) -> tuple[int, ...]:
    size = struct.calcsize(f"<{kind}")
    return struct.unpack(f"<{len(table) // size}{kind}", table[: len(table) // size * size])


def _grouped(fragments: Sequence[Fragment], starts: Iterable[int]) -> list[tuple[Fragment, ...]]:
    return [tuple(fragments[start:end]) for start, end in pairwise([*starts, len(fragments)])]
