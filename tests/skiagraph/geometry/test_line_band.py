from __future__ import annotations

from itertools import pairwise

import numpy as np

from skiagraph.geometry import draw_band


def test_a_band_holds_the_pixels_within_half_its_width() -> None:
    line = np.array([[10.3, 5.0], [30.0, 20.5], [55.0, 12.0]])
    rows, columns = np.indices((40, 50))
    pixels = np.stack([columns, rows], axis=-1).astype(float)
    away = np.full((40, 50), np.inf)
    for start, end in pairwise(line):
        along = np.clip((pixels - start) @ (end - start) / np.sum((end - start) ** 2), 0, 1)
        away = np.minimum(away, np.linalg.norm(pixels - start - along[..., None] * (end - start), axis=-1))
    band = draw_band([line], (40, 50), 4.0)
    assert np.all(band[away < 1.98] == 255)
    assert not band[away > 2.0].any()
