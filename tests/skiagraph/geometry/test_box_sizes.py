from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data.box_utils import box_iou

from skiagraph.geometry.box_sizes import fit_anchors, mean_best_iou

SIZES = st.lists(st.tuples(st.floats(4, 500), st.floats(4, 500)), min_size=1, max_size=12)


def test_sizes_that_the_boxes_have_are_found() -> None:
    rng = np.random.default_rng(0)
    sizes = np.repeat([[10, 30], [40, 40], [200, 50]], [30, 10, 20], axis=0) * rng.uniform(0.98, 1.02, (60, 2))
    corners = rng.uniform(0, 300, (60, 2))
    fit = fit_anchors(np.concatenate([corners, corners + sizes], axis=1), 3)
    np.testing.assert_allclose(fit.sizes, [[10, 30], [40, 40], [200, 50]], rtol=0.02)
    assert 0.96 < fit.mean_best_iou < 1


@settings(deadline=None, max_examples=50)
@given(sizes=SIZES, anchors=SIZES)
def test_the_fit_is_that_of_boxes_with_one_middle(
    sizes: list[tuple[float, float]], anchors: list[tuple[float, float]]
) -> None:
    def centred(rows: list[tuple[float, float]]) -> np.ndarray:
        return np.array([(300 - w / 2, 300 - h / 2, 300 + w / 2, 300 + h / 2) for w, h in rows])

    expected = box_iou(centred(sizes), centred(anchors)).max(axis=1).mean()
    assert mean_best_iou(sizes, anchors) == pytest.approx(expected, rel=1e-3)  # MONAI counts in single precision


def test_more_anchors_fit_better_than_a_grid_and_the_same_seed_gives_the_same() -> None:
    rng = np.random.default_rng(1)
    sizes = np.exp(rng.normal(4, 0.6, (300, 2)))
    boxes = np.concatenate([np.zeros((300, 2)), sizes], axis=1)
    fits = [fit_anchors(boxes, count).mean_best_iou for count in (1, 3, 6, 12)]
    assert np.all(np.diff(fits) > 0.02)
    sides = np.exp(np.quantile(np.log(sizes), [1 / 6, 3 / 6, 5 / 6]))
    assert fits[1] > mean_best_iou(sizes, np.stack([sides, sides], axis=1))
    np.testing.assert_array_equal(fit_anchors(boxes, 6, seed=3).sizes, fit_anchors(boxes, 6, seed=3).sizes)


def test_few_boxes_have_few_anchors_and_none_has_none() -> None:
    fit = fit_anchors([[0, 0, 10, 20], [5, 5, 15, 25], [0, 0, 7, 7]], 6)
    np.testing.assert_allclose(fit.sizes, [[7, 7], [10, 20]])
    assert fit.mean_best_iou == pytest.approx(1)
    for boxes, count in (([], 3), ([[0, 0, 0, 5]], 1), ([[4, 0, 2, 5]], 1), ([[0, 0, 2, 5]], 0)):
        with pytest.raises(ValueError, match="anchors cannot be fitted"):
            fit_anchors(boxes, count)


def test_sizes_on_several_levels_are_found_from_boxes_of_all() -> None:
    rng = np.random.default_rng(2)
    shapes = np.array([[20, 40], [44, 22], [45, 45]])
    sizes = np.concatenate([shapes * scale for scale in (1, 2, 4)]).repeat(20, axis=0) * rng.uniform(
        0.98, 1.02, (180, 2)
    )
    fit = fit_anchors(np.concatenate([np.zeros_like(sizes), sizes], axis=1), 3, scales=(1, 2, 4))
    np.testing.assert_allclose(fit.sizes, shapes, rtol=0.03)
    assert fit.mean_best_iou > 0.96
