"""Stored values against DCMTK's and GDCM's, and against what was written."""

from __future__ import annotations

import io
import shutil
import tracemalloc
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.pixels import compress, decoders

from skiagraph.dicom import DicomFrames
from tests.skiagraph.dicom.made_files import make_image, write_compressed, write_image
from tests.skiagraph.dicom.reference_decoders import dcmtk_frames

BASELINE, RLE, JPEG_LS, J2K = (f"1.2.840.10008.1.2.{end}" for end in ("4.50", "5", "4.80", "4.90"))
RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (3, 7, 5), dtype=np.uint8)
COLOURS = RANDOM.integers(0, 256, (3, 8, 6, 3), dtype=np.uint8)

needs_dcmtk = pytest.mark.skipif(not shutil.which("dcmdjpeg"), reason="DCMTK is not installed (Debian: dcmtk)")


def _all(path: Path) -> list[np.ndarray]:
    with DicomFrames(path) as frames:
        return [frame.values for frame in frames]


def _same(found: list[np.ndarray], expected: list[np.ndarray] | np.ndarray | None) -> bool:
    assert expected is not None
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


@needs_dcmtk
@pytest.mark.parametrize(
    ("dtype", "bits", "high"),
    [("u1", 8, 7), ("u1", 6, 5), ("i1", 8, 7), ("u2", 12, 11), ("i2", 12, 11), ("i2", 16, 15), ("u2", 12, 15),
     ("i2", 10, 12)],
)  # fmt: skip
@pytest.mark.parametrize("compressed", [False, True])
def test_unused_bits_are_left_out_and_signs_kept(
    tmp_path: Path, dtype: str, bits: int, high: int, compressed: bool
) -> None:
    """The words are random, so that other things stand in the bits around the sample, as overlays did."""
    words = np.frombuffer(RANDOM.bytes(3 * 7 * 5 * np.dtype(dtype).itemsize), dtype).reshape(3, 7, 5)
    image = make_image(words, bits=bits, NumberOfFrames=3, HighBit=high)
    if compressed:
        compress(image, RLE, encoding_plugin="pydicom")
    path = tmp_path / "a.dcm"
    image.save_as(path, enforce_file_format=True)
    assert _same(_all(path), dcmtk_frames(path, tmp_path))
    assert _all(path)[0].dtype == np.dtype(dtype)


@needs_dcmtk
@pytest.mark.parametrize(("planar", "size"), product([0, 1], [1, 2]))
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colours_by_pixel_and_by_plane(tmp_path: Path, planar: int, size: int, photometric: str) -> None:
    pixels = RANDOM.integers(0, 256**size, (2, 5, 7, 3)).astype(f"u{size}")
    stored = pixels.transpose(0, 3, 1, 2).copy() if planar else pixels
    image = make_image(pixels, NumberOfFrames=2, PhotometricInterpretation=photometric, PlanarConfiguration=planar)
    image.PixelData = stored.tobytes()
    path = tmp_path / "a.dcm"
    image.save_as(path, enforce_file_format=True)
    assert _same(_all(path), pixels)
    assert _same(_all(path), dcmtk_frames(path, tmp_path))


def test_shared_colours_of_two_pixels(tmp_path: Path) -> None:
    """PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr."""
    quads = RANDOM.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    image = make_image(COLOURS[:2, :3], NumberOfFrames=2, PhotometricInterpretation="YBR_FULL_422")
    image.Rows, image.Columns, image.PixelData = 3, 8, quads.tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    found = np.stack(_all(tmp_path / "a.dcm"))
    assert np.array_equal(found[..., ::2, 0], quads[..., 0])
    assert np.array_equal(found[..., 1::2, 0], quads[..., 1])
    assert np.array_equal(found[..., 1:], np.repeat(quads[..., 2:], 2, axis=2))


def test_single_bits_run_on_from_frame_to_frame(tmp_path: Path) -> None:
    """PS3.5 8.1.1: 35 pixels a frame begin anywhere in a byte, the lowest bit first."""
    bits = RANDOM.integers(0, 2, (3, 7, 5), dtype=np.uint8)
    image = make_image(bits, NumberOfFrames=3, BitsAllocated=1, BitsStored=1, HighBit=0)
    image.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert _same(_all(tmp_path / "a.dcm"), bits)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floating_point_pixels(tmp_path: Path, keyword: str, dtype: str) -> None:
    pixels = RANDOM.normal(size=(2, 4, 6)).astype(dtype)
    image = make_image(pixels, NumberOfFrames=2)
    del image.PixelData, image.BitsStored, image.HighBit, image.PixelRepresentation
    setattr(image, keyword, pixels.tobytes())
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert _same(_all(tmp_path / "a.dcm"), pixels)


def _jpeg(pixels: np.ndarray, *, adobe: int | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, subsampling=1)
    data = buffer.getvalue()
    if adobe is None:
        return data
    # Instead of the JFIF segment, which is the first.
    rest = data[4 + int.from_bytes(data[4:6], "big") :]
    return b"\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([adobe]) + rest


@needs_dcmtk
@pytest.mark.parametrize("adobe", [None, 1])
def test_ycc_stays_ycc_whatever_markers_say(tmp_path: Path, adobe: int | None) -> None:
    image = make_image(COLOURS, NumberOfFrames=3, PhotometricInterpretation="YBR_FULL_422")
    frames = [_jpeg(frame, adobe=adobe) for frame in COLOURS]
    path = write_compressed(tmp_path / "a.dcm", image, BASELINE, frames)
    assert _same(_all(path), dcmtk_frames(path, tmp_path))
    with DicomFrames(path) as opened:
        assert opened[0].photometric == "YBR_FULL_422"


@needs_dcmtk
@pytest.mark.parametrize("syntax", [RLE, JPEG_LS])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_lossless_compression_gives_back_what_went_in(tmp_path: Path, syntax: str, dtype: str) -> None:
    bits = 8 * np.dtype(dtype).itemsize - 4 * (dtype == "i2")
    low = -(2 ** (bits - 1)) if dtype == "i2" else 0
    pixels = RANDOM.integers(low, low + 2**bits, (2, 16, 12)).astype(dtype)
    image = make_image(pixels, bits=bits, NumberOfFrames=2)
    compress(image, syntax, generate_instance_uid=False)
    path = tmp_path / "a.dcm"
    image.save_as(path, enforce_file_format=True)
    assert _same(_all(path), pixels)
    assert _same(_all(path), dcmtk_frames(path, tmp_path))


@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 12), ("i2", 13)])
def test_lossless_jpeg_2000(tmp_path: Path, dtype: str, bits: int) -> None:
    low = -(2 ** (bits - 1)) if dtype == "i2" else 0
    pixels = RANDOM.integers(low, low + 2**bits, (2, 64, 72)).astype(dtype)
    image = make_image(pixels, bits=bits, NumberOfFrames=2)
    compress(image, J2K, encoding_plugin="pylibjpeg")
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert _same(_all(tmp_path / "a.dcm"), pixels)


def test_one_frame_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """40 frames of 1 MB, uncompressed and compressed."""
    pixels = np.zeros((40, 1000, 1000), np.uint8)
    plain = write_image(tmp_path / "plain.dcm", pixels, NumberOfFrames=40)
    frames = [_jpeg(frame) for frame in pixels]
    packed = write_compressed(tmp_path / "a.dcm", make_image(pixels, NumberOfFrames=40), BASELINE, frames)
    del pixels, frames
    for path in (plain, packed):
        tracemalloc.start()
        with DicomFrames(path) as opened:
            assert sum(frame.values.shape[0] for frame in opened) == 40_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6e6


def _refusal(path: Path, index: int = 0) -> str:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as told, DicomFrames(path) as frames:
        frames[index]
    message = str(told.value)
    assert message.startswith(f"{path}: ")
    return message[len(f"{path}: ") :]


@pytest.mark.parametrize("syntax", [None, BASELINE, JPEG_LS, J2K])
def test_size_that_the_header_makes_up_takes_no_memory(tmp_path: Path, syntax: str | None) -> None:
    image = make_image(GREY[0], Rows=65535, Columns=65535)
    write = tmp_path / "a.dcm"
    if syntax is None:
        image.save_as(write, enforce_file_format=True)
    else:
        write_compressed(write, image, syntax, [_jpeg(GREY[0])])
    tracemalloc.start()
    message = _refusal(write)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "65535 rows, 65535 columns" in message
    assert peak < 2e6


def test_size_that_the_codestream_makes_up_is_refused(tmp_path: Path) -> None:
    data = bytearray(_jpeg(GREY[0]))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = b"\xff\xff\xff\xff"
    path = write_compressed(tmp_path / "a.dcm", make_image(GREY[0]), BASELINE, [bytes(data)])
    assert "compressed as (rows, columns, samples) (65535, 65535, 1), but the header says (7, 5, 1)" in _refusal(path)


def test_cut_off_frames_are_named_and_those_before_are_read(tmp_path: Path) -> None:
    plain = write_image(tmp_path / "a.dcm", GREY, NumberOfFrames=3)
    frames = [_jpeg(frame) for frame in GREY]
    packed = write_compressed(tmp_path / "b.dcm", make_image(GREY, NumberOfFrames=3), BASELINE, frames)
    for path, cut in ((plain, 40), (packed, len(frames[2]) - 20)):
        path.write_bytes(path.read_bytes()[:-cut])
        with DicomFrames(path) as opened:
            assert len(opened) == 3
            assert opened[0].values.shape == (7, 5)
        assert _refusal(path, 2).startswith("frame 2 cannot be decoded: cut off: ")


def test_every_cut_of_a_file_is_told_or_gives_the_whole_frame(tmp_path: Path) -> None:
    image = make_image(GREY, NumberOfFrames=3)
    content = write_compressed(tmp_path / "a.dcm", image, BASELINE, [_jpeg(frame) for frame in GREY]).read_bytes()
    whole, path = _all(tmp_path / "a.dcm"), tmp_path / "cut.dcm"
    for size in range(200, len(content), 17):
        path.write_bytes(content[:size])
        with suppress(ValueError), DicomFrames(path) as frames:
            assert np.array_equal(frames[2].values, whole[2])
        if size < len(content) - 8 - len(_jpeg(GREY[2])):
            _refusal(path, 2)


@pytest.mark.parametrize(
    ("syntax", "hint"),
    [("1.2.840.10008.1.2.4.100", "no decoder for the transfer syntax MPEG2"),
     ("1.2.840.10008.1.2.4.107", "no decoder for the transfer syntax HEVC")],
)  # fmt: skip
def test_what_cannot_be_decoded_is_told(tmp_path: Path, syntax: str, hint: str) -> None:
    path = write_compressed(tmp_path / "a.dcm", make_image(GREY[0]), syntax, [_jpeg(GREY[0])])
    assert hint in _refusal(path)


def test_pixels_that_are_encapsulated_without_need_are_told(tmp_path: Path) -> None:
    path = write_compressed(tmp_path / "a.dcm", make_image(GREY[0]), BASELINE, [_jpeg(GREY[0])])
    path.write_bytes(path.read_bytes().replace(BASELINE.encode(), b"1.2.840.10008.1.2.1\0\0\0"))
    assert "they are encapsulated" in _refusal(path)


def test_pixels_that_are_not_encapsulated_are_told(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", GREY[0])
    content = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0")
    path.write_bytes(content)
    assert "not encapsulated as its transfer syntax asks" in _refusal(path)


@pytest.mark.parametrize(
    ("decoder", "package"),
    [("JPEGLosslessSV1", "pylibjpeg-libjpeg"), ("JPEGLSLossless", "pyjpegls"), ("JPEG2000", "pylibjpeg-openjpeg")],
)
def test_the_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoder: str, package: str
) -> None:
    missing = getattr(decoders, f"{decoder}Decoder")
    monkeypatch.setattr(missing, "_available", {})
    data = _jpeg(GREY[0])
    path = write_compressed(tmp_path / "a.dcm", make_image(GREY[0]), missing.UID, [data])
    assert f"pip install {package}; or convert the file" in _refusal(path)


@pytest.mark.parametrize(
    ("tags", "hint"),
    [({"BitsStored": 0}, "do not fit"), ({"HighBit": 9}, "do not fit"), ({"BitsStored": 9}, "do not fit"),
     ({"Rows": 0}, "is empty"), ({"Rows": None}, "Rows is missing"), ({"PixelRepresentation": None}, "is missing")],
)  # fmt: skip
def test_headers_that_cannot_be_are_told(tmp_path: Path, tags: dict[str, int], hint: str) -> None:
    assert hint in _refusal(write_image(tmp_path / "a.dcm", GREY[0], **tags))


def test_a_file_without_pixels_is_told(tmp_path: Path) -> None:
    image = make_image(GREY[0])
    del image.PixelData
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert _refusal(tmp_path / "a.dcm") == "its pixels cannot be read: there are none"


@pytest.mark.parametrize("index", [-1, 3])
def test_there_are_no_other_frames(tmp_path: Path, index: int) -> None:
    path = write_image(tmp_path / "a.dcm", GREY, NumberOfFrames=3)
    with DicomFrames(path) as frames, pytest.raises(IndexError, match=rf"a\.dcm: frame {index} is not among its 3"):
        frames[index]
    with pytest.raises(ValueError, match="closed file"):
        frames[0]
