"""Geometry of images and surfaces in space."""

from __future__ import annotations

from .image_planes import (
    MAX_INCIDENCE_DEG,
    ImagePlane,
    facing_lines,
    first_crossings,
    join_segments,
    rigid_matrix,
    section_segments,
)
from .line_band import draw_band
from .surface_line import SurfaceLine, extract_surface_lines, line_length, resample_line

__all__ = [
    "MAX_INCIDENCE_DEG",
    "ImagePlane",
    "draw_band",
    "facing_lines",
    "first_crossings",
    "join_segments",
    "rigid_matrix",
    "section_segments",
    "SurfaceLine",
    "extract_surface_lines",
    "line_length",
    "resample_line",
]
