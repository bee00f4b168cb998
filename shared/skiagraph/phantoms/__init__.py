"""Synthetic images with exact truth, written in the published layouts."""

from .scanner import Scanner, draw_scanner
from .ultrabones import write_ultrasound_phantoms
from .ultrasound import UltrasoundFrame, draw_frame

__all__ = ["Scanner", "UltrasoundFrame", "draw_frame", "draw_scanner", "write_ultrasound_phantoms"]
