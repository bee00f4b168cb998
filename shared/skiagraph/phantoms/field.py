"""The part of an image that was exposed: a rectangle that lies askew, the whole, or the circle of fluoroscopy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .attenuation import Attenuation
from .noise import FloatArray, smooth_noise
from .profile_body import Pose

Points = NDArray[np.float64]

# Shorter by longer side of the usual cassettes, of 35 by 43 cm.
_CASSETTE = 0.82


@dataclass(frozen=True)
class Field:
    """What was exposed, and what the image shows beside it.

    Attributes:
        pose: frame of the field, its origin in the middle.
        half_mm: half its width and half its length in that frame; the radius twice for a circle.
        soft_mm: how far its edge is blurred.
        circle: whether it is one.
        outside: grey beside it.
        line: grey that its edges are brighter by.
    """

    pose: Pose
    half_mm: tuple[float, float]
    soft_mm: float
    circle: bool = False
    outside: float = 0.0
    line: float = 0.0

    def inside(self, image: Attenuation) -> FloatArray:
        """How far each pixel (rows, columns) lies within the field in mm, negative outside."""
        u, v = self.pose.local(image.everywhere)
        if self.circle:
            return np.asarray(self.half_mm[0] - np.hypot(u, v), dtype=np.float32)
        return np.minimum(np.float32(self.half_mm[0]) - np.abs(u), np.float32(self.half_mm[1]) - np.abs(v))

    def holds(self, points: Points) -> NDArray[np.bool_]:
        """Which points (N, 2) in mm it holds."""
        local = (points - self.pose.origin) @ self.pose.axes.T
        if self.circle:
            return np.asarray(np.hypot(*local.T) < self.half_mm[0])
        return np.asarray((np.abs(local) < self.half_mm).all(axis=1))


def cover(rng: np.random.Generator, pixels: NDArray[np.uint8], field: Field, inside_mm: FloatArray) -> None:
    """Put what is beside the field into an image in place; `inside_mm` as `Field.inside` gives it."""
    share = np.clip(inside_mm / field.soft_mm + 0.5, 0, 1)
    if share.min() == 1:
        return
    beside: FloatArray | float = field.outside
    if field.outside:
        beside = field.outside + 0.6 * smooth_noise(rng, pixels.shape, (0.7, 0.7))
    shown = share * pixels + (1 - share) * beside
    if field.line:
        shown += field.line * np.exp(-((inside_mm / 1.2) ** 2))
    pixels[...] = np.clip(shown, 0, 255).round().astype(np.uint8)


@dataclass(frozen=True)
class Framing:
    """A field, and the image that holds it.

    Attributes:
        field: what was exposed.
        corner_mm: (x, y) of the upper left corner of the image.
        extent_mm: its width and height.
    """

    field: Field
    corner_mm: Points
    extent_mm: Points

    def shows(self, points: Points) -> NDArray[np.bool_]:
        """Which points (N, 2) in mm are in the field and in the image."""
        within = (points > self.corner_mm) & (points < self.corner_mm + self.extent_mm)
        return np.asarray(within.all(axis=1) & self.field.holds(points))

    def field_in_image(self) -> Field:
        """The field, as it lies to the corner of the image."""
        x, y = np.array(self.field.pose.origin) - self.corner_mm
        return replace(self.field, pose=replace(self.field.pose, origin=(float(x), float(y))))


def frame_circle(rng: np.random.Generator, middle: Pose) -> Framing:
    """Draw the field of a C-arm round the origin of a frame."""
    reach = rng.uniform(78, 118)
    half = reach * rng.uniform([0.99, 0.99], [1.04, 1.04])
    return Framing(Field(middle, (reach, reach), 0.8, circle=True), np.array(middle.origin) - half, 2 * half)


def frame_arm(rng: np.random.Generator, middle: Pose, half_length_mm: float) -> Framing:
    """Draw a field along an arm, and the image that holds it.

    Args:
        rng: source of randomness.
        middle: frame whose v goes along the arm, and whose origin is at half the length of what is seen.
        half_length_mm: half of that length.
    """
    half_width = rng.uniform(60, 95) if rng.random() < 0.65 else rng.uniform(95, 145)
    # More is seen of the side where the trunk is.
    middle = middle.at((rng.uniform(-0.15, 0.4) * half_width, 0.0), rng.normal(0, 0.08))
    half = (half_width, half_length_mm)
    style = rng.choice(["cut", "framed", "whole"], p=[0.48, 0.3, 0.22])
    if style == "whole":
        reach = _extent(middle, half) * rng.uniform(0.75, 1.0, 2)
        reach = np.maximum(reach, reach.max() * 0.5)
        everything = Field(Pose(middle.origin, 0.0), (2 * reach[0], 2 * reach[1]), 0.1)
        return Framing(everything, np.array(middle.origin) - reach, 2 * reach)
    if style == "cut":
        line = rng.uniform(60, 250) if rng.random() < 0.12 else 0.0
        field, room = Field(middle, half, 0.4, line=line), rng.uniform(0.9, 1.0, 2)
    else:
        line = rng.uniform(5, 40) if rng.random() < 0.35 else 0.0
        outside = rng.uniform(0, 18) if rng.random() < 0.6 else rng.uniform(18, 70)
        field, room = Field(middle, half, rng.uniform(0.8, 5), outside=outside, line=line), rng.uniform(1.0, 1.12, 2)
    return _put_in_image(rng, field, room)


def _put_in_image(rng: np.random.Generator, field: Field, room: Points) -> Framing:
    """An image whose width and height are by factors `room` larger than those of the field that lies in it."""
    extent = _extent(field.pose, field.half_mm)
    half = extent * room
    if rng.random() < 0.6:
        half = np.maximum(half, half.max() * _CASSETTE)
    spare = np.maximum(half - extent, 0) * rng.uniform(-0.8, 0.8, 2)
    return Framing(field, np.array(field.pose.origin) - half + spare, 2 * half)


def _extent(pose: Pose, half_mm: tuple[float, float]) -> Points:
    """Half the width and height in the image of a rectangle in a frame."""
    return np.asarray(np.abs(pose.axes.T) @ np.array(half_mm))
