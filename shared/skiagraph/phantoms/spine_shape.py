"""The course of a scoliotic spine seen from the front, and the corners of its vertebrae."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import norm

Points = NDArray[np.float64]

# From C4 to S1: those above T1 and below L5 are seen, but not labelled.
ABOVE, LABELLED, BELOW = 4, 17, 1
_LEVELS = np.arange(-ABOVE, LABELLED + BELOW)

# Medians of the published labels at T1 to L5, in parts of the mean distance between neighbouring centres: the distance
# to the next one, the height, the widths of top and bottom.
_STEPS = [0.69, 0.76, 0.82, 0.85, 0.88, 0.89, 0.90, 0.93, 0.96, 1.04, 1.10, 1.17, 1.21, 1.26, 1.29, 1.26]
_HEIGHTS = [0.46, 0.52, 0.58, 0.62, 0.65, 0.67, 0.68, 0.70, 0.72, 0.75, 0.78, 0.82, 0.85, 0.86, 0.88, 0.90, 0.87]
_TOPS = [1.21, 1.13, 1.05, 1.02, 1.03, 1.07, 1.10, 1.14, 1.19, 1.23, 1.31, 1.39, 1.47, 1.53, 1.58, 1.65, 1.77]
_BOTTOMS = [1.17, 1.09, 1.03, 1.04, 1.06, 1.11, 1.15, 1.20, 1.25, 1.32, 1.39, 1.47, 1.53, 1.55, 1.62, 1.72, 1.84]

# What is beyond the labels, from C4 to C7 and S1.
_MORE_STEPS = ([0.60, 0.60, 0.61, 0.64], [1.15])
_MORE_HEIGHTS = ([0.42, 0.42, 0.42, 0.43], [0.80])
_MORE_TOPS = ([0.80, 0.86, 0.95, 1.08], [1.85])
_MORE_BOTTOMS = ([0.86, 0.95, 1.08, 1.14], [1.25])

# Curves as (level of the apex, share of the main one, length in levels), by how often they are seen.
_PATTERNS = {
    "thoracic": (0.35, [(2.0, -0.5, 1.4), (7.5, 1.0, 1.9), (13.0, -0.7, 1.7)]),
    "double": (0.25, [(6.5, 1.0, 1.9), (12.8, -0.95, 1.7)]),
    "thoracolumbar": (0.20, [(5.0, -0.5, 2.0), (11.5, 1.0, 2.0), (15.5, -0.4, 1.0)]),
    "single": (0.20, [(9.0, 1.0, 3.2)]),
}
# The bodies' share of the bend of a curve; the discs have the rest.
_BODY_SHARE = 0.5
_SMALLEST_DEG, _LARGEST_DEG = 5.0, 70.0


@dataclass(frozen=True)
class SpineBuild:
    """A patient's spine.

    Attributes:
        tilts: (22,) of C4 to S1 clockwise, in radians.
        steps, heights, tops, bottoms: distance to the next centre, height and widths, in mm, (22,) each.
        wedges: (22,) by which share the left side is higher and the right one lower, but for what the bend adds.
    """

    tilts: Points
    steps: Points
    heights: Points
    tops: Points
    bottoms: Points
    wedges: Points


def draw_spine_build(rng: np.random.Generator, mean_step_mm: float = 27.0) -> SpineBuild:
    """Draw a patient's spine: C- or S-shaped, with a largest Cobb angle of 5 to 70 degrees."""
    cobb = np.deg2rad(_SMALLEST_DEG + (_LARGEST_DEG - _SMALLEST_DEG) * rng.beta(1.9, 2.1))
    widths = mean_step_mm * rng.normal(1, 0.09) * _smooth(rng, 0.03)
    return SpineBuild(
        tilts=_scaled(_draw_curve(rng) * cobb + np.deg2rad(rng.normal(0, 1.0, len(_LEVELS))), cobb),
        steps=mean_step_mm * _with_more(_STEPS, _MORE_STEPS) * _smooth(rng, 0.03),
        heights=mean_step_mm * _with_more(_HEIGHTS, _MORE_HEIGHTS) * _smooth(rng, 0.05),
        tops=widths * _with_more(_TOPS, _MORE_TOPS),
        bottoms=widths * _with_more(_BOTTOMS, _MORE_BOTTOMS),
        wedges=rng.normal(0, 0.02, len(_LEVELS)),
    )


def pose_spine(rng: np.random.Generator, build: SpineBuild) -> Points:
    """Draw how the patient stands this time: the corners of C4 to S1 in mm, T1's centre being the origin.

    The largest Cobb angle is that of the build or up to a tenth off, and stays within 5 to 70 degrees.

    Returns:
        (22, 2, 2, 2): vertebra, top and bottom, left and right, (x, y).
    """
    cobb = np.ptp(build.tilts[ABOVE : ABOVE + LABELLED]) * rng.uniform(0.9, 1.1)
    cobb = np.clip(cobb, np.deg2rad(_SMALLEST_DEG), np.deg2rad(_LARGEST_DEG))
    tilts = _scaled(build.tilts + np.deg2rad(rng.normal(0, 0.5, len(_LEVELS))), cobb)
    tilts = tilts - np.average(tilts, weights=build.steps) + np.deg2rad(rng.normal(0, 1.5))
    centres = _centres(tilts, build.steps)
    across = np.column_stack([np.cos(tilts), np.sin(tilts)])
    down = np.column_stack([-np.sin(tilts), np.cos(tilts)])
    # Bodies share the bend with the discs. Each side has its middle on the line that measures the tilt.
    wedges = build.wedges - _BODY_SHARE * np.gradient(tilts) * (build.tops + build.bottoms) / (4 * build.heights)
    sides = np.stack([1 + wedges, 1 - wedges], axis=1) * build.heights[:, None] / 2
    widths = np.stack([build.tops, build.bottoms], axis=1) / 2
    signs = np.array([-1.0, 1.0])
    along = (widths[:, :, None] * signs)[..., None] * across[:, None, None]
    return centres[:, None, None] + along + (sides[:, None] * signs[:, None])[..., None] * down[:, None, None]


def _draw_curve(rng: np.random.Generator) -> Points:
    """Tilt of C4 to S1, the largest difference among T1 to L5 being 1."""
    names = list(_PATTERNS)
    pattern = _PATTERNS[str(rng.choice(names, p=[_PATTERNS[name][0] for name in names]))][1]
    tilts = np.zeros(len(_LEVELS))
    for apex, share, length in pattern:
        bend = norm.cdf((_LEVELS - apex - rng.normal(0, 0.7)) / (length * rng.uniform(0.8, 1.2)))
        tilts += share * rng.uniform(0.75, 1.25) * bend
    return rng.choice([-1.0, 1.0]) * _scaled(tilts, 1.0)


def _scaled(tilts: Points, largest: float) -> Points:
    """Tilts, so that they differ by `largest` among T1 to L5; neck and sacrum stand straighter than what they carry."""
    tilts = tilts - tilts[ABOVE : ABOVE + LABELLED].mean()
    tilts = tilts * largest / np.ptp(tilts[ABOVE : ABOVE + LABELLED])
    tilts[:ABOVE] = tilts[ABOVE] * np.array([0.2, 0.4, 0.6, 0.8])
    tilts[ABOVE + LABELLED :] = 0.6 * tilts[ABOVE + LABELLED - 1]
    return tilts


def _centres(tilts: Points, steps: Points) -> Points:
    between = (tilts[:-1] + tilts[1:]) / 2
    moves = steps[:-1, None] * np.column_stack([-np.sin(between), np.cos(between)])
    centres = np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)])
    return centres - centres[ABOVE]


def _with_more(values: list[float], more: tuple[list[float], list[float]]) -> Points:
    """Of T1 to L5 and what is beyond them; the distance below L5 is its own."""
    above, below = more
    values = values + below[:1] if len(values) < LABELLED else values
    return np.array([*above, *values, *below])


def _smooth(rng: np.random.Generator, spread: float) -> Points:
    """Factors about 1 that vary from level to level, half of it slowly."""
    slow = gaussian_filter1d(rng.standard_normal(len(_LEVELS)), 2.0) * 2.0
    return np.clip(1 + spread * (slow + 0.7 * rng.standard_normal(len(_LEVELS))), 0.8, 1.2)
