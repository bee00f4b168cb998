"""The source image of a segmentation, from its header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from numpy.typing import NDArray
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import validate_value

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
# Type 2 of Patient and General Study: must be there, may be empty, and is missing in many de-identified files.
_MAY_BE_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
# What tells of frames and places them in space.
_FRAMES = (
    "NumberOfFrames", "ImagePositionPatient", "PixelSpacing",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_PLANE_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")


def check_frames(header: Dataset, maps: NDArray[Any], frames: Sequence[int] | None) -> Sequence[int]:
    """The source frame of each mask, from 0; all of them where `frames` names none.

    Raises:
        ValueError: the image cannot be referred to, or the masks do not fit it.
    """
    missing = [name for name in _NEEDED if not header.get(name)]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    if maps.shape[1:] != (header.Rows, header.Columns):
        raise ValueError(
            f"its frames are {header.Rows} x {header.Columns}, the masks {maps.shape[1]} x {maps.shape[2]}"
        )
    there = number_of_frames(header)
    chosen = range(there) if frames is None else frames
    if len(chosen) != len(maps):
        raise ValueError(f"{len(maps)} masks for {len(chosen)} of its {there} frames; say which frames they are of")
    if len(set(chosen)) != len(chosen) or not set(chosen) <= set(range(there)):
        raise ValueError(f"it has frames 0 to {there - 1}, each to be given once, not {list(chosen)}")
    return chosen


def single_frame(header: Dataset) -> Dataset:
    """The source as highdicom takes it: one frame, nowhere in space."""
    image = Dataset({element.tag: element for element in header if element.keyword not in _FRAMES})
    for name in _MAY_BE_EMPTY:
        if name not in image or not _is_valid(image[name]):
            image[name] = DataElement(Tag(name), dictionary_VR(name), "")
    groups = Dataset()
    groups.PixelMeasuresSequence = [Dataset()]
    image.NumberOfFrames, image.SharedFunctionalGroupsSequence = 1, [groups]
    return image


def _is_valid(element: DataElement) -> bool:
    """Whether highdicom takes a date, time or sex; names and identifiers it takes as they are."""
    if element.keyword == "PatientSex":
        return element.value in ("M", "F", "O", "", None)
    try:
        validate_value(element.VR, element.value if element.VR in ("DA", "TM") else "", RAISE)
    except ValueError:
        return False
    return True


def plane_groups(source: Dataset) -> tuple[Dataset, list[Dataset]]:
    """Where in the patient the frames of an image are: groups that all share, and groups of each frame.

    Both empty where the image does not tell it of all frames, as projections and ultrasound cannot.
    """
    shared, per_frame = _enhanced_groups(source) if "PerFrameFunctionalGroupsSequence" in source else _groups(source)
    whole = all(any(name in groups for groups in (shared, frame)) for name in _PLANE_GROUPS for frame in per_frame)
    return (shared, per_frame) if whole and len(per_frame) == number_of_frames(source) else (Dataset(), [])


def _enhanced_groups(source: Dataset) -> tuple[Dataset, list[Dataset]]:
    def planes(item: Dataset) -> Dataset:
        return Dataset({element.tag: element for element in item if element.keyword in _PLANE_GROUPS})

    shared = source.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return planes(shared[0]), [planes(item) for item in source.PerFrameFunctionalGroupsSequence]


def _groups(source: Dataset) -> tuple[Dataset, list[Dataset]]:
    shared, frame = Dataset(), Dataset()
    place = [source.get(name) for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")]
    thickness = source.get("SliceThickness")
    if all(place) and thickness is not None:
        frame.PlanePositionSequence = PlanePositionSequence("PATIENT", place[0])
        shared.PlaneOrientationSequence = PlaneOrientationSequence("PATIENT", place[1])
        shared.PixelMeasuresSequence = PixelMeasuresSequence(place[2], thickness)
    return shared, [frame]


def number_of_frames(source: Dataset) -> int:
    """Number of frames of an image, from its header."""
    return max(int(source.get("NumberOfFrames") or 1), 1)
