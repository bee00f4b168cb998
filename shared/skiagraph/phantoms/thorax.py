"""The chest as X-rays show it: lungs, heart and diaphragm, ribs and collar bones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .attenuation import GAS, LUNG, SOFT_TISSUE, Attenuation
from .noise import FloatArray, smooth_noise
from .spine_shape import ABOVE

Points = NDArray[np.float64]

# Half the width of the chest at the ribs of T1 to T12, as a share of its widest.
_RIB_REACH = [0.40, 0.58, 0.72, 0.82, 0.89, 0.94, 0.97, 1.0, 1.0, 0.97, 0.84, 0.55]
# How much deeper than its root a rib's front end lies, in mm.
_RIB_DROP = [26.0, 40.0, 54.0, 66.0, 76.0, 84.0, 90.0, 94.0, 90.0, 80.0, 20.0, 10.0]
# How steeply it goes down from its root, as a slope.
_RIB_SLOPES = [0.02, 0.02, 0.04, 0.07, 0.10, 0.13, 0.16, 0.20, 0.26, 0.36, 0.60, 0.80]
# How far round the chest a rib goes, in half turns; the last two end in the flank.
_RIB_END = [0.78, 0.80, 0.82, 0.82, 0.82, 0.81, 0.80, 0.78, 0.74, 0.68, 0.52, 0.44]
_AIRWAY_MM = 14.0


@dataclass(frozen=True)
class Body:
    """Where things lie behind a spine's picture.

    Attributes:
        corners: (22, 2, 2, 2) of C4 to S1 in mm, as `pose_spine` gives them.
        chest_mm: half the widest width of the chest.
        depth_mm: depth of the trunk from front to back.
        breath: how far the diaphragm is down, in levels below T10.
        woman: whether there are breasts.
    """

    corners: Points
    chest_mm: float
    depth_mm: float
    breath: float
    woman: bool

    def level_y(self, level: float) -> float:
        """Height of a level, 0 for the centre of T1 and 16 for that of L5; others go on evenly."""
        centres = self.corners.mean(axis=(1, 2))[:, 1]
        place = float(np.clip(level + ABOVE, 0, len(centres) - 1))
        step_mm = (centres[-1] - centres[0]) / (len(centres) - 1)
        return float(np.interp(place, np.arange(len(centres)), centres) + (level + ABOVE - place) * step_mm)

    def spine_x(self, y: FloatArray) -> FloatArray:
        """Middle of the spine at heights."""
        centres = self.corners.mean(axis=(1, 2))
        return np.interp(y, centres[:, 1], centres[:, 0]).astype(np.float32)

    def spine_half_width(self, y: FloatArray) -> FloatArray:
        """Half the width of the vertebrae at heights."""
        centres = self.corners.mean(axis=(1, 2))
        widths = np.linalg.norm(self.corners[:, :, 1] - self.corners[:, :, 0], axis=-1).mean(axis=1)
        return np.interp(y, centres[:, 1], widths / 2).astype(np.float32)

    def middle_x(self, y: FloatArray) -> FloatArray:
        """Middle of the trunk at heights: it goes a third of the way with the spine."""
        centres = self.corners.mean(axis=(1, 2))
        plumb = np.interp(y, centres[[0, -1], 1], centres[[0, -1], 0])
        return np.asarray(plumb + 0.35 * (self.spine_x(y) - plumb), dtype=np.float32)

    def middle_at(self, y: float) -> float:
        """Middle of the trunk at one height."""
        return float(self.middle_x(np.array(y, dtype=np.float32)))


def add_chest(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Take the lungs out of the trunk, and add heart, great vessels, and the vessels of the lungs."""
    x, y = image.everywhere.x, image.everywhere.y
    middle = body.middle_x(y)
    half = _chest_half_width(body, y)
    aside = np.clip(np.abs(x - middle) / np.maximum(half - 4, 1), 0, 1)
    depth_mm = 0.80 * body.depth_mm * np.sqrt(1 - aside**2.6) * (half > 4)
    behind = _beside(np.abs(x - body.spine_x(y)), body.spine_half_width(y) + rng.uniform(3, 8), 2.5)
    front = _beside(np.abs(x - middle), _mediastinum(rng, body, y), 3.0)
    heart, bulge = _heart(rng, body, x, y), _aortic_arch(rng, body, x, y)
    front = front * (1 - 0.9 * heart) * (1 - 0.9 * bulge)
    dome, recess = _diaphragm(rng, body, x, y)
    air = depth_mm * (0.42 * behind * recess * (1 - 0.35 * heart) + 0.58 * front * dome)
    grain = 1 + 0.05 * smooth_noise(rng, image.total.shape, (2.5 * image.px_per_mm, 2.5 * image.px_per_mm))
    image.total[...] += LUNG * air * grain
    _add_lung_vessels(rng, image, body)
    _add_airway(image, body)


def _chest_half_width(body: Body, y: FloatArray) -> FloatArray:
    """Half the width of the lungs at heights: nothing above the first rib, and as wide as the ribs below it."""
    levels = np.array([-0.9, -0.6, 0.2, 1.0, 2.0, 3.5, 5.0, 7.0, 9.0, 11.0, 16.0])
    shares = np.array([0.0, 0.22, 0.40, 0.54, 0.68, 0.82, 0.90, 0.97, 1.0, 1.0, 0.95])
    heights = [body.level_y(level) for level in levels]
    return (body.chest_mm * np.interp(y, heights, shares)).astype(np.float32)


def _beside(away: FloatArray, edge: FloatArray, soft_mm: float) -> FloatArray:
    return np.asarray(expit((away - edge) / np.float32(soft_mm / 2)), dtype=np.float32)


def _mediastinum(rng: np.random.Generator, body: Body, y: FloatArray) -> FloatArray:
    """Half the width of what lies between the lungs in front of the spine, at heights."""
    heights = [body.level_y(level) for level in (-1.0, 1.0, 3.0, 5.0, 8.0, 12.0)]
    widths = np.array([26.0, 27.0, 29.0, 26.0, 30.0, 34.0]) * rng.uniform(0.85, 1.15)
    return np.interp(y, heights, widths).astype(np.float32)


def _heart(rng: np.random.Generator, body: Body, x: FloatArray, y: FloatArray) -> FloatArray:
    """Share of the lung's depth that the heart takes, mostly on the right of the image."""
    centre_y = body.level_y(rng.uniform(7.0, 8.2))
    centre_x = body.middle_at(centre_y) + rng.uniform(14, 26)
    half = rng.uniform(44, 58), rng.uniform(54, 68)
    tilt = rng.uniform(0.35, 0.7)
    u, v = x - centre_x, y - centre_y
    cosine, sine = math.cos(tilt), math.sin(tilt)
    u, v = cosine * u + sine * v, cosine * v - sine * u
    radius = np.hypot(u / half[0], v / half[1])
    thickness = 0.55 + 0.45 * np.sqrt(np.maximum(1 - radius**2, 0))
    return np.asarray(expit((1 - radius) * 30) * thickness, dtype=np.float32)


def _aortic_arch(rng: np.random.Generator, body: Body, x: FloatArray, y: FloatArray) -> FloatArray:
    centre_y = body.level_y(rng.uniform(3.2, 4.2))
    centre_x = body.middle_at(centre_y) + rng.uniform(17, 23)
    radius = np.hypot(x - centre_x, y - centre_y) / rng.uniform(14, 19)
    return np.asarray(0.9 * expit((1 - radius) * 14), dtype=np.float32)


def _diaphragm(rng: np.random.Generator, body: Body, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of the front and of the back of the lung that is above the diaphragm."""
    top = body.level_y(9.0 + body.breath)
    centre_x = body.middle_at(top)
    domes = []
    for side, lift in ((-1, rng.uniform(0, 12)), (1, 0.0)):
        away = (x - centre_x) * side - 0.52 * body.chest_mm
        flat = body.chest_mm * rng.uniform(0.75, 1.0)
        domes.append(top - lift + 0.75 * flat * (1 - np.sqrt(np.maximum(1 - (away / flat) ** 2, 0.02))))
    share = expit((x - centre_x) / 6)
    edge = domes[0] * (1 - share) + domes[1] * share
    front = expit((edge - y) / 0.9).astype(np.float32)
    back = expit((edge + rng.uniform(12, 30) - y) / rng.uniform(5, 9)).astype(np.float32)
    return front, back


def _add_lung_vessels(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Vessels go out from the roots of the lungs and grow thinner."""
    root_y = body.level_y(5.5)
    root_x = body.middle_at(root_y)
    for side in (-1, 1):
        for _ in range(14):
            length = rng.uniform(25, 85)
            angle = rng.uniform(-1.2, 1.45)
            along = np.linspace(0, 1, 6)
            bent = angle + rng.normal(0, 0.5) * along
            line = np.column_stack([side * along * length * np.cos(bent), along * length * np.sin(bent)])
            start = [root_x + side * rng.uniform(28, 36), root_y + rng.uniform(-8, 22)]
            image.add_tube(line + start, rng.uniform(2.2, 3.8) * (1 - 0.8 * along), solid=0.012)


def _add_airway(image: Attenuation, body: Body) -> None:
    """The windpipe, from the neck to its fork at T5."""
    y = np.linspace(body.level_y(-4), body.level_y(4.2), 10).astype(np.float32)
    image.add_tube(np.column_stack([body.middle_x(y) - 2, y]), _AIRWAY_MM / 2, solid=0.55 * GAS)


def add_ribs(rng: np.random.Generator, image: Attenuation, body: Body, density: float) -> None:
    """Twelve pairs of ribs that turn with their vertebrae, and the collar bones."""
    for level in range(12):
        for side in (-1, 1):
            line = _rib_line(rng, body, level, side)
            radius = 6.0 if level < 10 else 4.2
            taper = np.interp(np.linspace(0, 1, len(line)), [0, 0.5, 0.85, 1], [0.8, 1, 1.1, 0.6]) * radius
            image.add_tube(line, taper, wall_mm=radius / 4 * density)
    for side in (-1, 1):
        image.add_tube(_collar_line(rng, body, side), 6.0, wall_mm=1.7 * density)
        _add_shoulder_blade(rng, image, body, side, density)


def _rib_line(rng: np.random.Generator, body: Body, level: int, side: int) -> Points:
    """Centre line of a rib, from its vertebra round the side of the chest to its front end."""
    quad = body.corners[ABOVE + level]
    root = quad[0, (side + 1) // 2] * 0.8 + quad[0].mean(axis=0) * 0.2
    turn = np.linspace(0, np.pi * _RIB_END[level] * rng.uniform(0.97, 1.03), 28)
    wall = body.middle_at(root[1]) + side * body.chest_mm * _RIB_REACH[level]
    reach = max((wall - root[0]) * side, 25.0)
    drop = _RIB_DROP[level] * rng.uniform(0.92, 1.08)
    x = reach * np.sin(turn) ** 0.9
    y = drop * (1 - np.cos(turn)) / 2 - 10 * np.sin(turn).clip(0) * np.exp(-turn * 1.1) * (level < 9)
    across = quad[0, 1] - quad[0, 0]
    tilt = 0.75 * np.arctan2(across[1], across[0]) * side
    # A tilt lifts the ribs of one side and lowers those of the other, most of it near the spine.
    y = y + _RIB_SLOPES[level] * rng.uniform(0.8, 1.2) * reach * np.sin(np.minimum(turn, np.pi / 2))
    y = y + x * np.tan(tilt) * np.exp(-x / (1.6 * body.chest_mm))
    return np.column_stack([root[0] + side * x, root[1] + y])


def _collar_line(rng: np.random.Generator, body: Body, side: int) -> Points:
    y = body.level_y(2.4 + rng.normal(0, 0.3))
    start = body.middle_at(y) + side * rng.uniform(12, 17)
    along = np.linspace(0, 1, 12)
    rise = rng.uniform(22, 48) * along + 7 * np.sin(2 * np.pi * along)
    return np.column_stack([start + side * 135 * along, y - rise])


def _add_shoulder_blade(rng: np.random.Generator, image: Attenuation, body: Body, side: int, density: float) -> None:
    y = body.level_y(4.5)
    middle = body.middle_at(y)
    away = body.chest_mm * rng.uniform(0.72, 0.95)
    inner = [(away, body.level_y(1.0)), (away - 6, y), (away + 12, body.level_y(7.3))]
    outer = [*inner[-1:], (away + 34, body.level_y(4.5)), (away + 48, body.level_y(2.0))]
    spine = [(away, body.level_y(2.0)), (away + 30, body.level_y(1.0)), (away + 62, body.level_y(0.0))]
    for line, radius in ((inner, 2.0), (outer, 3.5), (spine, 4.0)):
        points = np.array(line) * [side, 1] + [middle, 0]
        image.add_tube(points, radius, solid=SOFT_TISSUE * density)
