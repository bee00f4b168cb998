"""Random fields that phantoms are made of: smooth noise and ultrasound speckle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

FloatArray = NDArray[np.float32]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma_px: tuple[float, ...]) -> FloatArray:
    """Gaussian random field of zero mean and unit variance.

    Args:
        rng: source of randomness.
        shape: shape of the field, one or two axes.
        sigma_px: correlation length (standard deviation of the Gaussian kernel) along each axis, in pixels.
    """
    # A field that varies slowly is made on a coarse grid: the same statistics at a fraction of the work.
    steps = [max(1.0, sigma / 2) for sigma in sigma_px]
    coarse = [int(np.ceil(size / step)) + 3 for size, step in zip(shape, steps, strict=True)]
    field = rng.standard_normal(coarse, dtype=np.float32)
    field = gaussian_filter(field, [sigma / step for sigma, step in zip(sigma_px, steps, strict=True)], mode="wrap")
    if any(step > 1 for step in steps):
        field = zoom(field, steps, order=1)
    field = field[tuple(slice(size) for size in shape)]
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), dtype=np.float32)


def speckle(rng: np.random.Generator, shape: tuple[int, int], sigma_px: tuple[float, float]) -> FloatArray:
    """Fully developed speckle: the Rayleigh-distributed envelope of a complex Gaussian field, with unit mean.

    Args:
        rng: source of randomness.
        shape: (rows, columns).
        sigma_px: size of the point spread function (axial, lateral), in pixels.

    Reference:
        Wagner et al., Statistics of speckle in ultrasound B-scans, IEEE Trans. Sonics Ultrason. 30, 1983.
    """
    real, imaginary = (
        gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma_px, mode="wrap") for _ in "ri"
    )
    envelope = np.hypot(real, imaginary)
    return np.asarray(envelope / envelope.mean(), dtype=np.float32)
