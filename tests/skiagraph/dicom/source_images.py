"""Small DICOM images of the kinds that are segmented, with a drawn vessel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag

ROOT = "1.2.826.0.1.3680043.8.498.1"

_XA = {
    "Modality": "XA", "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"], "PatientOrientation": "",
    "PixelIntensityRelationship": "LIN",
    "KVP": 70, "RadiationSetting": "SC", "XRayTubeCurrent": 400, "ExposureTime": 8, "PositionerMotion": "STATIC",
    "PositionerPrimaryAngle": 30, "PositionerSecondaryAngle": -20, "LossyImageCompression": "00",
}  # fmt: skip
_CINE = {"FrameTime": 66.7, "FrameIncrementPointer": Tag("FrameTime")}
_US = {"Modality": "US", "ImageType": ["ORIGINAL", "PRIMARY"], "PatientOrientation": ""}
_XRAY = {"PatientOrientation": ["L", "F"], "ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.15, 0.15]}
_SPACE = {"FrameOfReferenceUID": f"{ROOT}.9", "PositionReferenceIndicator": ""}

KINDS: dict[str, tuple[uid.UID, dict[str, Any]]] = {
    "XA": (uid.XRayAngiographicImageStorage, _XA),
    "XA cine": (uid.XRayAngiographicImageStorage, _XA | _CINE),
    "XA cine with frame of reference": (uid.XRayAngiographicImageStorage, _XA | _CINE | _SPACE),
    "RF cine": (uid.XRayRadiofluoroscopicImageStorage, _XA | _CINE | {"Modality": "RF"}),
    "US": (uid.UltrasoundImageStorage, _US),
    "US cine": (uid.UltrasoundMultiFrameImageStorage, _US | _CINE),
    "CR": (uid.ComputedRadiographyImageStorage, _XRAY | {"Modality": "CR"}),
    "DX": (uid.DigitalXRayImageStorageForPresentation, _XRAY | {"Modality": "DX"}),
    "enhanced XA": (uid.EnhancedXAImageStorage, {"Modality": "XA"} | _SPACE),
    "enhanced CT": (uid.EnhancedCTImageStorage, {"Modality": "CT"} | _SPACE),
}


def write_source(path: Path, kind: str, shape: tuple[int, int, int], **tags: Any) -> Path:
    """Write an image of a kind, shape (frames, rows, columns); a tag that is None is left out."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    image.SOPClassUID, own = KINDS[kind]
    image.SOPInstanceUID, image.StudyInstanceUID, image.SeriesInstanceUID = (f"{ROOT}.{k}" for k in (1, 2, 3))
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Phantom^A", "P 1", "", ""
    image.StudyDate, image.StudyTime, image.StudyID, image.AccessionNumber = "20260101", "120000", "1", ""
    image.ReferringPhysicianName, image.Manufacturer, image.SeriesNumber, image.InstanceNumber = "", "", 1, 1
    image.Laterality = ""
    frames, image.Rows, image.Columns = shape
    if frames > 1 or "FrameTime" in own or kind.startswith("enhanced"):
        image.NumberOfFrames = frames
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    if kind.startswith("enhanced"):
        _describe_frames(image, frames, planes=kind == "enhanced CT")
    for name, value in (own | tags).items():
        if value is None:
            image.pop(name, None)
        else:
            setattr(image, name, value)
    image.add_new("PixelData", "OB", _vessel(shape).tobytes().ljust(-(-int(np.prod(shape)) // 2) * 2, b"\0"))
    image.save_as(path, enforce_file_format=True)
    return path


def _describe_frames(image: Dataset, frames: int, *, planes: bool) -> None:
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient, measures.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.5, 0.5]
    measures.SliceThickness = 2
    if planes:
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(frames)]
    for k, item in enumerate(image.PerFrameFunctionalGroupsSequence if planes else ()):
        position = Dataset()
        position.ImagePositionPatient = [0, 0, 2 * k]
        item.PlanePositionSequence = [position]


def _vessel(shape: tuple[int, int, int]) -> np.ndarray:
    """A dark band that swings from frame to frame."""
    frame, row, column = np.indices(shape)
    middle = shape[2] / 2 + shape[2] / 6 * np.sin(row / 8 + frame)
    return np.where(np.abs(column - middle) < 3, 60, 180).astype(np.uint8)
