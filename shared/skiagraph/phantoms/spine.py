"""Radiographs of scoliotic spines with the exact corners of the vertebrae.

What is in the way of the rays is added up (trunk, lungs, bones); scatter, noise and a saturating response make an image
of it. All lengths are in mm, so that the same patient can be imaged at any size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .attenuation import Attenuation
from .detector import collimate, draw_exposure, expose, stamp_marker
from .spine_shape import ABOVE, LABELLED, SpineBuild, draw_spine_build, pose_spine
from .thorax import Body, add_chest, add_ribs
from .trunk import add_bowel, add_jaw, add_pelvis, add_soft_tissue
from .vertebra_xray import BoneLook, add_vertebrae, draw_bone_look

_MEAN_STEP_MM = 27.0
# Of the published images; ratio is height by width.
_RATIOS = (1.8, 4.3)
_HEIGHTS_PX = (980, 1600)
_NARROWEST_PX, _WIDEST_PX = 355, 1427


@dataclass(frozen=True)
class SpineImage:
    """A radiograph and its truth.

    Attributes:
        pixels: (rows, columns) uint8.
        points_px: (68, 2) the corners of T1 to L5, (x, y) in pixels, in the order of `POINT_NAMES`.
    """

    pixels: NDArray[np.uint8]
    points_px: NDArray[np.float64]


@dataclass(frozen=True)
class SpinePlace:
    """What an image will show where.

    Attributes:
        shape: (rows, columns).
        px_per_mm: pixels per mm.
        corners_mm: (22, 2, 2, 2) of C4 to S1 from the centre of the first pixel, as `pose_spine` orders them.
    """

    shape: tuple[int, int]
    px_per_mm: float
    corners_mm: NDArray[np.float64]

    @property
    def points_px(self) -> NDArray[np.float64]:
        """(68, 2) the corners of T1 to L5, (x, y) in pixels."""
        return self.corners_mm[ABOVE : ABOVE + LABELLED].reshape(-1, 2) * self.px_per_mm


@dataclass(frozen=True)
class _Patient:
    build: SpineBuild
    look: BoneLook
    chest_mm: float
    depth_mm: float
    woman: bool


def draw_spine(seed: int, patient: int = 0, image: int = 0, height_px: int | None = None) -> SpineImage:
    """Draw one radiograph; the same arguments give the same bytes.

    Args:
        seed: of all that is random, 0 or more.
        patient: number of the patient, 0 or more; each has a build and a curve of its own.
        image: number of the patient's image, 0 or more; each has a posture, a frame and an exposure of its own.
        height_px: rows of the image; by default each image has its own, 980 to 1600.
    """
    rng = np.random.default_rng([seed, patient, image + 1])
    person = _draw_patient(seed, patient)
    place = _draw_place(rng, person, height_px)
    body = Body(place.corners_mm, person.chest_mm, person.depth_mm, rng.normal(0, 0.5), person.woman)
    attenuation = Attenuation(np.zeros(place.shape, dtype=np.float32), place.px_per_mm)
    add_soft_tissue(rng, attenuation, body)
    add_chest(rng, attenuation, body)
    add_bowel(rng, attenuation, body)
    add_jaw(rng, attenuation, body)
    add_pelvis(rng, attenuation, body, person.look.density)
    add_ribs(rng, attenuation, body, person.look.density)
    add_vertebrae(rng, attenuation, place.corners_mm, person.look)
    pixels = expose(rng, attenuation, draw_exposure(rng))
    stamp_marker(rng, pixels, place.px_per_mm)
    points = place.points_px
    collimate(rng, pixels, float(min(points[:, 0].min(), place.shape[1] - 1 - points[:, 0].max())))
    return SpineImage(pixels, points)


def place_spine(seed: int, patient: int = 0, image: int = 0, height_px: int | None = None) -> SpinePlace:
    """The truth of what `draw_spine` draws, without drawing it."""
    rng = np.random.default_rng([seed, patient, image + 1])
    return _draw_place(rng, _draw_patient(seed, patient), height_px)


def _draw_patient(seed: int, patient: int) -> _Patient:
    rng = np.random.default_rng([seed, patient])
    return _Patient(
        build=draw_spine_build(rng, _MEAN_STEP_MM),
        look=draw_bone_look(rng),
        chest_mm=rng.uniform(112, 138),
        depth_mm=rng.uniform(165, 225),
        woman=bool(rng.random() < 0.6),
    )


def _draw_place(rng: np.random.Generator, person: _Patient, height_px: int | None) -> SpinePlace:
    corners = pose_spine(rng, person.build)
    seen = corners[ABOVE : ABOVE + LABELLED].reshape(-1, 2)
    low, high = seen.min(axis=0), seen.max(axis=0)
    rows = int(rng.integers(*_HEIGHTS_PX, endpoint=True))
    rows = height_px or rows
    height = max(512 * _MEAN_STEP_MM / rng.normal(28.4, 1.4), (high - low)[1] / 0.955)
    # The published proportions: T1 near the upper edge, L5 a tenth of the height above the lower one.
    room = height - (high - low)[1]
    top = room * np.clip(rng.normal(0.28, 0.13), 0.12, 0.88)
    narrowest = min(_RATIOS[1], max(rows, _HEIGHTS_PX[0]) / _NARROWEST_PX)
    ratio = np.clip(2.72 * np.exp(rng.normal(0, 0.17)), max(_RATIOS[0], rows / _WIDEST_PX), narrowest)
    width = min(max(height / ratio, 1.25 * (high - low)[0]), height / _RATIOS[0])
    spare = (width - (high - low)[0]) / 2
    left = spare + np.clip(rng.normal(-0.016, 0.045) * width, -0.8 * spare, 0.8 * spare)
    px_per_mm = rows / height
    return SpinePlace((rows, round(width * px_per_mm)), px_per_mm, corners - low + [left, top])
