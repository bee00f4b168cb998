"""How far a predicted bone surface lies from the true one, in millimetres and as shares of its length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from ..geometry.surface_line import line_length, resample_line
from .case_means import case_means

Floats = NDArray[np.float64]

DISTANCES_MM = tuple(step / 10 for step in range(21))

HIGH_GREY = 107.0
"""Grey (of 255) from which on a surface has high intensity: Otsu's threshold over the bone of UltraBones100k
(Wu et al., arXiv 2502.03783)."""

_STEP_MM = 0.025
# So that lines at exactly the distance asked for are not parted by rounding.
_ROUNDING_MM = 1e-9


@dataclass(frozen=True, eq=False)
class GreyLookup:
    """The frame that tells how bright a surface is.

    Attributes:
        image: (rows, columns), 0 to 255, as the network saw it before normalisation.
        affine: homogeneous matrix from (row, column) indices to (row, column) in mm, translation in the last column,
            as that of a MONAI image.
    """

    image: NDArray[Any]
    affine: Floats

    def at(self, points_mm: Floats) -> Floats:
        """Grey at points (N, 2), (x, y) in mm, interpolated linearly; outside, that of the nearest pixel."""
        indices = np.linalg.solve(self.affine[:2, :2], (points_mm[:, ::-1] - self.affine[:2, -1]).T)
        return np.asarray(map_coordinates(self.image.astype(np.float64), indices, order=1, mode="nearest"))


def surface_distances(
    predicted_mm: Sequence[NDArray[Any]],
    true_mm: Sequence[NDArray[Any]],
    grey: GreyLookup | None = None,
    *,
    partial: bool = False,
    distances_mm: Iterable[float] = DISTANCES_MM,
) -> dict[str, float]:
    """Compare the predicted bone surfaces of one frame with the true ones.

    Both are sampled every 0.025 mm, so that every value is a share of length, whatever the spacing of their points.
    For each distance d:

    * ``accuracy_<d>mm``: share of the prediction that lies within d (<=) of the truth,
    * ``completeness_<d>mm``: share of the truth that lies within d of the prediction,
    * ``f1_<d>mm``: their harmonic mean,
    * ``accuracy_high_<d>mm``, ``f1_low_<d>mm``, ...: the same over the points of high (grey >= 107) or low intensity
      alone, each compared with the whole of the other side.

    Besides, ``mean_surface_distance_mm`` (over the length of both), ``hd95_mm`` (the greater of the 95th percentiles
    of the two directed distances), ``line_length_mm`` of the prediction and ``truth_length_mm``.

    No frame is passed over; undefined is NaN. Prediction empty, truth not: accuracy, completeness and F1 are 0. Truth
    empty, prediction not: accuracy and F1 are 0, completeness is undefined. Both empty: all three are 1. If either is
    empty, the distances in mm are undefined. Within one intensity, a share of no length is undefined (but accuracy is
    0 if nothing at all was predicted), and F1 is then the other share.

    Args:
        predicted_mm: lines (N, 2), points (x, y) in mm. A line without length does not count.
        true_mm: the same.
        grey: the frame, in the same mm; without it, the values by intensity are left out.
        partial: only some of the bones are labelled. What was predicted elsewhere may be right, so that accuracy, F1
            and the distances in mm are undefined, and completeness as well if nothing is labelled.
        distances_mm: the distances d in mm, written with one decimal.
    """
    pair = _Pair.compare(_Surface.sample(predicted_mm, grey), _Surface.sample(true_mm, grey))
    limits = np.array(list(distances_mm), dtype=float)
    values: dict[str, float] = {}
    for part in pair.predicted.parts:
        for name, shares in pair.shares(part, limits, partial=partial).items():
            values.update({f"{name}{part}_{d:.1f}mm": float(s) for d, s in zip(limits, shares, strict=True)})
    return {**values, **pair.distances(partial=partial)}


def summarise_surfaces(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Mean of the values of `surface_distances` over frames, where they are defined.

    Also ``n``, the frames, and ``n_without_distance``, those without `hd95_mm`: nothing predicted, nothing labelled,
    or labelled in part.
    """
    rows = list(rows)
    without = sum(math.isnan(row["hd95_mm"]) for row in rows)
    means = case_means(rows)
    return {"n": means.pop("n"), "n_without_distance": without, **means}


@dataclass(frozen=True, eq=False)
class _Surface:
    """Points (M, 2) in mm, and the length in mm that each stands for: of all ("") and by intensity."""

    points: Floats
    parts: dict[str, Floats]

    @classmethod
    def sample(cls, lines_mm: Sequence[NDArray[Any]], grey: GreyLookup | None) -> _Surface:
        # A line without length weighs nothing.
        lines = [np.asarray(line, dtype=float) for line in lines_mm if len(line) > 1 and line_length(line) > 0]
        sampled = [resample_line(line, _STEP_MM) for line in lines]
        points = np.concatenate([*sampled, np.empty((0, 2))])
        weight = np.concatenate([*map(_length_of_points, lines, map(len, sampled)), np.empty(0)])
        if grey is None:
            return cls(points, {"": weight})
        high = grey.at(points) >= HIGH_GREY
        return cls(points, {"": weight, "_high": weight * high, "_low": weight * ~high})

    @property
    def empty(self) -> bool:
        return not len(self.points)

    @property
    def length(self) -> float:
        return float(self.parts[""].sum())

    def nearest(self, other: _Surface) -> Floats:
        """Distance in mm from each point to the other surface, infinite where there is none."""
        if self.empty or other.empty:
            return np.full(len(self.points), math.inf)
        return np.asarray(cKDTree(other.points).query(self.points)[0], dtype=float)


@dataclass(frozen=True, eq=False)
class _Pair:
    """Prediction and truth of a frame, and from each point of one the distance in mm to the other."""

    predicted: _Surface
    true: _Surface
    to_true: Floats
    to_predicted: Floats

    @classmethod
    def compare(cls, predicted: _Surface, true: _Surface) -> _Pair:
        return cls(predicted, true, predicted.nearest(true), true.nearest(predicted))

    def shares(self, part: str, limits: Floats, *, partial: bool) -> dict[str, Floats]:
        """Accuracy, completeness and F1 of all ("") or one intensity, each of the shape of `limits`."""
        undefined = np.full(len(limits), math.nan)
        completeness = _shares_within(limits, self.to_predicted, self.true.parts[part])
        if partial:
            return {"accuracy": undefined, "completeness": completeness, "f1": undefined}
        if not part and self.predicted.empty and self.true.empty:
            return dict.fromkeys(("accuracy", "completeness", "f1"), np.ones(len(limits)))
        accuracy = _shares_within(limits, self.to_true, self.predicted.parts[part])
        if self.predicted.empty and self.true.parts[part].any():
            accuracy = np.zeros(len(limits))
        return {"accuracy": accuracy, "completeness": completeness, "f1": _harmonic_mean(accuracy, completeness)}

    def distances(self, *, partial: bool) -> dict[str, float]:
        """HD95, mean distance and the two lengths, in mm."""
        hd95 = mean = math.nan
        predicted, true = self.predicted.parts[""], self.true.parts[""]
        if not (partial or self.predicted.empty or self.true.empty):
            hd95 = max(_percentile95(self.to_true, predicted), _percentile95(self.to_predicted, true))
            total = predicted @ self.to_true + true @ self.to_predicted
            mean = float(total / (self.predicted.length + self.true.length))
        return {
            "hd95_mm": hd95,
            "mean_surface_distance_mm": mean,
            "line_length_mm": self.predicted.length,
            "truth_length_mm": self.true.length,
        }


def _length_of_points(line: Floats, count: int) -> Floats:
    """Length that each of so many points at equal distances along a line stands for: their sum is the line's."""
    share = np.full(count, line_length(line) / (count - 1))
    share[[0, -1]] /= 2
    return share


def _shares_within(limits: Floats, distance: Floats, weight: Floats) -> Floats:
    """Share of the weight within each limit, NaN without weight."""
    if not weight.any():
        return np.full(len(limits), math.nan)
    order = np.argsort(distance)
    within = np.insert(np.cumsum(weight[order]), 0, 0.0)
    # Divided by the same sum, so that the whole is exactly 1.
    return within[np.searchsorted(distance[order], limits + _ROUNDING_MM, side="right")] / within[-1]


def _harmonic_mean(accuracy: Floats, completeness: Floats) -> Floats:
    """F1, the one share where the other is undefined."""
    total = accuracy + completeness
    f1 = 2 * accuracy * completeness / np.where(total > 0, total, 1.0)
    return np.where(np.isnan(accuracy), completeness, np.where(np.isnan(completeness), accuracy, f1))


def _percentile95(distance: Floats, weight: Floats) -> float:
    order = np.argsort(distance)
    within = np.cumsum(weight[order])
    return float(distance[order][np.searchsorted(within, 0.95 * within[-1])])
