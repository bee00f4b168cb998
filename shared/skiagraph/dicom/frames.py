"""Frames of a DICOM file as they are meant to be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, apply_windowing, pixel_array
from pydicom.uid import MediaStorageDirectoryStorage

_CENTIMETRES = 3  # PS3.3 C.8.5.5.1.15, Physical Units
_TISSUE = 1  # PS3.3 C.8.5.5.1.2, Region Data Type
_BEYOND_ANY_WINDOW = 1e12
# PS3.3 C.7.3.1.1.1, Modality, of objects that hold no picture.
_NOT_PICTURES = ("DOC", "ECG", "FID", "HD", "KO", "PR", "REG", "RTPLAN", "RTSTRUCT", "SR")


@dataclass(frozen=True)
class DicomFrame:
    """One frame.

    Attributes:
        pixels: (rows, columns) float32, 0 (black) to 255 (white).
        spacing_mm: (row, column) size of a pixel in the body, None where the file does not tell.
    """

    pixels: NDArray[np.float32]
    spacing_mm: tuple[float, float] | None


def is_dicom(path: str | Path) -> bool:
    """Whether the file begins as PS3.10 says: 128 bytes, then 'DICM'."""
    with Path(path).open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def count_frames(path: str | Path) -> int:
    """Number of frames, from the header alone; 0 for what is known to be no picture, such as a report or a DICOMDIR.

    A file that cannot be read counts as one frame, for `read_dicom_frame` to say what is wrong with it.
    """
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Modality", "Rows", "NumberOfFrames"])
        if _is_directory(header) or ("Rows" not in header and header.get("Modality") in _NOT_PICTURES):
            return 0
        return max(int(header.get("NumberOfFrames") or 1), 1)
    except Exception:  # noqa: BLE001 damaged files raise nearly anything
        return 1


def _is_directory(header: FileDataset) -> bool:
    return bool(header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)


def read_dicom_frame(path: str | Path, index: int = 0) -> DicomFrame:
    """Decode one frame, and that one only, to grey levels.

    Grey images pass through the modality and VOI LUT (or window) and MONOCHROME1 is turned so that large is white;
    colour images become luminance (ITU-R BT.601). A window or a pixel size that the standard does not allow is as one
    that is not there.

    Raises:
        ValueError: the pixel data are missing, cannot be decoded, or have no such frame.
    """
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        _drop_impossible_window(header)
        pixels = pixel_array(path, index=index)
        return DicomFrame(_to_grey(pixels, header), _spacing_mm(header))
    except Exception as error:  # every decoder raises types of its own
        raise ValueError(f"{path}: frame {index} cannot be decoded: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    reason = lines[0].rstrip(":") if lines else type(error).__name__
    # So pydicom says that none of its decoders can do it.
    hint = "; convert the file to an uncompressed transfer syntax" if isinstance(error, RuntimeError) else ""
    return reason + hint


def _drop_impossible_window(header: Dataset) -> None:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3: a linear window is at least 1 wide, any other more than 0."""
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    numbers = _numbers(header, "WindowCenter")[:1] + _numbers(header, "WindowWidth")[:1]
    possible = len(numbers) == 2 and (numbers[1] >= 1 if function == "LINEAR" else numbers[1] > 0)
    for name in () if possible else ("WindowCenter", "WindowWidth"):
        header.pop(name, None)


def _numbers(header: Dataset, name: str) -> tuple[float, ...]:
    """The values of an entry; none where it is missing, empty or not finite numbers."""
    try:
        value = header.get(name)
        numbers = tuple(float(entry) for entry in (value if isinstance(value, MultiValue) else [value]))
    except (TypeError, ValueError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _to_grey(pixels: NDArray[Any], header: Dataset) -> NDArray[np.float32]:
    photometric = header.get("PhotometricInterpretation")
    if photometric == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, header)
    if pixels.ndim == 3:
        weights = np.array([0.299, 0.587, 0.114]) * (255.0 / np.iinfo(pixels.dtype).max)
        return np.asarray(pixels[..., :3] @ weights, dtype=np.float32)
    shown = np.asarray(apply_voi_lut(apply_modality_lut(pixels, header), header), dtype=np.float64)
    low, high = _shown_range(shown, pixels, header)
    grey = np.clip((shown - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.float32)
    return 255 - grey if photometric == "MONOCHROME1" else grey


def _shown_range(shown: NDArray[np.float64], stored: NDArray[Any], header: Dataset) -> tuple[float, float]:
    """Values that are shown black and white.

    Those of the VOI LUT or window where there is one, so that the grey of one frame means the same in the next; eight
    bits are grey levels already, whatever they are rescaled to; all else is stretched over its own range.
    """
    if header.get("VOILUTSequence"):
        return 0.0, 2.0 ** int(header.VOILUTSequence[0].LUTDescriptor[2]) - 1
    if header.get("WindowCenter") is not None and header.get("WindowWidth") is not None:
        with np.errstate(over="ignore"):
            low, high = apply_windowing(np.array([-_BEYOND_ANY_WINDOW, _BEYOND_ANY_WINDOW]), header)
        return float(low), float(high)
    if stored.dtype == np.uint8:
        ends = apply_modality_lut(np.array([0, 255], dtype=np.uint8), header)
        return float(ends.min()), float(ends.max())
    return float(shown.min()), float(shown.max())


def _spacing_mm(header: Dataset) -> tuple[float, float] | None:
    """Pixel size from the ultrasound regions, or Pixel Spacing.

    The Imager Pixel Spacing of a projection is not used: it is the size on the detector, not in the body.
    """
    regions = {
        _numbers(region, "PhysicalDeltaY")[:1] + _numbers(region, "PhysicalDeltaX")[:1]
        for region in header.get("SequenceOfUltrasoundRegions") or ()
        if region.get("RegionDataType") == _TISSUE
        and region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == _CENTIMETRES
    }
    sizes = {tuple(abs(delta) * 10 for delta in region) for region in regions} or {_numbers(header, "PixelSpacing")}
    size = sizes.pop()
    return (size[0], size[1]) if not sizes and len(size) == 2 and min(size) > 0 else None
