"""The long bones of the arm: their outlines, how they lie to each other, and how X-rays show them.

The frame of a bone has its origin at the bone's upper end; u points to the body's middle and v down the arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .attenuation import Attenuation
from .fracture import Piece
from .noise import smooth_noise
from .profile_body import Pose, Profile, bone_depth, make_profile

# V of the humerus at which the elbow turns.
ELBOW_MM = 310.0
# How far a piece of bone can be from a pixel that it is seen in.
_BEYOND_MM = 1.0

# v, left (away from the body), right, wall, fill and flatness, from the front with the elbow straight.
_HUMERUS = [
    (0, -9.0, 9.1, 0.9, 1.0, 1.0),
    (2, -1.0, 18.0, 1.0, 1.0, 0.9),
    (5, 6.0, 23.0, 1.1, 1.0, 0.9),
    (8, 13.0, 26.5, 1.2, 1.0, 0.9),
    (12, 17.5, 28.5, 1.2, 1.0, 0.9),
    (18, 20.5, 30.0, 1.2, 0.9, 0.9),
    (25, 21.5, 29.5, 1.2, 0.8, 0.9),
    (32, 21.0, 26.0, 1.3, 0.7, 0.9),
    (40, 19.0, 20.0, 1.5, 0.6, 0.95),
    (52, 16.0, 15.0, 2.2, 0.45, 1.0),
    (68, 13.8, 12.3, 3.2, 0.3, 1.0),
    (95, 12.2, 10.8, 4.2, 0.15, 1.0),
    (130, 12.4, 10.2, 4.6, 0.1, 1.0),
    (180, 11.0, 10.0, 4.6, 0.1, 1.0),
    (220, 11.2, 10.5, 4.2, 0.2, 1.0),
    (250, 12.5, 13.0, 3.4, 0.5, 0.85),
    (270, 17.0, 19.0, 2.3, 0.9, 0.6),
    (283, 23.0, 27.0, 1.6, 1.1, 0.42),
    (290, 26.0, 32.0, 1.4, 1.2, 0.4),
    (297, 25.0, 30.0, 1.3, 1.2, 0.45),
    (303, 22.0, 21.5, 1.3, 1.2, 0.6),
    (309, 18.0, 18.0, 1.2, 1.0, 0.6),
    (313, 10.0, 12.0, 1.0, 1.0, 0.5),
    (314, 0.0, 0.0, 0.5, 1.0, 0.5),
]
# Its lower end from the side, left and right.
_SIDE = {250: (11.5, 11.0), 270: (11.0, 10.5), 283: (9.0, 11.0), 290: (9.5, 14.0), 297: (11.0, 15.0), 303: (11.5, 14.5)}
_SIDE |= {309: (8.0, 12.0), 313: (1.0, 6.0)}
_RADIUS = [
    (0, 9.0, 9.0, 1.2, 1.0, 1.0),
    (1, 11.0, 11.0, 1.2, 1.0, 1.0),
    (8, 11.0, 11.0, 1.2, 0.9, 1.0),
    (13, 8.0, 8.0, 1.6, 0.6, 1.0),
    (22, 6.6, 7.2, 2.0, 0.4, 1.0),
    (30, 6.5, 9.0, 2.0, 0.3, 1.0),
    (42, 6.8, 7.0, 2.5, 0.1, 1.0),
    (110, 8.8, 5.8, 3.0, 0.1, 1.0),
    (180, 8.0, 7.6, 2.8, 0.2, 1.0),
    (208, 11.5, 10.5, 1.8, 0.6, 0.85),
    (224, 16.0, 14.0, 1.2, 0.9, 0.7),
    (230, 16.5, 14.0, 1.0, 1.0, 0.7),
    (234, 16.0, 1.0, 1.0, 1.0, 0.6),
    (236, 13.0, -11.0, 0.6, 1.0, 0.6),
]
_ULNA = [
    (-19, 0.5, 0.5, 0.5, 1.0, 1.0),
    (-17, 5.0, 4.5, 1.0, 1.0, 1.0),
    (-12, 8.0, 7.0, 1.3, 1.0, 1.0),
    (-4, 9.5, 8.5, 1.5, 0.9, 1.0),
    (6, 10.0, 10.0, 1.6, 0.9, 1.0),
    (20, 8.5, 10.0, 2.2, 0.5, 1.0),
    (45, 8.0, 7.5, 2.8, 0.2, 1.0),
    (130, 6.6, 6.8, 3.0, 0.1, 1.0),
    (200, 5.6, 5.6, 2.3, 0.2, 1.0),
    (232, 6.6, 6.6, 1.4, 0.7, 1.0),
    (243, 8.0, 8.0, 1.0, 1.0, 1.0),
    (248, 0.5, 7.5, 0.8, 1.0, 1.0),
    (252, -4.5, 6.0, 0.5, 1.0, 1.0),
]


@dataclass(frozen=True)
class ArmBuild:
    """A patient's arm.

    Attributes:
        size: length of the bones, 1 for an ordinary adult.
        girth: thickness of the bones by their length, likewise.
        flesh: thickness of the arm around them, likewise.
        cortex: thickness of the wall of the bones, likewise.
        density: attenuation of all bone, likewise.
        mirrored: whether the arm's middle side is on the left of who looks down the arm.
    """

    size: float
    girth: float
    flesh: float
    cortex: float
    density: float
    mirrored: bool


@dataclass(frozen=True)
class Forearm:
    """How radius and ulna lie.

    Attributes:
        radius, ulna: their poses.
        pose: that of the forearm; its origin is the elbow.
    """

    radius: Pose
    ulna: Pose
    pose: Pose


def draw_build(rng: np.random.Generator) -> ArmBuild:
    """Draw a patient's arm."""
    return ArmBuild(
        size=rng.uniform(0.86, 1.08),
        girth=rng.uniform(0.9, 1.12),
        flesh=float(np.exp(rng.normal(0.18, 0.2))),
        cortex=rng.uniform(0.6, 1.2),
        density=rng.uniform(0.85, 1.35),
        mirrored=bool(rng.random() < 0.5),
    )


def humerus(build: ArmBuild, sideways: float) -> Profile:
    """The bone of the upper arm; `sideways` from 0 to 1 is how far its lower end is seen from the side."""
    rows = []
    for v, left, right, *rest in _HUMERUS:
        side = _SIDE.get(int(v), (left, right))
        rows.append((v, *((1 - sideways) * a + sideways * b for a, b in zip((left, right), side, strict=True)), *rest))
    return _scaled(rows, build)


def radius(build: ArmBuild) -> Profile:
    """The bone of the forearm that ends at the thumb."""
    return _scaled(_RADIUS, build)


def ulna(build: ArmBuild) -> Profile:
    """The other one; it begins above the elbow."""
    return _scaled(_ULNA, build)


def pose_forearm(build: ArmBuild, upper: Pose, flexion: float, spread: float) -> Forearm:
    """Put the forearm to the humerus.

    Args:
        build: the patient's arm.
        upper: pose of the humerus, or of its lower piece.
        flexion: by which angle in radians the forearm goes towards the body, or, if negative, away from it.
        spread: how far radius and ulna are apart, 0 to 1: least in a view from the side.
    """
    scale = build.size * build.girth
    elbow = upper.at((0.0, ELBOW_MM * build.size), -flexion)
    return Forearm(
        elbow.at((-11.0 * spread * scale, 3.0), 0.03 * spread),
        elbow.at((9.0 * spread * scale, 0.0), -0.035 * spread),
        elbow,
    )


def add_bone(
    rng: np.random.Generator, image: Attenuation, profile: Profile, pieces: Sequence[Piece], density: float
) -> None:
    """Add a bone in one or several pieces, with the grain of spongy bone."""
    for piece in pieces:
        window = image.window(piece.pose.place(profile.corners()), _BEYOND_MM)
        if not window.x.size or not window.y.size:
            continue
        u, v = piece.pose.local(window)
        px = image.px_per_mm
        grain = smooth_noise(rng, u.shape, (0.8 * px, 0.8 * px)) + 1.2 * smooth_noise(rng, u.shape, (4 * px, 4 * px))
        uneven = 1 + np.float32(0.035) * grain
        image.add(window, density * bone_depth(profile, u, v) * uneven * piece.cover(u, v, px))


def add_elbow_details(image: Attenuation, build: ArmBuild, upper: Pose, sideways: float) -> None:
    """The thin bone over the elbow seen from the front, or the rings of its joint seen from the side."""
    scale, density = build.size, build.density
    hollow = upper.at((1.0, 286.0 * scale))
    front = 1 - sideways
    image.add_ellipsoid(hollow.origin, (8.0 * scale, 6.0 * scale), -0.10 * front * density, hollow.turn)
    image.add_ring(hollow.origin, (8.5 * scale, 6.5 * scale), 0.07 * front * density, hollow.turn)
    joint = upper.at((2.0 * sideways, 302.0 * scale))
    for reach in (7.5, 11.0):
        half = (reach * scale, reach * scale)
        image.add_ring(joint.origin, half, 0.16 * sideways * density, wall_mm=0.9)


def _scaled(rows: Sequence[Sequence[float]], build: ArmBuild) -> Profile:
    along, left, right, wall, fill, flatness = np.array(rows, dtype=float).T
    across = build.size * build.girth
    return make_profile(
        along * build.size,
        left * across,
        right * across,
        wall_mm=wall * across * build.cortex,
        fill=fill,
        flatness=flatness,
    )
