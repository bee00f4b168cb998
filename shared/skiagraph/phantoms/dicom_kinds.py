"""Data sets of many kinds, before anything is planted into them: every reader takes them; no module is complete."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundImageStorage,
    XRayAngiographicImageStorage,
)

KINDS = ("cr", "enhanced", "xa", "xa_encapsulated", "us", "sr", "seg", "ct", "sc")
_CLASS = {
    "cr": (ComputedRadiographyImageStorage, "CR"),
    "enhanced": (EnhancedCTImageStorage, "CT"),
    "xa": (XRayAngiographicImageStorage, "XA"),
    "xa_encapsulated": (XRayAngiographicImageStorage, "XA"),
    "us": (UltrasoundImageStorage, "US"),
    "sr": (BasicTextSRStorage, "SR"),
    "seg": (SegmentationStorage, "SEG"),
    "ct": (CTImageStorage, "CT"),
    "sc": (SecondaryCaptureImageStorage, "OT"),
}
_NESTED_FRAMES = 12


@dataclass(frozen=True)
class Reference:
    """An instance that another refers to.

    Attributes:
        sop_class: its class.
        instance: its UID.
        series: UID of its series.
        study: UID of its study.
    """

    sop_class: str
    instance: str
    series: str
    study: str


@dataclass(frozen=True)
class Look:
    """What the images of a corpus are like.

    Attributes:
        size_px: rows and columns.
        frames: of a cine.
    """

    size_px: int = 64
    frames: int = 100


def sop_class_of(kind: str) -> str:
    """SOP class UID of a kind."""
    return _CLASS[kind][0]


def draw_dataset(kind: str, look: Look, rng: np.random.Generator, reference: Reference, burned: str) -> Dataset:
    """A data set of a kind, without anything of a patient.

    Args:
        kind: one of `KINDS`.
        look: of its image.
        rng: of its pixels.
        reference: the instance that it refers to.
        burned: text for the pixels of an ultrasound image.
    """
    dataset = Dataset()
    dataset.SOPClassUID, dataset.Modality = _CLASS[kind]
    dataset.Manufacturer = "Skiagraph"
    if kind == "sr":
        _add_report(dataset, reference)
    elif kind == "us":
        _add_ultrasound(dataset, look, rng, burned)
    else:
        frames = {"xa": look.frames, "xa_encapsulated": look.frames, "enhanced": _NESTED_FRAMES, "seg": 2}.get(kind, 1)
        eight_bits = kind in ("xa", "xa_encapsulated", "sc", "seg")
        _add_pixels(
            dataset, _noise(look.size_px, frames, rng, largest=255 if eight_bits else 4095), eight_bits=eight_bits
        )
        if kind == "enhanced":
            _add_frame_groups(dataset, rng)
        if kind in ("seg", "enhanced"):
            _add_references(dataset, reference)
        if kind == "xa":
            dataset.PositionerPrimaryAngle, dataset.DistanceSourceToDetector = "12.5", "1105"
    return dataset


def add_overlay(dataset: Dataset, text: str) -> None:
    """Text as graphics in group 6000."""
    rows, columns = dataset.Rows, dataset.Columns
    image = Image.new("1", (columns, rows))
    ImageDraw.Draw(image).text((2, 2), text, fill=1)
    bits = np.packbits(np.asarray(image).ravel(), bitorder="little").tobytes()
    for tag, vr, value in (
        (0x60000010, "US", rows),
        (0x60000011, "US", columns),
        (0x60000040, "CS", "G"),
        (0x60000050, "SS", [1, 1]),
        (0x60000100, "US", 1),
        (0x60000102, "US", 0),
        (0x60003000, "OW", bits + b"\0" * (len(bits) % 2)),
    ):
        dataset.add_new(tag, vr, value)


def _noise(size_px: int, frames: int, rng: np.random.Generator, largest: int) -> NDArray[np.uint16]:
    ramp = np.add.outer(np.arange(size_px), np.arange(size_px)) * (largest // 4 / size_px)
    still = rng.integers(0, largest // 4, (size_px, size_px))
    return np.stack([ramp + np.roll(still, frame, axis=1) for frame in range(frames)]).astype(np.uint16)


def _add_pixels(dataset: Dataset, frames: NDArray[np.uint16], *, eight_bits: bool) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.BitsAllocated = 8 if eight_bits else 16
    dataset.BitsStored = 8 if eight_bits else 12
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    if len(frames) > 1:
        dataset.NumberOfFrames = str(len(frames))
    dataset.add_new(
        0x7FE00010, "OB" if eight_bits else "OW", frames.astype(np.uint8 if eight_bits else "<u2").tobytes()
    )


def _add_ultrasound(dataset: Dataset, look: Look, rng: np.random.Generator, burned: str) -> None:
    rows, columns = max(look.size_px, 96), max(2 * look.size_px, 320)
    grey = Image.fromarray(rng.integers(20, 90, (rows, columns), dtype=np.uint8))
    draw = ImageDraw.Draw(grey)
    draw.rectangle((0, 0, columns, 24), fill=0)
    draw.text((4, 4), burned, fill=255, font_size=16)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.BurnedInAnnotation = "YES"
    dataset.add_new(0x7FE00010, "OB", np.repeat(np.asarray(grey)[..., None], 3, axis=-1).tobytes())


def _add_frame_groups(dataset: Dataset, rng: np.random.Generator) -> None:
    groups = []
    for frame in range(int(dataset.NumberOfFrames)):
        content, position, group = Dataset(), Dataset(), Dataset()
        content.FrameAcquisitionNumber, content.DimensionIndexValues = frame + 1, [1, frame + 1]
        position.ImagePositionPatient = [0.0, 0.0, float(frame) * 2.5 + float(rng.integers(100))]
        group.FrameContentSequence, group.PlanePositionSequence = Sequence([content]), Sequence([position])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)


def _add_references(dataset: Dataset, reference: Reference) -> None:
    instance, series = Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = reference.sop_class, reference.instance
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = reference.series, Sequence([instance])
    dataset.ReferencedSeriesSequence = Sequence([series])


def _add_report(dataset: Dataset, reference: Reference) -> None:
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = reference.sop_class, reference.instance
    series.SeriesInstanceUID, series.ReferencedSOPSequence = reference.series, Sequence([instance])
    study.StudyInstanceUID, study.ReferencedSeriesSequence = reference.study, Sequence([series])
    dataset.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ConceptNameCodeSequence = Sequence([code("18782-3", "LN", "X-Ray Report")])


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
