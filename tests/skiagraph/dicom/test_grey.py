"""Grey as it is meant to be seen, against the standard's formulas and DCMTK's pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from skiagraph.dicom import read_dicom_frame
from tests.skiagraph.dicom.made_files import make_image, write_image

REAL = os.environ.get("SKIAGRAPH_DATA")
XA, RF, CT = "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.2"
LEVELS = np.array([[0, 1, 2, 3, 9]], np.uint16)

needs_dcmtk = pytest.mark.skipif(not shutil.which("dcmj2pnm"), reason="DCMTK is not installed (Debian: dcmtk)")


def _grey(path: Path, index: int = 0) -> np.ndarray:
    return read_dicom_frame(path, index).pixels


def _item(**entries: Any) -> Dataset:
    item = Dataset()
    for keyword, value in entries.items():
        setattr(item, keyword, value)
    return item


def _table(descriptor: list[int], entries: list[int], dtype: str = "<u2", form: str = "US") -> Dataset:
    table = Dataset()
    table.add_new(0x00283002, form, descriptor)
    table.add_new(0x00283006, "OW", np.array(entries, dtype).tobytes())
    return table


def _dcmtk_picture(path: Path, folder: Path, *options: str) -> np.ndarray:
    picture = folder / "picture.ppm"
    subprocess.run(["dcmj2pnm", "--write-raw-pnm", *options, str(path), str(picture)], check=True, capture_output=True)
    return np.asarray(Image.open(picture).convert("RGB"), dtype=float)


@needs_dcmtk
@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cr_dx/CR-MONO1-10-chest_no_preamble.dcm", ["+Wi", "1"]),
        ("cr_dx/dx_image.dcm", ["+Wi", "1"]),
        ("edge/vlut_04.dcm", ["+Wl", "1"]),
        ("rf/KarstenHilbertRF.dcm", ["+Wi", "1"]),
        ("us/YBR_FULL-RLE.dcm", []),
        ("us/OBXXXX1A_rle_2frame.dcm", []),
    ],
)
def test_real_pictures_are_those_of_dcmtk(name: str, options: list[str], tmp_path: Path) -> None:
    path = Path(str(REAL), "dicom", name)
    plain = tmp_path / "plain.dcm"
    if subprocess.run(["dcmdrle", str(path), str(plain)], check=False, capture_output=True).returncode:
        plain = path
    theirs = _dcmtk_picture(plain, tmp_path, *options) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(_grey(path) - theirs).max() <= 1.5


@needs_dcmtk
def test_palettes_are_those_of_dcmtk(tmp_path: Path) -> None:
    path = Path(str(get_testdata_file("examples_palette.dcm")))
    theirs = _dcmtk_picture(path, tmp_path) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(_grey(path) - theirs).max() <= 1.5


def test_a_segmented_palette_is_unfolded(tmp_path: Path) -> None:
    """PS3.3 C.7.9.2: two discrete entries, four on a line up to the last, and once more the first segment."""
    segments = [0, 2, 0, 100 * 257, 1, 4, 200 * 257, 2, 1, 0, 0]
    unfolded = [0, 100, 125, 150, 175, 200, 0, 100]
    tags: dict[str, Any] = {}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [8, 0, 16]
        tags[f"Segmented{colour}PaletteColorLookupTableData"] = np.array(segments, "<u2").tobytes()
    stored = np.arange(8, dtype=np.uint8)[None]
    path = write_image(tmp_path / "a.dcm", stored, PhotometricInterpretation="PALETTE COLOR", **tags)
    assert _grey(path)[0] == pytest.approx(unfolded, abs=0.5)


def test_windows_and_rescaling_of_each_frame(tmp_path: Path) -> None:
    """Enhanced: shared rescaling, a window that every frame has of its own but the last, which has the shared one."""

    def window(centre: float, width: float) -> list[Dataset]:
        return [_item(WindowCenter=centre, WindowWidth=width, VOILUTFunction="LINEAR_EXACT")]

    stored = np.broadcast_to(np.array([[100, 200, 300, 400]], np.uint16), (3, 1, 4)).copy()
    shared = _item(
        PixelValueTransformationSequence=[_item(RescaleSlope=2, RescaleIntercept=-100, RescaleType="US")],
        FrameVOILUTSequence=window(400, 800),
    )
    own = [_item(FrameVOILUTSequence=window(300, 400)), _item(FrameVOILUTSequence=window(500, 400)), _item()]
    path = write_image(
        tmp_path / "a.dcm", stored, NumberOfFrames=3, SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=own, WindowCenter=1, WindowWidth=1,
    )  # fmt: skip
    rescaled = 2.0 * stored[0] - 100
    for index, (centre, width) in enumerate([(300, 400), (500, 400), (400, 800)]):
        expected = np.clip((rescaled - centre) / width + 0.5, 0, 1) * 255
        assert _grey(path, index) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sop_class", [XA, RF])
def test_the_modality_table_of_x_ray_runs_is_not_for_display(tmp_path: Path, sop_class: str) -> None:
    """It leads back to the X-ray intensity (PS3.3 C.8.7.1.1.2), and DCMTK leaves it out as well."""
    tags = {"WindowCenter": 2, "WindowWidth": 4, "VOILUTFunction": "LINEAR_EXACT"}
    rescaling = {"RescaleSlope": -7, "RescaleIntercept": 3}
    expected = np.clip(LEVELS / 4, 0, 1) * 255
    assert _grey(write_image(tmp_path / "a.dcm", LEVELS, SOPClassUID=sop_class, **tags, **rescaling)) == pytest.approx(
        expected
    )
    table = [_table([4, 0, 16], [9, 5, 2, 0])]
    path = write_image(tmp_path / "b.dcm", LEVELS, SOPClassUID=sop_class, ModalityLUTSequence=table, **tags)
    assert _grey(path) == pytest.approx(expected)
    other = write_image(tmp_path / "c.dcm", LEVELS, SOPClassUID=CT, **tags, **rescaling)
    assert not np.allclose(_grey(other), expected)


@pytest.mark.parametrize(
    ("table", "dtype", "expected"),
    [
        (_table([4, 0, 8], [0, 51, 102, 255], "u1"), "u2", [0, 51, 102, 255, 255]),
        (_table([3, 1, 8], [51, 102, 255], "u1"), "u2", [51, 51, 102, 255, 255]),
        (_table([4, 0, 10], [0, 341, 682, 1023]), "u2", [0, 85, 170, 255, 255]),
        (_table([4, 0, 10], [0, 4095, 8190, 16383]), "u2", [0, 63.7, 127.5, 255, 255]),
        (_table([4, 65534, 16], [0, 13107, 26214, 65535]), "i2", [102, 255, 255, 255, 255]),
        (_table([4, -2, 16], [0, 13107, 26214, 65535], form="SS"), "i2", [102, 255, 255, 255, 255]),
    ],
)
def test_tables_of_all_forms(tmp_path: Path, table: Dataset, dtype: str, expected: list[float]) -> None:
    """Bytes and words, a first input above or below zero, and a descriptor that tells too few bits."""
    path = write_image(tmp_path / "a.dcm", LEVELS.astype(dtype), VOILUTSequence=[table])
    assert _grey(path)[0] == pytest.approx(expected, abs=0.05)


def test_a_table_of_65536_entries_says_0(tmp_path: Path) -> None:
    table = _table([0, 0, 16], list(range(65536))[::-1])
    path = write_image(tmp_path / "a.dcm", LEVELS * 7000, VOILUTSequence=[table])
    assert _grey(path) == pytest.approx((65535 - LEVELS * 7000.0) / 257, abs=0.01)


def test_a_modality_table_comes_before_the_window(tmp_path: Path) -> None:
    path = write_image(
        tmp_path / "a.dcm", LEVELS, SOPClassUID=CT, ModalityLUTSequence=[_table([4, 0, 16], [10, 20, 40, 80])],
        WindowCenter=50, WindowWidth=100, VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    assert _grey(path)[0] == pytest.approx(np.array([10, 20, 40, 80, 80]) * 2.55, abs=0.01)


@pytest.mark.parametrize("table", [_item(LUTDescriptor=[4, 0, 16]), _table([4, 0, 16], [1, 2]), _item()])
def test_a_damaged_table_is_told(tmp_path: Path, table: Dataset) -> None:
    path = write_image(tmp_path / "a.dcm", LEVELS, VOILUTSequence=[table])
    with pytest.raises(ValueError, match=r"a\.dcm: frame 0 cannot be decoded: a lookup table "):
        _grey(path)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_stretch(tmp_path: Path, photometric: str) -> None:
    stored = np.array([[-2000, 100, 600, 1100, -1990, -1980]], np.int16)
    tags = {"PhotometricInterpretation": photometric, "PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}
    stretched = np.array([0, 127.5, 255]) * 500 / 500
    (seen,) = _grey(write_image(tmp_path / "a.dcm", stored[:, :5].copy(), **tags))
    expected = 255 - stretched if photometric == "MONOCHROME1" else stretched
    assert seen == pytest.approx([0, *expected, 0], abs=0.01)
    (wider,) = _grey(write_image(tmp_path / "b.dcm", stored, **tags))
    assert wider[5] == (255 if photometric == "MONOCHROME1" else 0)
    assert wider[1] != pytest.approx(seen[1], abs=1)


def test_the_sign_of_padding_may_be_written_wrongly(tmp_path: Path) -> None:
    image = np.array([[-2000, 100, 600, 1100]], np.int16)
    path = write_image(tmp_path / "a.dcm", image, PixelPaddingValue=-2000)
    content = path.read_bytes()
    assert content.count(b"\x28\x00\x20\x01SS") == 1
    path.write_bytes(content.replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US"))
    assert _grey(path)[0] == pytest.approx([0, 0, 127.5, 255], abs=0.01)


def test_overlays_are_left_out(tmp_path: Path) -> None:
    """One in the bits above the stored ones, and one of its own."""
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8)
    clean = _grey(write_image(tmp_path / "a.dcm", stored, bits=12))
    image = make_image(stored | np.uint16(0x1000), bits=12)
    for element, form, value in [(0x10, "US", 8), (0x11, "US", 8), (0x40, "CS", "G"), (0x50, "SS", [1, 1]),
                                 (0x100, "US", 1), (0x102, "US", 0), (0x3000, "OB", b"\xff" * 8)]:  # fmt: skip
        image.add_new(0x60000000 + element, form, value)
    image.save_as(tmp_path / "b.dcm", enforce_file_format=True)
    assert np.array_equal(_grey(tmp_path / "b.dcm"), clean)


def test_what_is_no_number_is_black(tmp_path: Path) -> None:
    image = make_image(np.zeros((1, 4), np.float32))
    del image.PixelData, image.BitsStored, image.HighBit, image.PixelRepresentation
    image.FloatPixelData = np.array([np.nan, 1, 2, 3], "<f4").tobytes()
    image.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert _grey(tmp_path / "a.dcm")[0] == pytest.approx([0, 0, 127.5, 255], abs=0.01)


def test_ycc_shows_its_luminance(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    path = write_image(tmp_path / "a.dcm", colours, PhotometricInterpretation="YBR_FULL")
    assert np.array_equal(_grey(path), colours[..., 0])


def test_other_colours_are_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.dcm", LEVELS, PhotometricInterpretation="HSV")
    with pytest.raises(ValueError, match=r"a\.dcm: .*HSV"):
        _grey(path)
