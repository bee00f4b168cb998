"""DICOM files in, arrays and records out.

What needs further packages, and what works through folders, is imported by the name of its file.
"""

from .c_arm import NotAnAngiogramError, read_c_arm
from .c_arm_record import CArmFrame, FieldOfView, IsocentreSystem, TablePosition
from .cine import best_opacified_frame, minimum_intensity, opacification
from .decoding import DicomFrames, StoredFrame
from .frames import DicomFrame, count_frames, grey_frame, read_dicom_frame
from .grey import to_grey
from .reading import is_dicom, one_line_errors, read_header
from .spacing import Spacing, read_spacing
from .subtraction import SubtractedFrames

__all__ = [
    "CArmFrame",
    "DicomFrame",
    "DicomFrames",
    "FieldOfView",
    "IsocentreSystem",
    "NotAnAngiogramError",
    "Spacing",
    "StoredFrame",
    "SubtractedFrames",
    "TablePosition",
    "best_opacified_frame",
    "count_frames",
    "grey_frame",
    "is_dicom",
    "minimum_intensity",
    "one_line_errors",
    "opacification",
    "read_c_arm",
    "read_dicom_frame",
    "read_header",
    "read_spacing",
    "to_grey",
]
