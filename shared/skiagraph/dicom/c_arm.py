"""What a file tells of the C-arm, frame by frame."""

from __future__ import annotations

import warnings
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    EnhancedXAImageStorage,
    EnhancedXRFImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from .c_arm_classic import read_classic
from .c_arm_enhanced import read_enhanced
from .c_arm_record import CArmFrame
from .reading import is_dicom, read_header

_CLASSIC = (XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage)
_ENHANCED = (EnhancedXAImageStorage, EnhancedXRFImageStorage)
# The longest rotational runs have some hundred frames; a damaged header may claim millions.
_MOST_FRAMES = 100_000


class NotAnAngiogramError(ValueError):
    """The file is of a kind that has no C-arm."""


def read_c_arm(source: str | Path | Dataset) -> tuple[CArmFrame, ...]:
    """Read what a file tells of its C-arm: one record a frame.

    What is missing is None. What contradicts itself or the standard is None too, and the record's `notes` say why.

    Args:
        source: a file, or its header.

    Returns:
        the frames' records, in their order.

    Raises:
        OSError: the file cannot be opened.
        NotAnAngiogramError: it is not DICOM, or not of a class for X-ray angiography or fluoroscopy: XA, XRF, Enhanced
            XA or Enhanced XRF.
        ValueError: it is damaged, or it cannot be told which number is of which frame.
    """
    header, name = (source, "header") if isinstance(source, Dataset) else (_read_header(source), str(source))
    try:
        # Values are parsed as they are asked for. What is wrong with those that matter is noted.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(header)
    except NotAnAngiogramError as error:
        raise NotAnAngiogramError(f"{name}: {error}") from error
    except Exception as error:  # damaged sequences raise nearly anything
        raise ValueError(f"{name}: {error or type(error).__name__}") from error


def _read_header(path: str | Path) -> Dataset:
    if not is_dicom(path):
        raise NotAnAngiogramError(f"{path}: not a DICOM file")
    return read_header(path)


def _read(header: Dataset) -> tuple[CArmFrame, ...]:
    kind = UID(str(header.get("SOPClassUID") or ""))
    if kind not in (*_CLASSIC, *_ENHANCED):
        raise NotAnAngiogramError(f"no X-ray angiogram: {kind.name or 'no SOP Class UID'}")
    if not header.get("Rows") or not header.get("Columns"):
        raise ValueError("Rows or Columns are missing")
    # An empty value is as none.
    frames = int(header.get("NumberOfFrames") or 1)
    if not 1 <= frames <= _MOST_FRAMES:
        raise ValueError(f"Number of Frames is {frames}, not within 1 and {_MOST_FRAMES}")
    return read_enhanced(header, frames) if kind in _ENHANCED else read_classic(header, frames)
