"""How far a metric would move with other images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from .box_matching import Array

# Of the resamples, what lies below and above the interval.
_PERCENTILES = (2.5, 97.5)


def bootstrap_intervals(
    measure: Callable[[Array], Mapping[str, float]], images: int, resamples: int = 1000, seed: int = 0
) -> dict[str, float]:
    """95 % intervals of metrics over images drawn with replacement (percentile bootstrap, Efron 1979).

    Args:
        measure: from how often each image counts (images,) to metrics, always the same ones.
        images: how many there are.
        resamples: how often they are drawn.
        seed: of the draws.

    Returns:
        ``<metric>_low`` and ``<metric>_high``, over the resamples where the metric is defined; NaN where it never is.
    """
    rng = np.random.default_rng(seed)
    drawn = [measure(rng.multinomial(images, np.full(images, 1 / images)).astype(float)) for _ in range(resamples)]
    intervals: dict[str, float] = {}
    for name in drawn[0]:
        values = np.array([metrics[name] for metrics in drawn])
        defined = values[~np.isnan(values)]
        ends = np.percentile(defined, _PERCENTILES) if len(defined) else (math.nan, math.nan)
        intervals |= {f"{name}_low": float(ends[0]), f"{name}_high": float(ends[1])}
    return intervals
