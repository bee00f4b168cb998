"""De-identification after DICOM PS3.15 Annex E."""

from __future__ import annotations

from .folder import FolderReport, deidentify_folder
from .index import Index
from .keys import Key, read_key, write_new_key
from .options import Options
from .pixels import Finding, PixelCleaner
from .reidentification import read_reidentification, write_reidentification
from .settings import Settings, check_apart

__all__ = [
    "Finding", "FolderReport", "Index", "Key", "Options", "PixelCleaner", "Settings", "check_apart",
    "deidentify_folder", "read_key", "read_reidentification", "write_new_key", "write_reidentification",
]  # fmt: skip
