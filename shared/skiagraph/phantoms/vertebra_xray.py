"""Vertebrae as X-rays from behind show them: body, endplates, pedicles, spinous and transverse processes, sacrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .attenuation import COMPACT_BONE, SPONGY_BONE, Attenuation
from .noise import FloatArray, smooth_noise
from .spine_shape import ABOVE, LABELLED

Points = NDArray[np.float64]

_FIRST_LUMBAR = ABOVE + 12


@dataclass(frozen=True)
class BoneLook:
    """How the bones of a patient look.

    Attributes:
        density: attenuation of all bone, 1 for an ordinary patient.
        plate: how sharply the endplates stand out.
        waist: how much narrower than its ends a body is, as a share of its width.
    """

    density: float
    plate: float
    waist: float


def draw_bone_look(rng: np.random.Generator) -> BoneLook:
    """Draw the look of a patient's bones."""
    return BoneLook(density=rng.uniform(0.75, 1.3), plate=rng.uniform(0.7, 1.4), waist=rng.uniform(0.02, 0.06))


def add_vertebrae(rng: np.random.Generator, image: Attenuation, corners: Points, look: BoneLook) -> None:
    """Add the vertebrae of a spine, corners (22, 2, 2, 2) in mm as `pose_spine` gives them, and the sacrum."""
    tilts = _tilts(corners)
    # In a scoliotic spine the bodies turn to the outside of the curve, so what lies behind them moves to the inside.
    turns = np.clip(-1.1 * np.gradient(tilts) + rng.normal(0, 0.02, len(tilts)), -0.3, 0.3)
    for level, quad in enumerate(corners[:-1]):
        vertebra = _Vertebra.of(quad, level, float(turns[level]))
        _add_body(rng, image, quad, look)
        _add_pedicles(rng, image, vertebra, look)
        _add_spinous_process(rng, image, vertebra, look)
        _add_transverse_processes(rng, image, vertebra, look)
        _add_lamina(rng, image, vertebra, look)
    _add_body(rng, image, corners[-1], look)
    _add_sacrum(rng, image, corners[-1], look)


@dataclass(frozen=True)
class _Vertebra:
    """A vertebra's own frame: `at(u, v)` with u, v from -1 to 1 across and down its body."""

    centre: Points
    across: Points
    down: Points
    level: int
    turn: float

    @classmethod
    def of(cls, quad: Points, level: int, turn: float) -> _Vertebra:
        across = (quad[:, 1] - quad[:, 0]).mean(axis=0) / 2
        down = (quad[1] - quad[0]).mean(axis=0) / 2
        return cls(quad.mean(axis=(0, 1)), across, down, level, turn)

    @property
    def half_width(self) -> float:
        return float(np.hypot(*self.across))

    @property
    def half_height(self) -> float:
        return float(np.hypot(*self.down))

    @property
    def tilt(self) -> float:
        return float(np.arctan2(self.across[1], self.across[0]))

    def at(self, u: float, v: float) -> Points:
        return np.asarray(self.centre + u * self.across + v * self.down)


def _tilts(corners: Points) -> Points:
    across = (corners[:, :, 1] - corners[:, :, 0]).sum(axis=1)
    return np.asarray(np.arctan2(across[:, 1], across[:, 0]))


def _add_body(rng: np.random.Generator, image: Attenuation, quad: Points, look: BoneLook) -> None:
    """A body of spongy bone in a shell; its silhouette is hollow between the corners and goes through them."""
    window = image.window(quad, 2.0)
    if not window.x.size or not window.y.size:
        return
    top, bottom = (_inside(window.x, window.y, *edge) for edge in (quad[0], quad[1][::-1]))
    left, right = (_inside(window.x, window.y, *edge) for edge in (quad[::-1, 0], quad[:, 1]))
    across, down = _share(left, right), _share(top, bottom)
    width, height = (float(np.hypot(*(corner - quad[0, 0]))) for corner in (quad[0, 1], quad[1, 0]))
    waist = 4 * look.waist * width * down * (1 - down)
    hollow = 0.2 * height * across * (1 - across)
    left, right, top, bottom = left - waist, right - waist, top - hollow, bottom - hollow
    nearest = np.minimum(np.minimum(left, right), np.minimum(top, bottom))
    body = np.clip(nearest * image.px_per_mm + 0.5, 0, 1)
    depth_mm = 0.75 * width * np.sqrt(1 - (0.9 * (2 * across - 1)) ** 2)
    texture = 1 + 0.12 * smooth_noise(rng, body.shape, (0.9 * image.px_per_mm, 0.5 * image.px_per_mm))
    side = np.exp(-np.minimum(left, right).clip(0) / 1.3)
    plates = np.exp(-((top - 0.5) ** 2) / 0.5) + np.exp(-((bottom - 0.5) ** 2) / 0.5)
    # An endplate is seen a little from above or below: its far rim is a second, fainter line within the body.
    far = rng.uniform(1.0, 4.5) * 4 * across * (1 - across)
    plates += 0.35 * np.exp(-(((top if rng.random() < 0.5 else bottom) - far) ** 2) / 0.6)
    edges = COMPACT_BONE * (3.2 * side + look.plate * 0.30 * depth_mm * plates)
    image.add(window, look.density * body * (SPONGY_BONE * depth_mm * texture + edges))


def _inside(x: FloatArray, y: FloatArray, start: Points, end: Points) -> FloatArray:
    """Distance from the line through two points, positive to the right of who goes from one to the other."""
    along = (end - start).astype(np.float32) / np.float32(np.hypot(*(end - start)))
    return along[0] * (y - np.float32(start[1])) - along[1] * (x - np.float32(start[0]))


def _share(near: FloatArray, far: FloatArray) -> FloatArray:
    return np.asarray(np.clip(near / np.maximum(near + far, 1e-3), 0, 1), dtype=np.float32)


def _add_pedicles(rng: np.random.Generator, image: Attenuation, vertebra: _Vertebra, look: BoneLook) -> None:
    lumbar = vertebra.level >= _FIRST_LUMBAR
    for side in (-1, 1):
        centre = vertebra.at(side * (0.70 if lumbar else 0.62) + vertebra.turn, rng.uniform(-0.35, -0.15))
        half_width = vertebra.half_width * (0.13 if lumbar else 0.15) * rng.uniform(0.85, 1.15)
        half_height = vertebra.half_height * rng.uniform(0.38, 0.5)
        half = (half_width, half_height)
        tilt = vertebra.tilt + rng.normal(0, 0.08)
        image.add_ring(centre, half, look.density * rng.uniform(0.12, 0.26), tilt, wall_mm=rng.uniform(0.6, 0.9))
        image.add_ellipsoid(centre, half, -0.04, tilt)


def _add_spinous_process(rng: np.random.Generator, image: Attenuation, vertebra: _Vertebra, look: BoneLook) -> None:
    """A drop that hangs below its body's middle; lumbar ones are longer blades."""
    lumbar = vertebra.level >= _FIRST_LUMBAR
    low = 0.75 if lumbar else 0.9
    centre = vertebra.at(1.6 * vertebra.turn + rng.normal(0, 0.03), low + rng.normal(0, 0.08))
    half = (rng.uniform(2.2, 3.4), vertebra.half_height * rng.uniform(0.38, 0.55))
    tilt = vertebra.tilt + rng.normal(0, 0.1)
    strength = look.density * rng.uniform(0.7, 1.3)
    image.add_ellipsoid(centre, half, 0.07 * strength, tilt)
    image.add_ring(centre, half, 0.15 * strength, tilt, wall_mm=0.8)


def _add_transverse_processes(
    rng: np.random.Generator, image: Attenuation, vertebra: _Vertebra, look: BoneLook
) -> None:
    """Thick and turned upwards beside the thoracic bodies, thin and level beside the lumbar ones."""
    lumbar = vertebra.level >= _FIRST_LUMBAR
    for side in (-1, 1):
        beyond = rng.uniform(0.5, 0.75) if lumbar else rng.uniform(0.35, 0.55)
        rise = rng.uniform(-0.3, 0.1) if lumbar else rng.uniform(-0.7, -0.35)
        root = vertebra.at(0.75 * side + vertebra.turn, -0.15)
        line = np.linspace(root, vertebra.at(side * (1 + beyond) + vertebra.turn, rise), 6)
        radius = vertebra.half_height * (0.20 if lumbar else 0.28) * np.array([1.1, 1, 0.95, 0.95, 1, 0.9])
        strength = look.density * (0.014 if lumbar else 0.018)
        image.add_tube(line, radius, solid=strength)


def _add_lamina(rng: np.random.Generator, image: Attenuation, vertebra: _Vertebra, look: BoneLook) -> None:
    """The two wings of the arch, from the pedicles down to the joints with the next arch."""
    lumbar = vertebra.level >= _FIRST_LUMBAR
    strength = look.density * rng.uniform(0.7, 1.3) * (0.019 if lumbar else 0.010)
    for side in (-1, 1):
        middle = vertebra.at(1.3 * vertebra.turn + 0.06 * side, rng.uniform(0.3, 0.5))
        joint = vertebra.at(side * rng.uniform(0.5, 0.65) + vertebra.turn, rng.uniform(0.95, 1.25))
        upper = vertebra.at(side * rng.uniform(0.6, 0.7) + vertebra.turn, rng.uniform(-1.15, -0.9))
        for start, end in ((middle, joint), (upper, joint)):
            radius = vertebra.half_height * rng.uniform(0.18, 0.28)
            image.add_tube(np.linspace(start, end, 4), radius, solid=strength)
        half = 0.22 * vertebra.half_width, 0.20 * vertebra.half_height
        image.add_ring(joint, half, 7 * strength, vertebra.tilt + rng.normal(0, 0.5), wall_mm=0.8)


def _add_sacrum(rng: np.random.Generator, image: Attenuation, first: Points, look: BoneLook) -> None:
    """Wings beside the first sacral body, what lies below it, and the openings for the nerves."""
    frame = _Vertebra.of(first, ABOVE + LABELLED, 0.0)
    for side in (-1, 1):
        for reach, low in ((1.25, -0.2), (1.45, 0.6), (1.3, 1.6), (1.0, 2.8)):
            image.add_ellipsoid(
                frame.at(0.5 * side * reach, low + 0.5), (0.75 * frame.half_width, 14.0), 0.13 * look.density
            )
        for row in range(3):
            hole = frame.at(side * (0.72 - 0.1 * row), 1.0 + 1.7 * row)
            image.add_ring(hole, (4.5 - row, 3.5 - 0.5 * row), 0.08 * look.density, 0.4 * side, wall_mm=0.8)
            image.add_ellipsoid(hole, (5.0 - row, 4.0 - 0.5 * row), -0.10)
        crest = np.array([frame.at(side * u, v) for u, v in ((0.95, -0.9), (1.5, -0.35), (1.85, 0.5), (1.8, 1.8))])
        image.add_tube(crest, 1.5, solid=0.04 * look.density)
    for row in range(3):
        image.add_ring(frame.at(0.0, 1.2 + 1.7 * row), (rng.uniform(2, 3), 4.5), 0.06 * look.density)
