"""Spines of known geometry: every vertebra is a rectangle that is turned by a given angle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VERTEBRA_COUNT = 17
STEP, WIDTH, HEIGHT = 40.0, 44.0, 28.0
# (17 vertebrae) from the top of an image that holds them all.
IMAGE_SIZE = (240, 760)


def rectangle_spine(
    tilts_deg: Sequence[float] | NDArray[np.float64] = (0.0,) * VERTEBRA_COUNT, scale: float = 1.0
) -> NDArray[np.float64]:
    """The corners (68, 2), (x, y); a positive tilt lowers the right side. Centres one `STEP` below the other."""
    corners = []
    for number, tilt in enumerate(np.radians(tilts_deg)):
        along = np.array([np.cos(tilt), np.sin(tilt)]) * WIDTH / 2
        down = np.array([-np.sin(tilt), np.cos(tilt)]) * HEIGHT / 2
        centre = np.array([IMAGE_SIZE[0] / 2, 60 + STEP * number])
        corners += [centre - along - down, centre + along - down, centre - along + down, centre + along + down]
    return np.array(corners) * scale
