"""Frames of a DICOM file as they are meant to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import MediaStorageDirectoryStorage

from .decoding import DicomFrames
from .grey import to_grey
from .reading import one_line_errors, read_header
from .spacing import stated_spacing_mm

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


def count_frames(path: str | Path) -> int:
    """Number of frames, from the header alone; 0 for what is known to be no picture, such as a report or a DICOMDIR.

    A file that cannot be read counts as one frame, for `read_dicom_frame` to say what is wrong with it.
    """
    try:
        header = read_header(path, only=["Modality", "Rows", "NumberOfFrames"])
        if _is_directory(header) or ("Rows" not in header and header.get("Modality") in _NOT_PICTURES):
            return 0
        return max(int(header.get("NumberOfFrames") or 1), 1)
    except Exception:  # noqa: BLE001 damaged files raise nearly anything
        return 1


def _is_directory(header: FileDataset) -> bool:
    return bool(header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage)


def grey_frame(frames: DicomFrames, index: int) -> DicomFrame:
    """One frame of an open file, and that one only, as `read_dicom_frame` gives it.

    Raises:
        ValueError: the pixel data cannot be decoded, or have no such frame.
    """
    with one_line_errors(frames.path, f"frame {index} cannot be decoded"):
        return DicomFrame(to_grey(frames[index], frames, index), stated_spacing_mm(frames.header, index))


def read_dicom_frame(path: str | Path, index: int = 0) -> DicomFrame:
    """Decode one frame, and that one only, to grey levels (see `grey.to_grey`).

    Raises:
        OSError: there is no such file, or it cannot be read.
        ValueError: the pixel data are missing, cannot be decoded, or have no such frame.
    """
    with DicomFrames(path) as frames:
        return grey_frame(frames, index)
