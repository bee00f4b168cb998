"""Bodies along an axis, told by how far they reach to either side of it: bones, screws, nails, stems and plates.

A body has a frame of its own, across (u) and along (v) its axis, in mm; a pose says where that frame lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from .attenuation import COMPACT_BONE, SPONGY_BONE, Attenuation, Window
from .noise import FloatArray

Points = NDArray[np.float64]

# Finer than the thread of a screw.
STEP_MM = 0.25
# The width of a body that ends.
_NOTHING_MM = 0.01


@dataclass(frozen=True)
class Pose:
    """Where a frame lies in the image.

    Attributes:
        origin: (x, y) in mm of the frame's origin, from the centre of the image's first pixel.
        turn: angle in radians by which the frame is turned clockwise; unturned, v points down.
        mirrored: whether u points to the left of who looks along v from behind, instead of the right.
    """

    origin: tuple[float, float]
    turn: float
    mirrored: bool = False

    @property
    def axes(self) -> Points:
        """(2, 2): the unit vectors of u and v in the image."""
        cosine, sine = np.cos(self.turn), np.sin(self.turn)
        sign = -1.0 if self.mirrored else 1.0
        return np.array([[sign * cosine, sign * sine], [-sine, cosine]])

    def place(self, points: ArrayLike) -> Points:
        """Points (N, 2) of the frame in the image."""
        return np.asarray(points, dtype=float).reshape(-1, 2) @ self.axes + self.origin

    def local(self, window: Window) -> tuple[FloatArray, FloatArray]:
        """Give u and v of a window's pixels, each (rows, columns)."""
        (u_x, u_y), (v_x, v_y) = self.axes.astype(np.float32)
        x, y = window.x - np.float32(self.origin[0]), window.y - np.float32(self.origin[1])
        return u_x * x + u_y * y, v_x * x + v_y * y

    def at(self, point: Sequence[float], turn: float = 0.0) -> Pose:
        """The frame whose origin is at a point of this one, and that is turned in it from u towards v."""
        (x, y), *_ = self.place([point])
        return replace(self, origin=(float(x), float(y)), turn=self.turn + (-turn if self.mirrored else turn))

    def towards(self, start: Sequence[float], end: Sequence[float]) -> Pose:
        """The frame whose origin is at one point of this one, and whose v points to another."""
        return self.at(start, _direction(start, end))


def aim(start: tuple[float, float], end: tuple[float, float], mirrored: bool) -> Pose:
    """The frame whose origin is at a point (x, y) of the image, and whose v points to another."""
    return Pose(start, _direction(start, end), mirrored)


def _direction(start: Sequence[float], end: Sequence[float]) -> float:
    return float(np.arctan2(start[0] - end[0], end[1] - start[1]))


@dataclass(frozen=True)
class Profile:
    """The outline of a body and its inside, in steps along its axis.

    Attributes:
        start_mm: v of the first step.
        left_mm, right_mm: (N,) how far it reaches, from u = -left to u = right.
        flatness: (N,) its depth by its width; 1 is round.
        wall_mm: (N,) thickness of the wall of compact bone.
        fill: (N,) share of spongy bone inside the wall.
    """

    start_mm: float
    left_mm: FloatArray
    right_mm: FloatArray
    flatness: FloatArray
    wall_mm: FloatArray
    fill: FloatArray

    @property
    def end_mm(self) -> float:
        """The v of the last step."""
        return self.start_mm + STEP_MM * (len(self.left_mm) - 1)

    def steps(self, v: FloatArray) -> NDArray[np.int32]:
        """Which step is nearest to each v."""
        index = np.asarray((v - np.float32(self.start_mm)) * np.float32(1 / STEP_MM) + np.float32(0.5))
        return np.clip(index, 0, len(self.left_mm) - 1).astype(np.int32)

    def sides_at(self, v: float) -> tuple[float, float]:
        """How far it reaches to the left and to the right at one v."""
        step = int(self.steps(np.array([v], dtype=np.float32))[0])
        return float(self.left_mm[step]), float(self.right_mm[step])

    def thinner(self, by_mm: float) -> Profile:
        """The same body with so much less to either side, where there is so much."""
        here = self.left_mm + self.right_mm > _NOTHING_MM
        less = np.where(here, np.float32(by_mm), np.float32(0))
        return replace(self, left_mm=self.left_mm - less, right_mm=self.right_mm - less)

    def part(self, start_mm: float, end_mm: float) -> Profile:
        """What lies between two places along the axis."""
        low, high = self.steps(np.array([start_mm, end_mm], dtype=np.float32))
        kept = {name: values[low : high + 1] for name, values in vars(self).items() if name != "start_mm"}
        return Profile(start_mm=self.start_mm + STEP_MM * int(low), **kept)

    def corners(self) -> Points:
        """(4, 2) of a rectangle around it."""
        left, right = -float(self.left_mm.max()), float(self.right_mm.max())
        return np.array([[u, v] for u in (left, right) for v in (self.start_mm, self.end_mm)])


def make_profile(
    along_mm: ArrayLike,
    left_mm: ArrayLike,
    right_mm: ArrayLike | None = None,
    *,
    wall_mm: ArrayLike = 0.0,
    fill: ArrayLike = 1.0,
    flatness: ArrayLike = 1.0,
) -> Profile:
    """A profile that goes smoothly, and nowhere beyond them, through values at some places along the axis (N,)."""
    places = np.asarray(along_mm, dtype=float)
    fine = np.arange(places[0], places[-1] + STEP_MM / 2, STEP_MM)

    def through(values: ArrayLike) -> FloatArray:
        known = np.broadcast_to(np.asarray(values, dtype=float), len(places))
        return np.asarray(PchipInterpolator(places, known)(fine), dtype=np.float32)

    right = left_mm if right_mm is None else right_mm
    return Profile(
        float(places[0]), through(left_mm), through(right), through(flatness), through(wall_mm), through(fill)
    )


def add_profile(image: Attenuation, pose: Pose, profile: Profile, solid: float) -> None:
    """Add a body of one stuff.

    Args:
        image: to which it is added.
        pose: where the body lies.
        profile: the body.
        solid: attenuation per mm.
    """
    window = image.window(pose.place(profile.corners()), 1.0)
    u, v = pose.local(window)
    image.add(window, np.float32(solid) * outer_depth(profile, u, v))


def bone_depth(profile: Profile, u: FloatArray, v: FloatArray) -> FloatArray:
    """What a bone with a wall adds at places (u, v) of its frame."""
    steps, aside, flat = _relative(profile, u, v)
    half = _half(profile)
    outer = np.sqrt(np.maximum((half**2)[steps] - aside, 0))
    inner = np.sqrt(np.maximum((np.maximum(half - profile.wall_mm, 0) ** 2)[steps] - aside, 0))
    filled = np.float32(SPONGY_BONE) * profile.fill - np.float32(COMPACT_BONE)
    return np.asarray(flat * (np.float32(COMPACT_BONE) * outer + filled[steps] * inner), dtype=np.float32)


def outer_depth(profile: Profile, u: FloatArray, v: FloatArray) -> FloatArray:
    """Length of the ray in mm within a body at places (u, v) of its frame."""
    steps, aside, flat = _relative(profile, u, v)
    return np.asarray(flat * np.sqrt(np.maximum((_half(profile) ** 2)[steps] - aside, 0)), dtype=np.float32)


def _half(profile: Profile) -> FloatArray:
    return np.maximum((profile.right_mm + profile.left_mm) / 2, 0)


def _relative(profile: Profile, u: FloatArray, v: FloatArray) -> tuple[NDArray[np.int32], FloatArray, FloatArray]:
    """The step along a body, the squared distance from its middle line, and the depth of a ray by its half width."""
    steps = profile.steps(v)
    aside = np.square(u - ((profile.right_mm - profile.left_mm) / 2)[steps])
    aside[(v < profile.start_mm) | (v > profile.end_mm)] = np.inf
    return steps, aside, 2 * profile.flatness[steps]
