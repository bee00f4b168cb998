"""From attenuation to grey levels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skiagraph.phantoms.attenuation import Attenuation
from skiagraph.phantoms.detector import Exposure, collimate, draw_exposure, expose, stamp_marker

PLAIN = Exposure(
    scatter=0.0, noise=0.0, blur_px=0.0, centre=0.5, latitude=1.0, darkest=0.0, brightest=255.0, flattening=0.0
)


def _ramp() -> Attenuation:
    return Attenuation(np.tile(np.linspace(0, 6, 256, dtype=np.float32)[:, None], (1, 128)), 1.0)


def _single_exposures() -> list[int]:
    """Seeds with which no two exposures are put together."""
    drawn = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rng.standard_normal((256, 128), dtype=np.float32)
        if rng.random() >= 0.2:
            drawn.append(seed)
    return drawn


def test_more_in_the_way_is_brighter_and_saturates_at_both_ends() -> None:
    grey = expose(np.random.default_rng(_single_exposures()[0]), _ramp(), PLAIN).astype(int)[:, 64]
    assert (np.diff(grey) >= 0).all()
    slopes = grey[16::16] - grey[:-16:16]
    assert slopes[len(slopes) // 2] > 4 * max(slopes[0], slopes[-1])
    # The logistic curve at the middle: a quarter of the range by 2.2 / latitude.
    assert np.diff(grey)[118:138].mean() == pytest.approx(255 / 4 * 2.2 * 6 / 255, rel=0.05)


def test_scatter_hides_what_is_behind_much() -> None:
    """A small block that hardly a ray passes is as bright as the rays that are scattered in front of it let it be."""
    seed = _single_exposures()[0]
    block = Attenuation(np.zeros((256, 128), np.float32), 1.0)
    block.total[120:124, 60:64] = 5.0
    for scatter in (0.0, 0.5):
        exposure = replace(PLAIN, scatter=scatter, latitude=4.0)
        grey = expose(np.random.default_rng(seed), block, exposure)[122, 62]
        level = np.log(1 + scatter) - np.log(np.exp(-5) + scatter)
        assert grey == pytest.approx(255 / (1 + np.exp(-level * 2.2 / 4.0)), abs=2)


def test_fewer_quanta_are_noisier() -> None:
    seed = _single_exposures()[0]
    noisy, plain = (
        expose(np.random.default_rng(seed), _ramp(), replace(PLAIN, noise=noise, latitude=8.0)).astype(float)
        for noise in (0.05, 0.0)
    )
    spread = (noisy - plain).std(axis=1)
    assert spread[180:220].mean() > 2 * spread[40:80].mean()


def test_exposures_differ_in_contrast() -> None:
    drawn = [draw_exposure(np.random.default_rng(seed)) for seed in range(40)]
    contrasts = [np.ptp(expose(np.random.default_rng(0), _ramp(), exposure)[::4, ::8]) for exposure in drawn]
    assert np.percentile(contrasts, 10) < 180
    assert np.percentile(contrasts, 60) > 200


def test_markers_are_white_and_near_an_edge() -> None:
    stamped = 0
    for seed in range(40):
        pixels = np.full((500, 200), 40, np.uint8)
        stamp_marker(np.random.default_rng(seed), pixels, 1.0)
        rows, columns = np.nonzero(pixels > 200)
        if not rows.size:
            assert (pixels == 40).all()
            continue
        stamped += 1
        assert rows.max() < 0.55 * 500
        assert columns.max() < 0.35 * 200 or columns.min() > 0.65 * 200
        assert pixels.min() == 40
    assert 14 <= stamped <= 34


def test_collimation_never_reaches_what_has_to_be_seen() -> None:
    covered = 0
    for seed in range(200):
        pixels = np.full((50, 400), 77, np.uint8)
        collimate(np.random.default_rng(seed), pixels, 20.0)
        assert (pixels[:, 20:-20] == 77).all()
        covered += bool((pixels != 77).any())
    assert 10 <= covered <= 60
