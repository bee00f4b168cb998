from __future__ import annotations

import math

import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data

from skiagraph.metrics import ClassBoxes, class_boxes, false_per_negative, froc_curve, match_boxes, sensitivity_at
from skiagraph.metrics.box_matching import Matches
from skiagraph.metrics.froc import best_threshold
from tests.skiagraph.random_boxes import random_cases

BOX, ELSEWHERE = [0.0, 0, 10, 10], [30.0, 30, 40, 40]


def random_matches(seed: int) -> Matches:
    return match_boxes([class_boxes(case["pred"], case["target"], 0) for case in random_cases(20, seed)])


@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_that_of_monai_and_has_one_point_more(seed: int) -> None:
    matches = random_matches(seed)
    hits = matches.hits[0]
    false, found = compute_froc_curve_data(
        matches.scores[~hits], matches.scores[hits], int(matches.true_boxes.sum()), 20
    )
    ours = froc_curve(matches)
    np.testing.assert_allclose([each[:-1] for each in ours], [false[::-1], found[::-1]])
    assert [each[-1] for each in ours] == pytest.approx([(~hits).sum() / 20, hits.sum() / matches.true_boxes.sum()])


@pytest.mark.parametrize("allowed", [0.1, 0.5, 1.0])
def test_the_best_of_all_thresholds_that_are_allowed(allowed: float) -> None:
    matches = random_matches(4)
    weights = np.random.default_rng(0).integers(0, 3, 20).astype(float)
    best = 0.0
    for threshold in np.arange(0, 1.01, 0.005):
        passed = matches.scores >= threshold
        false = sum(weights[image] for image in matches.image[passed & ~matches.hits[0]]) / weights.sum()
        found = sum(weights[image] for image in matches.image[passed & matches.hits[0]])
        if false <= allowed:
            best = max(best, found / (weights @ matches.true_boxes))
    assert sensitivity_at(matches, allowed, weights) == pytest.approx(best)
    assert 0 < best < 1


def test_the_best_threshold_has_the_highest_f1() -> None:
    matches = random_matches(4)
    weights = np.random.default_rng(0).integers(0, 3, 20).astype(float)
    measured = {}
    for threshold in matches.scores:
        passed = matches.scores >= threshold
        shown = weights[matches.image[passed]].sum()
        hits = weights[matches.image[passed & matches.hits[0]]].sum()
        measured[threshold] = 2 * hits / (shown + weights @ matches.true_boxes)
    best = best_threshold(matches, weights)
    assert measured[best] == pytest.approx(max(measured.values()))
    assert matches.scores.min() < best < matches.scores.max()
    assert math.isnan(best_threshold(match_boxes([ClassBoxes(np.empty((0, 4)), np.empty(0), np.array([BOX]))])))


def test_boxes_of_one_score_pass_together() -> None:
    found = ClassBoxes(np.array([BOX, ELSEWHERE]), np.array([0.7, 0.7]), np.array([BOX]))
    nothing = ClassBoxes(np.empty((0, 4)), np.empty(0), np.empty((0, 4)))
    matches = match_boxes([found, nothing])
    assert (sensitivity_at(matches, 0.4), sensitivity_at(matches, 0.5)) == (0, 1)


def test_only_labelled_images_count() -> None:
    image = ClassBoxes(np.array([ELSEWHERE, BOX]), np.array([0.9, 0.6]), np.array([BOX]))
    assert froc_curve(match_boxes([image, None, None]))[0].tolist() == [0, 1, 1]
    assert sensitivity_at(match_boxes([image] + [None] * 9), 0.5) == 0


def test_without_truth_or_images_there_is_no_sensitivity() -> None:
    nothing = ClassBoxes(np.empty((0, 4)), np.empty(0), np.empty((0, 4)))
    assert math.isnan(sensitivity_at(match_boxes([nothing]), 0.5))
    assert math.isnan(sensitivity_at(match_boxes([None]), 0.5))
    missed = ClassBoxes(np.empty((0, 4)), np.empty(0), np.array([BOX]))
    assert sensitivity_at(match_boxes([missed]), 0.5) == 0


def test_false_boxes_count_where_a_class_is_known_to_be_absent() -> None:
    nan = math.nan
    # Four images: an implant and unlabelled fractures; a fracture; neither; neither.
    true = np.array([[1, 0, 0, 0], [nan, 1, 0, 0]])
    false = np.array([[5, 2, 0, 1], [7, 3, 0, 4]], dtype=float)
    assert false_per_negative(false, true) == pytest.approx((2 + 0 + 5) / 3)
    assert false_per_negative(false[:1], true[:1]) == pytest.approx(1)
    assert false_per_negative(false[1:], true[1:]) == pytest.approx(2)
    assert false_per_negative(false, true, np.array([4.0, 1, 0, 2])) == pytest.approx((2 + 2 * 5) / 3)
    assert math.isnan(false_per_negative(false[:, :1], true[:, :1]))
