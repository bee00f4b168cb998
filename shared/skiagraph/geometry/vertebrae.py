"""The 68 corners of the vertebrae T1 to L5 as AASCE orders them: their names, and whether they can be right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VERTEBRAE = (*(f"T{number}" for number in range(1, 13)), *(f"L{number}" for number in range(1, 6)))
CORNERS = ("tl", "tr", "bl", "br")
POINT_NAMES = tuple(f"{vertebra}_{corner}" for vertebra in VERTEBRAE for corner in CORNERS)

# Point i of a spine is point MIRRORED[i] of its mirror image: left and right are those of the image.
MIRRORED = tuple(4 * (point // 4) + (point % 4 ^ 1) for point in range(len(POINT_NAMES)))

Points = NDArray[np.float64]

# Bodies whose centres are nearer than this share of the usual distance between neighbours are one body, marked twice.
_NEAREST = 0.3


def vertebra_corners(points: Points) -> Points:
    """The corners as (17, 2, 2, 2): vertebra, top and bottom, left and right, (x, y)."""
    return np.asarray(points, dtype=float).reshape(len(VERTEBRAE), 2, 2, 2)


def vertebra_outlines(points: Points) -> list[Points]:
    """The outline of each vertebra as a closed line (5, 2), from corners (68, 2)."""
    corners = np.asarray(points, dtype=float).reshape(-1, len(CORNERS), 2)
    return list(corners[:, [0, 1, 3, 2, 0]])


def order_faults(points: Points) -> dict[str, str]:
    """What cannot be right about the order of the corners, by the vertebra's name.

    Within a vertebra, in the image: left stays left of right, and top above bottom. Along the spine: every centre lies
    below the one before it, and no two bodies are the same.

    Args:
        points: (68, 2), (x, y) in pixels.

    Returns:
        one short text for each vertebra that is at fault; empty if all can be right.
    """
    corners = vertebra_corners(points)
    centres = corners.mean(axis=(1, 2))
    steps = np.diff(centres, axis=0)
    usual = float(np.median(np.linalg.norm(steps, axis=1)))
    faults = {}
    for number, name in enumerate(VERTEBRAE):
        fault = _fault_within(corners[number]) or _fault_among(centres, number, usual)
        if fault:
            faults[name] = fault
    return faults


def _fault_within(corners: Points) -> str:
    """A fault of one vertebra, (2, 2, 2). Up and down are those of the image: no vertebra is tilted by 90 degrees."""
    top, bottom = corners
    edges = {"top": top, "bottom": bottom}
    reversed_edges = [name for name, (left, right) in edges.items() if left[0] >= right[0]]
    if len(reversed_edges) == len(edges):
        return "left and right are swapped"
    if reversed_edges:
        return f"left and right of the {reversed_edges[0]} edge are swapped"
    sides = [side for side, upper, lower in zip(("left", "right"), top, bottom, strict=True) if upper[1] >= lower[1]]
    if len(sides) == len(edges):
        return "top and bottom are swapped"
    return f"top and bottom of the {sides[0]} edge are swapped" if sides else ""


def _fault_among(centres: Points, number: int, usual: float) -> str:
    """A fault in the sequence of the vertebrae's centres, (17, 2)."""
    distances = np.linalg.norm(centres - centres[number], axis=1)
    distances[number] = np.inf
    nearest = int(distances.argmin())
    if distances[nearest] < _NEAREST * usual:
        return f"is in the same place as {VERTEBRAE[nearest]}"
    if number and centres[number, 1] <= centres[number - 1, 1]:
        return f"lies above {VERTEBRAE[number - 1]}"
    return ""
