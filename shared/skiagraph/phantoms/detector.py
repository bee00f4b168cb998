"""What a detector makes of X-rays, and what the machine makes of that: scatter, noise, marker, diaphragm, grey."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom
from scipy.special import expit

from .attenuation import Attenuation
from .noise import FloatArray

# Letters as strokes in a box one wide and 1.6 high.
_LETTERS = {
    "L": [[(0, 0), (0, 1.6), (0.9, 1.6)]],
    "R": [[(0, 1.6), (0, 0), (0.7, 0.1), (0.85, 0.4), (0.7, 0.75), (0, 0.8)], [(0.45, 0.8), (0.9, 1.6)]],
}


@dataclass(frozen=True)
class Exposure:
    """How an image was taken and is shown.

    Attributes:
        scatter: scattered rays as a share of those that pass.
        noise: standard deviation of the logarithm of the signal where it is of middle strength.
        blur_px: standard deviation of the blur of detector and focal spot.
        centre: where on the scale of attenuation the middle grey is, as a quantile of the image's.
        latitude: range of attenuation that is shown with contrast.
        darkest, brightest: grey of full and of no exposure, 0 to 255.
        flattening: share of what varies slowly that the machine takes out.
        stitched: chance that two exposures are put together, one a little stronger.
    """

    scatter: float
    noise: float
    blur_px: float
    centre: float
    latitude: float
    darkest: float
    brightest: float
    flattening: float
    stitched: float = 0.2


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draw an exposure: most are dark in the chest and bright in the abdomen, some are flat, some burnt out."""
    flat = rng.random() < 0.2
    return Exposure(
        scatter=rng.uniform(0.15, 0.5),
        noise=rng.uniform(0.004, 0.022),
        blur_px=rng.uniform(0.5, 1.0),
        centre=rng.uniform(0.32, 0.65),
        latitude=rng.uniform(1.5, 2.4) if flat else rng.uniform(0.5, 1.3),
        darkest=rng.uniform(0, 30) if flat else rng.uniform(-35, 5),
        brightest=rng.uniform(120, 220) if flat else rng.uniform(185, 260),
        flattening=rng.uniform(0.3, 0.65) if rng.random() < 0.3 else 0.0,
    )


def expose(rng: np.random.Generator, image: Attenuation, exposure: Exposure) -> NDArray[np.uint8]:
    """The picture (rows, columns): bright where much is in the way."""
    passed = np.exp(-image.total)
    scattered = exposure.scatter * _slow(passed, 25 * image.px_per_mm)
    level = -np.log(passed + scattered)
    # Fewer quanta are noisier, by the square root.
    middle = float(np.quantile(level[::8, ::8], 0.5))
    grain = rng.standard_normal(level.shape, dtype=np.float32) * np.exp(np.clip(level - middle, -3, 3) / 2)
    level = gaussian_filter(level, exposure.blur_px) + exposure.noise * gaussian_filter(grain, 0.6) * 2.2
    if rng.random() < exposure.stitched:
        level[int(rng.uniform(0.2, 0.75) * level.shape[0]) :] += rng.normal(0, 0.12)
    if exposure.flattening:
        slow = _slow(level, 20 * image.px_per_mm)
        level = level - exposure.flattening * (slow - slow.mean())
    centre = np.quantile(level[::8, ::8], exposure.centre)
    shown = expit((level - centre) / exposure.latitude * 2.2)
    grey = exposure.darkest + (exposure.brightest - exposure.darkest) * shown
    return np.asarray(np.clip(grey, 0, 255).round(), dtype=np.uint8)


def stamp_marker(rng: np.random.Generator, pixels: NDArray[np.uint8], px_per_mm: float) -> None:
    """Put the white letter that tells the side into an image in place, near an edge, on most images.

    Machines stamp it into the finished image, so nothing scatters into it.
    """
    if rng.random() < 0.4:
        return
    width, height = pixels.shape[1] / px_per_mm, pixels.shape[0] / px_per_mm
    size, edge = rng.uniform(7, 11), rng.uniform(4, 0.12 * width)
    # Seen as if one faced the patient's back or front: either letter can stand on the right.
    left = edge if rng.random() < 0.5 else width - edge - size
    top = rng.uniform(0.03, 0.45) * height
    letter = Attenuation(np.zeros(pixels.shape, dtype=np.float32), px_per_mm)
    mirrored = rng.random() < 0.1
    for stroke in _LETTERS[str(rng.choice(list(_LETTERS)))]:
        points = np.array(stroke) * size * [-1 if mirrored else 1, 1] + [left + size * mirrored, top]
        letter.add_tube(points, size * 0.12, solid=2.0)
    white = 255 * (1 - np.exp(-letter.total))
    np.maximum(pixels, white.astype(np.uint8), out=pixels)


def collimate(rng: np.random.Generator, pixels: NDArray[np.uint8], margin_px: float) -> None:
    """Cover the sides in place, on some images, by less than `margin_px`: nearer to the middle all has to be seen."""
    if rng.random() < 0.85:
        return
    columns = pixels.shape[1]
    left, right = (int(rng.uniform(0.2, 0.8) * min(margin_px, 0.08 * columns)) for _ in "lr")
    level = 0 if rng.random() < 0.7 else 255
    pixels[:, :left] = level
    pixels[:, columns - right :] = level


def _slow(values: FloatArray, sigma_px: float) -> FloatArray:
    """A strong blur, worked out on a coarse grid."""
    step = max(1, int(sigma_px / 4))
    coarse = gaussian_filter(values[step // 2 :: step, step // 2 :: step], sigma_px / step)
    scale = [size / coarse_size for size, coarse_size in zip(values.shape, coarse.shape, strict=True)]
    return np.asarray(zoom(coarse, scale, order=1, grid_mode=True, mode="nearest"), dtype=np.float32)
