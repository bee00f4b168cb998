"""The frames of a DICOM segmentation: which there are, where each comes from, and their bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from .segmentation_source import number_of_frames, plane_groups


@dataclass(frozen=True)
class SegmentFrame:
    """One frame of a segmentation.

    Attributes:
        segment: number of the segment, from 1.
        index: of the mask among the masks, from 0.
        source: of the frame in the source image, from 0.
    """

    segment: int
    index: int
    source: int


def plan_frames(masks: NDArray[Any], sources: Sequence[int], segments: int) -> list[SegmentFrame]:
    """The frames to write, segment by segment as their dimensions vary.

    A segment has no frame where it is empty. But each mask has a frame at least, if all are empty one of the first
    segment: so the file tells what was looked at and found empty from what was not looked at.

    Args:
        masks: (masks, rows, columns) label maps.
        sources: the source frame of each mask, from 0.
        segments: how many there are.

    Raises:
        ValueError: a label has no segment.
    """
    there = []
    for index, mask in enumerate(masks):
        found = np.flatnonzero(np.bincount(mask.ravel())[1:]) + 1
        if len(found) and found[-1] > segments:
            raise ValueError(f"mask {index} holds the label {found[-1]}, but there are {segments} segments")
        there.append(set(found.tolist()) or {1})
    return [
        SegmentFrame(number, index, source)
        for number in range(1, segments + 1)
        for index, source in enumerate(sources)
        if number in there[index]
    ]


def pack_frames(masks: NDArray[Any], frames: Sequence[SegmentFrame]) -> bytes:
    """The frames as bits, the first in the lowest, one frame after the other without padding (PS3.5 8.1.1).

    Eight frames fill whole bytes whatever their size, so no more than eight are unpacked at a time.
    """
    eights = (frames[start : start + 8] for start in range(0, len(frames), 8))
    planes = (np.stack([masks[frame.index] == frame.segment for frame in eight]) for eight in eights)
    packed = b"".join(np.packbits(plane.ravel(), bitorder="little").tobytes() for plane in planes)
    return packed + b"\0" * (len(packed) % 2)


def describe_dimensions(organization_uid: str) -> list[Dataset]:
    """Segment, then source frame (PS3.3 C.7.6.17).

    A projection has no place in space that could tell its frames apart, and the frames of a cine may all have the same.
    Frame Label is the attribute that the standard keeps for dimensions that an application defines (C.7.6.16.2.2.5).
    """
    pointers = {
        "Segment": ("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
        "Source frame": ("FrameLabel", "FrameContentSequence"),
    }
    dimensions = []
    for label, (attribute, group) in pointers.items():
        dimension = Dataset()
        dimension.DimensionOrganizationUID = organization_uid
        dimension.DimensionIndexPointer, dimension.FunctionalGroupPointer = Tag(attribute), Tag(group)
        dimension.DimensionDescriptionLabel = label
        dimensions.append(dimension)
    return dimensions


def describe_frames(frames: Sequence[SegmentFrame], source: Dataset, derivation: Dataset) -> Iterator[Dataset]:
    """Items of the Per-Frame Functional Groups Sequence (PS3.3 A.51.5).

    Args:
        frames: from `plan_frames`.
        source: header of the source image.
        derivation: item of a Derivation Image Sequence that refers to the source image as a whole.
    """
    per_frame = plane_groups(source)[1]
    segment_index = {number: k for k, number in enumerate(sorted({frame.segment for frame in frames}), start=1)}
    for frame in frames:
        item, content, identification = Dataset(), Dataset(), Dataset()
        content.FrameLabel = f"Frame {frame.source + 1}"
        content.DimensionIndexValues = [segment_index[frame.segment], frame.index + 1]
        identification.ReferencedSegmentNumber = frame.segment
        item.FrameContentSequence = [content]
        item.SegmentIdentificationSequence = [identification]
        item.DerivationImageSequence = [deepcopy(derivation)]
        if number_of_frames(source) > 1:
            item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber = frame.source + 1
        if per_frame:
            item.update(per_frame[frame.source])
        yield item
