"""Broken bones: where they break, along which line, and how the pieces stand apart.

A break is drawn in the frame of the bone. The two walls of a tube, before and behind, break along lines of their own,
so that an image shows two lines which meet at the sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from .noise import FloatArray
from .profile_body import Pose, Profile

Points = NDArray[np.float64]

_KINDS = {"transverse": 0.16, "oblique": 0.32, "spiral": 0.27, "comminuted": 0.25}
# Lines are known at these places across the bone.
_ACROSS = np.linspace(-45, 45, 181)
# What people leave around a break when they draw a box.
_MARGIN_MM = 6.5


@dataclass(frozen=True)
class Line:
    """Where the walls before and behind end: v at the places `_ACROSS`, (2, 181)."""

    v: Points

    def above(self, u: FloatArray, v: FloatArray, px_per_mm: float) -> FloatArray:
        """Share of the bone at each place (u, v) that is above the line."""
        place = np.clip((u - np.float32(_ACROSS[0])) / np.float32(_ACROSS[1] - _ACROSS[0]), 0, len(_ACROSS) - 1)
        steps = place.astype(np.int32)
        walls = [np.clip((wall[steps] - v) * np.float32(px_per_mm) + 0.5, 0, 1) for wall in self.v.astype(np.float32)]
        return np.asarray((walls[0] + walls[1]) / 2, dtype=np.float32)


@dataclass(frozen=True)
class Piece:
    """A piece of a bone.

    Attributes:
        pose: where it lies.
        top, bottom: the lines at which it begins and ends; None at the bone's own ends.
    """

    pose: Pose
    top: Line | None = None
    bottom: Line | None = None

    def cover(self, u: FloatArray, v: FloatArray, px_per_mm: float) -> FloatArray:
        """Share of the bone at each place (u, v) of its frame that belongs to the piece."""
        cover = np.ones_like(u) if self.bottom is None else self.bottom.above(u, v, px_per_mm)
        return cover if self.top is None else np.maximum(cover - self.top.above(u, v, px_per_mm), 0)


@dataclass(frozen=True)
class BrokenBone:
    """The pieces of a bone.

    Attributes:
        pieces: from the upper to the lower end, a piece that broke out after the one above it.
        edges: for each break, the lines at which its pieces end, each with the pose of its piece.
    """

    pieces: list[Piece]
    edges: list[list[tuple[Line, Pose]]]


@dataclass(frozen=True)
class Break:
    """How a bone breaks at one place.

    Attributes:
        at_mm: where along the bone.
        upper, lower: where the pieces above and below end; between them is the piece that broke out, if any.
        turn: angle by which what is below is bent.
        shift_mm: by how much what is below is moved across and along the bone.
        loose: turn, and shift across and along, of the piece that broke out; None if there is none.
    """

    at_mm: float
    upper: Line
    lower: Line
    turn: float
    shift_mm: tuple[float, float]
    loose: tuple[float, float, float] | None


def cut_line(v: float, slope: float) -> Line:
    """A plane cut through a bone seen from the side: it passes u = 0 at a height, and falls by its slope."""
    return Line(np.tile(v + slope * _ACROSS, (2, 1)))


def draw_break(rng: np.random.Generator, profile: Profile, at_mm: float) -> Break:
    """Draw how a bone breaks at a place of its shaft."""
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    width = sum(profile.sides_at(at_mm))
    line = at_mm + _course(rng, kind, width)
    wedge = np.zeros_like(_ACROSS)
    loose = None
    if kind == "comminuted":
        side = rng.choice([-1, 1])
        open_at = rng.uniform(-0.2, 0.3) * width
        wedge = np.maximum(side * _ACROSS + open_at, 0) * rng.uniform(0.6, 1.5)
        loose = (rng.normal(0, 0.15), float(side * rng.uniform(1, 9)), rng.normal(0, 2))
    bent, aside = rng.normal(0, 0.16), rng.normal(0, 0.28) * width
    # Muscles draw the ends past each other only where these stand beside each other.
    along = rng.uniform(-12, 3) if abs(aside) > 0.6 * width else rng.uniform(1.5, 5)
    return Break(at_mm, Line(line - wedge), Line(line + wedge), bent, (aside, along), loose)


def _course(rng: np.random.Generator, kind: str, width: float) -> Points:
    """V of both walls of a break from its middle, (2, 181)."""
    slope = {"transverse": rng.normal(0, 0.15), "oblique": rng.uniform(1.4, 3.4), "comminuted": rng.normal(0, 1.2)}
    sign = rng.choice([-1, 1])
    straight = sign * slope.get(kind, rng.uniform(1.8, 3.4)) * _ACROSS
    if kind == "spiral":
        # Round the bone: the walls meet at the sides, one has its peak where the other has its valley.
        bow = rng.uniform(0.3, 0.7) * width * np.cos(np.pi * np.clip(_ACROSS / width, -0.5, 0.5))
        walls = np.stack([straight + bow, straight - bow])
    else:
        tilt = rng.normal(0, 0.12) * width
        walls = np.stack([straight + tilt, straight - tilt])
    jags = gaussian_filter1d(rng.standard_normal(walls.shape), 2.0, axis=1) * 2.5
    return np.asarray(walls + rng.uniform(0.3, 1.0) * jags)


def break_bone(pose: Pose, breaks: Sequence[Break], top: Line | None = None) -> BrokenBone:
    """Break a bone at places in order from its upper to its lower end.

    Args:
        pose: of the bone, that its upper piece keeps.
        breaks: where and how.
        top: where it was cut off to make room for a prosthesis.
    """
    pieces: list[Piece] = []
    edges: list[list[tuple[Line, Pose]]] = []
    for place in breaks:
        pieces.append(Piece(pose, top, place.upper))
        edges.append([(place.upper, pose)])
        if place.loose is not None:
            turn, *shift = place.loose
            loose = Piece(_moved(pose, place.at_mm, turn, shift), place.upper, place.lower)
            pieces.append(loose)
            edges[-1] += [(place.upper, loose.pose), (place.lower, loose.pose)]
        pose = _moved(pose, place.at_mm, place.turn, place.shift_mm)
        edges[-1].append((place.lower, pose))
        top = place.lower
    return BrokenBone([*pieces, Piece(pose, top, None)], edges)


def _moved(pose: Pose, at_mm: float, turn: float, shift: Sequence[float]) -> Pose:
    """A pose turned about a place of the bone's axis, then moved."""
    return pose.at((shift[0], at_mm + shift[1]), turn).at((0.0, -at_mm))


def break_box(profile: Profile, edges: Sequence[tuple[Line, Pose]]) -> Points:
    """(xmin, ymin, xmax, ymax) in mm around the edges of a break, with the margin that people leave."""
    outline = edge_points(profile, edges)
    return np.concatenate([outline.min(axis=0) - _MARGIN_MM, outline.max(axis=0) + _MARGIN_MM])


def edge_points(profile: Profile, edges: Sequence[tuple[Line, Pose]]) -> Points:
    """Points (N, 2) in the image on the edges of a break."""
    return np.concatenate([pose.place(_on_bone(profile, line)) for line, pose in edges])


def _on_bone(profile: Profile, line: Line) -> Points:
    """The points (N, 2) of a line that are within the bone."""
    u, v = np.tile(_ACROSS, 2), line.v.ravel()
    steps = profile.steps(v.astype(np.float32))
    return np.column_stack([u, v])[(-profile.left_mm[steps] <= u) & (u <= profile.right_mm[steps])]
