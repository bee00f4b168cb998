"""The ultrasound machine of a phantom specimen: its settings, and the build of the leg that it looks into."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Scanner:
    """What stays the same over the frames of one specimen: the machine's settings and the build of the leg."""

    width_mm: float = 51.2
    depth_mm: float = 43.7
    spacing_mm: float = 0.05392
    fan: bool = False
    dynamic_range_db: float = 60.0
    gain_db: float = -27.0
    attenuation_db_per_mm: float = 1.4
    focus_mm: float = 14.0
    speckle_contrast: float = 0.5
    fat_mm: float = 4.0
    striation_db: float = 5.0
    bone_echo_db: float = -6.0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of a frame."""
        return round(self.depth_mm / self.spacing_mm), round(self.width_mm / self.spacing_mm)


def draw_scanner(rng: np.random.Generator, spacing_mm: float | None = None) -> Scanner:
    """Draw the settings of one specimen. `spacing_mm` fixes the pixel size; otherwise it varies between specimens."""
    scale = rng.uniform(0.85, 1.2)
    scanner = Scanner(
        width_mm=51.2 * scale * rng.choice([1.0, 0.93]),
        depth_mm=43.7 * scale,
        spacing_mm=round(0.05392 * scale, 5),
        fan=bool(rng.random() < 0.12),
        gain_db=rng.uniform(-34, -22),
        attenuation_db_per_mm=rng.uniform(0.7, 2.4),
        focus_mm=rng.uniform(7, 18),
        speckle_contrast=rng.uniform(0.15, 0.5),
        fat_mm=rng.gamma(3.0, 1.2) + 1.0,
        striation_db=rng.uniform(1.0, 4.5),
        bone_echo_db=rng.uniform(-14, 1),
    )
    return replace(scanner, spacing_mm=spacing_mm) if spacing_mm else scanner
