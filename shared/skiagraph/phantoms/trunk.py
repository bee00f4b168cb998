"""The soft parts of the trunk around a spine, the bowel, the pelvis and the jaw."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from .attenuation import COMPACT_BONE, GAS, SOFT_TISSUE, SPONGY_BONE, Attenuation
from .noise import smooth_noise
from .thorax import Body

# Levels below T1, half the width of the trunk there in mm, and its depth as a share of the deepest.
_OUTLINE = [
    (-6.0, 60.0, 0.62),
    (-2.0, 58.0, 0.62),
    (-1.0, 75.0, 0.60),
    (0.0, 130.0, 0.60),
    (1.5, 175.0, 0.68),
    (4.0, 180.0, 0.85),
    (7.0, 165.0, 0.98),
    (10.0, 150.0, 1.0),
    (13.0, 138.0, 0.97),
    (15.0, 155.0, 1.0),
    (17.0, 172.0, 1.05),
]


def add_soft_tissue(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Add the trunk as if it held neither bone nor air, and breasts."""
    x, y = image.everywhere.x, image.everywhere.y
    heights = [body.level_y(level) for level, _, _ in _OUTLINE]
    half = np.interp(y, heights, [width for _, width, _ in _OUTLINE]).astype(np.float32)
    half *= np.float32(body.chest_mm / 128)
    share = np.interp(y, heights, [share for _, _, share in _OUTLINE]).astype(np.float32)
    aside = np.clip(np.abs(x - body.middle_x(y)) / half, 0, 1)
    slow = 1 + 0.03 * smooth_noise(rng, image.total.shape, (25 * image.px_per_mm, 20 * image.px_per_mm))
    image.total[...] += SOFT_TISSUE * body.depth_mm * share * np.sqrt(1 - aside**2.5) * slow
    if body.woman:
        _add_breasts(rng, image, body)
    _add_muscles(rng, image, body)


def _add_breasts(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Their lower edge is seen, the upper one is not."""
    y = body.level_y(rng.uniform(7.5, 9.0))
    middle = body.middle_at(y)
    half = (rng.uniform(48, 62), rng.uniform(32, 50))
    window = image.everywhere
    depth = rng.uniform(0.15, 0.6)
    for side in (-1, 1):
        u = (window.x - middle - side * rng.uniform(72, 88)) / half[0]
        v = (window.y - y) / half[1]
        radius = np.hypot(u, np.where(v < 0, 0.5 * v, v))
        image.add(window, depth * expit((1 - radius) * 25) * np.clip(0.7 + 0.5 * v, 0, 1))


def _add_muscles(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """The psoas muscles spread downwards beside the lumbar spine."""
    top, bottom = body.level_y(11.5), body.level_y(17)
    window = image.below(top - 60)
    away = np.abs(window.x - body.spine_x(window.y))
    reach = body.spine_half_width(window.y) + (window.y - top) * rng.uniform(0.20, 0.32)
    within = expit((reach - away) / 2) * expit((window.y - top) / 12) * expit((bottom + 20 - window.y) / 20)
    image.add(window, np.asarray(rng.uniform(0.05, 0.2) * within, dtype=np.float32))


def add_bowel(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Take out the gas of the stomach and of the bowel; what else the bowel holds is speckled with it."""
    middle = body.middle_at(body.level_y(12))
    if rng.random() < 0.6:
        half = (rng.uniform(22, 42), rng.uniform(12, 26))
        place = [middle + rng.uniform(45, 75), body.level_y(9.4 + body.breath) + half[1] + 4]
        _take_gas(rng, image, place, half, rng.uniform(25, 60))
    full = rng.choice([0.3, 1.0, 2.2], p=[0.4, 0.4, 0.2])
    for _ in range(rng.poisson(14 * full)):
        place = [middle + rng.normal(0, 75), body.level_y(rng.uniform(12.5, 18.5))]
        half = (rng.uniform(5, 20), rng.uniform(5, 16))
        _take_gas(rng, image, place, half, rng.uniform(6, 26))
    _add_contents(rng, image, body)


def _take_gas(
    rng: np.random.Generator, image: Attenuation, place: list[float], half: tuple[float, float], depth_mm: float
) -> None:
    """A bubble with an uneven rim."""
    window = image.window([place], 1.5 * max(half))
    if not window.x.size or not window.y.size:
        return
    tilt = rng.uniform(-0.8, 0.8)
    u, v = window.x - place[0], window.y - place[1]
    cosine, sine = math.cos(tilt), math.sin(tilt)
    u, v = (cosine * u + sine * v) / half[0], (cosine * v - sine * u) / half[1]
    size = (5 * image.px_per_mm,) * 2
    radius = np.hypot(u, v) + 0.12 * smooth_noise(rng, (window.y.size, window.x.size), size)
    image.add(window, GAS * depth_mm * np.sqrt(np.maximum(1 - radius**2, 0)))


def _add_contents(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """Uneven patches in the lower half."""
    window = image.below(body.level_y(12))
    shape, px = (window.y.size, window.x.size), image.px_per_mm
    patches = np.clip(smooth_noise(rng, shape, (22 * px, 22 * px)) - 0.2, 0, 1.5)
    grain = smooth_noise(rng, shape, (2.2 * px, 2.2 * px)) + smooth_noise(rng, shape, (5 * px, 5 * px))
    below = expit((window.y - body.level_y(13.5)) / 10)
    image.add(window, np.asarray(rng.uniform(0.0, 0.09) * grain * below * patches, dtype=np.float32))


def add_pelvis(rng: np.random.Generator, image: Attenuation, body: Body, density: float) -> None:
    """The wings of the pelvis beside the sacrum, as far as the image shows them."""
    crest_y = body.level_y(15.6 + rng.normal(0, 0.3))
    window = image.below(crest_y - 10)
    middle = body.middle_at(crest_y)
    for side in (-1, 1):
        away = (window.x - middle) * side
        outer = (away - 92) / 58
        crest = crest_y + rng.uniform(-4, 4) + 62 * (1 - np.sqrt(np.maximum(1 - outer**2, 0)))
        under = (window.y - crest) * np.sqrt(np.maximum(1 - outer**2, 0.02))
        within = expit((1 - np.abs(outer)) * 30) * expit(under / 0.7)
        shell = 9 * np.exp(-np.maximum(under, 0) / 4) + 5
        blade = (COMPACT_BONE * shell + SPONGY_BONE * 12) * density * within
        image.add(window, np.asarray(0.55 * blade * expit((away - 30 - 0.18 * under) / 1.5), dtype=np.float32))


def add_jaw(rng: np.random.Generator, image: Attenuation, body: Body) -> None:
    """The shadow of jaw and skull base over the neck, where the image reaches so far up."""
    low = body.level_y(0) - rng.uniform(28, 60)
    centre = [body.middle_at(low) + rng.normal(0, 6), low - 45]
    half = (rng.uniform(42, 52), 45.0)
    image.add_ellipsoid(centre, half, 1.2)
    image.add_ring(centre, half, 0.5, wall_mm=3.0)
