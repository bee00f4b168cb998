"""DICOM Segmentations, read back by other programs and libraries than the one that wrote them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pydicom.sr.codedict import codes

from skiagraph.dicom.segment import BLOOD_VESSEL, CORONARY_ARTERY, Segment, SegmentationSeries
from skiagraph.dicom.segmentation import read_segmentation, write_segmentation
from skiagraph.dicom.segmentation_frames import pack_frames, plan_frames
from tests.skiagraph.dicom.source_images import KINDS, ROOT, write_source

LEFT = Segment("Left", CORONARY_ARTERY, "Skiagraph", "0.1", colour_lab=(50.0, 40.0, -20.0))
RIGHT = Segment("Right of Ärtery", BLOOD_VESSEL, "Skiagraph", "0.2", tracking=("right", f"{ROOT}.77"))
SERIES = SegmentationSeries(f"{ROOT}.5", f"{ROOT}.6", datetime(2026, 2, 3, 4, 5, 6, 789))
REAL = os.environ.get("SKIAGRAPH_DATA")
SINGLE = ("XA", "US", "CR", "DX")
DEIDENTIFIED = dict.fromkeys(
    ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate",
     "StudyTime", "ReferringPhysicianName"]
) | {"PatientIdentityRemoved": "YES", "DeidentificationMethod": "by hand"}  # fmt: skip

needs_dciodvfy = pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dicom3tools (dciodvfy) is not installed")
needs_dcmtk = pytest.mark.skipif(not shutil.which("dcm2pnm"), reason="dcmtk (dcm2pnm) is not installed")


def _masks(frames: int, rows: int = 30, columns: int = 37) -> np.ndarray:
    """Label maps of two segments; where there are five, the second is empty and the third holds no first segment."""
    masks = np.random.default_rng(0).integers(0, 3, (frames, rows, columns)).astype(np.uint8)
    if frames == 5:
        masks[1] = 0
        masks[2][masks[2] == 1] = 0
    return masks


def _write(
    folder: Path, kind: str, masks: np.ndarray, segments: Sequence[Segment] = (LEFT, RIGHT), **tags: Any
) -> Path:
    source = write_source(folder / "source.dcm", kind, masks.shape, **tags)
    write_segmentation(source, masks, segments, folder / "seg.dcm", series=SERIES)
    return folder / "seg.dcm"


def _errors(path: Path) -> list[str]:
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace", check=False).stderr
    assert "Segmentation" in told.splitlines(), "not checked as a Segmentation"
    return [line for line in told.splitlines() if line.startswith("Error")]


@needs_dciodvfy
@pytest.mark.parametrize("gone", [{}, DEIDENTIFIED], ids=["named", "de-identified"])
@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, kind: str, gone: dict[str, Any]) -> None:
    assert _errors(_write(tmp_path, kind, _masks(1 if kind in SINGLE else 5), **gone)) == []


@needs_dciodvfy
def test_dciodvfy_would_find_an_error(tmp_path: Path) -> None:
    path = _write(tmp_path, "XA cine", _masks(5))
    broken = pydicom.dcmread(path)
    del broken.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    broken.save_as(path)
    assert _errors(path)


@needs_dciodvfy
@pytest.mark.parametrize("shape", [(1, 9, 7), (4, 9, 7)])
def test_masks_without_anything_are_kept(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    path = _write(tmp_path, "XA cine", np.zeros(shape, np.uint8))
    back = read_segmentation(path)
    assert back.masks.shape == shape
    assert not back.masks.any()
    assert back.labels == ("Left", "Right of Ärtery")
    assert _errors(path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_refers_to_its_source_frame(tmp_path: Path, kind: str) -> None:
    masks = _masks(1 if kind in SINGLE else 5)
    written = pydicom.dcmread(_write(tmp_path, kind, masks))
    expected = [(s, k) for s in (1, 2) for k, mask in enumerate(masks) if (mask == s).any() or (s == 1 and k == 1)]
    found = []
    for item, pixels in zip(written.PerFrameFunctionalGroupsSequence, written.pixel_array, strict=True):
        (derivation,) = item.DerivationImageSequence
        (reference,) = derivation.SourceImageSequence
        assert derivation.DerivationCodeSequence[0].CodeValue == "113076"
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert reference.ReferencedSOPClassUID == KINDS[kind][0]
        assert reference.ReferencedSOPInstanceUID == f"{ROOT}.1"
        frame = reference.get("ReferencedFrameNumber", 1) - 1
        segment = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(pixels, masks[frame] == segment)
        assert item.FrameContentSequence[0].DimensionIndexValues == [segment, frame + 1]
        assert ("ReferencedFrameNumber" in reference) == (kind not in SINGLE)
        found.append((segment, frame))
    assert found == expected


def test_chosen_frames_of_a_cine(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.dcm", "XA cine", (9, 5, 7))
    masks = _masks(2, 5, 7)
    write_segmentation(source, masks, [LEFT, RIGHT], tmp_path / "two.dcm", frames=[7, 3])
    back = read_segmentation(tmp_path / "two.dcm")
    assert back.frames == (3, 7)
    assert np.array_equal(back.masks, masks[::-1])
    write_segmentation(source, masks[0] == 1, [LEFT], tmp_path / "one.dcm", frames=[8])
    one = read_segmentation(tmp_path / "one.dcm")
    assert (one.frames, one.source_uid) == ((8,), f"{ROOT}.1")
    assert np.array_equal(one.masks[0], masks[0] == 1)


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.bool_, np.uint8, np.int64]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=11),
        elements=st.integers(0, 1),
    ),
    st.integers(1, 3),
)
def test_any_size_comes_back_bit_by_bit(mask: np.ndarray, times: int) -> None:
    """Frames that fill no whole bytes lie across them."""
    masks = mask if mask.dtype == np.bool_ else mask * times
    with tempfile.TemporaryDirectory() as folder:
        path = _write(Path(folder), "US cine", masks, [LEFT, RIGHT, replace(LEFT, label="Third")])
        assert np.array_equal(read_segmentation(path).masks, masks)
        seen = highdicom.seg.segread(path)
        numbers = range(1, len(masks) + 1) if len(masks) > 1 else None
        pixels = (
            seen.get_pixels_by_source_frame(f"{ROOT}.1", numbers)
            if numbers
            else seen.get_pixels_by_source_instance([f"{ROOT}.1"])
        )
        assert np.array_equal(pixels, masks[..., None] == [1, 2, 3])


@needs_dcmtk
def test_dcmtk_sees_the_same_pixels(tmp_path: Path) -> None:
    masks = _masks(5, 21, 13)
    path = _write(tmp_path, "XA cine", masks)
    for number, item in enumerate(pydicom.dcmread(path).PerFrameFunctionalGroupsSequence, start=1):
        picture = tmp_path / f"{number}.pgm"
        subprocess.run(["dcm2pnm", "--frame", str(number), "--write-raw-pnm", path, picture], check=True)
        frame = item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber - 1
        segment = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(np.asarray(Image.open(picture)) > 0, masks[frame] == segment)


def test_highdicom_sees_the_segments(tmp_path: Path) -> None:
    seen = highdicom.seg.segread(_write(tmp_path, "XA cine", _masks(5)))
    assert seen.get_source_image_uids() == [(f"{ROOT}.2", f"{ROOT}.3", f"{ROOT}.1")]
    left, right = (seen.get_segment_description(number) for number in (1, 2))
    assert (left.segment_label, right.segment_label) == ("Left", "Right of Ärtery")
    assert left.segmented_property_type == codes.SCT.CoronaryArtery
    assert left.segmented_property_category == codes.cid7150.AnatomicalStructure
    assert left.algorithm_type.value == "AUTOMATIC"
    assert right.algorithm_identification[0].AlgorithmVersion == "0.2"
    assert (right.tracking_id, right.tracking_uid) == ("right", f"{ROOT}.77")
    # PS3.3 C.10.7.1.1: L* over 0 to 100, a* and b* over -128 to 127, each stretched to 0 to 65535.
    assert left.RecommendedDisplayCIELabValue == pytest.approx([32767.5, 168 * 257, 108 * 257], abs=1)


def test_planes_of_the_source_are_kept(tmp_path: Path) -> None:
    masks = _masks(5)
    volume = highdicom.seg.segread(_write(tmp_path, "enhanced CT", masks)).get_volume(combine_segments=True)
    assert np.allclose(volume.spacing, (2.0, 0.5, 0.5))
    assert volume.frame_of_reference_uid == f"{ROOT}.9"
    in_order = volume.array if volume.get_geometry().position[2] == 0 else volume.array[::-1]
    assert np.array_equal(in_order, masks)
    projection = pydicom.dcmread(_write(tmp_path, "XA cine with frame of reference", masks))
    assert projection.FrameOfReferenceUID == f"{ROOT}.9"
    assert "PlanePositionSequence" not in projection.PerFrameFunctionalGroupsSequence[0]


def test_frames_at_one_place_are_told_apart(tmp_path: Path) -> None:
    """A cine of one slice."""
    masks = _masks(5)
    source = pydicom.dcmread(write_source(tmp_path / "source.dcm", "enhanced CT", masks.shape))
    for item in source.PerFrameFunctionalGroupsSequence:
        item.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 7]
    source.save_as(tmp_path / "source.dcm")
    write_segmentation(tmp_path / "source.dcm", masks, [LEFT, RIGHT], tmp_path / "seg.dcm")
    assert np.array_equal(read_segmentation(tmp_path / "seg.dcm").masks, masks)


def test_patient_and_study_are_those_of_the_source(tmp_path: Path) -> None:
    name = {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}
    written = pydicom.dcmread(_write(tmp_path, "XA", _masks(1), **name, PatientSex="?", StudyTime="11:25:01"))
    assert written.PatientName == "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert (written.PatientID, written.StudyInstanceUID) == ("P 1", f"{ROOT}.2")
    assert not written.PatientSex
    assert not written.StudyTime
    assert (written.SeriesInstanceUID, written.Modality) == (f"{ROOT}.5", "SEG")
    assert (written.ContentDate, written.ContentTime) == ("20260203", "040506.000789")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    once = _write(tmp_path, "XA cine", _masks(5)).read_bytes()
    assert _write(tmp_path, "XA cine", _masks(5)).read_bytes() == once
    write_segmentation(tmp_path / "source.dcm", _masks(5), [LEFT, RIGHT], tmp_path / "new.dcm")
    fresh = pydicom.dcmread(tmp_path / "new.dcm")
    assert len({fresh.SOPInstanceUID, fresh.SeriesInstanceUID, f"{ROOT}.5", f"{ROOT}.6"}) == 4


@pytest.mark.parametrize(
    ("masks", "frames", "message"),
    [
        (np.zeros((5, 8, 7), np.uint8), None, "9 x 7, the masks 8 x 7"),
        (np.zeros((4, 9, 7), np.uint8), None, "4 masks for 5 of its 5 frames"),
        (np.zeros((9, 7), np.uint8), None, "1 masks for 5"),
        (np.zeros((2, 9, 7), np.uint8), [1, 5], "frames 0 to 4"),
        (np.zeros((2, 9, 7), np.uint8), [1, 1], "each to be given once"),
        (np.full((5, 9, 7), 3), None, "label 3, but there are 2 segments"),
        (np.full((5, 9, 7), -1), None, "not from -1"),
        (np.zeros((5, 9, 7)), None, "not float64"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, masks: np.ndarray, frames: list[int] | None, message: str) -> None:
    source = write_source(tmp_path / "source.dcm", "XA cine", (5, 9, 7))
    with pytest.raises(ValueError, match=message) as told:
        write_segmentation(source, masks, [LEFT, RIGHT], tmp_path / "seg.dcm", frames=frames)
    assert str(told.value).startswith(f"{source}: ")
    assert not (tmp_path / "seg.dcm").exists()


def test_files_that_are_none_are_told(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.dcm", "XA", (1, 9, 7), StudyInstanceUID=None)
    with pytest.raises(ValueError, match="it has no StudyInstanceUID"):
        write_segmentation(source, np.zeros((9, 7), bool), [LEFT], tmp_path / "seg.dcm")
    (tmp_path / "text.dcm").write_text("no")
    for path in (source, tmp_path / "text.dcm"):
        with pytest.raises(ValueError, match=path.name):
            read_segmentation(path)
    with pytest.raises(FileNotFoundError):
        read_segmentation(tmp_path / "nowhere.dcm")


def test_segments_that_overlap_are_refused_on_reading(tmp_path: Path) -> None:
    path = _write(tmp_path, "XA", np.array([[[1, 2], [1, 2]]], np.uint8))
    both = pydicom.dcmread(path)
    both.PixelData = b"\xff\x00"
    both.save_as(path)
    with pytest.raises(ValueError, match="overlap"):
        read_segmentation(path)


def test_a_long_cine_is_not_unpacked_as_a_whole() -> None:
    masks = np.ones((64, 128, 128), np.uint8)
    frames = plan_frames(masks, range(64), 1)
    tracemalloc.start()
    packed = pack_frames(masks, frames)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert packed == b"\xff" * (masks.size // 8)
    assert peak < masks.nbytes / 2


@needs_dciodvfy
@pytest.mark.skipif(not REAL, reason="SKIAGRAPH_DATA names no folder of real data")
@pytest.mark.parametrize(
    "name",
    [
        "xa/phantom_8frames_jpegll_private.dcm",
        "xa/cine_96frames_jpeg_fragments.dcm",
        "xa/XA1_JLSL.dcm",
        "rf/KarstenHilbertRF.dcm",
        "us/echo_34frames_regions_jpeg.dcm",
    ],
)
def test_real_images(tmp_path: Path, name: str) -> None:
    source = Path(str(REAL), "dicom", name)
    header = pydicom.dcmread(source, stop_before_pixels=True)
    masks = _masks(int(header.get("NumberOfFrames", 1)), header.Rows, header.Columns)
    write_segmentation(source, masks, [LEFT, RIGHT], tmp_path / "seg.dcm")
    assert np.array_equal(read_segmentation(tmp_path / "seg.dcm").masks, masks)
    assert _errors(tmp_path / "seg.dcm") == []
