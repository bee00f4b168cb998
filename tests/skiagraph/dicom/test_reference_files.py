"""Every frame of real files, and of pydicom's, against DCMTK or, for JPEG 2000, GDCM."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file, get_testdata_files

from skiagraph.dicom import DicomFrames, read_header
from tests.skiagraph.dicom.reference_decoders import dcmtk_frames, gdcm_frames

REAL = os.environ.get("SKIAGRAPH_DATA")
JPEG_EXTENDED, JPEG_2000 = "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.9"
# GDCM ignores that the codestream has no sign; DCMTK takes 32 bits in big-endian OW as two words in another order.
OTHERWISE = {"J2K_pixelrep_mismatch.dcm", "rtdose_expb.dcm", "rtdose_expb_1frame.dcm"}
# Damaged, without an entry that they need, or without pixels.
REFUSED = {"oob-monochrome-65535.dcm", "MultiframeWindowing.dcm", "MR_truncated.dcm", "badVR.dcm"}
NO_REFERENCE = {"emri_small_jpeg_2k_lossless_too_short.dcm", "SC_rgb_jpeg.dcm"}

needs_dcmtk = pytest.mark.skipif(not shutil.which("dcmdjpeg"), reason="DCMTK is not installed (Debian: dcmtk)")


def _real() -> list[Path]:
    return sorted(Path(REAL, "dicom").rglob("*.dcm")) if REAL else []


def _pydicoms() -> list[Path]:
    wanted = ("SC_*", "MR_small*", "JPEG*", "JPG*", "J2K*", "693*", "CT_small*", "examples_*", "liver*", "rtdose*",
              "ExplVR*", "image_dfl*", "GDCM*")  # fmt: skip
    return [Path(path) for pattern in wanted for path in sorted(get_testdata_files(f"{pattern}.dcm"))]


def _has_pixels(path: Path) -> bool:
    return "Rows" in read_header(path, only=["Rows"]) and path.name not in REFUSED | NO_REFERENCE | OTHERWISE


def _compare(path: Path, folder: Path) -> bool:
    """Whether all frames were compared: each equals the reference, or is one level off where it is not exact."""
    with DicomFrames(path) as frames:
        found = [frame.values for frame in frames]
        syntax = str(frames.description.syntax)
    expected = gdcm_frames(path) if syntax.startswith(JPEG_2000) else dcmtk_frames(path, folder)
    if expected is None:
        return False
    assert len(found) == len(expected)
    # Of 12 bits, the standard leaves the rounding of the inverse cosine transform open, and libjpeg's differs.
    allowed = 1 if syntax == JPEG_EXTENDED else 0
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == theirs.shape
        assert (
            np.abs(mine.astype(np.int64) - theirs).max() <= allowed
            if mine.dtype.kind != "f"
            else (mine == theirs).all()
        )
    return True


@needs_dcmtk
@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
@pytest.mark.parametrize("path", [path for path in _real() if _has_pixels(path)], ids=lambda path: path.name)
def test_real_files(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("libjpeg", reason="pylibjpeg-libjpeg is not installed")
    assert _compare(path, tmp_path)


@needs_dcmtk
def test_files_of_pydicom(tmp_path: Path) -> None:
    pytest.importorskip("libjpeg", reason="pylibjpeg-libjpeg is not installed")
    compared = []
    for path in (path for path in _pydicoms() if _has_pixels(path)):
        if path.name == "JPEG2000-embedded-sequence-delimiter.dcm":
            continue
        assert _compare(path, tmp_path), path
        compared.append(path)
    assert len(compared) >= 50


def test_the_two_files_on_which_the_references_are_wrong() -> None:
    plain, big = (Path(str(get_testdata_file(name))) for name in ("rtdose.dcm", "rtdose_expb.dcm"))
    with DicomFrames(plain) as expected, DicomFrames(big) as found:
        assert all(np.array_equal(one.values, other.values) for one, other in zip(found, expected, strict=True))
    path = Path(str(get_testdata_file("J2K_pixelrep_mismatch.dcm")))
    theirs = gdcm_frames(path)
    assert theirs is not None
    with DicomFrames(path) as frames:
        assert np.array_equal(frames[0].values, (theirs[0].astype(np.int64) + 4096) % 8192 - 4096)


@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("edge/oob-monochrome-65535.dcm", "larger than 1 GiB"),
        ("enhanced/MultiframeWindowing.dcm", "SamplesPerPixel is missing"),
        ("edge/GH487_no_pixels.dcm", "there are none"),
    ],
)
def test_real_files_that_are_refused(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        DicomFrames(Path(str(REAL), "dicom", name))
