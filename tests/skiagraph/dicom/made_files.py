"""DICOM files of known content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage


def make_image(pixels: np.ndarray, *, bits: int | None = None, **tags: Any) -> Dataset:
    """(rows, columns), (rows, columns, 3) or, with NumberOfFrames, a stack of such."""
    shape = pixels.shape[1:] if "NumberOfFrames" in tags else pixels.shape
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    image.Rows, image.Columns = shape[:2]
    image.SamplesPerPixel = 3 if len(shape) == 3 else 1
    if len(shape) == 3:
        image.PlanarConfiguration = 0
    image.PhotometricInterpretation = "RGB" if len(shape) == 3 else "MONOCHROME2"
    image.BitsAllocated = 8 * pixels.itemsize
    image.BitsStored = bits or image.BitsAllocated
    image.HighBit = image.BitsStored - 1
    image.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    for name, value in tags.items():
        setattr(image, name, value)
    image.PixelData = pixels.tobytes()
    if len(image.PixelData) % 2:
        image.PixelData += b"\0"
    return image


def write_image(path: Path, pixels: np.ndarray, *, bits: int | None = None, **tags: Any) -> Path:
    """The same as a file, Explicit VR Little Endian."""
    make_image(pixels, bits=bits, **tags).save_as(path, enforce_file_format=True)
    return path


def write_compressed(path: Path, image: Dataset, syntax: str, frames: Sequence[bytes], **options: Any) -> Path:
    """The same with compressed frames in place of its pixels; options are those of pydicom's `encapsulate`."""
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = encapsulate(list(frames), **options)
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    image.save_as(path, enforce_file_format=True)
    return path
