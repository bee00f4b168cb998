"""What lies around the bones of an arm: flesh, trunk with ribs and lung, shoulder girdle, hand, and casts.

The frame of the trunk has its origin at the shoulder joint; u points to the spine and v to the feet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .attenuation import COMPACT_BONE, LUNG, SOFT_TISSUE, Attenuation
from .limb_shape import ArmBuild
from .noise import FloatArray, smooth_noise
from .profile_body import Pose, Profile, make_profile, outer_depth

Points = NDArray[np.float64]

_FAT = 0.86 * SOFT_TISSUE
_PLASTER = 0.026
# In the trunk's frame v, and u of its side there.
_SIDE_OF_TRUNK = [(-200.0, 95.0), (-75.0, 80.0), (-50.0, 30.0), (0.0, 12.0), (60.0, 24.0), (140.0, 34.0), (300.0, 28.0)]
_RIB_STEP_MM, _RIB_RADIUS_MM = 29.0, 6.5
# Likewise of the side of the chest, and the corners of what it can fill.
_WALL_OF_CHEST = [(-70.0, 150.0), (-35.0, 92.0), (20.0, 62.0), (110.0, 50.0), (300.0, 46.0)]
_CHEST = [(35, -75), (35, 330), (230, -75), (230, 330)]
_CHEST_RADIUS_MM, _LUNG_MM = 118.0, 165.0


def add_flesh(
    rng: np.random.Generator, image: Attenuation, parts: Sequence[tuple[Pose, Profile]], fat_mm: float, trunk: Pose
) -> None:
    """Add arm and trunk as if they held neither bone nor air.

    Args:
        rng: source of randomness.
        image: to which they are added.
        parts: of the arm, outlines of the skin; where they overlap they are one.
        fat_mm: thickness of the fat around the muscles.
        trunk: its frame.
    """
    thickness = _trunk_depth(image, trunk)
    muscle = np.maximum(thickness - 2 * fat_mm, 0)
    for pose, profile in parts:
        window = image.window(pose.place(profile.corners()), 1.0)
        u, v = pose.local(window)
        for body, less in ((thickness, 0.0), (muscle, fat_mm)):
            np.maximum(body[window.at], outer_depth(profile.thinner(less), u, v), out=body[window.at])
    slow = 1 + 0.04 * smooth_noise(rng, thickness.shape, (12 * image.px_per_mm,) * 2)
    image.total[...] += (np.float32(_FAT) * thickness + np.float32(SOFT_TISSUE - _FAT) * muscle) * slow


def _trunk_depth(image: Attenuation, trunk: Pose) -> FloatArray:
    """Depth of the trunk in mm, 0 beside it."""
    u, v = trunk.local(image.everywhere)
    heights, sides = np.array(_SIDE_OF_TRUNK).T
    within = u - np.interp(v, heights, sides).astype(np.float32)
    within = np.minimum(within, v + 45 + 0.35 * u)
    share = 1 - np.clip(within / 95, 0, 1)
    return np.asarray(185 * np.sqrt(1 - share**2), dtype=np.float32)


def add_chest(rng: np.random.Generator, image: Attenuation, trunk: Pose, density: float) -> None:
    """Add ribs, and take the lung out between them."""
    window = image.window(trunk.place(_CHEST), 0.0)
    if not window.x.size or not window.y.size:
        return
    u, v = trunk.local(window)
    heights, walls = np.array(_WALL_OF_CHEST).T
    within = (u - np.interp(v, heights, walls).astype(np.float32)) / np.float32(_CHEST_RADIUS_MM)
    across = 1 - np.clip(within, 0, 1)
    depth = np.sqrt(np.maximum(1 - across**2, 0))
    dome = rng.uniform(110, 200) + 220 * (within - rng.uniform(0.45, 0.65)) ** 2
    grain = 1 + 0.03 * smooth_noise(rng, u.shape, (4 * image.px_per_mm,) * 2)
    lung = depth * _soft_step((dome - v) / 2.5) * _soft_step((within - 0.045) * 60) * grain
    # Where a rib goes along the rays, at the side of the chest, they meet more of it.
    oblique = np.minimum(1 / np.maximum(depth, 0.35), 2.0)
    ribs = _ribs(rng, within, v) * oblique * _soft_step(within * 80) * _soft_step((v + 50) / 3)
    image.add(window, LUNG * _LUNG_MM * lung + 0.6 * COMPACT_BONE * density * ribs)


def _ribs(rng: np.random.Generator, within: FloatArray, v: FloatArray) -> FloatArray:
    """Depth in mm of compact bone in the ribs, which go down to the side behind, and to the middle before."""
    depth = np.zeros_like(v)
    across = 1 - np.clip(within, 0, 1)
    behind, before = (rng.uniform(-0.55, -0.25), 42.0, 1.0), (rng.uniform(0.35, 0.7), -20.0, 0.35)
    for slope, bow, share in (behind, before):
        place = v + slope * _CHEST_RADIUS_MM * within + bow * across**2 + rng.uniform(0, _RIB_STEP_MM)
        away = (np.mod(place, _RIB_STEP_MM) - _RIB_STEP_MM / 2) / _RIB_RADIUS_MM
        outer, inner = (np.sqrt(np.maximum(reach - away**2, 0)) for reach in (1.0, 0.55))
        # The spongy bone within counts for a quarter.
        depth += share * 2 * _RIB_RADIUS_MM * (outer - 0.75 * inner)
    return depth


def _soft_step(values: NDArray[np.floating]) -> FloatArray:
    return np.asarray(np.clip(values + 0.5, 0, 1), dtype=np.float32)


def add_shoulder(rng: np.random.Generator, image: Attenuation, trunk: Pose, build: ArmBuild) -> None:
    """Add shoulder blade and collar bone."""
    scale, density = build.size, build.density
    bend = rng.normal(0, 6, 2)

    def tube(points: ArrayLike, radius: ArrayLike, wall_mm: float) -> None:
        line = trunk.place(np.asarray(points, dtype=float) * scale)
        image.add_tube(line, np.asarray(radius, dtype=float) * scale, wall_mm=wall_mm * density)

    tube([(-10, -27), (-2, -33), (12, -35), (30, -30), (44, -22)], [3.5, 5.5, 5.5, 4.5, 4], 0.9)
    tube([(4, -33), (40, -40 + bend[0]), (85, -46 + bend[1]), (150, -44)], [6.5, 5.5, 6, 7.5], 2.0)
    tube([(26, 17), (40, 40), (52, 80), (62, 120)], [5.5, 4.5, 4.5, 5], 1.8)
    tube([(30, -24), (60, -22), (105, -14)], [5.5, 4, 3], 1.4)
    tube([(105, -14), (92, 50), (64, 122)], 2.5, 1.0)
    tube([(44, -8), (32, -20), (24, -13), (20, -6)], [6, 6.5, 6, 4.5], 1.2)
    blade = np.array([(26, -12), (105, -14), (64, 122), (30, 20)]) * scale
    _add_plate_of_bone(image, trunk.place(blade), 2.4 * COMPACT_BONE * density)
    socket = trunk.at((26 * scale, 0.0), 0.15)
    image.add_ring(socket.origin, (4.0 * scale, 17.0 * scale), 0.28 * density, socket.turn, wall_mm=0.9)
    image.add_ellipsoid(socket.at((6.0, 0.0)).origin, (9.0 * scale, 18.0 * scale), 0.22 * density, socket.turn)


def _add_plate_of_bone(image: Attenuation, corners: Points, depth: float) -> None:
    """A convex plate of bone with soft edges, its corners in either order."""
    window = image.window(corners, 2.0)
    after = np.roll(corners, -1, axis=0)
    turn = np.sign(np.sum(corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]))
    within = np.full((window.y.size, window.x.size), np.inf, dtype=np.float32)
    for start, end in zip(corners, after, strict=True):
        along = turn * (end - start) / np.hypot(*(end - start))
        np.minimum(within, along[0] * (window.y - start[1]) - along[1] * (window.x - start[0]), out=within)
    image.add(window, np.asarray(depth * np.clip(within / 2, 0, 1), dtype=np.float32))


def add_hand(rng: np.random.Generator, image: Attenuation, wrist: Pose, build: ArmBuild, spread: float) -> None:
    """Add the bones of the hand.

    Args:
        rng: source of randomness.
        image: to which they are added.
        wrist: frame of the hand, v to the fingers.
        build: the patient's arm.
        spread: how far the hand is seen from the front, 0 to 1.
    """
    scale, density = build.size * build.girth, build.density
    wide = 0.35 + 0.65 * spread
    for row, count in ((8.0, 4), (20.0, 4)):
        for place in np.linspace(-13, 13, count):
            centre = wrist.at((place * wide * scale, (row + rng.normal(0, 1)) * scale), rng.normal(0, 0.6))
            half = (rng.uniform(4.5, 7) * scale, rng.uniform(5.5, 7.5) * scale)
            image.add_ellipsoid(centre.origin, half, 0.16 * density, centre.turn)
            image.add_ring(centre.origin, half, 0.15 * density, centre.turn, wall_mm=0.8)
    for finger, place in enumerate(np.linspace(-15, 15, 5)):
        lean = 0.012 * place * wide * (2.2 if finger == 0 else 1)
        start = 30.0 if finger else 24.0
        for length in (52.0 - 3 * abs(finger - 2), 38.0, 22.0):
            v = np.linspace(start, start + length - 5, 3)
            line = wrist.place(np.column_stack([place * wide + lean * (v - 30), v]) * scale)
            image.add_tube(line, np.array([5, 3.6, 4.8]) * scale, wall_mm=1.3 * density)
            start += length


def skin_of_upper_arm(rng: np.random.Generator, build: ArmBuild) -> Profile:
    """The flesh around the humerus, in its frame, with the shoulder."""
    v = [-34, -33, -28, -15, 10, 60, 110, 160, 210, 260, 300, 322, 333, 336]
    left = [0, 10, 24, 36, 46, 50, 46, 42, 39, 36, 34, 24, 10, 0]
    right = [0, 12, 28, 38, 42, 42, 42, 42, 40, 37, 34, 24, 10, 0]
    bumps = 1 + rng.normal(0, 0.04, (2, len(v)))
    flesh = build.flesh * rng.uniform(0.95, 1.05)
    return make_profile(np.array(v) * build.size, left * bumps[0] * flesh, right * bumps[1] * flesh)


def skin_of_forearm(rng: np.random.Generator, build: ArmBuild) -> Profile:
    """The flesh of the forearm and of the hand, in their frame."""
    v = [-36, -35, -24, 0, 30, 70, 120, 180, 230, 255, 280, 330, 375, 400, 405]
    left = [0, 10, 26, 34, 39, 38, 34, 28, 24, 25, 32, 34, 26, 12, 0]
    right = [0, 10, 26, 33, 37, 37, 33, 27, 24, 25, 32, 34, 26, 12, 0]
    flat = [1, 1, 1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.35, 0.3, 0.3, 0.3]
    flesh = build.flesh**0.7 * rng.uniform(0.95, 1.05)
    return make_profile(
        np.array(v) * build.size, np.array(left) * flesh, np.array(right) * flesh, flatness=np.array(flat)
    )


def add_cast(rng: np.random.Generator, image: Attenuation, parts: Sequence[tuple[Pose, Profile]]) -> None:
    """Add plaster around parts of an arm."""
    px = image.px_per_mm
    padding, shell = rng.uniform(4, 10), rng.uniform(4, 8)
    outer, inner = np.zeros((2, *image.total.shape), dtype=np.float32)
    for pose, profile in parts:
        window = image.window(pose.place(profile.thinner(-padding - shell).corners()), 1.0)
        u, v = pose.local(window)
        for body, more in ((outer, padding + shell), (inner, padding)):
            np.maximum(body[window.at], outer_depth(profile.thinner(-more), u, v), out=body[window.at])
    wall = np.maximum(outer - inner, 0)
    weave = 1 + 0.18 * smooth_noise(rng, wall.shape, (1.2 * px, 1.2 * px))
    folds = np.clip(1 + 0.35 * smooth_noise(rng, wall.shape, (9 * px, 4 * px)), 0.2, 2)
    image.total[...] += np.float32(rng.uniform(0.5, 1.0) * _PLASTER) * wall * weave * folds
