"""Bone surfaces as lines: one point for each column of an image, where the sound that runs down it meets bone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

# A surface seen at 75 degrees climbs tan(75) = 3.7 pixels a column; what climbs faster is the edge of a component.
_MAX_JUMP_PX = 5.0


@dataclass(frozen=True, eq=False)
class SurfaceLine:
    """One unbroken bone surface.

    Attributes:
        points_px: (N, 2), points (x, y) in pixels from left to right, pixel centres at whole numbers.
        confidence: (N,), 0 to 1, how sure the network was of each point.
    """

    points_px: Floats
    confidence: Floats


def extract_surface_lines(probability: NDArray[Any], threshold: float = 0.5, min_columns: int = 3) -> list[SurfaceLine]:
    """Thin a map of a bone surface to lines, to a fraction of a pixel.

    In every column of a connected component (8 neighbours), the first run of pixels that a beam from the first row
    meets gives one point: its mean row, weighted by how far the probability exceeds the threshold. Where that jumps by
    more than 5 pixels from one column to the next, the line ends and another begins.

    Args:
        probability: (rows, columns), floating point between 0 and 1. An image of bool or whole numbers (0 to 255) is
            taken as a label instead: all that is not 0 is bone, whatever the threshold.
        threshold: probability above which a pixel belongs to the surface.
        min_columns: shorter lines are dropped.

    Returns:
        lines, component by component and from left to right.

    Raises:
        ValueError: `probability` has not two dimensions.
    """
    if probability.ndim != 2:
        raise ValueError(f"a map of bone surfaces must have the shape (rows, columns), got {probability.shape}.")
    is_label = not np.issubdtype(probability.dtype, np.floating)
    bone = probability > (0 if is_label else threshold)
    if not bone.any():
        return []
    if is_label:
        probability, threshold = bone, 0.0
    component, column, row, confidence = _first_runs(bone, probability, threshold)
    broken = (np.diff(component) != 0) | (np.abs(np.diff(row)) > _MAX_JUMP_PX)
    bounds = np.concatenate([[0], np.flatnonzero(broken) + 1, [len(row)]])
    points = np.column_stack([column, row])
    return [
        SurfaceLine(points[start:end], confidence[start:end])
        for start, end in pairwise(bounds)
        if end - start >= min_columns
    ]


def _first_runs(
    bone: NDArray[np.bool_], probability: NDArray[Any], threshold: float
) -> tuple[NDArray[Any], NDArray[Any], Floats, Floats]:
    """Component, column, mean row and mean probability of each component's first run in each column."""
    components, _ = ndimage.label(bone, structure=np.ones((3, 3)))
    # Down the columns, so that the pixels of a run follow each other.
    pixel = np.flatnonzero(bone.T)
    column, row = np.divmod(pixel, bone.shape[0])
    value = probability[row, column].astype(np.float64)
    start = np.flatnonzero(np.concatenate([[True], (np.diff(pixel) > 1) | (np.diff(column) > 0)]))
    # The excess vanishes where the run is cut off, so that the mean does not leap as pixels join or leave the run.
    excess = value - threshold
    mean_row = np.add.reduceat(excess * row, start) / np.add.reduceat(excess, start)
    confidence = np.add.reduceat(value, start) / np.diff(np.append(start, len(pixel)))
    which, beam = components[row[start], column[start]], column[start]
    order = np.argsort(which, kind="stable")
    first = np.concatenate([[True], (np.diff(which[order]) > 0) | (np.diff(beam[order]) > 0)])
    kept = order[first]
    return which[kept], beam[kept], mean_row[kept], confidence[kept]


def line_length(points: NDArray[Any]) -> float:
    """Length of a polyline (N, 2), in the unit of its points; 0 below two points."""
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def resample_line(points: NDArray[Any], step: float) -> Floats:
    """Points at equal distances along a polyline, both ends among them.

    Args:
        points: (N, 2), N > 0, in any unit.
        step: largest distance along the line, in the same unit.

    Returns:
        points of shape (M, 2), one alone where the line has no length.
    """
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], int(np.ceil(along[-1] / step)) + 1)
    return np.column_stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)])
