"""What lies under the probe: skin, fascia, septa and bones, as depths along the columns of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bone_shape import BoneSurface, draw_bones
from .noise import FloatArray, smooth_noise
from .scanner import Scanner


@dataclass(frozen=True)
class Anatomy:
    """Depths in mm along the columns, (columns,) each and negative where there is none; bones in no order."""

    skin_mm: FloatArray
    fascia_mm: list[FloatArray]
    septa_mm: list[FloatArray]
    bones: list[BoneSurface]

    @classmethod
    def draw(cls, rng: np.random.Generator, scanner: Scanner) -> Anatomy:
        """Draw skin, one to three layers of fascia, sheaths over bones, and septa, and none to three bones."""
        columns = scanner.shape[1]
        bend = smooth_noise(rng, (columns,), (10 / scanner.spacing_mm,))
        bulge = np.linspace(-1, 1, columns, dtype=np.float32) - rng.uniform(-1, 1)
        skin = 0.6 + rng.exponential(0.6) + rng.exponential(1.2) * bulge**2 + 0.4 * np.abs(bend)
        fascia = []
        depth = skin + scanner.fat_mm * rng.uniform(0.7, 1.3)
        for _ in range(rng.integers(1, 4)):
            wave = smooth_noise(rng, (columns,), (rng.uniform(4, 12) / scanner.spacing_mm,))
            slope = rng.normal(0, 0.06) * np.linspace(-1, 1, columns) * scanner.width_mm / 2
            fascia.append((depth + rng.uniform(0.3, 1.0) * wave + slope).astype(np.float32))
            depth = depth + rng.uniform(1.5, 9)
        bones = draw_bones(rng, scanner.width_mm, scanner.spacing_mm, shallowest_mm=float(skin.mean()) + 2.0)
        for bone in bones:
            if rng.random() < 0.3:
                # Tendon or muscle sheath that runs over the bone, as bright and as curved as the bone itself.
                away = rng.uniform(0.8, 4) + rng.normal(0, 0.06) * np.arange(columns) * scanner.spacing_mm
                fascia.append(np.maximum(bone.depth_or(-9) - np.abs(away), -9).astype(np.float32))
        septa = [_draw_septum(rng, scanner, bones) for _ in range(rng.poisson(2.0))]
        return cls(skin.astype(np.float32), fascia, septa, bones)


def _draw_septum(rng: np.random.Generator, scanner: Scanner, bones: list[BoneSurface]) -> FloatArray:
    """Depth of a septum between two muscles, mm: oblique, and most septa end at a bone, as if the bone went on."""
    columns = scanner.shape[1]
    across = np.arange(columns, dtype=np.float32) * scanner.spacing_mm
    towards = rng.choice([-1, 1])
    start_mm, depth_mm = rng.uniform(0, scanner.width_mm), rng.uniform(0.15, 0.7) * scanner.depth_mm
    seen = [bone for bone in bones if np.isfinite(bone.depth_mm).any()]
    if seen and rng.random() < 0.75:
        bone = seen[rng.integers(len(seen))]
        met = np.flatnonzero(np.isfinite(bone.depth_mm))[::towards]
        at = met[int(rng.uniform(0.4, 1.0) * (met.size - 1))]
        start_mm, depth_mm = across[at], bone.depth_mm[at] + rng.normal(0, 0.5)
    outwards = (across - start_mm) * towards
    slope = np.tan(np.deg2rad(np.clip(rng.normal(30, 18), -20, 60)))
    wave = smooth_noise(rng, (columns,), (rng.uniform(2, 6) / scanner.spacing_mm,))
    septum = depth_mm + slope * outwards + rng.normal(0, 0.015) * outwards**2 + rng.uniform(0, 0.4) * wave
    return np.where((outwards >= 0) & (outwards < rng.uniform(4, 18)), septum, -9).astype(np.float32)
