"""Alignment of a CT surface with tracked ultrasound: it is moved, within narrow bounds, onto the echo.

The line comes to lie on the ridge of the echo; where the tissue above is much brighter than the shadow below, it is
drawn up by about a tenth of a millimetre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage, optimize

from ..geometry import MAX_INCIDENCE_DEG, ImagePlane, facing_lines, section_segments

Floats = NDArray[np.float64]

CORRECTION_NAMES = ("x_mm", "y_mm", "z_mm", "rx_deg", "ry_deg", "rz_deg")
LIMITS = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
"""Bounds of a correction to both sides: 1 mm and 1 degree."""
IN_PLANE = np.array([0, 1, 5])
"""The parts of a correction that one frame determines by itself: along the image, and rotation in it."""

ECHO_WIDTHS_MM = (0.5, 0.2)
"""Standard deviations of the smoothing, coarse to fine."""
BESIDE_MM = (1.0, 3.0)
"""The stretch above and below a point of the surface that its echo is compared with."""

SWEEP_PRIOR_WEIGHT, FRAME_PRIOR_WEIGHT = 0.005, 0.02
"""Cost in score of moving one part of a correction by its whole limit away from where it started."""
PROFILE_MM = 2.0


def echo_map(image: NDArray[np.uint8], spacing_mm: tuple[float, float], width_mm: float) -> NDArray[np.float32]:
    """How much a pixel looks like bone: bright, and darker above it and below, where the shadow lies.

    Args:
        image: grey ultrasound frame (rows, columns), 0..255, the probe above its first row.
        spacing_mm: (row, column) spacing.
        width_mm: standard deviation of the smoothing.

    Returns:
        map of the image's shape, 0..1: smoothed grey minus the mean grey of the stretches beside it, 0 where that
        is below zero: a line in the dark is not to be driven further away from the echo.
    """
    grey = image.astype(np.float32) / 255
    smooth = ndimage.gaussian_filter(grey, [width_mm / s for s in spacing_mm], mode="nearest")
    near, far = BESIDE_MM
    size = max(round((far - near) / spacing_mm[0]), 1)
    stretch = ndimage.uniform_filter1d(grey, size, axis=0, mode="nearest")
    rows, offset = np.arange(len(grey)), round((near + far) / 2 / spacing_mm[0])
    above = stretch[np.clip(rows - offset, 0, len(rows) - 1)]
    below = stretch[np.clip(rows + offset, 0, len(rows) - 1)]
    return np.asarray(np.maximum(smooth - (above + below) / 2, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class FrameAlignment:
    """One frame with the piece of the surface that any allowed correction can bring into its plane."""

    surface: trimesh.Trimesh
    plane: ImagePlane
    echoes: tuple[NDArray[np.float32], ...]

    @classmethod
    def prepare(cls, surface: trimesh.Trimesh, plane: ImagePlane, image: NDArray[np.uint8]) -> FrameAlignment:
        """Cut out the piece of the surface near the plane and compute the frame's echo maps."""
        turn = np.deg2rad(np.linalg.norm(LIMITS[3:]))
        reach = np.linalg.norm(LIMITS[:3]) + np.linalg.norm(plane.centre_mm) * turn
        corners = plane.to_image_mm(surface.vertices)[surface.faces]
        low, high = corners.min(axis=1), corners.max(axis=1)
        upper = np.array([*(2 * plane.centre_mm[:2]), 0.0]) + reach
        near = np.flatnonzero(np.all((low <= upper) & (high >= -reach), axis=1))
        piece = trimesh.Trimesh(surface.vertices, surface.faces[near], process=False)
        piece.remove_unreferenced_vertices()
        echoes = tuple(echo_map(image, plane.spacing_mm, width) for width in ECHO_WIDTHS_MM)
        return cls(piece, plane, echoes)

    def lines(self, correction: Floats, max_incidence_deg: float = MAX_INCIDENCE_DEG) -> list[Floats]:
        """Lines of the surface that face the probe, each (M, 2) in pixels, after a correction."""
        if not len(self.surface.faces):
            return []
        plane = self.plane.with_world_moved(correction)
        return facing_lines(section_segments(self.surface, plane), plane, max_incidence_deg)

    def score(self, correction: Floats, level: int = -1) -> tuple[float, int]:
        """Sum of the echo map along the facing lines after a correction, and the number of points summed."""
        lines = self.lines(correction)
        if not lines:
            return 0.0, 0
        points = np.concatenate(lines)
        values = ndimage.map_coordinates(self.echoes[level], points.T[::-1], order=1, mode="nearest")
        return float(values.sum()), len(values)

    def mean_score(self, correction: Floats) -> float:
        """Mean of the finest echo map along the facing lines after a correction; 0 where there is no line."""
        return mean_score([self], correction)


def mean_score(frames: Sequence[FrameAlignment], correction: Floats, level: int = -1) -> float:
    """Mean of the echo map over the facing lines of all frames; 0 where no frame has one."""
    scores = [frame.score(correction, level) for frame in frames]
    return sum(total for total, _ in scores) / max(sum(count for _, count in scores), 1)


def align(frames: Sequence[FrameAlignment], prior: Floats, free: NDArray[Any], prior_weight: float) -> Floats:
    """The correction that moves the surface onto the echo, maximising the mean echo map, coarse to fine.

    Args:
        frames: the frames that share the correction.
        prior: correction (6,) to start at and to stay near to.
        free: indices of the parts of the correction that may change.
        prior_weight: what it costs in score to move one part by its whole limit away from the prior.

    Returns:
        correction (6,) in mm and degrees as :meth:`ImagePlane.with_world_moved` takes it, within ``LIMITS``.
    """
    limits = LIMITS[free]

    def cost(values: Floats, level: int) -> float:
        correction = prior.copy()
        correction[free] = values
        away = (values - prior[free]) / limits
        return prior_weight * float(away @ away) - mean_score(frames, correction, level)

    values = min(_starts(prior[free], limits), key=lambda start: cost(start, 0))
    for level in range(len(ECHO_WIDTHS_MM)):
        bounds = list(zip(-limits, limits, strict=True))
        options = {"xtol": 0.01, "ftol": 1e-5}
        found = optimize.minimize(cost, values, (level,), "Powell", bounds=bounds, options=options)
        values = np.clip(found.x, -limits, limits)
    best = prior.copy()
    best[free] = values
    return best


def _starts(prior: Floats, limits: Floats) -> list[Floats]:
    """The prior, and it moved along x and y in steps: a line in the bone's shadow feels no pull to the echo."""
    steps = [np.linspace(-0.9, 0.9, 7) * limit for limit in limits[:2]]
    return [prior, *(np.array([x, y, *prior[2:]]) for x in steps[0] for y in steps[1])]


def align_sweep(frames: Sequence[FrameAlignment]) -> Floats:
    """The one correction, (6,) in mm and degrees, that fits all frames of a sweep best."""
    return align(frames, np.zeros(6), np.arange(6), SWEEP_PRIOR_WEIGHT)


def align_frame(frame: FrameAlignment, prior: Floats) -> Floats:
    """The correction of one frame, (6,) in mm and degrees: within the image, near the sweep's correction."""
    return align([frame], prior, IN_PLANE, FRAME_PRIOR_WEIGHT)


def echo_offset_mm(image: NDArray[np.uint8], lines: Sequence[Floats], row_mm: float) -> float | None:
    """How far the brightest row of the mean profile along the beam lies below the lines.

    Args:
        image: grey frame (rows, columns).
        lines: each (N, 2), points (x, y) in pixels.
        row_mm: row spacing.

    Returns:
        offset in mm, below zero where the echo lies above the line, at most 2 mm to each side;
        None without lines.
    """
    if not lines:
        return None
    points, reach = np.concatenate(lines), round(PROFILE_MM / row_mm)
    offsets = np.arange(-reach, reach + 1)
    rows = points[:, 1, None] + offsets
    columns = np.broadcast_to(points[:, :1], rows.shape)
    grey = ndimage.map_coordinates(image.astype(np.float32), [rows, columns], order=1, mode="nearest")
    return float(offsets[np.argmax(grey.mean(axis=0))] * row_mm)
