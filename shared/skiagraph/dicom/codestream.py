"""What stands in the head of a JPEG, JPEG-LS or JPEG 2000 image, read and put right before it is decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_J2K_START = b"\xff\x4f\xff\x51"
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_ADOBE = 0xEE
_UNREAD = b"\xff\xef"


def codestream_shape(data: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, samples) that an image says of itself; None where it does not."""
    start = data.find(_J2K_START, 0, 1024)
    if start >= 0:
        right, bottom, left, top = struct.unpack_from(">4L", data, start + 8)
        return bottom - top, right - left, struct.unpack_from(">H", data, start + 40)[0]
    for marker, place, _ in _segments(data):
        if marker in _FRAMES:
            rows, columns, samples = struct.unpack_from(">HHB", data, place + 5)
            # Zero rows are told only after the image.
            return (rows, columns, samples) if rows else None
    return None


def without_adobe_transform(data: bytes) -> bytes:
    """A JPEG image of YCbCr without Adobe's marker of it, for which Pillow would make RGB of the stored values."""
    for marker, place, _ in _segments(data):
        if marker == _ADOBE and data[place + 4 : place + 9] == b"Adobe" and data[place + 15 : place + 16] == b"\x01":
            return data[:place] + _UNREAD + data[place + 2 :]
    return data


def with_sequential_scan(data: bytes) -> bytes:
    """A sequential JPEG image with the three bytes at the end of its scan header that ITU-T T.81 B.2.3 demands.

    The sample images of NEMA have others there, which other decoders overlook and libjpeg of pylibjpeg refuses.
    """
    for marker, place, length in _segments(data):
        if marker == _SCAN:
            end = place + 2 + length
            return data[: end - 3] + b"\x00\x3f\x00" + data[end:]
    return data


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, place and length of each segment of a JPEG image, up to its first scan."""
    place = 2
    while data[place : place + 1] == b"\xff" and place + 10 < len(data):
        marker, length = struct.unpack_from(">xBH", data, place)
        if marker == 0xFF:
            place += 1
            continue
        yield marker, place, length
        if marker == _SCAN:
            return
        place += 2 + length
