"""The parts that implants are made of: screws, plates, rods, wires and balls of metal.

Every part is added to a layer that holds the metal of one implant alone, so that its extent is known to the pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .attenuation import Attenuation
from .noise import FloatArray
from .profile_body import STEP_MM, Pose, Profile, add_profile, make_profile

Points = NDArray[np.float64]

# Attenuation per mm at about 70 keV, as in the tables of NIST (XCOM) after rounding.
TITANIUM, STEEL = 0.23, 0.60
_THREAD_MM, _TIP_MM, _HEAD_MM = 1.75, 3.5, 2.6
# A screw that points to the tube is seen as long as it is thick.
_LEAST_LEAN = 0.2


@dataclass(frozen=True)
class Metal:
    """The layer of one implant.

    Attributes:
        image: its attenuation alone.
        per_mm: of its metal.
    """

    image: Attenuation
    per_mm: float


@dataclass(frozen=True)
class Plate:
    """A plate on a bone, in the bone's frame.

    Attributes:
        start_mm: v of its upper end.
        path_mm: (N,) u of its middle, in steps of `STEP_MM` along v.
        width_mm: (N,) its width.
        thick_mm: its thickness.
        view: angle in radians from which it is seen: 0 on its edge, a quarter turn on its face.
        holes_mm: (K,) v of its holes.
        hole_mm: half the length and half the width of a hole.
    """

    start_mm: float
    path_mm: FloatArray
    width_mm: FloatArray
    thick_mm: float
    view: float
    holes_mm: Points
    hole_mm: tuple[float, float]

    def at(self, v: float) -> float:
        """U of its middle at one v."""
        return float(self.path_mm[int(np.clip(round((v - self.start_mm) / STEP_MM), 0, len(self.path_mm) - 1))])


def add_screw(
    metal: Metal, pose: Pose, start: Sequence[float], end: Sequence[float], diameter_mm: float, lean: float = 1.0
) -> None:
    """Add a screw from its head to its tip.

    Args:
        metal: to which it is added.
        pose: the frame of its ends.
        start: (u, v) of its head.
        end: (u, v) of its tip, as it would be seen if it lay in the plane of the image.
        diameter_mm: of its shaft.
        lean: share of its length that is seen, 0 if it points to the tube.
    """
    seen = max(abs(lean), _LEAST_LEAN)
    end = [a + seen * (b - a) for a, b in zip(start, end, strict=True)]
    length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    v = np.arange(0, max(length, 1.0), STEP_MM, dtype=np.float32)
    thread = 0.5 + 0.5 * np.sin(2 * np.pi * v / (_THREAD_MM * seen))
    radius = diameter_mm / 2 * (0.86 + 0.14 * thread) * np.clip(0.25 + (length - v) / (_TIP_MM * seen), 0, 1)
    head = np.float32(diameter_mm * 0.85) * (v < _HEAD_MM * seen)
    radius = np.maximum(radius, head).astype(np.float32)
    none = np.zeros_like(v)
    shaft = Profile(0.0, radius, radius, np.full_like(v, 1 / seen), none, none)
    add_profile(metal.image, pose.towards(start, end), shaft, metal.per_mm)
    if seen < 0.6:
        centre = pose.at(start)
        metal.image.add_ellipsoid(centre.origin, (diameter_mm * 0.85,) * 2, 4.0 * metal.per_mm)


def add_plate(metal: Metal, pose: Pose, plate: Plate) -> None:
    """Add a plate with its holes."""
    steps_mm = np.float32(plate.start_mm) + np.float32(STEP_MM) * np.arange(len(plate.path_mm), dtype=np.float32)
    edge, face = abs(np.cos(plate.view)), abs(np.sin(plate.view))
    # Where a plate is bent it is as wide as before, but not across the bone.
    bend = np.sqrt(1 + np.gradient(plate.path_mm, STEP_MM) ** 2)
    wide, deep = plate.width_mm * face * bend, plate.thick_mm * edge * bend
    half, flat = (wide + deep) / 2, np.abs(wide - deep) / 2
    depth = np.minimum(plate.width_mm / max(edge, 0.02), plate.thick_mm / max(face, 0.02))
    reach = float(half.max())
    window = metal.image.window(pose.place(_around(plate.path_mm, steps_mm, reach)), 1.0)
    u, v = pose.local(window)
    along = (v - np.float32(plate.start_mm)) / np.float32(STEP_MM)
    step = np.clip(along, 0, len(steps_mm) - 1).astype(np.int32)
    aside = np.abs(u - plate.path_mm[step])
    soft = np.maximum(half - flat, 0.4 / metal.image.px_per_mm)
    body = np.clip((half[step] - aside) / soft[step], 0, 1) * depth[step]
    body *= (along >= 0) & (along <= len(steps_mm) - 1)
    nearest = plate.holes_mm[np.abs(steps_mm[:, None] - plate.holes_mm).argmin(axis=1)]
    beside = np.abs(v - nearest[step].astype(np.float32)) / np.float32(plate.hole_mm[0])
    if face > 0.4:
        beside = np.hypot(beside, aside / np.float32(plate.hole_mm[1] * face))
    through = np.clip((1 - beside) * plate.hole_mm[1] * metal.image.px_per_mm, 0, 1)
    metal.image.add(window, metal.per_mm * body * (1 - through * (0.95 if face > 0.4 else 0.45)))


def _around(path_mm: FloatArray, steps_mm: FloatArray, reach: float) -> Points:
    low, high = float(path_mm.min()) - reach, float(path_mm.max()) + reach
    return np.array([[u, v] for u in (low, high) for v in (steps_mm[0], steps_mm[-1])])


def add_rod(metal: Metal, pose: Pose, points: ArrayLike, radius_mm: ArrayLike) -> None:
    """Add a nail, a stem or a wire along points (N, 2) of a frame."""
    metal.image.add_tube(pose.place(points), radius_mm, solid=metal.per_mm)


def add_stem(metal: Metal, pose: Pose, along_mm: ArrayLike, radius_mm: ArrayLike) -> None:
    """Add a body that is round about the axis of a frame: its radius at places along it."""
    add_profile(metal.image, pose, make_profile(along_mm, radius_mm), metal.per_mm)


def add_loop(metal: Metal, pose: Pose, half_mm: tuple[float, float], radius_mm: float, share: float = 1.0) -> None:
    """Add a wire round the axis of a frame, or the share of the way round that is seen.

    Args:
        metal: to which it is added.
        pose: frame of the loop, whose middle is its origin.
        half_mm: its half axes, across and along.
        radius_mm: of the wire.
        share: of the whole way.
    """
    turn = np.linspace(0.2, 0.2 + 2 * np.pi * share, 15)
    add_rod(metal, pose, np.column_stack([half_mm[0] * np.cos(turn), half_mm[1] * np.sin(turn)]), radius_mm)


def add_cap(metal: Metal, pose: Pose, radius_mm: float, depth_share: float) -> None:
    """Add the part of a ball beyond the origin of a frame, along -v; its middle is `depth_share` radii below it."""
    centre = pose.at((0.0, depth_share * radius_mm))
    window = metal.image.window([centre.origin], radius_mm + 1)
    u, v = centre.local(window)
    depth = 2 * np.sqrt(np.maximum(radius_mm**2 - u**2 - v**2, 0))
    cut = np.clip((-v - depth_share * radius_mm) * metal.image.px_per_mm + 0.5, 0, 1)
    metal.image.add(window, np.asarray(metal.per_mm * depth * cut, dtype=np.float32))
