"""Cobb angles from the corners of the vertebrae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .vertebrae import VERTEBRAE, vertebra_corners

Points = NDArray[np.float64]

# Lenke et al., J Bone Joint Surg Am 83 (2001): the apex of a proximal thoracic curve lies down to T5, of a main
# thoracic one down to T11, of a thoracolumbar or lumbar one below.
_REGIONS = {"PT": "T5", "MT": "T11", "TL/L": "L5"}


@dataclass(frozen=True)
class CobbAngle:
    """The angle between two vertebrae, each taken as the line between the middles of its left and its right edge.

    Attributes:
        angle_deg: 0 to 180.
        upper_end: name of the vertebra at the upper end of the curve.
        lower_end: name of the one at its lower end; the same where no vertebra is left beyond a larger curve.
        apex: name of the one between them that lies farthest from the line between their centres.
    """

    angle_deg: float
    upper_end: str
    lower_end: str
    apex: str

    @property
    def region(self) -> str:
        """Which curve it is by its apex: "PT" (proximal thoracic), "MT" (main thoracic), "TL/L"; empty without one."""
        if self.upper_end == self.lower_end:
            return ""
        apex = VERTEBRAE.index(self.apex)
        return next(region for region, last in _REGIONS.items() if apex <= VERTEBRAE.index(last))


@dataclass(frozen=True)
class CobbAngles:
    """The three angles of a spine in the order of AASCE.

    Attributes:
        largest: the largest angle between any two vertebrae.
        upper: the largest one between its upper end and a vertebra above that.
        lower: the largest one between its lower end and a vertebra below that.
    """

    largest: CobbAngle
    upper: CobbAngle
    lower: CobbAngle


def cobb_angles(points: Points, spacing: tuple[float, float] = (1.0, 1.0)) -> CobbAngles:
    """Measure a spine.

    Args:
        points: (68, 2), (x, y) in pixels, in the order of `POINT_NAMES`.
        spacing: (row, column) size of a pixel; only where the two differ does it matter.
    """
    corners = np.asarray(points, dtype=float) * spacing[::-1]
    ends = _ends(_tilts_deg(corners))[0]
    angles = cobb_angles_deg(corners)
    centres = vertebra_corners(corners).mean(axis=(1, 2))
    return CobbAngles(*(_curve(float(angles[k]), int(ends[k, 0]), int(ends[k, 1]), centres) for k in range(3)))


def cobb_angles_deg(points: Points) -> Points:
    """The largest, the upper and the lower angle of spines, (..., 68, 2) to (..., 3), in degrees; as `cobb_angles`."""
    spines = np.asarray(points, dtype=float)
    tilts = _tilts_deg(spines.reshape(-1, *spines.shape[-2:]))
    at_ends = np.take_along_axis(tilts[:, None], _ends(tilts), axis=-1)
    turned = np.abs(np.diff(at_ends, axis=-1))[..., 0]
    # Where left and right are swapped, a tilt may go beyond the half circle.
    return np.asarray(np.minimum(turned, 360 - turned).reshape(*spines.shape[:-2], 3))


def _tilts_deg(points: Points) -> Points:
    """Angle of the mid-lines of vertebrae to the image's rows, (N, 68, 2) or (68, 2) to (N, 17)."""
    corners = points.reshape(-1, len(VERTEBRAE), 2, 2, 2)
    left, right = np.moveaxis(corners.mean(axis=2), 2, 0)
    across = right - left
    return np.asarray(np.degrees(np.arctan2(across[..., 1], across[..., 0])))


def _ends(tilts: Points) -> NDArray[np.intp]:
    """Upper and lower end of the three curves, (N, 17) to (N, 3, 2)."""
    extremes = np.sort(np.stack([tilts.argmax(axis=1), tilts.argmin(axis=1)], axis=1), axis=1)
    numbers = np.arange(tilts.shape[1])
    upper, lower = extremes[:, :1], extremes[:, 1:]
    from_upper = np.abs(tilts - np.take_along_axis(tilts, upper, axis=1))
    from_lower = np.abs(tilts - np.take_along_axis(tilts, lower, axis=1))
    above = np.where(numbers <= upper, from_upper, -1).argmax(axis=1)[:, None]
    below = np.where(numbers >= lower, from_lower, -1).argmax(axis=1)[:, None]
    return np.stack([extremes, np.concatenate([above, upper], axis=1), np.concatenate([lower, below], axis=1)], axis=1)


def _curve(angle_deg: float, upper: int, lower: int, centres: Points) -> CobbAngle:
    chord = centres[lower] - centres[upper]
    offsets = centres[upper : lower + 1] - centres[upper]
    distances = np.abs(chord[0] * offsets[:, 1] - chord[1] * offsets[:, 0])
    apex = upper + int(distances.argmax())
    return CobbAngle(angle_deg, VERTEBRAE[upper], VERTEBRAE[lower], VERTEBRAE[apex])


def cobb_intervals_deg(points: Points, deviations: Points, share: float = 0.9, draws: int = 400) -> Points:
    """In which range each of the three angles lies, if the points are off at random and independently.

    Args:
        points: (68, 2), (x, y).
        deviations: (68,), standard deviation of a point in x and in y, in the unit of the points.
        share: of the draws that the range holds.
        draws: spines drawn; always the same ones.

    Returns:
        (3, 2), lower and upper end in degrees, of the largest, the upper and the lower angle. The range holds the
        angle of the points as they are. Of a nearly straight spine it seldom holds the true angle, for points that are
        off can only make a largest angle larger.
    """
    noise = np.random.default_rng(0).standard_normal((draws, *np.shape(points)))
    drawn = cobb_angles_deg(np.asarray(points) + noise * np.asarray(deviations)[:, None])
    # Noise can only add to a largest angle: the middle of the draws lies above the angle itself.
    measured = cobb_angles_deg(points)
    low, middle, high = np.quantile(drawn, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=0)
    return np.stack([np.maximum(measured - (middle - low), 0), measured + (high - middle)], axis=1)
