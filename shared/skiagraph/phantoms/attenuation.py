"""The sum of all that X-rays meet on their way, put together from simple bodies.

Every body adds the length of the ray within it, in mm, times how much more it attenuates per mm than what it takes the
place of. Points are (x, y) in mm from the centre of the first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .noise import FloatArray

Points = NDArray[np.float64]

# Attenuation per mm at about 70 keV, as in the tables of NIST (XCOM) after rounding; bone is what it has beyond soft
# tissue, lung and gas what they lack.
SOFT_TISSUE = 0.020
COMPACT_BONE = 0.036
SPONGY_BONE = 0.0085
LUNG = -0.0115
GAS = -0.020


class Window(NamedTuple):
    """A part of the image: where it is, and the places of its pixels, x (1, columns) and y (rows, 1), in mm."""

    at: tuple[slice, slice]
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True)
class Attenuation:
    """Minus the logarithm of the share of the rays that passes.

    Attributes:
        total: (rows, columns), to which bodies are added in place.
        px_per_mm: pixels per mm.
    """

    total: FloatArray
    px_per_mm: float

    def window(self, points: ArrayLike, reach_mm: float) -> Window:
        """The pixels up to `reach_mm` around points (N, 2); it may hold none."""
        points = np.asarray(points, dtype=float).reshape(-1, 2)
        low = np.floor((points.min(axis=0) - reach_mm) * self.px_per_mm).astype(int)
        high = np.ceil((points.max(axis=0) + reach_mm) * self.px_per_mm).astype(int) + 1
        rows, columns = self.total.shape
        (left, top), (right, bottom) = np.clip([low, high], 0, [columns, rows])
        x, y = (
            np.arange(*ends).astype(np.float32) / np.float32(self.px_per_mm) for ends in ((left, right), (top, bottom))
        )
        return Window((slice(top, bottom), slice(left, right)), x[None], y[:, None])

    @property
    def everywhere(self) -> Window:
        """The whole image."""
        return self.below(0)

    def below(self, top_mm: float) -> Window:
        """The image from a height downwards."""
        rows, columns = self.total.shape
        edge = (rows - 1) / self.px_per_mm
        return self.window([[0, min(top_mm, edge)], [(columns - 1) / self.px_per_mm, edge]], 0)

    def add(self, window: Window, depth: NDArray[np.floating]) -> None:
        """Add what was worked out for the pixels of a window."""
        self.total[window.at] += depth

    def add_tube(self, line_mm: ArrayLike, radius_mm: ArrayLike, *, solid: float = 0.0, wall_mm: float = 0.0) -> None:
        """Add a tube of spongy bone with a wall of compact bone, or, with `solid`, of one stuff.

        Args:
            line_mm: (N, 2) its centre line.
            radius_mm: its radius, one or (N,).
            solid: attenuation per mm of a tube without a wall.
            wall_mm: thickness of the wall.
        """
        line = np.asarray(line_mm, dtype=float)
        radius = np.broadcast_to(np.asarray(radius_mm, dtype=float), len(line))
        window = self.window(line, float(radius.max()) + 1)
        share = self._distance(window, line, radius)
        mean = float(radius.mean())
        outer = 2 * mean * np.sqrt(np.maximum(1 - share**2, 0))
        if solid:
            self.add(window, solid * outer)
            return
        inner = 2 * mean * np.sqrt(np.maximum((1 - wall_mm / mean) ** 2 - share**2, 0))
        self.add(window, COMPACT_BONE * (outer - inner) + SPONGY_BONE * inner)

    def _distance(self, window: Window, line: Points, radius: Points) -> FloatArray:
        """Distance of a window's pixels from a line in radii; 1 where they are farther away."""
        far = np.ones((window.y.size, window.x.size), dtype=np.float32)
        if not far.size:
            return far
        corner = np.array([window.at[1].start, window.at[0].start])
        ends = np.stack([line[:-1], line[1:]])
        low = np.floor((ends.min(axis=0) - radius[:-1, None]) * self.px_per_mm).astype(int) - corner
        high = np.ceil((ends.max(axis=0) + radius[:-1, None]) * self.px_per_mm).astype(int) + 1 - corner
        boxes = np.stack([low, high], axis=1).clip(0)
        for start, end, reach, ((left, top), (right, bottom)) in zip(*ends, radius[:-1], boxes, strict=True):
            part = (slice(top, bottom), slice(left, right))
            x, y = window.x[:, part[1]] - np.float32(start[0]), window.y[part[0]] - np.float32(start[1])
            (u, v), length = (end - start) / reach, max(float(np.hypot(*(end - start))), 1e-6)
            along = (u * x + v * y) * (reach / length**2)
            share = np.minimum(np.maximum(along, 0), 1, dtype=np.float32)
            away = np.hypot(x / reach - share * u, y / reach - share * v)
            np.minimum(far[part], away, out=far[part])
        return far

    def add_ellipsoid(
        self, centre_mm: ArrayLike, half_mm: tuple[float, float], depth: float, tilt: float = 0.0
    ) -> None:
        """Add an ellipsoid.

        Args:
            centre_mm: its centre (x, y).
            half_mm: its half axes, along x and along y before it is tilted.
            depth: what it adds at its centre.
            tilt: by which angle it is turned clockwise, in radians.
        """
        window, radius = self._ellipse(centre_mm, half_mm, tilt, 1.0)
        self.add(window, depth * np.sqrt(np.maximum(1 - radius**2, 0)))

    def add_ring(
        self, centre_mm: ArrayLike, half_mm: tuple[float, float], depth: float, tilt: float = 0.0, wall_mm: float = 0.7
    ) -> None:
        """Add the outline of an ellipse, as `add_ellipsoid` describes it; a pedicle is seen so from behind."""
        window, radius = self._ellipse(centre_mm, half_mm, tilt, 3 * wall_mm)
        away = (radius - 1) * min(half_mm) / wall_mm
        self.add(window, depth * np.exp(-(away**2)))

    def _ellipse(
        self, centre_mm: ArrayLike, half_mm: tuple[float, float], tilt: float, margin_mm: float
    ) -> tuple[Window, FloatArray]:
        """The pixels around an ellipse, and their distance from its centre as a share of that of its edge."""
        centre = np.asarray(centre_mm, dtype=float)
        window = self.window(centre, max(half_mm) + margin_mm)
        x, y = window.x - np.float32(centre[0]), window.y - np.float32(centre[1])
        cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        u, v = (cosine * x + sine * y) / np.float32(half_mm[0]), (cosine * y - sine * x) / np.float32(half_mm[1])
        return window, np.hypot(u, v)
