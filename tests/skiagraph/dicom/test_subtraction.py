"""Subtraction of masks that files name, and of given ones."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from skiagraph.dicom import DicomFrames, SubtractedFrames
from tests.skiagraph.dicom.made_files import write_image

FRAMES = np.random.default_rng(0).integers(1, 1000, (6, 5, 7), dtype=np.uint16)


def _operation(**entries: Any) -> Dataset:
    item = Dataset()
    for keyword, value in entries.items():
        setattr(item, keyword, value)
    return item


def _open(path: Path, *operations: Dataset, **tags: Any) -> DicomFrames:
    sequence = {"MaskSubtractionSequence": list(operations)} if operations else {}
    return DicomFrames(write_image(path, FRAMES, NumberOfFrames=6, **sequence, **tags))


def _expected(mask: list[int], frame: int) -> np.ndarray:
    return FRAMES[frame] - FRAMES[mask].astype(float).mean(axis=0)


def test_a_given_mask_is_averaged_and_taken_away_from_every_frame(tmp_path: Path) -> None:
    with _open(tmp_path / "a.dcm", _operation(MaskOperation="AVG_SUB", MaskFrameNumbers=[5])) as run:
        for mask in ([2], [0, 1, 3]):
            subtracted = SubtractedFrames(run, mask)
            assert len(subtracted) == 6
            for index, frame in enumerate(subtracted):
                assert frame.dtype == np.float32
                assert frame == pytest.approx(_expected(mask, index), abs=1e-3)


def test_the_masks_of_the_file_count_from_one_and_have_their_ranges(tmp_path: Path) -> None:
    first = _operation(MaskOperation="AVG_SUB", MaskFrameNumbers=[1, 2], ApplicableFrameRange=[3, 4])
    second = _operation(MaskOperation="AVG_SUB", MaskFrameNumbers=3, ApplicableFrameRange=[4, 4, 6, 9])
    with _open(tmp_path / "a.dcm", _operation(MaskOperation="NONE"), first, second) as run:
        subtracted = SubtractedFrames(run)
        assert subtracted.indices == (2, 3, 5)
        assert subtracted[2] == pytest.approx(_expected([0, 1], 2), abs=1e-3)
        assert subtracted[3] == pytest.approx(_expected([0, 1], 3), abs=1e-3)
        assert subtracted[5] == pytest.approx(_expected([2], 5), abs=1e-3)
        with pytest.raises(ValueError, match=r"a\.dcm: frame 0 has no mask"):
            subtracted[0]


@pytest.mark.parametrize(("offset", "steps"), [(2, 2), (None, 1)])
def test_a_mask_that_follows_the_frame(tmp_path: Path, offset: int | None, steps: int) -> None:
    """PS3.3 C.7.6.10: TID, with 1 where the offset is empty."""
    with _open(tmp_path / "a.dcm", _operation(MaskOperation="TID", TIDOffset=offset)) as run:
        subtracted = SubtractedFrames(run)
        assert subtracted.indices == tuple(range(steps, 6))
        for index in subtracted.indices:
            assert subtracted[index] == pytest.approx(_expected([index - steps], index), abs=1e-3)


@pytest.mark.parametrize(("tags", "asked"), [({"PixelIntensityRelationship": "LIN"}, None), ({}, True)])
def test_logarithms_leave_the_contrast_agent_whatever_lies_behind_it(
    tmp_path: Path, tags: dict[str, str], asked: bool | None
) -> None:
    """Beer-Lambert: intensity = background exp(-thickness), so the difference is the thickness."""
    rng = np.random.default_rng(0)
    background, thickness = rng.uniform(20_000, 60_000, (8, 8)), rng.uniform(0, 1, (8, 8))
    frames = np.rint([background, background * np.exp(-thickness)]).astype(np.uint16)
    path = write_image(tmp_path / "a.dcm", frames, NumberOfFrames=2, **tags)
    with DicomFrames(path) as run:
        assert SubtractedFrames(run, [0], asked)[1] == pytest.approx(-thickness, abs=1e-3)
        assert SubtractedFrames(run, [0], logarithmic=False)[1] == pytest.approx(
            frames[1].astype(float) - frames[0], abs=0.01
        )


def test_logarithms_of_what_falls_with_the_intensity_are_refused(tmp_path: Path) -> None:
    with _open(tmp_path / "a.dcm", PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=-1) as run:
        with pytest.raises(ValueError, match=r"a\.dcm: logarithms need values that rise"):
            SubtractedFrames(run, [0])[1]
        assert SubtractedFrames(run, [0], logarithmic=False)[1] == pytest.approx(-_expected([0], 1), abs=1e-3)


@pytest.mark.parametrize(
    ("operation", "hint"),
    [
        (None, "the file names no mask; give the number"),
        (_operation(MaskOperation="NONE"), "the file names no mask"),
        (_operation(MaskOperation="AVG_SUB", MaskFrameNumbers=7), "mask frame 6 is not among its 6"),
        (_operation(MaskOperation="AVG_SUB", MaskFrameNumbers=0), "mask frame -1 is not among its 6"),
        (_operation(MaskOperation="REV_TID", MaskFrameNumbers=1), "mask operation 'REV_TID' is not supported"),
        (_operation(MaskOperation="AVG_SUB", MaskFrameNumbers=1, MaskSubPixelShift=[0.5, 0]), "is to be shifted"),
        (_operation(MaskOperation="AVG_SUB", MaskFrameNumbers=1, ContrastFrameAveraging=3), "average of contrast"),
    ],
)
def test_what_is_not_supported_is_told_and_a_given_mask_goes_before(
    tmp_path: Path, operation: Dataset | None, hint: str
) -> None:
    with _open(tmp_path / "a.dcm", *([operation] if operation else [])) as run:
        with pytest.raises(ValueError, match=rf"a\.dcm: .*{hint}"):
            SubtractedFrames(run)
        assert len(SubtractedFrames(run, [0])) == 6


def test_shifts_of_single_frames_are_told(tmp_path: Path) -> None:
    shift = _operation(FramePixelShiftSequence=[_operation(SubtractionItemID=1, MaskSubPixelShift=[0.5, -1])])
    groups = {"PerFrameFunctionalGroupsSequence": [_operation()] * 5 + [shift]}
    operation = _operation(MaskOperation="AVG_SUB", MaskFrameNumbers=1)
    with _open(tmp_path / "a.dcm", operation, **groups) as run, pytest.raises(ValueError, match="is to be shifted"):
        SubtractedFrames(run)


def test_a_few_frames_are_in_memory(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (60, 512, 512), dtype=np.uint8)
    path = write_image(tmp_path / "a.dcm", frames, NumberOfFrames=60)
    del frames
    with DicomFrames(path) as run:
        tracemalloc.start()
        for _ in SubtractedFrames(run, [0, 1, 2]):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 * 512 * 512 * 4
