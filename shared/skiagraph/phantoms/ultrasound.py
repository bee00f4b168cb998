"""B-mode frames of bone under soft tissue, with the exact bone surface.

The image is built the way an ultrasound machine builds it: an echogenicity map of the layers (gel, skin, fat, fascia,
muscle), the echo of the bone surface, the transmission along every scan line (attenuation, shadow under bone and under
lost contact), multiplicative speckle, reverberation, and last the logarithmic compression to 8 bits. Levels are in
decibels below the brightest echo; one frame shows `dynamic_range_db` of them. All lengths are in mm, so that the same
anatomy can be imaged at any pixel size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates
from scipy.special import expit

from .anatomy import Anatomy
from .bone_shape import BoneSurface
from .noise import FloatArray, smooth_noise, speckle
from .scanner import Scanner
from .tissue import tissue_level


@dataclass(frozen=True)
class UltrasoundFrame:
    """A frame and its truth.

    Attributes:
        image: (rows, columns) uint8.
        surfaces_px: the visible bone surfaces, each (N, 2) as (x, y) in pixels, ordered along the surface.
        spacing_mm: (row, column) pixel size.
    """

    image: NDArray[np.uint8]
    surfaces_px: list[NDArray[np.float64]]
    spacing_mm: tuple[float, float]


def draw_frame(rng: np.random.Generator, scanner: Scanner) -> UltrasoundFrame:
    """Draw one frame: new anatomy, seen with the given scanner."""
    anatomy = Anatomy.draw(rng, scanner)
    tissue_db = tissue_level(rng, scanner, anatomy)
    echo_db = _bone_echo(rng, scanner, anatomy)
    lost_contact = _lost_contact(rng, scanner)
    transmission_db = _transmission(rng, scanner, anatomy, lost_contact)
    # The bone's own echo is above its shadow, and passes through all that lies over it.
    amplitude = _linear(tissue_db + transmission_db) + _linear(echo_db) + _clutter(rng, scanner, anatomy)
    amplitude *= _speckle(rng, scanner)
    amplitude += _reverberation(rng, scanner, anatomy, lost_contact)
    image = _compress(rng, scanner, amplitude)
    heard = [bone.where(lost_contact < 0.5) for bone in anatomy.bones]
    surfaces = [line for bone in heard for line in _to_pixels(bone, scanner)]
    if scanner.fan:
        image, surfaces = _scan_convert(image, surfaces)
    return UltrasoundFrame(image, surfaces, (scanner.spacing_mm, scanner.spacing_mm))


def _bone_echo(rng: np.random.Generator, scanner: Scanner, anatomy: Anatomy) -> FloatArray:
    """Level of the echo of the bone surfaces, dB; very low elsewhere."""
    rows, columns = scanner.shape
    depth = (np.arange(rows, dtype=np.float32) * scanner.spacing_mm)[:, None]
    level = np.full(scanner.shape, -200.0, dtype=np.float32)
    for bone in anatomy.bones:
        cosine = bone.cosine
        # Specular reflection falls fast away from the perpendicular; a rough surface keeps some echo.
        angular = 20 * np.log10(0.004 + rng.uniform(0.01, 0.12) * cosine + 0.85 * cosine ** rng.uniform(6, 25))
        wobble = rng.uniform(1.5, 6) * smooth_noise(rng, (columns,), (rng.uniform(1, 4) / scanner.spacing_mm,))
        over = np.nan_to_num(np.maximum(bone.depth_mm - scanner.focus_mm, 0))
        peak = scanner.bone_echo_db + rng.normal(0, 2) + angular + np.minimum(wobble, 4) - 0.35 * over
        rise, fall = rng.uniform(0.12, 0.25), rng.uniform(0.2, 0.5)
        beyond = (depth - bone.depth_or(1e3)) * np.maximum(cosine, 0.3)
        shape = np.where(beyond < 0, (beyond / rise) ** 2, (beyond / fall) ** 2)
        level = np.maximum(level, peak - 4.3 * np.minimum(shape, 40))
    blur = (0.05 / scanner.spacing_mm, rng.uniform(0.12, 0.3) / scanner.spacing_mm)
    return np.asarray(20 * np.log10(gaussian_filter(_linear(level), blur) + 1e-10), dtype=np.float32)


def _transmission(rng: np.random.Generator, scanner: Scanner, anatomy: Anatomy, lost_contact: FloatArray) -> FloatArray:
    """What is left of the sound at each pixel, dB: gain and depth, dark scan lines, the shadow of the bones."""
    rows, columns = scanner.shape
    depth = (np.arange(rows, dtype=np.float32) * scanner.spacing_mm)[:, None]
    beyond_focus = np.maximum(depth - scanner.focus_mm, 0)
    streaks = np.maximum(smooth_noise(rng, (columns,), (rng.uniform(0.8, 3) / scanner.spacing_mm,)) - 0.8, 0)
    level = scanner.gain_db - scanner.attenuation_db_per_mm * beyond_focus
    level = level - rng.uniform(0, 9) * streaks * np.clip(depth / 8, 0, 1) - 45 * lost_contact
    transmitted = np.ones(scanner.shape, dtype=np.float32)
    steering = rng.uniform(0, 14)
    for bone in anatomy.bones:
        shadow = np.mean([_shadow(bone, scanner, angle) for angle in (-steering, 0, steering)], axis=0)
        transmitted *= 1 - gaussian_filter1d(shadow, rng.uniform(0.15, 1.5) / scanner.spacing_mm, axis=1)
    return np.asarray(level + np.maximum(20 * np.log10(transmitted + 1e-4), rng.uniform(-50, -24)), dtype=np.float32)


def _shadow(bone: BoneSurface, scanner: Scanner, angle_deg: float) -> FloatArray:
    """1 where a beam steered by `angle_deg` has met the bone before: machines compound several such beams."""
    rows, columns = scanner.shape
    lean = np.tan(np.deg2rad(angle_deg))
    row, column = np.ogrid[:rows, :columns]
    margin = int(rows * abs(lean)) + 1
    hit_row = np.full(columns + 2 * margin, np.inf)
    # Steep flanks span several beams between two columns: finer steps leave no beam without its hit.
    at = np.arange(0, columns - 1, 0.125)
    bone_row = np.interp(at, np.arange(columns), bone.depth_mm) / scanner.spacing_mm
    at, bone_row = at[np.isfinite(bone_row)], bone_row[np.isfinite(bone_row)]
    beam = np.round(at - bone_row * lean).astype(int) + margin
    inside = (beam >= 0) & (beam < hit_row.size)
    np.minimum.at(hit_row, beam[inside], bone_row[inside])
    return (row > hit_row[np.round(column - row * lean).astype(int) + margin]).astype(np.float32)


def _clutter(rng: np.random.Generator, scanner: Scanner, anatomy: Anatomy) -> FloatArray:
    """Haze and repeated echoes inside the shadow, linear amplitude."""
    depth = (np.arange(scanner.shape[0], dtype=np.float32) * scanner.spacing_mm)[:, None]
    clutter = np.zeros(scanner.shape, dtype=np.float32)
    for bone in anatomy.bones:
        below = depth - bone.depth_or(1e3)
        haze_db = rng.uniform(-68, -42) - np.maximum(below, 0) * rng.uniform(0.3, 3.0)
        clutter += np.where(below > 0, _linear(haze_db), 0)
        if rng.random() < 0.35:
            # Sound that goes to and fro between probe and bone shows a second bone at twice the depth.
            again = below - (bone.depth_or(0) - 0.3) * rng.uniform(0.25, 1.0)
            peak_db = rng.uniform(-52, -34) - 80 * (1 - bone.cosine)
            clutter += _linear(peak_db - 4.3 * np.minimum((again / 0.3) ** 2, 40))
    return clutter


def _lost_contact(rng: np.random.Generator, scanner: Scanner) -> FloatArray:
    """How far each scan line has lost the skin, 0 to 1: at the sides of the probe, on some frames."""
    x = np.linspace(0, 1, scanner.shape[1], dtype=np.float32)
    lost = np.zeros_like(x)
    for side in (x, 1 - x):
        if rng.random() < 0.12:
            lost += expit((rng.uniform(0.05, 0.25) - side) * rng.uniform(40, 150))
    return np.asarray(np.clip(lost, 0, 1), dtype=np.float32)


def _reverberation(
    rng: np.random.Generator, scanner: Scanner, anatomy: Anatomy, lost_contact: FloatArray
) -> FloatArray:
    """Bright bars, evenly spaced in depth, under the scan lines that look into air, linear amplitude."""
    depth = (np.arange(scanner.shape[0], dtype=np.float32) * scanner.spacing_mm)[:, None]
    period = rng.uniform(1.2, 3.5)
    bars = np.zeros(scanner.shape, dtype=np.float32)
    for echo in range(1, rng.integers(3, 8)):
        at = echo * period + (anatomy.skin_mm - anatomy.skin_mm.mean()) * 0.5 * echo**0.5
        bars += _linear(-10 - 6 * echo - 4.3 * np.minimum(((depth - at) / 0.22) ** 2, 40))
    return np.asarray(bars * lost_contact, dtype=np.float32)


def _speckle(rng: np.random.Generator, scanner: Scanner) -> FloatArray:
    """Speckle of unit mean; a contrast below 1 is what compounding and smoothing in the machine leave of it."""
    px = 1 / scanner.spacing_mm
    grain = speckle(rng, scanner.shape, (0.06 * px, 0.17 * px))
    return np.asarray(np.maximum(grain, 0.05) ** scanner.speckle_contrast, dtype=np.float32)


def _compress(rng: np.random.Generator, scanner: Scanner, amplitude: FloatArray) -> NDArray[np.uint8]:
    """Logarithmic compression, receiver noise and the scale mark at the side of the screen."""
    noise = speckle(rng, scanner.shape, (1.0, 1.5)) * _linear(np.asarray(rng.uniform(-80, -63)))
    level = 20 * np.log10(amplitude + noise + 1e-10)
    grey = 255 * (1 + level / scanner.dynamic_range_db)
    # Echoes near the top of the range are squeezed, as machines do, instead of clipped.
    grey = np.where(grey > 190, 190 + 60 * np.tanh((grey - 190) / 60), grey)
    if rng.random() < 0.6:
        rows, columns = scanner.shape
        top = int(rows * rng.uniform(0.3, 0.5))
        grey[top : top + int(5 / scanner.spacing_mm), columns - max(2, int(0.012 * columns))] = 200
    return np.asarray(np.clip(grey, 0, 255).round(), dtype=np.uint8)


def _to_pixels(bone: BoneSurface, scanner: Scanner) -> list[NDArray[np.float64]]:
    """The visible stretches of a surface, each (N, 2) as (x, y) in pixels."""
    row = bone.depth_mm / scanner.spacing_mm
    visible = (np.abs(bone.incidence_deg) < BoneSurface.visible_deg) & (row < scanner.shape[0] - 1)
    return _stretches(np.column_stack([np.arange(row.size), row]).astype(np.float64), visible)


def _stretches(points: NDArray[np.float64], kept: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """The unbroken parts of a line (N, 2) that are kept (N,), of two points or more."""
    which = np.flatnonzero(kept)
    parts = np.split(which, np.flatnonzero(np.diff(which) > 1) + 1)
    return [points[part] for part in parts if part.size > 1]


def _scan_convert(
    image: NDArray[np.uint8], surfaces: list[NDArray[np.float64]], half_angle_deg: float = 25.0
) -> tuple[NDArray[np.uint8], list[NDArray[np.float64]]]:
    """Bend parallel scan lines into the fan of a curved probe, image and surfaces alike."""
    rows, columns = image.shape
    half = np.deg2rad(half_angle_deg)
    # The probe's surface is an arc of three quarters of the width, which the fan fills on its way down.
    radius = columns / (2 * half) * 0.75
    top = radius * np.cos(half)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    dx, dy = x - (columns - 1) / 2, y + top
    beam = np.arctan2(dx, dy) / (2 * half) * (columns - 1) + (columns - 1) / 2
    depth = np.hypot(dx, dy) - radius
    fan = map_coordinates(image, [depth, beam], order=1, mode="constant", cval=0)
    bent: list[NDArray[np.float64]] = []
    for points in surfaces:
        angle = (points[:, 0] - (columns - 1) / 2) / (columns - 1) * 2 * half
        distance = points[:, 1] + radius
        placed = np.column_stack([distance * np.sin(angle) + (columns - 1) / 2, distance * np.cos(angle) - top])
        inside = (placed >= 0).all(1) & (placed[:, 0] <= columns - 1) & (placed[:, 1] <= rows - 1)
        bent += _stretches(placed, inside)
    return np.asarray(fan, dtype=np.uint8), bent


def _linear(level_db: FloatArray | NDArray[np.float64]) -> FloatArray:
    return np.asarray(10 ** (level_db / 20), dtype=np.float32)
