"""Frames in fragments, with and without tables of where they begin."""

from __future__ import annotations

import io
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.pixels import compress

from skiagraph.dicom import DicomFrames
from skiagraph.dicom.encapsulation import find_frames
from tests.skiagraph.dicom.made_files import make_image, write_compressed

BASELINE, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5"
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 16, 12), dtype=np.uint8)


def _item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content


def _cut(frame: bytes, pieces: int) -> list[bytes]:
    """In as many pieces of even length, as PS3.5 A.4 asks for."""
    places = [len(frame) * n // pieces // 2 * 2 for n in range(pieces)] + [len(frame)]
    return [frame[start:end] for start, end in pairwise(places)]


def _frames() -> list[bytes]:
    found = []
    for pixels in PIXELS:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG")
        found.append(buffer.getvalue() + b"\0" * (len(buffer.getvalue()) % 2))
    return found


@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    table=st.sampled_from(["none", "basic", "extended", "wrong basic", "wrong extended"]),
    ended=st.booleans(),
)
def test_any_number_of_fragments_is_put_together(pieces: list[int], table: str, ended: bool) -> None:
    frames = _frames()
    fragments = [_cut(frame, number) for frame, number in zip(frames, pieces, strict=True)]
    items = [b"".join(map(_item, parts)) for parts in fragments]
    offsets = [sum(map(len, items[:number])) + 2 * ("wrong" in table and number > 1) for number in range(4)]
    basic = struct.pack("<4L", *offsets) if "basic" in table else b""
    extended = struct.pack("<4Q", *offsets) if "extended" in table else b""
    file = io.BytesIO(b"before" + _item(basic) + b"".join(items) + (b"\xfe\xff\xdd\xe0\0\0\0\0" if ended else b""))
    found = find_frames(file, len(b"before"), 4, extended)
    content = file.getvalue()
    assert [b"".join(content[part.offset : part.offset + part.length] for part in parts) for parts in found] == frames
    assert [len(parts) for parts in found] == [sum(map(bool, parts)) for parts in fragments]


@pytest.mark.parametrize("per_frame", [1, 2, 3])
@pytest.mark.parametrize("table", [False, True])
def test_fragmented_files_are_decoded(tmp_path: Path, per_frame: int, table: bool) -> None:
    image = make_image(PIXELS, NumberOfFrames=4)
    path = write_compressed(
        tmp_path / "a.dcm", image, BASELINE, _frames(), fragments_per_frame=per_frame, has_bot=table
    )
    expected = [np.asarray(Image.open(io.BytesIO(frame))) for frame in _frames()]
    with DicomFrames(path) as frames:
        assert [np.array_equal(frame.values, pixels) for frame, pixels in zip(frames, expected, strict=True)] == [
            True
        ] * 4


def test_an_extended_table_in_a_file(tmp_path: Path) -> None:
    image = make_image(PIXELS, NumberOfFrames=4)
    compress(image, RLE, encapsulate_ext=True, encoding_plugin="pydicom")
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert "ExtendedOffsetTable" in image
    with DicomFrames(tmp_path / "a.dcm") as frames:
        assert np.array_equal([frame.values for frame in frames], PIXELS)


def test_a_single_frame_takes_all_fragments(tmp_path: Path) -> None:
    """RLE in pieces, which PS3.5 A.4.2 does not allow, but some writers do."""
    image = make_image(PIXELS[0])
    compress(image, RLE, encoding_plugin="pydicom")
    start = image.PixelData.index(b"\xfe\xff\x00\xe0", 8) + 8
    data = image.PixelData[start : start + int.from_bytes(image.PixelData[start - 4 : start], "little")]
    path = write_compressed(tmp_path / "a.dcm", image, RLE, [data], fragments_per_frame=3, has_bot=False)
    with DicomFrames(path) as frames:
        assert np.array_equal(frames[0].values, PIXELS[0])


@pytest.mark.parametrize(
    ("items", "count", "hint"),
    [([b"\xff\xd8\xff\xdb"] * 3, 2, "cannot be told apart as 2 frames"), ([b"abcd"] * 3, 2, "cannot be told apart")],
)
def test_fragments_that_fit_no_frames_are_told(items: list[bytes], count: int, hint: str) -> None:
    file = io.BytesIO(_item(b"") + b"".join(map(_item, items)))
    with pytest.raises(ValueError, match=hint):
        find_frames(file, 0, count)


def test_fewer_fragments_than_frames_are_frames_that_are_missing(tmp_path: Path) -> None:
    image = make_image(PIXELS, NumberOfFrames=6)
    path = write_compressed(tmp_path / "a.dcm", image, BASELINE, _frames())
    with DicomFrames(path) as frames:
        assert frames[3].values.shape == (16, 12)
        with pytest.raises(ValueError, match=r"a\.dcm: frame 4 .*ends after 4 of 6 frames"):
            frames[4]
