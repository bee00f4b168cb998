from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from skiagraph.metrics import bootstrap_intervals

VALUES = np.random.default_rng(3).exponential(size=60)


def mean(weights: np.ndarray) -> dict[str, float]:
    return {"mean": float(np.average(VALUES, weights=weights)), "never": math.nan}


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    intervals = bootstrap_intervals(mean, 60, 4000)
    reference = bootstrap((VALUES,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    assert [intervals["mean_low"], intervals["mean_high"]] == pytest.approx(reference, abs=0.02)
    assert list(intervals) == ["mean_low", "mean_high", "never_low", "never_high"]
    assert math.isnan(intervals["never_low"])
    assert math.isnan(intervals["never_high"])


def test_the_seed_decides() -> None:
    one, again, other = (bootstrap_intervals(mean, 60, 50, seed)["mean_low"] for seed in (1, 1, 2))
    assert one == again != other


def test_resamples_where_a_metric_is_undefined_are_passed_over() -> None:
    """Each image is missing in about a third of them."""

    def known_in_the_first(weights: np.ndarray) -> dict[str, float]:
        return {"first": 7.0 if weights[0] else math.nan}

    assert bootstrap_intervals(known_in_the_first, 5, 40) == {"first_low": 7, "first_high": 7}
