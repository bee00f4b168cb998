"""Frames of DICOM files, made here with known content, and real ones of awkward kinds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import itk
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from skiagraph.data.readers import GreyFrame, read_frame
from skiagraph.dicom import count_frames, is_dicom, read_dicom_frame
from tests.skiagraph.dicom.made_files import write_image

RAMP = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8) * 5
REAL = os.environ.get("SKIAGRAPH_DATA")


def test_eight_bits_are_grey_levels(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", RAMP)
    frame = read_dicom_frame(path)
    assert is_dicom(path)
    assert frame.pixels.dtype == np.float32
    assert np.array_equal(frame.pixels, RAMP)
    assert frame.spacing_mm is None
    assert np.array_equal(read_frame(path).pixels, RAMP)


def test_monochrome1_is_turned(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_dicom_frame(path).pixels, 255 - RAMP.astype(float))


def test_sixteen_bits_without_a_window_are_stretched(tmp_path: Path) -> None:
    stored = np.array([[100, 600], [1100, 350]], np.uint16)
    frame = read_dicom_frame(write_image(tmp_path / "a.dcm", stored, bits=12))
    assert frame.pixels == pytest.approx(np.array([[0, 127.5], [255, 63.75]]), abs=1e-3)


@pytest.mark.parametrize("intercept", [0, -1024])
def test_a_window_says_what_is_black_and_white(tmp_path: Path, intercept: int) -> None:
    """PS3.3 C.11.2.1.2.1: linear from centre - 0.5 - (width - 1) / 2, whatever greys the frame holds."""
    stored = np.array([[0, 950, 1000, 1024, 1050, 4000]], np.int16)
    window = {"WindowCenter": 1000 + intercept, "WindowWidth": 201}
    rescale = {"RescaleSlope": 1, "RescaleIntercept": intercept}
    expected = np.clip((stored - 999.5) / 200 + 0.5, 0, 1) * 255
    whole = read_dicom_frame(write_image(tmp_path / "a.dcm", stored, **window, **rescale)).pixels
    assert whole == pytest.approx(expected, abs=0.01)
    part = read_dicom_frame(write_image(tmp_path / "b.dcm", stored[:, 1:5].copy(), **window, **rescale)).pixels
    assert part == pytest.approx(expected[:, 1:5], abs=0.01)


@pytest.mark.parametrize("shape", ["SIGMOID", "LINEAR_EXACT"])
def test_windows_of_other_shapes(tmp_path: Path, shape: str) -> None:
    stored = np.array([[0, 900, 1000, 1100, 4095]], np.uint16)
    tags = {"WindowCenter": 1000, "WindowWidth": 400, "VOILUTFunction": shape}
    away = (stored - 1000.0) / 400
    expected = 255 / (1 + np.exp(-4 * away)) if shape == "SIGMOID" else np.clip(away + 0.5, 0, 1) * 255
    assert read_dicom_frame(write_image(tmp_path / "a.dcm", stored, bits=12, **tags)).pixels == pytest.approx(
        expected, abs=0.1
    )


def test_a_lookup_table_is_applied(tmp_path: Path) -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4, 0, 16], np.array([0, 10_000, 30_000, 40_000], np.uint16).tobytes()
    stored = np.array([[0, 1, 2, 3, 9]], np.uint16)
    frame = read_dicom_frame(write_image(tmp_path / "a.dcm", stored, VOILUTSequence=[table]))
    expected = np.array([[0, 10_000, 30_000, 40_000, 40_000]]) / 65535 * 255
    assert frame.pixels == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_become_luminance(tmp_path: Path, dtype: type) -> None:
    most = np.iinfo(dtype).max
    rgb = np.random.default_rng(0).integers(0, most, (5, 7, 3), endpoint=True).astype(dtype)
    frame = read_dicom_frame(write_image(tmp_path / "a.dcm", rgb))
    assert frame.pixels == pytest.approx(rgb @ np.array([0.299, 0.587, 0.114]) / most * 255, abs=0.01)


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    tables = {}
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 200, 200]], np.uint16) * 257
    for name, values in zip(("Red", "Green", "Blue"), colours.T, strict=True):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [4, 0, 16]
        tables[f"{name}PaletteColorLookupTableData"] = values.tobytes()
    stored = np.array([[0, 1], [2, 3]], np.uint8)
    frame = read_dicom_frame(
        write_image(tmp_path / "a.dcm", stored, PhotometricInterpretation="PALETTE COLOR", **tables)
    )
    assert frame.pixels == pytest.approx(np.array([[76.2, 149.7], [29.1, 200]]), abs=0.2)


def test_frames_are_counted_from_zero(tmp_path: Path) -> None:
    stack = np.stack([RAMP, RAMP[::-1], RAMP // 2])
    path = write_image(tmp_path / "a.dcm", stack, NumberOfFrames=3)
    assert count_frames(path) == 3
    for index in range(3):
        assert np.array_equal(read_dicom_frame(path, index).pixels, stack[index])
        assert np.array_equal(read_frame(path, index).pixels, stack[index])
    with pytest.raises(ValueError, match=r"a\.dcm: frame 3 "):
        read_dicom_frame(path, 3)
    assert count_frames(write_image(tmp_path / "b.dcm", RAMP)) == 1


def test_a_compressed_frame_is_decoded(tmp_path: Path) -> None:
    image = pydicom.dcmread(write_image(tmp_path / "a.dcm", RAMP))
    image.compress(RLELossless)
    image.save_as(tmp_path / "b.dcm")
    assert np.array_equal(read_dicom_frame(tmp_path / "b.dcm").pixels, RAMP)


def _region(delta_x: float, delta_y: float | None, *, kind: int = 1, units: int = 3) -> Dataset:
    region = Dataset()
    region.RegionDataType = kind
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = units
    region.PhysicalDeltaX = delta_x
    if delta_y is not None:
        region.PhysicalDeltaY = delta_y
    return region


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, None),
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.4, 0.5]}, (0.2, 0.3)),
        ({"PixelSpacing": [0, 0]}, None),
        ({"PixelSpacing": None}, None),
        ({"PixelSpacing": 0.2}, None),
        ({"PixelSpacing": [0.2, 0.3, 0.4]}, None),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, 0.02)]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [_region(-0.03, 0.02)]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, 0.02), _region(0.03, 0.02)]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, 0.02), _region(0.01, 0.02)]}, None),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, 0.02), _region(9, 9, kind=3, units=4)]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [_region(9, 9, units=4)], "PixelSpacing": [0.2, 0.3]}, (0.2, 0.3)),
        ({"SequenceOfUltrasoundRegions": [_region(0, 0)]}, None),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, None)]}, None),
        ({"SequenceOfUltrasoundRegions": [_region(0.03, 0.02), _region(0.03, None)]}, None),
    ],
)
def test_pixel_size_is_that_in_the_body_or_unknown(
    tmp_path: Path, tags: dict[str, Any], expected: tuple[float, float] | None
) -> None:
    spacing = read_dicom_frame(write_image(tmp_path / "a.dcm", RAMP, **tags)).spacing_mm
    assert spacing == (None if expected is None else pytest.approx(expected))


def _read_or_told(path: Path) -> GreyFrame | None:
    """The frame, or None where one line that names the file tells what is wrong."""
    try:
        return read_frame(path)
    except ValueError as problem:
        message = str(problem)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return None


def test_damaged_files_are_told_in_one_line(tmp_path: Path) -> None:
    content = write_image(tmp_path / "a.dcm", RAMP, WindowCenter=10, WindowWidth=20).read_bytes()
    path = tmp_path / "bad.dcm"
    rng = np.random.default_rng(0)
    for size in [*range(132, len(content), 9)]:
        damaged = bytearray(content[:size])
        damaged[rng.integers(132, size) if size > 132 else 0] = rng.integers(0, 256)
        path.write_bytes(damaged)
        _read_or_told(path)


@pytest.mark.parametrize(
    "window",
    [
        {"WindowWidth": 0},
        {"WindowWidth": 0.5},
        {"WindowWidth": -3},
        {"WindowWidth": None},
        {"WindowWidth": 0, "VOILUTFunction": "SIGMOID"},
        {"WindowWidth": 0, "VOILUTFunction": "LINEAR_EXACT"},
    ],
)
def test_an_impossible_window_is_as_none(tmp_path: Path, window: dict[str, Any]) -> None:
    assert np.array_equal(
        read_dicom_frame(write_image(tmp_path / "a.dcm", RAMP, WindowCenter=10, **window)).pixels, RAMP
    )
    stored = np.array([[100, 600], [1100, 350]], np.uint16)
    frame = read_dicom_frame(write_image(tmp_path / "b.dcm", stored, WindowCenter=10, **window))
    assert frame.pixels == pytest.approx(np.array([[0, 127.5], [255, 63.75]]), abs=1e-3)


def test_a_narrow_window_that_is_allowed_is_applied(tmp_path: Path) -> None:
    tags = {"WindowCenter": 100, "WindowWidth": 0.5, "VOILUTFunction": "LINEAR_EXACT"}
    frame = read_dicom_frame(write_image(tmp_path / "a.dcm", RAMP, **tags))
    assert frame.pixels == pytest.approx(np.select([RAMP < 100, RAMP == 100], [0, 127.5], 255))


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 10), (0.5, 0), (-1, 255)])
def test_eight_bits_are_grey_levels_whatever_they_are_rescaled_to(
    tmp_path: Path, slope: float, intercept: float
) -> None:
    frame = read_dicom_frame(write_image(tmp_path / "a.dcm", RAMP, RescaleSlope=slope, RescaleIntercept=intercept))
    assert frame.pixels == pytest.approx(RAMP.astype(float) if slope > 0 else 255 - RAMP.astype(float), abs=1e-3)


def _real_files() -> list[Path]:
    return sorted(Path(REAL, "dicom").rglob("*.dcm")) if REAL else []


@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
def test_every_real_file_is_read_or_told_in_one_line() -> None:
    files = _real_files()
    frames = [frame for frame in map(_read_or_told, files) if frame is not None]
    for frame in frames:
        assert frame.pixels.ndim == 2
        assert 0 <= frame.pixels.min() <= frame.pixels.max() <= 255
        assert frame.spacing_mm is None or min(frame.spacing_mm) > 0
    assert len(files) >= 30
    assert len(frames) >= len(files) // 2


@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
@pytest.mark.parametrize(
    "name",
    [
        "us/YBR_FULL-RLE.dcm",
        "us/OBXXXX1A_rle_2frame.dcm",
        "us/echo_34frames_regions_jpeg.dcm",
        "rf/KarstenHilbertRF.dcm",
    ],
)
def test_real_files_agree_with_gdcm(name: str) -> None:
    path = Path(str(REAL), "dicom", name)
    # A stack of frames in any case.
    decoded = np.asarray(itk.imread(str(path)))[0].astype(float)
    grey = decoded @ np.array([0.299, 0.587, 0.114]) if decoded.ndim == 3 else decoded
    mine = read_frame(path).pixels
    assert mine.shape == grey.shape
    # Windows stretch greys and colour conversions round them; the picture is the same.
    assert np.corrcoef(mine.ravel(), grey.ravel())[0, 1] > 0.98
