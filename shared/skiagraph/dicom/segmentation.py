"""DICOM Segmentation objects (PS3.3 A.51) of single pictures and of whole cines.

To be imported by its own name: the room as a whole does without highdicom, and so do the bundles that only read.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from highdicom.seg import Segmentation, segread
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ..folder_work import whole_file
from .label_maps import as_label_maps
from .reading import read_header
from .segment import Segment, SegmentationSeries
from .segmentation_frames import SegmentFrame, describe_dimensions, describe_frames, pack_frames, plan_frames
from .segmentation_source import check_frames, plane_groups, single_frame

_MAKER = "Skiagraph"


@dataclass(frozen=True)
class SegmentedFrames:
    """What a segmentation says of its source image.

    Attributes:
        masks: (frames, rows, columns) label maps, uint8 or uint16, k on the k-th segment.
        frames: the source frame of each mask, from 0.
        labels: of the segments.
        source_uid: SOP Instance UID of the source image.
    """

    masks: NDArray[Any]
    frames: tuple[int, ...]
    labels: tuple[str, ...]
    source_uid: str


def write_segmentation(
    source: str | Path,
    masks: NDArray[Any],
    segments: Sequence[Segment],
    out: str | Path,
    *,
    frames: Sequence[int] | None = None,
    series: SegmentationSeries | None = None,
) -> None:
    """Write a DICOM Segmentation, BINARY, whose every frame refers to the source frame that it was derived from.

    Patient and study are those of the source; Frame of Reference and planes too where it has them (PS3.3 A.51.1). The
    frames of projections and ultrasound have no place in space: there the pixels of mask and source frame correspond
    (A.51.5.1). A mask without any label is written too, as an empty frame: looked at, nothing found.

    Args:
        source: the DICOM image, single or multi-frame; its pixels are not read.
        masks: (rows, columns) or (frames, rows, columns), bool or label maps, k on `segments[k - 1]`; where vessels
            cross, a pixel is of one of them. A memory map is read frame by frame.
        segments: what the labels mean. One that is in no mask is still described.
        out: the file to write.
        frames: the source frame of each mask, from 0; by default all of them.
        series: UIDs, numbers and date.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: the source is no image that can be referred to, or the masks do not fit it or the segments.
    """
    header = read_header(source)
    try:
        if not segments:
            raise ValueError("there is no segment to put into it")
        maps = as_label_maps(masks)
        planned = plan_frames(maps, check_frames(header, maps, frames), len(segments))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd names and numbers in the source, which are handed on as they are
            written = _build(header, planned, segments, series or SegmentationSeries())
            written.add_new("PixelData", "OB", pack_frames(maps, planned))
            with whole_file(out) as temporary:
                written.save_as(temporary, enforce_file_format=True)
    except OSError:
        raise
    except Exception as problem:  # damaged headers raise nearly anything
        raise ValueError(f"{source}: no segmentation can be written of it: {problem}") from problem


def read_segmentation(path: str | Path) -> SegmentedFrames:
    """Read a DICOM Segmentation of one source image, whose segments do not overlap.

    Source frames that it does not refer to are not in the answer.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no segmentation, or one of several images, or its segments overlap.
    """
    read_header(path)  # tells what is no DICOM file at all
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of files that others wrote, and that can be read all the same
            segmentation = segread(path)
        uid, frames = _referenced(segmentation)
        masks = _read_masks(segmentation, uid, frames)
    except Exception as problem:  # damaged files raise nearly anything
        raise ValueError(f"{path}: not a segmentation of one image that can be read: {problem}") from problem
    labels = tuple(str(segment.SegmentLabel) for segment in segmentation.SegmentSequence)
    return SegmentedFrames(masks, tuple(max(frame, 1) - 1 for frame in frames), labels, uid)


def _build(
    header: Dataset, planned: Sequence[SegmentFrame], segments: Sequence[Segment], series: SegmentationSeries
) -> Segmentation:
    """The segmentation but for its pixels: modules by highdicom, frames from here.

    highdicom 0.28 writes no more than one frame where there is no Frame of Reference
    (https://github.com/ImagingDataCommons/highdicom/issues/200, 284), and none where frames share a place (369).
    """
    described = [segment.describe(number) for number, segment in enumerate(segments, start=1)]
    empty = np.zeros((header.Rows, header.Columns), dtype=np.uint8)
    written = Segmentation(
        [single_frame(header)],
        empty,
        "BINARY",
        described,
        series.series_uid,
        series.series_number,
        series.instance_uid,
        series.instance_number,
        manufacturer=_MAKER,
        manufacturer_model_name=_MAKER,
        software_versions=segments[0].algorithm_version,
        device_serial_number="none",
        content_label="SEGMENTATION",
        omit_empty_frames=False,
        specific_character_set="ISO_IR 192",
        series_description=series.description,
    )
    _set_origin(written, segments, series)
    _set_frames(written, header, planned)
    return written


def _set_origin(written: Dataset, segments: Sequence[Segment], series: SegmentationSeries) -> None:
    written.SoftwareVersions = sorted({segment.algorithm_version for segment in segments})
    day, time = f"{series.made_at:%Y%m%d}", f"{series.made_at:%H%M%S.%f}"
    for name in ("InstanceCreation", "Content", "Series"):
        setattr(written, f"{name}Date", day)
        setattr(written, f"{name}Time", time)
    written.ContributingEquipmentSequence[-1].ContributionDateTime = day + time


def _set_frames(written: Dataset, header: Dataset, planned: Sequence[SegmentFrame]) -> None:
    derivation = written.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    organization = Dataset()
    # Of its own, but the same whenever the same instance is written.
    organization.DimensionOrganizationUID = generate_uid(entropy_srcs=[written.SOPInstanceUID, "dimensions"])
    written.DimensionOrganizationSequence = [organization]
    written.DimensionIndexSequence = describe_dimensions(organization.DimensionOrganizationUID)
    written.SharedFunctionalGroupsSequence = [plane_groups(header)[0]]
    written.PerFrameFunctionalGroupsSequence = list(describe_frames(planned, header, derivation))
    written.NumberOfFrames = len(planned)
    # Type 2C of General Image: asked of images that no plane orients.
    written.PatientOrientation = header.get("PatientOrientation", "")


def _referenced(segmentation: Dataset) -> tuple[str, list[int]]:
    """The source image, and the numbers of its frames that the segmentation refers to, 0 being the whole of it."""
    sources = [
        source
        for item in segmentation.PerFrameFunctionalGroupsSequence
        for derivation in item.get("DerivationImageSequence") or ()
        for source in derivation.get("SourceImageSequence") or ()
    ]
    uids = {str(source.ReferencedSOPInstanceUID) for source in sources}
    if len(uids) != 1:
        raise ValueError(f"its frames refer to {len(uids)} images")
    return uids.pop(), sorted({int(source.get("ReferencedFrameNumber") or 0) for source in sources})


def _read_masks(segmentation: Segmentation, uid: str, frames: Sequence[int]) -> NDArray[Any]:
    dtype = np.uint8 if segmentation.number_of_segments < 256 else np.uint16
    if list(frames) == [0]:
        return segmentation.get_pixels_by_source_instance(
            [uid], combine_segments=True, ignore_spatial_locations=True, dtype=dtype
        )
    return segmentation.get_pixels_by_source_frame(
        uid, frames, combine_segments=True, ignore_spatial_locations=True, dtype=dtype
    )
