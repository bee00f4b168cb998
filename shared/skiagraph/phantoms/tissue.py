"""Echogenicity of soft tissue, in decibels."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from .anatomy import Anatomy
from .noise import FloatArray, smooth_noise
from .scanner import Scanner


def tissue_level(rng: np.random.Generator, scanner: Scanner, anatomy: Anatomy) -> FloatArray:
    """Echogenicity of the soft tissue, dB: layers, blotches, striations, fascia lines, septa, round structures."""
    rows, columns = scanner.shape
    px = 1 / scanner.spacing_mm
    depth = (np.arange(rows, dtype=np.float32) * scanner.spacing_mm)[:, None]
    first_fascia = anatomy.fascia_mm[0]
    level = np.where(depth < first_fascia, rng.uniform(-11, 1), 0.0).astype(np.float32)
    level += rng.uniform(1.5, 3.5) * smooth_noise(rng, scanner.shape, (1.8 * px, 3.5 * px))
    level += rng.uniform(1, 2.5) * smooth_noise(rng, scanner.shape, (0.45 * px, 0.9 * px))
    # Fibres of muscle and septa of fat: thin and long, along the layers.
    fibres = smooth_noise(rng, scanner.shape, (0.13 * px, rng.uniform(0.5, 1.4) * px))
    patches = smooth_noise(rng, scanner.shape, (1.2 * px, 2.5 * px))
    fibres = scanner.striation_db * np.maximum(fibres, -0.5) * np.exp(0.6 * patches)
    level += _follow(fibres, _tissue_bend(rng, scanner, first_fascia), scanner)
    # Septa between lobules: the zero crossings of a random field make a web of curved lines.
    web = smooth_noise(rng, scanner.shape, (rng.uniform(0.4, 0.8) * px, rng.uniform(0.9, 2.2) * px))
    level += rng.gamma(1.0, 3.0) * np.exp(-((web / 0.35) ** 2)) * np.exp(0.5 * patches)
    for fascia in anatomy.fascia_mm:
        # Two muscles differ in grey, so what lies under a fascia may be darker without any shadow.
        level += _half_shadow(rng, fascia, scanner, dim_db=max(rng.normal(0, 3), -3))
        level = _add_line(rng, level, fascia, scanner, height_db=rng.uniform(3, 24), width_mm=rng.uniform(0.12, 0.45))
    for septum in anatomy.septa_mm:
        level += _half_shadow(rng, septum, scanner, dim_db=rng.uniform(0, 14))
        level = _add_line(rng, level, septum, scanner, height_db=rng.uniform(4, 24), width_mm=rng.uniform(0.12, 0.4))
    for _ in range(rng.poisson(1.5)):
        level += _round_structure(rng, scanner)
    level = np.where(depth < anatomy.skin_mm, -38.0, level)
    level = _add_line(rng, level, anatomy.skin_mm, scanner, height_db=rng.uniform(8, 20), width_mm=0.16)
    return _add_line(rng, level, np.full(columns, 0.3, np.float32), scanner, height_db=48.0, width_mm=0.08)


def _half_shadow(rng: np.random.Generator, line_mm: FloatArray, scanner: Scanner, dim_db: float) -> FloatArray:
    """What the tissue under a boundary loses to it, dB: less of the sound passes, or another muscle begins."""
    depth = (np.arange(scanner.shape[0], dtype=np.float32) * scanner.spacing_mm)[:, None]
    under = ((line_mm > 0) & (depth > line_mm)).astype(np.float32)
    soft = gaussian_filter1d(under, rng.uniform(0.3, 1.5) / scanner.spacing_mm, axis=1)
    # Deeper down the tissue at the sides fills the half shadow in again.
    return np.asarray(-dim_db * soft * np.exp(-np.maximum(depth - line_mm, 0) / rng.uniform(8, 60)), dtype=np.float32)


def _tissue_bend(rng: np.random.Generator, scanner: Scanner, fascia_mm: FloatArray) -> FloatArray:
    """By how much the fibres sink at each column, mm."""
    wave = smooth_noise(rng, (scanner.shape[1],), (rng.uniform(5, 14) / scanner.spacing_mm,))
    slope = rng.normal(0, 0.12) * np.linspace(-1, 1, scanner.shape[1]) * scanner.width_mm / 2
    return np.asarray(fascia_mm - fascia_mm.mean() + rng.uniform(0, 1.2) * wave + slope, dtype=np.float32)


def _follow(texture: FloatArray, bend_mm: FloatArray, scanner: Scanner) -> FloatArray:
    """Shift every column of a texture down by `bend_mm`."""
    rows, columns = texture.shape
    shift = np.round(bend_mm / scanner.spacing_mm).astype(int)
    return texture[(np.arange(rows)[:, None] - shift) % rows, np.arange(columns)]


def _add_line(
    rng: np.random.Generator,
    level: FloatArray,
    line_mm: FloatArray,
    scanner: Scanner,
    height_db: float,
    width_mm: float,
) -> FloatArray:
    """Add a bright layer boundary at depth `line_mm` whose brightness comes and goes along the line."""
    rows, columns = level.shape
    strength = 0.7 + 0.4 * smooth_noise(rng, (columns,), (2.5 / scanner.spacing_mm,))
    strength += 0.25 * smooth_noise(rng, (columns,), (0.5 / scanner.spacing_mm,))
    strength = np.clip(strength, 0, 1.3)
    reach = int(np.ceil(3 * width_mm / scanner.spacing_mm))
    centre = np.round(line_mm / scanner.spacing_mm).astype(int)
    for offset in range(-reach, reach + 1):
        row = centre + offset
        inside = (row >= 0) & (row < rows)
        distance = row * scanner.spacing_mm - line_mm
        gain = height_db * strength * np.exp(-0.5 * (distance / width_mm) ** 2)
        level[row[inside], np.flatnonzero(inside)] += gain[inside]
    return level


def _round_structure(rng: np.random.Generator, scanner: Scanner) -> FloatArray:
    """A tendon, fat lobe or vessel: an ellipse brighter or darker than what is around it, with a rim, dB."""
    rows, columns = scanner.shape
    y, x = np.ogrid[:rows, :columns]
    centre = rng.uniform(3, scanner.depth_mm * 0.6), rng.uniform(0, scanner.width_mm)
    across, down = rng.uniform(1, 8), rng.uniform(0.8, 4)
    u = (x * scanner.spacing_mm - centre[1]) / across
    v = (y * scanner.spacing_mm - centre[0]) / down + rng.normal(0, 0.3) * u
    px = 1 / scanner.spacing_mm
    radius = np.hypot(u, v) + 0.12 * smooth_noise(rng, scanner.shape, (1.2 * px, 1.8 * px))
    rim = rng.uniform(0, 9) * np.exp(-(((radius - 1) * down / rng.uniform(0.2, 0.5)) ** 2)) * np.clip(np.abs(v), 0, 1)
    body = rng.choice([rng.uniform(1, 5), rng.uniform(-12, -3)]) * expit((1 - radius) * rng.uniform(4, 12))
    return np.asarray(rim + body, dtype=np.float32)
