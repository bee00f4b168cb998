"""DICOM files in, arrays and records out."""

from .c_arm import NotAnAngiogramError, read_c_arm
from .c_arm_record import CArmFrame, FieldOfView, IsocentreSystem, TablePosition
from .c_arm_table import frame_row, write_c_arm_table
from .frames import DicomFrame, count_frames, is_dicom, read_dicom_frame

__all__ = [
    "NotAnAngiogramError",
    "read_c_arm",
    "CArmFrame",
    "FieldOfView",
    "IsocentreSystem",
    "TablePosition",
    "frame_row",
    "write_c_arm_table",
    "DicomFrame",
    "count_frames",
    "is_dicom",
    "read_dicom_frame",
]
