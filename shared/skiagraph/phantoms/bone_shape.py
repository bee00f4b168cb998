"""The near side of a bone in cross-section, as the depth at which each scan line meets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .noise import FloatArray, smooth_noise


@dataclass(frozen=True)
class BoneSurface:
    """One bone's near side.

    Attributes:
        depth_mm: (columns,) depth under each column, NaN where the scan line misses the bone.
        incidence_deg: (columns,) angle between scan line and surface normal, signed.
    """

    depth_mm: FloatArray
    incidence_deg: FloatArray

    # Beyond this angle the surface runs along the beam and sends nothing back: it belongs to no truth.
    visible_deg: ClassVar[float] = 68.0

    @property
    def cosine(self) -> FloatArray:
        """Cosine of the angle of incidence, (columns,), 0 where the scan line misses the bone."""
        return np.asarray(np.nan_to_num(np.cos(np.deg2rad(self.incidence_deg)), nan=0.0), dtype=np.float32)

    def depth_or(self, elsewhere_mm: float) -> FloatArray:
        """Depth under each column, (columns,), and `elsewhere_mm` where the scan line misses the bone."""
        return np.nan_to_num(self.depth_mm, nan=elsewhere_mm)

    def where(self, mask: NDArray[np.bool_]) -> BoneSurface:
        """The part of the surface in the columns that `mask` (columns,) names."""
        return replace(self, depth_mm=np.where(mask, self.depth_mm, np.nan).astype(np.float32))


def draw_bones(rng: np.random.Generator, width_mm: float, spacing_mm: float, shallowest_mm: float) -> list[BoneSurface]:
    """Draw none to three bones, none of which stands in another's shadow.

    Args:
        rng: source of randomness.
        width_mm: width of the image.
        spacing_mm: distance of the columns.
        shallowest_mm: least depth of a bone's nearest point.
    """
    count = rng.choice([0, 1, 2, 3], p=[0.12, 0.5, 0.3, 0.08])
    bones = [_draw_bone(rng, width_mm, spacing_mm, shallowest_mm) for _ in range(count)]
    if not bones:
        return []
    nearest = np.nan_to_num([bone.depth_mm for bone in bones], nan=np.inf).min(axis=0)
    return [bone.where(bone.depth_mm <= nearest) for bone in bones]


def _draw_bone(rng: np.random.Generator, width_mm: float, spacing_mm: float, shallowest_mm: float) -> BoneSurface:
    """Half an oval with sides of its own: crest, shaft, condyle, plateau or dish, by its widths and exponents."""
    columns = round(width_mm / spacing_mm)
    x = np.arange(columns, dtype=np.float32) * spacing_mm
    apex_x = rng.uniform(-0.05, 1.05) * width_mm
    apex_z = shallowest_mm + rng.gamma(2.0, 4.0)
    half_width = rng.gamma(4.0, 2.0, size=2) + 2.0
    height = np.maximum(half_width * rng.uniform(0.3, 1.3, size=2), 1.2)
    roundness = rng.uniform(1.1, 2.8, size=2)
    side = (x > apex_x).astype(int)
    u = np.abs(x - apex_x) / half_width[side]
    within = u < 1
    # The corner of the crest is rounded off, as bone is.
    u = np.hypot(u, rng.uniform(0.02, 0.12)) - 0.02
    fall = height[side] * (1 - np.sqrt(np.clip(1 - np.clip(u, 0, 1) ** roundness[side], 0, 1)))
    tilt = np.tan(np.deg2rad(rng.normal(0, 12))) * (x - apex_x)
    rough = rng.uniform(0, 0.35) * smooth_noise(rng, (columns,), (rng.uniform(1.5, 5) / spacing_mm,))
    # Slow waves make the hollows of shafts and foot bones.
    hollow = rng.exponential(0.7) * smooth_noise(rng, (columns,), (rng.uniform(4, 9) / spacing_mm,))
    if rng.random() < 0.15:
        # A dish, as joints have it: its sides rise towards the probe.
        fall = -rng.uniform(0.3, 0.8) * fall
    depth = apex_z + fall + tilt + rough + hollow
    depth[~within | (depth < shallowest_mm)] = np.nan
    incidence = np.rad2deg(np.arctan(np.gradient(depth, spacing_mm)))
    return BoneSurface(depth.astype(np.float32), incidence.astype(np.float32))
