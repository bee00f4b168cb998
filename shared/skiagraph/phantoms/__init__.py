"""Synthetic images with exact truth, written in the published layouts."""

from .aasce import write_spine_phantoms
from .dicom_corpus import write_dicom_corpus, write_files_of_kind
from .dicom_kinds import Look as CorpusLook
from .limb import LimbImage, draw_limb
from .mura import write_limb_phantoms
from .scanner import Scanner, draw_scanner
from .spine import SpineImage, draw_spine
from .ultrabones import write_ultrasound_phantoms
from .ultrasound import UltrasoundFrame, draw_frame

__all__ = [
    "write_spine_phantoms",
    "write_dicom_corpus",
    "write_files_of_kind",
    "CorpusLook",
    "LimbImage",
    "draw_limb",
    "write_limb_phantoms",
    "Scanner",
    "draw_scanner",
    "SpineImage",
    "draw_spine",
    "write_ultrasound_phantoms",
    "UltrasoundFrame",
    "draw_frame",
]
