from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from skiagraph.metrics import published_surface_metrics

SCALE_MM = 0.18573  # as its README and paper lead to, rounded


def bands(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability, label = np.zeros((256, 256)), np.zeros((256, 256))
    for mask, value in ((probability, 0.9), (label, 1)):
        for _ in range(3):
            row, column = rng.integers(0, 240, 2)
            mask[row : row + rng.integers(1, 8), column : column + rng.integers(1, 60)] = value
    return probability, label


@pytest.mark.parametrize("seed", range(5))
def test_it_counts_pixels_nearer_than_the_distance(seed: int) -> None:
    probability, label = bands(seed)
    distance = cdist(np.argwhere(probability > 0.5), np.argwhere(label > 0)) * SCALE_MM
    values = published_surface_metrics(probability, label)
    for step in range(21):
        d = step / 10
        precision = np.mean(distance.min(axis=1) < d)
        recall = np.mean(distance.min(axis=0) < d)
        assert values[f"published_precision_{d:.1f}mm"] == pytest.approx(precision)
        assert values[f"published_recall_{d:.1f}mm"] == pytest.approx(recall)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0
        assert values[f"published_f1_{d:.1f}mm"] == pytest.approx(f1)


def test_its_defects_are_kept() -> None:
    _, label = bands(0)
    perfect = published_surface_metrics(label, label)
    assert (perfect["published_f1_0.0mm"], perfect["published_f1_0.1mm"]) == (0, pytest.approx(1))
    assert perfect["published_precision_0.0mm"] == perfect["published_recall_0.0mm"] == 0
    for probability, mask in ((label * 0.5, label), (label, label * 0)):
        values = published_surface_metrics(probability, mask)
        assert list(values) == list(perfect)
        assert all(math.isnan(value) for value in values.values())


def test_other_shapes_have_no_published_scale() -> None:
    with pytest.raises(ValueError, match=r"\(256, 256\), got \(128, 128\)"):
        published_surface_metrics(np.zeros((128, 128)), np.zeros((256, 256)))
