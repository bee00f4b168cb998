"""DICOM files in, arrays and records out."""

from .frames import DicomFrame, count_frames, is_dicom, read_dicom_frame

__all__ = ["DicomFrame", "count_frames", "is_dicom", "read_dicom_frame"]
