"""Random fields against their statistics."""

from __future__ import annotations

import numpy as np
import pytest

from skiagraph.phantoms.noise import smooth_noise, speckle


def _correlation(field: np.ndarray, lag: int, axis: int) -> float:
    along = np.moveaxis(field, axis, 0)
    return float(np.mean(along[lag:] * along[:-lag]))


@pytest.mark.parametrize("sigma_px", [(3.0, 6.0), (1.0, 12.0), (14.0, 5.0)])
def test_smooth_noise_is_correlated_as_white_noise_behind_a_gaussian(sigma_px: tuple[float, float]) -> None:
    field = smooth_noise(np.random.default_rng(1), (900, 900), sigma_px)
    for axis, sigma in enumerate(sigma_px):
        lag = round(1.5 * sigma)
        expected = np.exp(-(lag**2) / (4 * sigma**2))
        assert _correlation(field, lag, axis) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(("shape", "sigma_px"), [((20_000,), (60.0,)), ((300, 200), (4.0, 9.0)), ((7, 5), (30.0, 1.0))])
def test_smooth_noise_has_zero_mean_and_unit_variance(shape: tuple[int, ...], sigma_px: tuple[float, ...]) -> None:
    field = smooth_noise(np.random.default_rng(2), shape, sigma_px)
    assert field.shape == shape
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=1e-4)
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_smooth_noise_varies_as_much_everywhere() -> None:
    fields = np.stack([smooth_noise(np.random.default_rng(k), (900,), (20.0,)) for k in range(300)])
    assert fields.std(axis=0) == pytest.approx(np.ones(900), abs=0.2)


def test_smooth_noise_of_one_axis_has_the_asked_correlation_length() -> None:
    field = smooth_noise(np.random.default_rng(3), (60_000,), (60.0,))
    assert _correlation(field, 60, 0) == pytest.approx(np.exp(-0.25), abs=0.03)


def test_speckle_has_the_moments_of_a_rayleigh_distribution() -> None:
    grain = speckle(np.random.default_rng(4), (700, 700), (1.5, 3.0))
    assert grain.min() >= 0
    assert grain.mean() == pytest.approx(1, abs=1e-4)
    # Fully developed speckle: mean / standard deviation = sqrt(pi / (4 - pi)) = 1.913.
    assert grain.mean() / grain.std() == pytest.approx(1.913, abs=0.06)
    skewness = np.mean((grain - grain.mean()) ** 3) / grain.std() ** 3
    assert skewness == pytest.approx(0.631, abs=0.12)


def test_speckle_is_longer_across_the_beam() -> None:
    grain = speckle(np.random.default_rng(5), (600, 600), (1.5, 5.0)) - 1
    # Intensity of complex Gaussian speckle correlates as the square of the field, the envelope nearly so.
    assert _correlation(grain, 3, 1) > 2 * _correlation(grain, 3, 0)


def test_the_same_seed_gives_the_same_field() -> None:
    for make in (smooth_noise, speckle):
        first, again, other = (make(np.random.default_rng(seed), (40, 50), (2.0, 3.0)) for seed in (6, 6, 7))
        assert np.array_equal(first, again)
        assert not np.allclose(first, other)
