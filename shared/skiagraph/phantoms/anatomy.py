"""What lies under the probe: skin, layers of fascia and bones, as depths along the columns of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bone_shape import BoneSurface, draw_bones
from .noise import FloatArray, smooth_noise
from .scanner import Scanner


@dataclass(frozen=True)
class Anatomy:
    """Depths in mm along the columns, (columns,) each; bones nearest the probe first."""

    skin_mm: FloatArray
    fascia_mm: list[FloatArray]
    bones: list[BoneSurface]

    @classmethod
    def draw(cls, rng: np.random.Generator, scanner: Scanner) -> Anatomy:
        """Draw skin, one to three layers of fascia, sheaths over bones, and none to three bones."""
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
        return cls(skin.astype(np.float32), fascia, bones)
